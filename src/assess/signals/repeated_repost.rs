//! Share of the reposts that go to the five most reposted posts. A ring pushes what it was given; a crowd spreads many voices.
//!
//! Formula: reposts of the five most frequent targets / reposts, in the mention sample, Wilson interval; from twenty reposts of
//! three targets or more. Unit: share, 0 to 1. Measured: .24 to .52 (quartiles) on crisis nights and at conferences, .29 to .56
//! on pushes, .97 on a ring that had five posts to spread.
//! Blind spot: what goes viral has most of them without anybody's help, so it is shown, not scored.

use super::{Definition, Facts};
use crate::assess::crowd::{Crowd, groups};
use crate::assess::interval::{Estimate, share};

/// Reposts from which the share is read.
const REPOSTS_MIN: u64 = 20;
/// Targets from which there is anything to choose.
const TARGETS_MIN: usize = 3;
/// Targets that count as the most reposted.
const MOST: usize = 5;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeated_repost", family: "content", baseline: 0.35, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let groups = groups(crowd.mentions.iter().map(|found| found.repost));
    let reposts: u64 = groups.iter().map(|(_, size)| size).sum();
    let most = groups.iter().take(MOST).map(|(_, size)| size).sum();
    (reposts >= REPOSTS_MIN && groups.len() >= TARGETS_MIN).then(|| share(most, reposts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn crowd(mentions: impl Iterator<Item = Mention>) -> Crowd {
        Crowd { mentions: mentions.collect(), ..Crowd::default() }
    }

    fn reposts(target: u32, count: usize) -> impl Iterator<Item = Mention> {
        (0..count).map(move |_| Mention { repost: target, ..Mention::default() })
    }

    #[test]
    fn five_targets_count_as_the_most() {
        let mixed = (1..=5).flat_map(|target| reposts(target, 4)).chain((6..=25).flat_map(|target| reposts(target, 1)));
        assert_eq!(read(&crowd(mixed.chain(reposts(0, 50))), &Facts::default()).unwrap().value, 0.5);
    }

    #[test]
    fn one_viral_post_is_no_choice() {
        assert_eq!(read(&crowd(reposts(1, 50).chain(reposts(2, 5))), &Facts::default()), None);
    }
}
