//! The ladder of closed panes: ten-second panes for five minutes, minutes for an hour, hours for a day. A window is
//! the closed panes of its level plus those of the lower levels after them, so no window counts less than a shorter one.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use super::counted::Counted;
use super::gather::{Gathered, PerSecond};
use super::merge::{HourRule, Into, SIZES, merge};
use super::pane::{EntryView, Pane};

/// Ticks in a minute.
pub const MINUTE: i64 = 6;
/// Ticks in an hour.
pub const HOUR: i64 = 360;
/// Ticks in a day.
pub const DAY: i64 = 24 * HOUR;
/// Ticks that ten-second panes are kept.
pub const LEVEL_0_KEPT: i64 = 5 * MINUTE;

/// The windows that are built of minutes and less. Longer ones: [`Ladder::hours`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// One minute.
    M1,
    /// Five minutes.
    M5,
    /// Closed minutes of this number, and what came after them.
    Minutes(i64),
}

/// Closed panes by level, each under the tick at its end. Panes never change, so sharing one is as good as copying it.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    levels: [BTreeMap<i64, Arc<Pane>>; 3],
}

impl Ladder {
    /// Puts a closed pane in its place.
    pub fn insert(&mut self, level: u8, end: i64, pane: Arc<Pane>) {
        self.levels[usize::from(level)].insert(end, pane);
    }

    /// The panes of a level, oldest first.
    pub fn level(&self, level: u8) -> &BTreeMap<i64, Arc<Pane>> {
        &self.levels[usize::from(level)]
    }

    /// Replaces panes in place; for eviction.
    pub fn level_mut(&mut self, level: u8) -> &mut BTreeMap<i64, Arc<Pane>> {
        &mut self.levels[usize::from(level)]
    }

    /// Builds the minute that ends at `end` from its ten-second panes.
    pub fn build_minute(&self, end: i64) -> Option<Pane> {
        self.build(0, end - MINUTE, end, Into::Minute)
    }

    /// Builds the hour that ends at `end` from its minutes.
    pub fn build_hour(&self, end: i64, rule: HourRule) -> Option<Pane> {
        self.build(1, end - HOUR, end, Into::Hour(rule))
    }

    fn build(&self, level: u8, after: i64, end: i64, into: Into) -> Option<Pane> {
        let inputs: Vec<&Pane> =
            self.level(level).range((Excluded(after), Included(end))).map(|(_, pane)| pane.as_ref()).collect();
        (!inputs.is_empty()).then(|| merge(&inputs, into))
    }

    /// Takes out the panes that no window at `tick` reaches, oldest level 0 first.
    pub fn expire(&mut self, tick: i64) -> Vec<(u8, i64, Arc<Pane>)> {
        let last = [tick - LEVEL_0_KEPT, floor(tick, MINUTE) - HOUR, floor(tick, HOUR) - DAY];
        let mut gone = Vec::new();
        for (level, last) in last.into_iter().enumerate() {
            while let Some(entry) = self.levels[level].first_entry() {
                if *entry.key() > last {
                    break;
                }
                let (end, pane) = entry.remove_entry();
                gone.push((level as u8, end, pane));
            }
        }
        gone
    }

    /// Gathers a hashtag over a window that ends with `tick`.
    pub fn window(&self, tag: u64, tick: i64, window: Window) -> Gathered {
        let mut gathered = Gathered::new(SIZES, PerSecond::Closed);
        self.each_in(tag, tick, window, |view| gathered.add(&view));
        gathered.finish();
        gathered
    }

    /// Counts posts and accounts of a hashtag over a window that ends with `tick`.
    pub fn count(&self, tag: u64, tick: i64, window: Window) -> Counted {
        let mut counted = Counted::default();
        self.each_in(tag, tick, window, |view| counted.add(&view));
        counted
    }

    fn each_in<'a>(&'a self, tag: u64, tick: i64, window: Window, mut each: impl FnMut(EntryView<'a>)) {
        let minute = floor(tick, MINUTE);
        match window {
            Window::M1 => self.each(tag, 0, tick - MINUTE, tick, &mut each),
            Window::M5 => self.each(tag, 0, tick - 5 * MINUTE, tick, &mut each),
            Window::Minutes(minutes) => {
                self.each(tag, 0, minute, tick, &mut each);
                self.each(tag, 1, minute - minutes * MINUTE, minute, &mut each);
            }
        }
    }

    /// Gathers a hashtag over two windows of closed hours and what came after them, the shorter one first.
    pub fn hours(&self, tag: u64, tick: i64, short: i64, long: i64) -> (Gathered, Gathered) {
        let hour = floor(tick, HOUR);
        let mut gathered = Gathered::new(SIZES, PerSecond::Closed).without_spellings();
        self.each_since_hour(tag, tick, &mut |view| gathered.add(&view));
        self.each_in_hours(tag, hour - short * HOUR, hour, &mut |view| gathered.add(&view));
        let mut shorter = gathered.clone();
        shorter.finish();
        self.each_in_hours(tag, hour - long * HOUR, hour - short * HOUR, &mut |view| gathered.add(&view));
        gathered.finish();
        (shorter, gathered)
    }

    /// Posts of a hashtag in the closed minutes after `after` and up to `end`.
    pub fn posts_by_minute(&self, tag: u64, after: i64, end: i64) -> u64 {
        let mut posts = 0;
        self.each(tag, 1, after, end, &mut |view| posts += view.posts());
        posts
    }

    /// Counts posts and accounts of a hashtag over so many closed hours and what came after them.
    pub fn count_hours(&self, tag: u64, tick: i64, hours: i64) -> Counted {
        let hour = floor(tick, HOUR);
        let mut counted = Counted::default();
        self.each_since_hour(tag, tick, &mut |view| counted.add(&view));
        self.each_in_hours(tag, hour - hours * HOUR, hour, &mut |view| counted.add(&view));
        counted
    }

    /// What came after the last closed hour.
    fn each_since_hour<'a>(&'a self, tag: u64, tick: i64, each: &mut impl FnMut(EntryView<'a>)) {
        let (minute, hour) = (floor(tick, MINUTE), floor(tick, HOUR));
        self.each(tag, 0, minute, tick, each);
        self.each(tag, 1, hour, minute, each);
    }

    fn each_in_hours<'a>(&'a self, tag: u64, after: i64, end: i64, each: &mut impl FnMut(EntryView<'a>)) {
        for (end, pane) in self.level(2).range((Excluded(after), Included(end))) {
            match pane.get(tag) {
                Some(view) => each(view),
                // The hour let go of it for want of accounts; minutes that still stand speak for it.
                None => self.each(tag, 1, end - HOUR, *end, each),
            }
        }
    }

    /// Bytes of all panes on the heap.
    pub fn bytes(&self) -> usize {
        self.levels.iter().flat_map(BTreeMap::values).map(|pane| pane.bytes()).sum()
    }

    fn each<'a>(&'a self, tag: u64, level: u8, after: i64, end: i64, each: &mut impl FnMut(EntryView<'a>)) {
        for (_, pane) in self.level(level).range((Excluded(after), Included(end))) {
            if let Some(view) = pane.get(tag) {
                each(view);
            }
        }
    }
}

/// The last multiple of `unit` that is not above `tick`.
pub fn floor(tick: i64, unit: i64) -> i64 {
    tick.div_euclid(unit) * unit
}

/// The first multiple of `unit` that is not below `tick`.
pub fn ceil(tick: i64, unit: i64) -> i64 {
    floor(tick + unit - 1, unit)
}
