//! Share of the reposts of each post that come within its busiest two minutes, beyond what everybody else did then: a ring that
//! is told what to repost does it at once, then turns to the next; people find a post one after the other, for as long as it
//! is passed on, and where a goal brings all of them at once, it brings every other post as well.
//!
//! Formula: of the posts that eight accounts or more reposted, the first of them at least five minutes ago: Σ reposts in the
//! busiest two minutes / Σ reposts, Wilson interval, less the share that the hashtag's other posts have in the same two
//! minutes, weighted alike; from three such minutes that begin a minute apart and twenty reposts on, in the mention sample of the
//! hour. One minute is what
//! co-reposting is found by (Schoch, Keller, Stier and Yang 2022); two, because some inputs know minutes only. Unit: share, 0
//! to 1. Measured: .33 at most on the other hashtags of a crisis month and at conferences, .52 on games that people join, .76
//! on a repost ring.
//! Blind spot: a ring of fewer than eight, or one that spreads each post over a quarter of an hour, at the price of never
//! looking like a trend; one that acts within the two minutes of a goal. One viral post is not enough: its first two
//! minutes can be loud, and nobody chose it twice.

use super::{Definition, Facts, busiest};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Reposts of a post from which its minutes are compared.
const REPOSTS_EACH_MIN: usize = 8;
/// Seconds since its first repost after which a post is looked at: before, it had no time to be slow.
const SETTLED_SECONDS: u32 = 300;
/// Seconds that a volley may take.
const VOLLEY_SECONDS: u32 = 120;
/// Seconds after which the next volley is another one.
const NEXT_SECONDS: u32 = 60;
/// Volleys one after the other, and reposts of all posts, from which the share is read.
const VOLLEYS_MIN: usize = 3;
/// See [`VOLLEYS_MIN`].
const REPOSTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repost_volleys", family: "synchrony", baseline: 0.2, read, on_core: false };

fn read(crowd: &Crowd, facts: &Facts) -> Option<Estimate> {
    let mut everything: Vec<u32> = crowd.mentions.iter().map(|found| found.second).collect();
    everything.sort_unstable();
    let mut reposts: Vec<(u32, u32)> =
        crowd.mentions.iter().filter(|found| found.repost != 0).map(|found| (found.repost, found.second)).collect();
    reposts.sort_unstable();
    let settled = |of: &&[(u32, u32)]| {
        of.len() >= REPOSTS_EACH_MIN && u64::from(of[0].1) + u64::from(SETTLED_SECONDS) <= facts.now_second
    };
    let (mut volleys, mut together, mut all, mut expected) = (Vec::new(), 0, 0, 0.0);
    for of in reposts.chunk_by(|a, b| a.0 == b.0).filter(settled) {
        let seconds: Vec<u32> = of.iter().map(|(_, second)| *second).collect();
        let (first, most) = busiest(&seconds, VOLLEY_SECONDS);
        let others = (everything.len() - seconds.len()) as f64;
        let others_then = within(&everything, first, VOLLEY_SECONDS) - most;
        volleys.push(first);
        together += most;
        all += seconds.len() as u64;
        expected += seconds.len() as f64 * others_then as f64 / others.max(1.0);
    }
    if apart(volleys) < VOLLEYS_MIN || all < REPOSTS_MIN {
        return None;
    }
    let (found, expected) = (share(together, all), expected / all as f64);
    let beyond = |end: f64| (end - expected).max(0.0);
    Some(Estimate { value: beyond(found.value), low: beyond(found.low), high: beyond(found.high) })
}

/// How many volleys come one after the other: whoever reposts at a goal reposts everything at once.
fn apart(mut volleys: Vec<u32>) -> usize {
    volleys.sort_unstable();
    let mut last: Option<u32> = None;
    volleys.retain(|first| {
        let is_next = last.is_none_or(|last| first - last >= NEXT_SECONDS);
        last = if is_next { Some(*first) } else { last };
        is_next
    });
    volleys.len()
}

/// Of sorted seconds how many lie in `width` seconds from `first` on.
fn within(sorted: &[u32], first: u32, width: u32) -> u64 {
    let below = |end: u32| sorted.partition_point(|second| *second < end);
    (below(first.saturating_add(width)) - below(first)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mention;

    fn reposts(target: u32, first: u32, gap: u32, count: u32) -> impl Iterator<Item = Mention> {
        (0..count).map(move |n| Mention { repost: target, second: first + n * gap, ..Mention::default() })
    }

    fn read_at(now_second: u64, mentions: impl Iterator<Item = Mention>) -> Option<f64> {
        let crowd = Crowd { mentions: mentions.collect(), ..Crowd::default() };
        read(&crowd, &Facts { now_second, ..Facts::default() }).map(|share| share.value)
    }

    /// Three posts, each reposted at once.
    fn ring() -> impl Iterator<Item = Mention> {
        (1..=3).flat_map(|target| reposts(target, (target - 1) * 200, 5, 12))
    }

    #[test]
    fn a_ring_is_told_from_people_who_pass_a_post_on() {
        assert_eq!(read_at(1_000, ring()), Some(1.0));
        let people = (1..=3).flat_map(|target| reposts(target, (target - 1) * 3_000, 60, 20));
        assert_eq!(read_at(9_000, people), Some(2.0 / 20.0));
    }

    #[test]
    fn a_goal_brings_every_post_at_once() {
        assert_eq!(read_at(1_000, (1..=5).flat_map(|target| reposts(target, target * 10, 5, 12))), None);
        let originals = |first: u32| (0..24).map(move |n| Mention { second: first + n * 4, ..Mention::default() });
        let goals = ring().chain(originals(0)).chain(originals(200)).chain(originals(400));
        assert_eq!(read_at(1_000, goals), Some(0.75), "a quarter of the others came with each");
    }

    #[test]
    fn what_is_young_single_or_small_says_nothing() {
        assert_eq!(read_at(699, ring()), None, "the third had no time to be slow");
        assert_eq!(read_at(1_000, reposts(1, 0, 5, 40)), None, "one post may be loud");
        assert_eq!(read_at(1_000, (1..=6).flat_map(|target| reposts(target, 0, 5, 7))), None, "a few friends");
    }
}
