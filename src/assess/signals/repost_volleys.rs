//! Share of the reposts of each post that come within its busiest two minutes: a ring that is told what to repost does it at
//! once, then turns to the next; people find a post one after the other, for as long as it is passed on.
//!
//! Formula: of the posts that eight accounts or more reposted, the first of them at least five minutes ago: Σ reposts in the
//! busiest two minutes / Σ reposts, Wilson interval; from two such posts and twenty reposts on, in the mention sample of the
//! hour. One minute is what co-reposting is found by (Schoch, Keller, Stier and Yang 2022); two, because some inputs know
//! minutes only. Unit: share, 0 to 1. Measured: at most .57 on crisis nights, at conferences and on games that people join,
//! .82 to 1.0 on the hashtags of one repost ring.
//! Blind spot: a ring of fewer than eight, or one that spreads each post over a quarter of an hour, at the price of never
//! looking like a trend. One viral post is not enough: its first two minutes can be loud, and nobody chose it twice.

use super::{Definition, Facts, most_within};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Reposts of a post from which its minutes are compared.
const REPOSTS_EACH_MIN: usize = 8;
/// Seconds since its first repost after which a post is looked at: before, it had no time to be slow.
const SETTLED_SECONDS: u32 = 300;
/// Seconds that a volley may take.
const VOLLEY_SECONDS: u32 = 120;
/// Posts, and reposts of all of them, from which the share is read.
const TARGETS_MIN: usize = 2;
/// See [`TARGETS_MIN`].
const REPOSTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repost_volleys", family: "synchrony", baseline: 0.35, read, on_core: false };

fn read(crowd: &Crowd, facts: &Facts) -> Option<Estimate> {
    let mut reposts: Vec<(u32, u32)> =
        crowd.mentions.iter().filter(|found| found.repost != 0).map(|found| (found.repost, found.second)).collect();
    reposts.sort_unstable();
    let settled = |of: &&[(u32, u32)]| {
        of.len() >= REPOSTS_EACH_MIN && u64::from(of[0].1) + u64::from(SETTLED_SECONDS) <= facts.now_second
    };
    let (mut targets, mut together, mut all) = (0, 0, 0);
    for of in reposts.chunk_by(|a, b| a.0 == b.0).filter(settled) {
        let seconds: Vec<u32> = of.iter().map(|(_, second)| *second).collect();
        targets += 1;
        together += most_within(&seconds, VOLLEY_SECONDS);
        all += seconds.len() as u64;
    }
    (targets >= TARGETS_MIN && all >= REPOSTS_MIN).then(|| share(together, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn reposts(target: u32, first: u32, gap: u32, count: u32) -> impl Iterator<Item = Mention> {
        (0..count).map(move |n| Mention { repost: target, second: first + n * gap, ..Mention::default() })
    }

    fn read_at(now_second: u64, mentions: impl Iterator<Item = Mention>) -> Option<f64> {
        let crowd = Crowd { accounts: Vec::new(), posts: 0, mentions: mentions.collect() };
        read(&crowd, &Facts { now_second, ..Facts::default() }).map(|share| share.value)
    }

    #[test]
    fn a_ring_is_told_from_people_who_pass_a_post_on() {
        let ring = || reposts(1, 0, 5, 12).chain(reposts(2, 300, 5, 12));
        assert_eq!(read_at(1_000, ring()), Some(1.0));
        let people = reposts(1, 0, 60, 20).chain(reposts(2, 300, 120, 10));
        assert_eq!(read_at(3_000, people), Some(3.0 / 30.0));
    }

    #[test]
    fn what_is_young_single_or_small_says_nothing() {
        let ring = || reposts(1, 0, 5, 12).chain(reposts(2, 300, 5, 12));
        assert_eq!(read_at(599, ring()), None, "the second had no time to be slow");
        assert_eq!(read_at(1_000, reposts(1, 0, 5, 40)), None, "one post may be loud");
        assert_eq!(read_at(1_000, (1..=6).flat_map(|target| reposts(target, 0, 5, 7))), None, "a few friends");
    }
}
