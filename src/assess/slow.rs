//! Slow hashtags: few posts an hour and never a burst, by the same accounts day and night. Once an hour, at its end, when
//! every hashtag that it saw is at hand whatever the shard, those of enough posts and accounts in the last day are read over
//! the whole day.
//!
//! What tells a slow push from a community that repeats itself is sleep. The *rhythm* of the accounts is the mean of
//! cos(2π(h - h')/24) over pairs of different hours in which the same account wrote: the squared resultant length of its day
//! (Mardia and Jupp 2000, section 2.3), pooled over accounts. Over all hours of a day it is -1/23 = -0.04, for people who sleep
//! eight hours and write evenly else (16² · 0.171 - 16) / (16 · 15) = 0.12, and more for who keeps shorter hours. Its standard
//! error is that of independent hours, 1/√pairs with both orders counted.
//! Blind spots: accounts in shifts, hours of fewer than three accounts (they are not kept), pushes that last for less than
//! twenty hours. Gauges that never sleep are found too: they stay on the expected list.

use serde::{Deserialize, Serialize};

use std::ops::RangeInclusive;

use super::crowd::{Crowd, View};
use super::evidence::tops;
use super::interval::{Estimate, Z};
use super::report::{CROWD_HOURS, HashtagReport, hashtag_report, members, read};
use super::signals::Facts;
use crate::config::Detect;
use crate::track::Shard;
use crate::track::gather::{Gathered, PerSecond};
use crate::track::ladder::{DAY, HOUR, Window};
use crate::track::merge::SIZES_HOUR;

/// Hours of a day in which a slow hashtag has to be seen: with fewer, everybody sleeps in those that are missing.
pub const HOURS_MIN: u64 = 20;
/// Most posts an hour over the day; what is busier is a burst when it begins.
const POSTS_PER_HOUR_MAX: u32 = 60;
/// Most posts of the last hour, in average hours.
const HOUR_MAX: u32 = 4;
/// Pairs of hours from which a rhythm says anything.
const PAIRS_MIN: u64 = 200;
/// Hours that are held against those of half a day before, to pass over most hashtags at little cost.
const HOURS_COMPARED: i64 = 3;
/// Share of their accounts that has to be in both.
const COMMON_MIN: f64 = 0.25;

/// What the day of a slow hashtag looks like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// Hours of the day in which it was seen.
    pub hours: u64,
    /// The rhythm of its accounts.
    pub rhythm: Estimate,
}

/// What is to be said of slow hashtags at the end of an hour; nothing at other ticks.
pub fn reports(shard: &Shard, tick: i64, detect: &Detect) -> Vec<HashtagReport> {
    let Some(pane) = shard.ladder().level(2).get(&tick) else { return Vec::new() };
    let few = detect.kinds.slow_posts..=24 * POSTS_PER_HOUR_MAX;
    let tags = pane.iter().map(|view| view.tag).filter(|tag| is_candidate(shard, *tag, tick, &few));
    tags.filter_map(|tag| report(shard, tag, tick, detect)).collect()
}

fn is_candidate(shard: &Shard, tag: u64, tick: i64, few: &RangeInclusive<u32>) -> bool {
    let usual = shard.usuals().of(tag);
    let even = usual.h1.saturating_mul(24) <= usual.h24.saturating_mul(HOUR_MAX);
    few.contains(&usual.h24) && even && is_seen(shard, tag, tick) && {
        let ((now, cut), (then, cut_then)) = (accounts(shard, tag, tick), accounts(shard, tag, tick - DAY / 2));
        let within = |all: &[u64]| all.partition_point(|account| *account <= cut.min(cut_then));
        let (now, then) = (&now[..within(&now)], &then[..within(&then)]);
        let common = now.iter().filter(|account| then.binary_search(account).is_ok()).count();
        common as f64 >= COMMON_MIN * now.len().min(then.len()) as f64 && common > 0
    }
}

fn is_seen(shard: &Shard, tag: u64, tick: i64) -> bool {
    let panes = shard.ladder().level(2).range(tick - DAY + 1..=tick);
    panes.filter(|(_, pane)| pane.get(tag).is_some()).count() as u64 >= HOURS_MIN
}

fn report(shard: &Shard, tag: u64, tick: i64, detect: &Detect) -> Option<HashtagReport> {
    let slow = slow(shard, tag, tick)?;
    let (_, day) = shard.ladder().hours(tag, tick, HOURS_COMPARED, 24);
    if day.distinct_accounts() < u64::from(detect.kinds.slow_accounts) {
        return None;
    }
    let hour = shard.ladder().window(tag, tick, Window::Minutes(60));
    let all = Crowd::all(&day, &hour);
    let facts = Facts::default();
    let readings =
        vec![read(24, View::All, &all, &all, &facts), read(24, View::Core, &Crowd::core(&day, &hour), &all, &facts)];
    Some(HashtagReport {
        readings,
        crowd_posts: day.posts,
        crowd_accounts: day.distinct_accounts(),
        tops: tops(&all),
        crowd: members(&all.accounts),
        crowd_cut: day.account_cut,
        slow: Some(slow),
        ..hashtag_report(shard, tag, tick, CROWD_HOURS, detect)?
    })
}

/// The hours up to `tick` that know of a hashtag, as far back as `ticks`.
fn hours(shard: &Shard, tag: u64, tick: i64, ticks: i64) -> impl Iterator<Item = (i64, Gathered)> {
    let panes = shard.ladder().level(2).range(tick - ticks + 1..=tick);
    panes.filter_map(move |(end, pane)| {
        let mut gathered = Gathered::new(SIZES_HOUR, PerSecond::Closed).without_spellings();
        gathered.add(&pane.get(tag)?);
        gathered.finish();
        Some((*end, gathered))
    })
}

/// The accounts of the hours up to `tick`, sorted, and up to where all are known.
fn accounts(shard: &Shard, tag: u64, tick: i64) -> (Vec<u64>, u64) {
    let (mut accounts, mut cut) = (Vec::new(), u64::MAX);
    for (_, hour) in hours(shard, tag, tick, HOURS_COMPARED * HOUR) {
        accounts.extend(hour.accounts.iter().map(|row| row.account));
        cut = cut.min(hour.account_cut);
    }
    accounts.sort_unstable();
    accounts.dedup();
    (accounts, cut)
}

fn slow(shard: &Shard, tag: u64, tick: i64) -> Option<Slow> {
    let (mut written, mut cut, mut count) = (Vec::new(), u64::MAX, 0);
    for (end, hour) in hours(shard, tag, tick, DAY) {
        let of_day = end.div_euclid(HOUR).rem_euclid(24) as usize;
        written.extend(hour.accounts.iter().map(|row| (row.account, of_day)));
        cut = cut.min(hour.account_cut);
        count += 1;
    }
    written.retain(|(account, _)| *account <= cut);
    written.sort_unstable();
    Some(Slow { hours: count, rhythm: rhythm(&written)? })
}

/// The rhythm of accounts from the hours in which each wrote, sorted; see the file's head.
fn rhythm(written: &[(u64, usize)]) -> Option<Estimate> {
    let turn = |hour: usize| std::f64::consts::TAU * hour as f64 / 24.0;
    let of_day: Vec<(f64, f64)> = (0..24).map(|hour| (libm::cos(turn(hour)), libm::sin(turn(hour)))).collect();
    let (mut sum, mut pairs) = (0.0, 0);
    for same in written.chunk_by(|a, b| a.0 == b.0) {
        let (x, y) = same.iter().fold((0.0, 0.0), |(x, y), (_, hour)| (x + of_day[*hour].0, y + of_day[*hour].1));
        let n = same.len() as u64;
        sum += x * x + y * y - n as f64;
        pairs += n * (n - 1);
    }
    (pairs >= PAIRS_MIN).then(|| {
        let (value, half) = (sum / pairs as f64, Z / libm::sqrt(pairs as f64));
        Estimate { value, low: value - half, high: value + half }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accounts that each write in hours that `of` names.
    fn of(accounts: u64, of: impl Fn(u64) -> Vec<usize>) -> Option<Estimate> {
        let mut written: Vec<(u64, usize)> =
            (0..accounts).flat_map(|account| of(account).into_iter().map(move |hour| (account, hour))).collect();
        written.sort_unstable();
        rhythm(&written)
    }

    /// `n` different hours below `hours`, by account.
    fn some(account: u64, n: u64, hours: u64) -> Vec<usize> {
        let mut all: Vec<u64> = (0..hours).collect();
        all.sort_by_key(|hour| {
            let mixed = (account * 1_000 + hour + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
        });
        all.truncate(n as usize);
        all.into_iter().map(|hour| hour as usize).collect()
    }

    #[test]
    fn who_never_sleeps_has_no_rhythm_and_who_sleeps_has_one() {
        let sleepless = of(40, |account| some(account, 8, 24)).unwrap();
        assert!((-0.09..0.01).contains(&sleepless.value) && sleepless.high < 0.05, "{sleepless:?}");
        let people = of(40, |account| some(account, 8, 16).iter().map(|hour| (hour + account as usize) % 24).collect());
        let people = people.unwrap();
        assert!((0.07..0.17).contains(&people.value) && people.high > 0.1, "{people:?}");
        let shifts = of(40, |account| some(account, 6, 8)).unwrap();
        assert!(shifts.value > 0.5, "{shifts:?}");
    }

    #[test]
    fn few_pairs_say_nothing() {
        assert_eq!(of(40, |account| some(account, 2, 24)), None);
    }
}
