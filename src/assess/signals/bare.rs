//! Share of the originals that carry nothing but hashtags, links and mentions. Who has something to say says it.
//!
//! Formula: originals without words / originals with a text, in the mention sample, Wilson interval; from twenty on. Unit:
//! share, 0 to 1. Measured: 0 to .02 (quartiles) on crisis nights and at conferences, 0 on pushes.
//! Blind spot: pictures and clips go without words too; an operation adds words for nothing, so it is shown, not scored.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};
use crate::model::mention::{FLAG_BARE, FLAG_TEXT};

/// Texts from which the share is read.
const TEXTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition = Definition { name: "bare", family: "content", baseline: 0.02, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let texts = crowd.originals().filter(|found| found.has(FLAG_TEXT));
    let (bare, texts) = texts.fold((0, 0), |(bare, texts), found| (bare + u64::from(found.has(FLAG_BARE)), texts + 1));
    (texts >= TEXTS_MIN).then(|| share(bare, texts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn crowd(mentions: impl Iterator<Item = Mention>) -> Crowd {
        Crowd { mentions: mentions.collect(), ..Crowd::default() }
    }

    #[test]
    fn originals_with_a_text_are_asked() {
        let of = |flags, count| (0..count).map(move |_| Mention { flags, ..Mention::default() });
        let posts = of(FLAG_TEXT | FLAG_BARE, 6).chain(of(FLAG_TEXT, 18)).chain(of(0, 9));
        let reposts = of(FLAG_TEXT | FLAG_BARE | crate::model::mention::FLAG_REPOST, 9);
        assert_eq!(read(&crowd(posts.chain(reposts)), &Facts::default()).unwrap().value, 0.25);
        assert_eq!(read(&crowd(of(FLAG_TEXT, 19)), &Facts::default()), None);
    }
}
