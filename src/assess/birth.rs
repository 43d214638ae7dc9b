//! The first minutes of hashtags: how fast a new one found its first accounts, and what the population of new ones does,
//! counted into histograms that the decider adds up.

use serde::{Deserialize, Serialize};

use crate::model::Mention;
use crate::track::Shard;
use crate::track::gather::{Gathered, PIONEERS};
use crate::track::ladder::{DAY, HOUR, MINUTE, Window};

/// A hashtag is young for twelve hours.
const YOUNG_TICKS: i64 = DAY / 2;
/// Watching before the first post, without which nobody knows whether it was the first.
const WATCHED_TICKS_MIN: i64 = 6 * HOUR;

/// Ages, in minutes, at which new hashtags are counted.
pub use crate::track::shard::AGES_MIN;
/// Histogram bins: bin b counts hashtags of 2^b to 2^(b+1)-1.
pub const BINS: usize = 24;

/// How many new hashtags had how many posts and accounts at one age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// By posts.
    pub posts: [u64; BINS],
    /// By distinct accounts.
    pub accounts: [u64; BINS],
}

impl Histogram {
    /// Adds another shard's or another tick's.
    pub fn add(&mut self, other: &Histogram) {
        for (into, from) in self.posts.iter_mut().zip(&other.posts) {
            *into += from;
        }
        for (into, from) in self.accounts.iter_mut().zip(&other.accounts) {
            *into += from;
        }
    }
}

/// The bin of a count.
pub fn bin(count: u64) -> usize {
    (count.max(1).ilog2() as usize).min(BINS - 1)
}

/// Whether a hashtag first seen at `first_second` is new at `tick`: young, without busy hours in the weeks before, and
/// the stream was watched before it.
pub fn is_new(shard: &Shard, tag: u64, tick: i64, first_second: u32) -> bool {
    let born = i64::from(first_second) / 10 + 1;
    let watched = shard.watched_since().is_some_and(|since| born - since.tick().0 >= WATCHED_TICKS_MIN);
    let before = |end: i64| end <= born - HOUR;
    let seen = || shard.ladder().level(2).iter().any(|(end, pane)| before(*end) && pane.saw(tag));
    watched && tick - born < YOUNG_TICKS && shard.rows().of(tag).iter().all(|hour| hour.end >= born) && !seen()
}

/// Seconds from the first post of a day to the twentieth account with an original.
pub fn seconds_to_accounts(day: &Gathered) -> Option<f64> {
    let (twentieth, _) = day.pioneers.get(PIONEERS - 1)?;
    Some(f64::from(twentieth.saturating_sub(day.first_second)))
}

/// Whether a hashtag with these mentions, or a uniform sample of them, still gathers people at `tick`: the second half of its life so far has well more originals than the
/// first. Of a crowd that grows evenly from nothing it has three times as many, however large the crowd; of accounts that
/// begin on command as many.
pub fn is_gathering(first_second: u32, mentions: &[Mention], tick: i64) -> bool {
    let first = i64::from(first_second);
    let middle = first + (tick * 10 - first) / 2;
    let originals = mentions.iter().filter(|found| found.is_original());
    let (early, late) = originals.fold((0_u64, 0_u64), |(early, late), found| {
        let is_late = i64::from(found.second) >= middle;
        (early + u64::from(!is_late), late + u64::from(is_late))
    });
    late * 5 > early * 6
}

/// What the hashtags born 5, 15 and 60 minutes before a minute's end have become, one histogram an age.
pub fn increments(shard: &Shard, tick: i64) -> Option<Box<[Histogram; 3]>> {
    if tick % MINUTE != 0 || super::history::watched_hours(shard, tick) < 1 {
        return None;
    }
    let mut histograms = Box::<[Histogram; 3]>::default();
    let mut any = false;
    for (age, histogram) in AGES_MIN.iter().zip(histograms.iter_mut()) {
        // The minute in which they were born; the last ones are as old as the age, less one minute.
        let Some(pane) = shard.ladder().level(1).get(&(tick - (age - 1) * MINUTE)) else { continue };
        for view in pane.iter() {
            let Some((posts, accounts)) = born_then(shard, view.tag, tick, *age) else { continue };
            histogram.posts[bin(posts)] += 1;
            histogram.accounts[bin(accounts)] += 1;
            any = true;
        }
    }
    any.then_some(histograms)
}

/// Posts and accounts of a hashtag in its first `age` minutes, if all it has in a day came in them. Hours forget hashtags
/// of few accounts, so a day may know of fewer posts than the hour.
fn born_then(shard: &Shard, tag: u64, tick: i64, age: i64) -> Option<(u64, u64)> {
    let usual = shard.usuals().of(tag);
    if usual.h24 > usual.h1 || (age == AGES_MIN[0] && usual.m5 < usual.h1) {
        return None;
    }
    if usual.h1 == 1 {
        return Some((1, 1));
    }
    let window = if age == AGES_MIN[0] { Window::M5 } else { Window::Minutes(age) };
    let gathered: Gathered = shard.ladder().window(tag, tick, window);
    (gathered.posts >= u64::from(usual.h1)).then(|| (gathered.posts, gathered.distinct_accounts()))
}

/// Whether any mention of a list has a second that is not a whole minute.
pub fn has_seconds(mentions: &[Mention]) -> bool {
    mentions.iter().any(|found| found.second % 60 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mention;

    fn gathers(seconds: impl Iterator<Item = u32>, flags: u8) -> bool {
        let mentions: Vec<Mention> = seconds.map(|second| Mention { second, flags, ..Mention::default() }).collect();
        is_gathering(1_000, &mentions, 106)
    }

    #[test]
    fn a_crowd_that_grows_gathers_and_accounts_on_command_do_not() {
        // The n-th post of a crowd that grows evenly comes after √n; of accounts on command, after n.
        let grows = || (0..900_u32).map(|n| 1_000 + n.isqrt() * 2);
        let even = || (0..60).map(|n| 1_000 + n);
        assert!(gathers(grows(), 0));
        assert!(!gathers(even(), 0));
        assert!(!gathers(even().chain([1_058, 1_059]), 0), "chance");
        assert!(!gathers(grows(), mention::FLAG_REPOST), "reposts are no birth");
    }
}
