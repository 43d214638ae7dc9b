//! What is usual for a hashtag: its own hours of the last weeks, or its last day; and whether it is new.

use serde::{Deserialize, Serialize};

use std::ops::Bound::{Excluded, Included};

use crate::track::Shard;
use crate::track::ladder::{DAY, HOUR, ceil, floor};

/// Where an expectation comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Baseline {
    /// Nothing to compare with: the stream was not watched long enough.
    #[default]
    None,
    /// The hashtag is new; the population of new hashtags says what to expect.
    BirthCurve,
    /// The average hour of its last day.
    Recent,
    /// The median of the same hour of the week, or of the day while weeks are missing.
    HourOfWeek,
}

impl Baseline {
    /// Its name in alert lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Baseline::None => "none",
            Baseline::BirthCurve => "birth_curve",
            Baseline::Recent => "recent",
            Baseline::HourOfWeek => "hour_of_week",
        }
    }
}

/// What a hashtag usually does in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Expected posts in an hour.
    pub posts: f64,
    /// Expected distinct accounts in an hour.
    pub accounts: f64,
    /// Variance over mean of its hourly posts, at least 1.
    pub dispersion: f64,
    /// Where the expectation comes from.
    pub baseline: Baseline,
}

/// Hours of watching from which a day's average is usual.
pub const WATCHED_HOURS_MIN: i64 = 2;
/// Dispersion taken where history is too short to tell: hourly counts of hashtags are far from Poisson.
pub const DISPERSION_PRIOR: f64 = 4.0;

/// Hours of watching before `tick`.
pub fn watched_hours(shard: &Shard, tick: i64) -> i64 {
    shard.watched_since().map_or(0, |since| (tick - since.tick().0).max(0) / HOUR)
}

/// What is usual for a hashtag at `tick`, with `h1` posts in the last hour and `h24` in the last day.
pub fn history(shard: &Shard, tag: u64, tick: i64, h1: u64, h24: u64) -> History {
    let watched = watched_hours(shard, tick);
    let hours = shard.rows().of(tag);
    let now = ceil(tick, HOUR);
    let before = h24.saturating_sub(h1);
    if watched < WATCHED_HOURS_MIN {
        return History { dispersion: DISPERSION_PRIOR, ..History::default() };
    }
    let recent_hours = (watched - 1).clamp(1, 23);
    let recent = before as f64 / recent_hours as f64;
    let same_hour = same_hour_median(hours, now, watched);
    let dispersion = dispersion(hours, now, watched);
    match same_hour {
        Some((posts, accounts)) if posts > recent => {
            History { posts, accounts, dispersion, baseline: Baseline::HourOfWeek }
        }
        _ if before == 0 && hours.iter().all(|hour| hour.end > now - HOUR) => {
            History { dispersion: DISPERSION_PRIOR, baseline: Baseline::BirthCurve, ..History::default() }
        }
        _ => {
            // Accounts of single hours do not add up to a day's; the share of the last rows says how they relate.
            let (posts, accounts) = hours
                .iter()
                .fold((0, 0), |sum, hour| (sum.0 + u64::from(hour.posts), sum.1 + u64::from(hour.accounts)));
            let share = if posts == 0 { 0.8 } else { accounts as f64 / posts as f64 };
            History { posts: recent, accounts: recent * share, dispersion, baseline: Baseline::Recent }
        }
    }
}

/// In how many hours of the last week, up to twelve hours ago, a hashtag was seen: in the busy ones, and of the last day in
/// every one with two posts. None before a day of watching.
pub fn past_hours(shard: &Shard, tag: u64, tick: i64) -> Option<u64> {
    let (week, day, recent) = (tick - 7 * DAY, floor(tick, HOUR) - DAY, tick - DAY / 2);
    let busy = shard.rows().of(tag).iter().filter(|hour| hour.end > week && hour.end <= day).count();
    let hours = shard.ladder().level(2).range((Excluded(day), Included(recent)));
    let seen = hours.filter(|(_, pane)| pane.saw(tag)).count();
    (watched_hours(shard, tick) >= 24).then(|| (busy + seen) as u64)
}

/// Median posts and accounts at this hour of the last weeks, or of the last days while there are fewer than two weeks.
fn same_hour_median(hours: &[crate::track::rows::Hour], now: i64, watched: i64) -> Option<(f64, f64)> {
    let weeks = (watched / (7 * 24)).min(4);
    let days = (watched / 24).min(7);
    let (period, count) = if weeks >= 2 { (7 * DAY, weeks) } else { (DAY, days) };
    if count < 2 {
        return None;
    }
    let at = |back: i64| {
        let found = hours.binary_search_by_key(&(now - back * period), |hour| hour.end);
        found.map_or((0, 0), |index| (hours[index].posts, hours[index].accounts))
    };
    let mut same: Vec<(u32, u32)> = (1..=count).map(at).collect();
    same.sort_unstable();
    let middle = same[same.len() / 2];
    Some((f64::from(middle.0), f64::from(middle.1)))
}

/// Variance over mean of a hashtag's hourly posts over its last week, hours without a row counting as none.
fn dispersion(hours: &[crate::track::rows::Hour], now: i64, watched: i64) -> f64 {
    let slots = watched.min(7 * 24);
    let recent = hours.iter().filter(|hour| hour.end < now && hour.end >= now - slots * HOUR);
    let (mut sum, mut squares) = (0.0, 0.0);
    for hour in recent {
        sum += f64::from(hour.posts);
        squares += f64::from(hour.posts) * f64::from(hour.posts);
    }
    if slots < 24 || sum <= 0.0 {
        return DISPERSION_PRIOR;
    }
    let mean = sum / slots as f64;
    ((squares / slots as f64 - mean * mean) / mean).clamp(1.0, 50.0).min(DISPERSION_PRIOR.max(mean))
}
