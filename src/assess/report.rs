//! The report: what a shard says of one tick. A pure function of the shard's panes.

use serde::{Deserialize, Serialize};

use super::adjusted::{AdjustedReport, adjusted_report, adjusted_windows, vanished};
use super::birth::{self, Histogram};
use super::candidates::candidates;
use super::crowd::{Crowd, View};
use super::evidence::{Tops, display, tops};
use super::feed::{Feed, feed};
use super::growth::{Growth, growth};
use super::history::{History, history, past_hours};
use super::interval::Estimate;
use super::signals::{ALL, Facts};
use super::slow::{self, Slow};
use super::top::TopRow;
use super::touched::touched;
use super::values::{Counts, Windows};
use super::{salvos, slices};
use crate::config::Detect;
use crate::model::{EventTime, Tick};
use crate::track::Shard;
use crate::track::counted::Counted;
use crate::track::gather::Gathered;
use crate::track::ladder::{DAY, Window};
use crate::track::pane::AccountRow;

/// Hours over which accounts are read: long enough for a slow push, short enough to calm down with it.
pub const CROWD_HOURS: i64 = 3;

/// What a shard says of one tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The tick.
    pub tick: Tick,
    /// Assessed hashtags, by identity.
    pub hashtags: Vec<HashtagReport>,
    /// Hashtags that are slow, read over a day; at ends of hours.
    pub slow: Vec<HashtagReport>,
    /// Hashtags that are no candidates and were touched by the actions of the last minute, by identity.
    pub touched: Vec<HashtagReport>,
    /// What the hashtags born 5, 15 and 60 minutes ago have become.
    pub births: Option<Box<[Histogram; 3]>>,
    /// Earliest event time of the stream.
    pub watched_since: Option<EventTime>,
}

impl Report {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.hashtags.is_empty() && self.slow.is_empty() && self.touched.is_empty() && self.births.is_none()
    }
}

/// An account of a crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its keyed hash.
    pub account: u64,
    /// Its posts over the crowd's hours.
    pub posts: u32,
    /// Whether it mentions or answers somebody in an original.
    pub talks: bool,
}

/// All signals, read over one crowd.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Hours over which accounts were read.
    pub hours: i64,
    /// Which accounts.
    pub view: View,
    /// Accounts in the sample.
    pub accounts: usize,
    /// The signals in the order of [`ALL`]; none where the input is missing.
    pub estimates: Vec<Option<Estimate>>,
}

/// What a shard says of one hashtag.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HashtagReport {
    /// Identity.
    pub tag: u64,
    /// Canonical form.
    pub hashtag: String,
    /// The spelling seen most.
    pub display: String,
    /// Counts by window.
    pub windows: Windows,
    /// What is usual for it.
    pub history: History,
    /// How it grows.
    pub growth: Growth,
    /// Whether it is new: young, and unknown before.
    pub is_new: bool,
    /// Whether memory ran out within the last day, so that hashtags of few posts were let go of.
    pub degraded: bool,
    /// Earliest event time of the last day, in seconds since the epoch.
    pub first_second: u32,
    /// Posts of the crowd of the last hours.
    pub crowd_posts: u64,
    /// Its accounts, exact or estimated.
    pub crowd_accounts: u64,
    /// The signals over several crowds; the strongest reading counts.
    pub readings: Vec<Reading>,
    /// The most repeated of everything.
    pub tops: Tops,
    /// Bottom sample of the accounts of the last hours, at most 512.
    pub crowd: Vec<Member>,
    /// The sample holds every account up to this; `u64::MAX` where it holds all.
    pub crowd_cut: u64,
    /// The single source that writes nearly all of it by the clock, if there is one.
    pub feed: Option<Feed>,
    /// What its day looks like, where it is read over a day.
    pub slow: Option<Slow>,
    /// Which part of the last day's posts is gone; none where no actions come in.
    pub vanished: Option<Estimate>,
    /// The same without what actions took out, where they took something.
    pub adjusted: Option<Box<AdjustedReport>>,
}

/// A hashtag gathered over the windows that are read.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Five minutes.
    pub five: Gathered,
    /// An hour.
    pub hour: Gathered,
    /// [`CROWD_HOURS`].
    pub hours: Gathered,
    /// A day.
    pub day: Gathered,
}

/// Assesses a shard at the tick that closed last.
pub fn report(shard: &Shard, tick: Tick, detect: &Detect) -> Report {
    let reports = |tags: Vec<u64>, hours: i64| -> Vec<HashtagReport> {
        tags.into_iter().filter_map(|tag| hashtag_report(shard, tag, tick.0, hours, detect)).collect()
    };
    let hashtags = reports(candidates(shard, tick.0, detect), CROWD_HOURS);
    let assessed: Vec<u64> = hashtags.iter().map(|report| report.tag).collect();
    // Posts vanish within a day, long after their crowd has left.
    let touched = reports(touched(shard, tick.0, &assessed, detect), 24);
    let slow = slow::reports(shard, tick.0, detect);
    let births = birth::increments(shard, tick.0);
    Report { tick, hashtags, slow, touched, births, watched_since: shard.watched_since() }
}

/// The report of a hashtag that had enough accounts in so many last hours, which are 24 or [`CROWD_HOURS`].
pub(super) fn hashtag_report(
    shard: &Shard,
    tag: u64,
    tick: i64,
    least_in_hours: i64,
    detect: &Detect,
) -> Option<HashtagReport> {
    let ladder = shard.ladder();
    let (hours, day) = ladder.hours(tag, tick, CROWD_HOURS, 24);
    let crowd = if least_in_hours == CROWD_HOURS { &hours } else { &day };
    if crowd.distinct_accounts() < u64::from(detect.candidate_accounts) {
        return None;
    }
    let name = name_of(shard, tag, tick)?;
    let five = ladder.window(tag, tick, Window::M5);
    let hour = ladder.window(tag, tick, Window::Minutes(60));
    let minute = of_counted(&ladder.count(tag, tick, Window::M1));
    let windows = windows([minute, of_gathered(&five), of_gathered(&hour), of_gathered(&day)]);
    let is_new = birth::is_new(shard, tag, tick, day.first_second);
    let facts = Facts {
        now_second: (tick * 10).max(0) as u64,
        salvos: Some(salvos::of(shard, tag, tick, hour.account_cut)),
        birth_seconds: is_new.then(|| birth_seconds(shard, tag, tick, &day)).flatten(),
        past_hours: past_hours(shard, tag, tick),
        by_second: slices::by_second(&five, tick),
        by_ten_seconds: is_new.then(|| slices::by_ten_seconds(shard, tag, tick)),
        vanished: vanished(&day, shard.actions(), tick),
    };
    let seen = Seen { five, hour, hours, day };
    let adjusted = adjusted_report(shard, tag, tick, &windows, &seen, &facts);
    let Seen { hour, hours, day, .. } = seen;
    Some(HashtagReport {
        tag,
        display: display(&hour, name),
        hashtag: name.to_owned(),
        history: history(shard, tag, tick, windows.h1.posts, windows.h24.posts),
        windows,
        growth: growth(ladder, tag, tick, (&hour, &day)),
        is_new,
        degraded: shard.evicted_since(tick - DAY),
        first_second: day.first_second,
        crowd_posts: hours.posts,
        crowd_accounts: hours.distinct_accounts(),
        readings: readings(&hours, &hour, &facts),
        tops: tops(&Crowd::all(&hours, &hour)),
        crowd: members(&hours.accounts),
        crowd_cut: hours.account_cut,
        feed: feed(&hour, detect.kinds.feed_share),
        slow: None,
        vanished: facts.vanished,
        adjusted: adjusted.map(Box::new),
    })
}

/// How many seconds the birth of a new hashtag took: until its twentieth account, or until it had risen, if that was later.
fn birth_seconds(shard: &Shard, tag: u64, tick: i64, day: &Gathered) -> Option<f64> {
    let twentieth =
        birth::seconds_to_accounts(day).filter(|_| !birth::is_gathering(day.first_second, &day.mentions, tick))?;
    slices::rise_seconds(shard, tag, tick, day.first_second).map(|risen| risen.max(twentieth))
}

pub(super) fn members(rows: &[AccountRow]) -> Vec<Member> {
    rows.iter().map(|row| Member { account: row.account, posts: row.posts, talks: row.talking > 0 }).collect()
}

/// A push hides among the public over hours, and over an hour where it is slow: whichever shows it more counts.
pub(super) fn readings(hours: &Gathered, hour: &Gathered, facts: &Facts) -> Vec<Reading> {
    let all = Crowd::all(hours, hour);
    let mut readings = vec![
        read(CROWD_HOURS, View::All, &all, &all, facts),
        read(CROWD_HOURS, View::Core, &Crowd::core(hours, hour), &all, facts),
    ];
    if hour.posts < hours.posts {
        let all = Crowd::all(hour, hour);
        readings.push(read(1, View::All, &all, &all, facts));
    }
    readings
}

/// Reads all signals over `crowd`; those that say nothing about a core over `all`.
pub(super) fn read(hours: i64, view: View, crowd: &Crowd, all: &Crowd, facts: &Facts) -> Reading {
    let estimates = ALL.iter().map(|signal| {
        let over = if signal.on_core { crowd } else { all };
        (signal.read)(over, facts).or_else(|| (signal.read)(all, facts))
    });
    Reading { hours, view, accounts: crowd.accounts.len(), estimates: estimates.collect() }
}

/// The four windows, shortest first, each counting at least what the shorter one counts.
fn windows(counts: [Counts; 4]) -> Windows {
    let [m1, m5, h1, h24] = counts;
    let m5 = at_least(m5, m1);
    let h1 = at_least(h1, m5);
    Windows { m1, m5, h1, h24: at_least(h24, h1) }
}

fn at_least(counts: Counts, shorter: Counts) -> Counts {
    let accounts = counts.accounts.max(shorter.accounts);
    Counts {
        posts: counts.posts.max(shorter.posts),
        reposts: counts.reposts.max(shorter.reposts),
        accounts,
        accounts_low: counts.accounts_low.min(accounts).max(shorter.accounts_low.min(accounts)),
        accounts_high: counts.accounts_high.max(accounts),
    }
}

pub(super) fn of_gathered(gathered: &Gathered) -> Counts {
    let accounts = gathered.distinct_accounts();
    let (low, high) = match &gathered.registers {
        Some(registers) if gathered.account_cut != u64::MAX => registers.interval95(),
        _ => (accounts, accounts),
    };
    let (accounts_low, accounts_high) = (low.min(accounts), high.max(accounts));
    Counts { posts: gathered.posts, reposts: gathered.reposts, accounts, accounts_low, accounts_high }
}

fn of_counted(counted: &Counted) -> Counts {
    let accounts = counted.accounts.estimate();
    let (low, high) = counted.accounts.interval95();
    let (accounts_low, accounts_high) = (low.min(accounts), high.max(accounts));
    Counts { posts: counted.posts, reposts: counted.reposts, accounts, accounts_low, accounts_high }
}

/// Counts in the four windows of any hashtag, with its canonical form and display; for the board.
pub fn overview(shard: &Shard, tag: u64, tick: i64) -> Option<TopRow> {
    let name = name_of(shard, tag, tick)?;
    let ladder = shard.ladder();
    let [m1, m5, h1] =
        [Window::M1, Window::M5, Window::Minutes(60)].map(|window| of_counted(&ladder.count(tag, tick, window)));
    let h24 = of_counted(&ladder.count_hours(tag, tick, 24));
    // A hashtag that rests shows how it was written before.
    let spelt = ladder.window(tag, tick, if m1.posts > 0 { Window::M1 } else { Window::Minutes(60) });
    let windows = windows([m1, m5, h1, h24]);
    let adjusted = adjusted_windows(shard, tag, tick, &windows);
    Some(TopRow { hashtag: name.to_owned(), display: display(&spelt, name), windows, adjusted })
}

/// The canonical form of a hashtag that stands in some pane.
fn name_of(shard: &Shard, tag: u64, _tick: i64) -> Option<&str> {
    (0..3)
        .find_map(|level| shard.ladder().level(level).values().rev().find_map(|pane| pane.get(tag)))
        .map(|view| view.name())
}
