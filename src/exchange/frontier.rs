//! The frontier: reports of all shards, handed to the decider tick by tick, and only once every shard has passed the
//! tick. Empty ticks are not reported; a shard's watermark implies them.

use std::collections::BTreeMap;

use crate::assess::Report;
use crate::model::{EventTime, Tick};

/// Reports that wait for the slowest shard.
#[derive(Debug)]
pub struct Frontier {
    watermarks: Vec<EventTime>,
    waiting: BTreeMap<Tick, Vec<Report>>,
    decided: Tick,
}

impl Frontier {
    /// A frontier over that many shards, after a tick that is decided already.
    pub fn new(shards: usize, decided: Tick) -> Frontier {
        Frontier { watermarks: vec![EventTime::MIN; shards], waiting: BTreeMap::new(), decided }
    }

    /// Takes a shard's report. Ticks decided before a restart come again and are passed over.
    pub fn report(&mut self, report: Report) {
        if report.tick > self.decided {
            self.waiting.entry(report.tick).or_default().push(report);
        }
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
        Some((tick, self.waiting.remove(&tick).unwrap_or_default()))
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
        frontier.report(report(5));
        frontier.passed(0, Tick(9).end());
        assert!(frontier.next(None).is_none());
        assert_eq!(frontier.slowest(), Some(1));
        frontier.report(report(5));
        frontier.passed(1, Tick(7).end());
        let (tick, reports) = frontier.next(None).expect("both have passed it");
        assert_eq!((tick, reports.len()), (Tick(5), 2));
        assert_eq!(frontier.next(Some(Tick(6))).map(|(tick, _)| tick), Some(Tick(6)), "timers fire by arithmetic");
        assert!(frontier.next(Some(Tick(8))).is_none());
    }
}
