//! The frontier: reports of all shards, handed to the decider tick by tick, and only once every shard has passed the
//! tick. Empty ticks are not reported; a shard's watermark implies them.

use std::collections::BTreeMap;

use crate::assess::Report;
use crate::model::{EventTime, Tick};

/// Reports that wait for the slowest shard.
#[derive(Debug)]
pub struct Frontier {
    watermarks: Vec<EventTime>,
    /// By tick and shard.
    waiting: BTreeMap<Tick, BTreeMap<usize, Report>>,
    decided: Tick,
}

impl Frontier {
    /// A frontier over that many shards, after a tick that is decided already.
    pub fn new(shards: usize, decided: Tick) -> Frontier {
        Frontier { watermarks: vec![EventTime::MIN; shards], waiting: BTreeMap::new(), decided }
    }

    /// Takes a shard's report. What comes again, after a restart or from two owners of one shard, is passed over: it says
    /// the same.
    pub fn report(&mut self, shard: usize, report: Report) {
        if report.tick > self.decided && report.tick > self.watermarks[shard].closed_tick() {
            self.waiting.entry(report.tick).or_default().entry(shard).or_insert(report);
        }
    }

    /// Whether reports of that tick wait to be decided.
    pub fn is_waiting(&self, tick: Tick) -> bool {
        self.waiting.contains_key(&tick)
    }

    /// By shard, the watermark that it has passed.
    pub fn passed_by_shard(&self) -> &[EventTime] {
        &self.watermarks
    }

    /// A shard has reported everything below `watermark`.
    pub fn passed(&mut self, shard: usize, watermark: EventTime) {
        let known = &mut self.watermarks[shard];
        *known = (*known).max(watermark);
    }

    /// The watermark that all shards have passed.
    pub fn watermark(&self) -> EventTime {
        self.watermarks.iter().copied().min().unwrap_or(EventTime::MIN)
    }

    /// The shard that is furthest behind, if any is behind another.
    pub fn slowest(&self) -> Option<usize> {
        let (slowest, least) = self.watermarks.iter().enumerate().min_by_key(|(_, watermark)| **watermark)?;
        self.watermarks.iter().any(|watermark| watermark.closed_tick() > least.closed_tick()).then_some(slowest)
    }

    /// The next tick to decide: the first with a report or a timer that every shard has passed.
    pub fn next(&mut self, timer: Option<Tick>) -> Option<(Tick, Vec<Report>)> {
        let through = self.watermark().closed_tick();
        let reported = self.waiting.first_key_value().map(|(tick, _)| *tick);
        let timer = timer.map(|tick| tick.max(Tick(self.decided.0 + 1)));
        let tick = [reported, timer].into_iter().flatten().min().filter(|tick| *tick <= through)?;
        self.decided = tick;
        Some((tick, self.waiting.remove(&tick).unwrap_or_default().into_values().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(tick: i64) -> Report {
        Report { tick: Tick(tick), ..Report::default() }
    }

    #[test]
    fn it_never_decides_on_a_part() {
        let mut frontier = Frontier::new(2, Tick(0));
        frontier.report(0, report(5));
        frontier.passed(0, Tick(9).end());
        assert!(frontier.next(None).is_none());
        assert_eq!(frontier.slowest(), Some(1));
        frontier.report(1, report(5));
        frontier.report(1, report(5));
        frontier.report(0, report(8));
        frontier.passed(1, Tick(7).end());
        let (tick, reports) = frontier.next(None).expect("both have passed it");
        assert_eq!((tick, reports.len()), (Tick(5), 2));
        assert_eq!(frontier.next(Some(Tick(6))).map(|(tick, _)| tick), Some(Tick(6)), "timers fire by arithmetic");
        assert!(frontier.next(Some(Tick(8))).is_none());
    }
}
