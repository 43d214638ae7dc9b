//! The first minutes of hashtags: how fast a new one found its first accounts, and what the population of new ones does,
//! counted into histograms that the decider adds up.

use serde::{Deserialize, Serialize};

use crate::model::mention;
use crate::track::Shard;
use crate::track::gather::Gathered;
use crate::track::ladder::{DAY, HOUR, LEVEL_0_KEPT, MINUTE, Window};
use crate::track::pane::EntryView;

/// Accounts whose coming marks the birth of a hashtag.
const BIRTH_ACCOUNTS: usize = 20;
/// A hashtag is young for twelve hours.
const YOUNG_TICKS: i64 = DAY / 2;
/// Watching before the first post, without which nobody knows whether it was the first.
const WATCHED_TICKS_MIN: i64 = 6 * HOUR;

/// Ages, in minutes, at which new hashtags are counted.
pub const AGES_MIN: [i64; 3] = [5, 15, 60];
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
    watched && tick - born < YOUNG_TICKS && shard.rows().of(tag).iter().all(|hour| hour.end >= born)
}

/// Seconds from the first post to the twentieth account with an original, looking through the panes from the oldest.
pub fn seconds_to_accounts(shard: &Shard, tag: u64, tick: i64, first_second: u32) -> Option<f64> {
    let born = i64::from(first_second) / 10 + 1;
    let ladder = shard.ladder();
    let levels = [(1, MINUTE), (0, 1)];
    let mut came: Vec<(u64, u32)> = Vec::new();
    let mut seen_through = i64::MIN;
    if !ladder.level(1).keys().next().is_some_and(|oldest| *oldest <= born + MINUTE) && tick - born > LEVEL_0_KEPT {
        // Born before the minutes that still stand: the hour's account sample knows when each account came.
        for (end, pane) in ladder.level(2).range(born..) {
            if let Some(view) = pane.get(tag) {
                seen_through = *end;
                if let Some(second) = twentieth(&mut came, &view) {
                    return Some(f64::from(second.saturating_sub(first_second)));
                }
            }
        }
    }
    for (level, length) in levels {
        for (end, pane) in ladder.level(level).range(born.max(seen_through + 1).min(tick + 1)..tick + 1) {
            if *end - length < seen_through {
                continue;
            }
            seen_through = *end;
            let Some(view) = pane.get(tag) else { continue };
            if let Some(second) = twentieth(&mut came, &view) {
                return Some(f64::from(second.saturating_sub(first_second)));
            }
        }
    }
    None
}

/// Adds a pane's accounts; the second of the twentieth if it is reached. Of an incomplete account sample each row stands
/// for as many accounts as the sample left out.
fn twentieth(came: &mut Vec<(u64, u32)>, view: &EntryView<'_>) -> Option<u32> {
    let mut here: Vec<(u64, u32)> = Vec::new();
    let mut weight = 1.0;
    match view.large {
        None => here.extend(view.mentions.iter().filter(|m| m.is_original()).map(|m| (m.account, m.second))),
        Some(large) => {
            let originals = view.accounts.iter().filter(|row| row.posts > row.reposts);
            here.extend(originals.map(|row| (row.account, row.first_second)));
            if let Some(registers) = view.registers
                && large.account_cut != u64::MAX
            {
                weight = (registers.estimate() / view.accounts.len().max(1) as f64).max(1.0);
            }
        }
    }
    here.sort_unstable_by_key(|(account, second)| (*second, *account));
    let mut reached = came.len() as f64;
    for (account, second) in here {
        if came.iter().any(|(known, _)| *known == account) {
            continue;
        }
        came.push((account, second));
        reached += weight;
        if reached >= BIRTH_ACCOUNTS as f64 {
            return Some(second);
        }
    }
    None
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

/// Posts and accounts of a hashtag in its first `age` minutes, if all it has in a day came in them.
fn born_then(shard: &Shard, tag: u64, tick: i64, age: i64) -> Option<(u64, u64)> {
    let usual = shard.usuals().of(tag);
    if usual.h24 > usual.h1 {
        return None;
    }
    if usual.h24 == 1 {
        return Some((1, 1));
    }
    let gathered: Gathered = match age {
        5 if usual.m5 == usual.h24 => shard.ladder().window(tag, tick, Window::M5),
        60 => shard.ladder().window(tag, tick, Window::H1),
        15 => shard.ladder().window(tag, tick, Window::Minutes(15)),
        _ => return None,
    };
    (gathered.posts == u64::from(usual.h24)).then(|| (gathered.posts, gathered.distinct_accounts()))
}

/// Whether any mention of a list has a second that is not a whole minute.
pub fn has_seconds(mentions: &[mention::Mention]) -> bool {
    mentions.iter().any(|found| found.second % 60 != 0)
}
