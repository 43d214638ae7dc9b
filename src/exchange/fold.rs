//! The decider fed from a log: what shards say comes in by offset, ticks are decided once every shard has passed them,
//! and a checkpoint says from which offset a successor reads again. Pure.

use std::collections::{BTreeMap, VecDeque};

use super::frontier::Frontier;
use super::wire::manifest::{DeciderManifest, FORMAT, Owner};
use super::wire::said::{Passed, Said};
use crate::assess::top::TopRow;
use crate::decide::{Decided, Decider};
use crate::model::{EventTime, Tick};

/// Before the tick of every post.
const BEFORE_ALL: Tick = Tick(i64::MIN / 4);

/// The decider and its place in the log of reports.
#[derive(Debug)]
pub struct Fold {
    owner: Owner,
    frontier: Frontier,
    decider: Decider,
    /// Offset of the next record.
    position: i64,
    /// By tick, the offset of the first report that waits for it.
    waiting: BTreeMap<Tick, i64>,
    /// What shards had passed as of the last checkpoint's `resume` …
    base: Vec<EventTime>,
    /// … and what each said of it since: offset, shard, watermark.
    since: VecDeque<(i64, usize, EventTime)>,
    /// What each shard said last.
    passed: BTreeMap<u32, Passed>,
    tops: BTreeMap<u32, Vec<TopRow>>,
    checkpointed: Tick,
    /// Alert lines so far.
    lines: u64,
}

impl Fold {
    /// A decider that has seen nothing, at the beginning of the log.
    pub fn new(owner: Owner, decider: Decider, position: i64) -> Fold {
        let base = vec![EventTime::MIN; owner.shards as usize];
        Self::at(owner, decider, BEFORE_ALL, (position, base, 0))
    }

    /// The decider of a manifest.
    pub fn restore(owner: Owner, decider: Decider, manifest: &DeciderManifest) -> Fold {
        let DeciderManifest { resume, passed, lines, tick, .. } = manifest;
        Self::at(owner, decider, Tick(*tick), (*resume, passed.clone(), *lines))
    }

    fn at(owner: Owner, decider: Decider, tick: Tick, (position, base, lines): (i64, Vec<EventTime>, u64)) -> Fold {
        let mut frontier = Frontier::new(base.len(), tick);
        base.iter().enumerate().for_each(|(shard, watermark)| frontier.passed(shard, *watermark));
        Fold {
            owner,
            frontier,
            decider,
            position,
            waiting: BTreeMap::new(),
            base,
            since: VecDeque::new(),
            passed: BTreeMap::new(),
            tops: BTreeMap::new(),
            checkpointed: tick,
            lines,
        }
    }

    /// Takes what was said in records from `first` to `last`; `on` gets every tick that is decided by it, in order.
    pub fn take(&mut self, (first, last): (i64, i64), said: Said, mut on: impl FnMut(Tick, Decided)) {
        if last < self.position {
            return;
        }
        self.position = last + 1;
        match said {
            Said::Report { shard, report } if self.knows(shard) => {
                let tick = report.tick;
                self.frontier.report(shard as usize, *report);
                if self.frontier.is_waiting(tick) {
                    let at = self.waiting.entry(tick).or_insert(first);
                    *at = first.min(*at);
                }
            }
            Said::Passed(passed) if self.knows(passed.shard) && passed.shards == self.owner.shards => {
                self.passed(last, passed, &mut on);
            }
            Said::Top { shard, rows, .. } if self.knows(shard) => {
                self.tops.insert(shard, rows);
            }
            // Another number of shards is another deployment; `check` says so.
            Said::Report { .. } | Said::Passed(_) | Said::Top { .. } => {}
        }
    }

    fn knows(&self, shard: u32) -> bool {
        shard < self.owner.shards
    }

    fn passed(&mut self, offset: i64, passed: Passed, on: &mut impl FnMut(Tick, Decided)) {
        let (shard, watermark) = (passed.shard as usize, passed.watermark);
        if passed.warming {
            self.decider.state_was_lost();
        }
        self.passed.insert(passed.shard, passed);
        if watermark <= self.frontier.passed_by_shard()[shard] {
            return;
        }
        self.since.push_back((offset, shard, watermark));
        self.frontier.passed(shard, watermark);
        while let Some((tick, reports)) = self.frontier.next(self.decider.next_timer()) {
            self.waiting.remove(&tick);
            let decided = self.decider.decide(tick, reports);
            self.lines += decided.lines.len() as u64;
            on(tick, decided);
        }
    }

    /// What a checkpoint holds now, the decider's own bytes apart; none where no tick has passed since the last.
    /// `incomplete` is the first offset of a report of which parts are missing.
    pub fn checkpoint(&mut self, config_version: &str, incomplete: Option<i64>) -> Option<(DeciderManifest, Vec<u8>)> {
        let tick = self.frontier.watermark().closed_tick();
        if self.frontier.watermark() == EventTime::MIN || tick <= self.checkpointed {
            return None;
        }
        self.checkpointed = tick;
        let waiting = self.waiting.values().copied().min();
        let resume = waiting.into_iter().chain(incomplete).fold(self.position, i64::min);
        while let Some((_, shard, watermark)) = self.since.pop_front_if(|(offset, ..)| *offset < resume) {
            self.base[shard] = self.base[shard].max(watermark);
        }
        let manifest = DeciderManifest {
            format: FORMAT,
            owner: self.owner.clone(),
            tick: tick.0,
            config_version: config_version.to_owned(),
            resume,
            passed: self.base.clone(),
            lines: self.lines,
            chunks: 0,
        };
        Some((manifest, self.decider.encode()))
    }

    /// The watermark that all shards have passed; every tick below it is decided.
    pub fn watermark(&self) -> EventTime {
        self.frontier.watermark()
    }

    /// The shard that the decider waits for, if one is behind another.
    pub fn waiting_for(&self) -> Option<usize> {
        self.frontier.slowest()
    }

    /// The decider.
    pub fn decider(&self) -> &Decider {
        &self.decider
    }

    /// What each shard said last of how far it is.
    pub fn shards(&self) -> &BTreeMap<u32, Passed> {
        &self.passed
    }

    /// The hashtags of most posts, by shard.
    pub fn tops(&self) -> impl Iterator<Item = &TopRow> {
        self.tops.values().flatten()
    }

    /// Offset of the next record to take.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Alert lines so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }
}
