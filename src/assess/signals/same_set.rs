//! Chance that two posts with further hashtags carry the same set. A push often comes with a list to copy; people combine as
//! they think.
//!
//! Formula: Σ nᵢ(nᵢ-1) / n(n-1) over the groups of equal sets of hashtags, among originals that carry more than this one, in
//! the mention sample; from twenty on. Unit: chance, 0 to 1. Measured: .04 to .24 (quartiles) on
//! crisis nights and at conferences, .18 to .31 on pushes.
//! Blind spot: an event with two official hashtags; lists that are shuffled and cut. Shown, not scored.

use super::{Definition, Facts};
use crate::assess::crowd::{Crowd, groups};
use crate::assess::interval::{Estimate, agreement};
use crate::model::mention::FLAG_ALONE;

/// Sets from which repetition is read.
const SETS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "same_set", family: "content", baseline: 0.1, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let groups = groups(crowd.originals().filter(|found| !found.has(FLAG_ALONE)).map(|found| found.tags));
    let sizes: Vec<u64> = groups.iter().map(|(_, size)| *size).collect();
    let n = sizes.iter().sum();
    (n >= SETS_MIN).then(|| agreement(&sizes, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn crowd(mentions: impl Iterator<Item = Mention>) -> Crowd {
        Crowd { mentions: mentions.collect(), ..Crowd::default() }
    }

    #[test]
    fn sets_of_more_than_one_are_compared() {
        let with = |tags, flags, count| (0..count).map(move |_| Mention { tags, flags, ..Mention::default() });
        let posts =
            with(7, 0, 10).chain((0..10).flat_map(|tags| with(100 + tags, 0, 1))).chain(with(9, FLAG_ALONE, 50));
        assert_eq!(read(&crowd(posts), &Facts::default()).unwrap().value, 90.0 / 380.0);
        assert_eq!(read(&crowd(with(7, 0, 19)), &Facts::default()), None);
    }
}
