//! The report: what a shard says of one tick. A pure function of the shard's panes.

use super::birth::{self, Histogram};
use super::candidates::candidates;
use super::crowd::Crowd;
use super::evidence::{Tops, display, tops};
use super::history::{History, history};
use super::interval::Estimate;
use super::signals::{ALL, Facts, Spread};
use super::values::{Counts, Windows};
use crate::config::Detect;
use crate::model::{EventTime, Tick};
use crate::track::Shard;
use crate::track::gather::Gathered;
use crate::track::ladder::{LEVEL_0_KEPT, Window};

/// Hours over which accounts are read: long enough for a slow push, short enough to calm down with it.
pub const CROWD_HOURS: i64 = 3;
/// Accounts of the crowd that a report carries, for overlap with others.
const CROWD_SAMPLE: usize = 128;

/// What a shard says of one tick.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The tick.
    pub tick: Tick,
    /// Assessed hashtags, by identity.
    pub hashtags: Vec<HashtagReport>,
    /// What the hashtags born 5, 15 and 60 minutes ago have become.
    pub births: Option<Box<[Histogram; 3]>>,
    /// Earliest event time of the stream.
    pub watched_since: Option<EventTime>,
}

impl Report {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.hashtags.is_empty() && self.births.is_none()
    }
}

/// One signal as read, over all accounts and over the repeat core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Over all accounts; none where its input is missing.
    pub all: Option<Estimate>,
    /// Over the repeat core; none where that is not read or its input is missing.
    pub core: Option<Estimate>,
}

/// What a shard says of one hashtag.
#[derive(Clone, Debug)]
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
    /// Whether it is new: young, and unknown before.
    pub is_new: bool,
    /// Earliest event time of the last day, in seconds since the epoch.
    pub first_second: u32,
    /// Posts and accounts over which the signals are read.
    pub crowd_posts: u64,
    /// Accounts over which the signals are read, exact or estimated.
    pub crowd_accounts: u64,
    /// Accounts of the repeat core in the sample, and their posts.
    pub core: (u64, u64),
    /// Readings in the order of [`ALL`].
    pub readings: Vec<Reading>,
    /// The most repeated of everything.
    pub tops: Tops,
    /// Bottom sample of the crowd's accounts.
    pub crowd: Vec<u64>,
}

/// Assesses a shard at the tick that closed last.
pub fn report(shard: &Shard, tick: Tick, detect: &Detect) -> Report {
    let hashtags = candidates(shard, tick.0, detect)
        .into_iter()
        .filter_map(|tag| hashtag_report(shard, tag, tick.0, detect))
        .collect();
    Report { tick, hashtags, births: birth::increments(shard, tick.0), watched_since: shard.watched_since() }
}

fn hashtag_report(shard: &Shard, tag: u64, tick: i64, detect: &Detect) -> Option<HashtagReport> {
    let ladder = shard.ladder();
    let hours = ladder.window(tag, tick, Window::Hours(CROWD_HOURS));
    if hours.distinct_accounts() < u64::from(detect.candidate_accounts) {
        return None;
    }
    let name = name_of(shard, tag, tick)?;
    let five = ladder.window(tag, tick, Window::M5);
    let hour = ladder.window(tag, tick, Window::H1);
    let day = ladder.window(tag, tick, Window::Hours(24));
    let windows = windows(shard, tag, tick, &five, &hour, &day);
    let is_new = birth::is_new(shard, tag, tick, day.first_second);
    let facts = Facts {
        birth_seconds: is_new.then(|| birth::seconds_to_accounts(shard, tag, tick, day.first_second)).flatten(),
        by_second: by_second(&five, tick),
        by_ten_seconds: is_new.then(|| by_ten_seconds(shard, tag, tick)),
    };
    let (all, core) = (Crowd::all(&hours, &hour), Crowd::core(&hours, &hour));
    let readings = ALL
        .iter()
        .map(|signal| Reading {
            all: (signal.read)(&all, &facts),
            core: if signal.on_core { (signal.read)(&core, &facts) } else { None },
        })
        .collect();
    Some(HashtagReport {
        tag,
        display: display(&hour, name),
        hashtag: name.to_owned(),
        history: history(shard, tag, tick, windows.h1.posts, windows.h24.posts),
        windows,
        is_new,
        first_second: day.first_second,
        crowd_posts: hours.posts,
        crowd_accounts: hours.distinct_accounts(),
        core: (core.accounts.len() as u64, core.posts),
        readings,
        tops: tops(&all),
        crowd: all.accounts.iter().take(CROWD_SAMPLE).map(|row| row.account).collect(),
    })
}

/// Counts in the four windows, each at least those of the shorter one.
fn windows(shard: &Shard, tag: u64, tick: i64, five: &Gathered, hour: &Gathered, day: &Gathered) -> Windows {
    let minute = shard.ladder().window(tag, tick, Window::M1);
    let m1 = counts(&minute, Counts::default());
    let m5 = counts(five, m1);
    let h1 = counts(hour, m5);
    Windows { m1, m5, h1, h24: counts(day, h1) }
}

fn counts(gathered: &Gathered, at_least: Counts) -> Counts {
    let accounts = gathered.distinct_accounts().max(at_least.accounts);
    let (low, high) = match &gathered.registers {
        Some(registers) if gathered.account_cut != u64::MAX => registers.interval95(),
        _ => (accounts, accounts),
    };
    Counts {
        posts: gathered.posts.max(at_least.posts),
        reposts: gathered.reposts.max(at_least.reposts),
        accounts,
        accounts_low: low.min(accounts).max(at_least.accounts_low.min(accounts)),
        accounts_high: high.max(accounts),
    }
}

/// Counts in the four windows of any hashtag, with its canonical form and display; for the board.
pub fn overview(shard: &Shard, tag: u64, tick: i64) -> Option<(String, String, Windows)> {
    let name = name_of(shard, tag, tick)?;
    let ladder = shard.ladder();
    let five = ladder.window(tag, tick, Window::M5);
    let hour = ladder.window(tag, tick, Window::H1);
    let day = ladder.window(tag, tick, Window::Hours(24));
    Some((name.to_owned(), display(&hour, name), windows(shard, tag, tick, &five, &hour, &day)))
}

/// The canonical form of a hashtag that stands in some pane.
fn name_of(shard: &Shard, tag: u64, _tick: i64) -> Option<&str> {
    (0..3).find_map(|level| shard.ladder().level(level).values().rev().find_map(|pane| pane.get(tag))).map(|view| view.name)
}

/// Originals of the last five minutes by second, from the hashtag's first second among them on.
fn by_second(five: &Gathered, tick: i64) -> Option<Spread> {
    if !birth::has_seconds(&five.mentions) {
        return None;
    }
    let end = tick * 10;
    let slices = (end - i64::from(five.first_second)).clamp(0, 300) as u64;
    Some(Spread { slices, posts: five.posts - five.reposts, squares: five.squares[0] })
}

fn by_ten_seconds(shard: &Shard, tag: u64, tick: i64) -> Spread {
    let mut spread = Spread { slices: LEVEL_0_KEPT as u64, ..Spread::default() };
    for (_, pane) in shard.ladder().level(0).range(tick - LEVEL_0_KEPT + 1..=tick) {
        if let Some(view) = pane.get(tag) {
            spread.posts += view.posts();
            spread.squares += view.posts() * view.posts();
        }
    }
    spread
}
