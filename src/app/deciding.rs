//! Deciding in a running service: what shards say becomes alert lines for the scribe, a face for the board, numbers for
//! the metrics, and now and then a checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::pipeline::{Decisions, Totals, Whose};
use super::running::Jobs;
use super::scores::Scores;
use super::scribe::{Checkpoint, Job};
use super::shadow::Saved;
use super::source_counts::count_source;
use crate::assess::top::TopRow;
use crate::clock;
use crate::decide::line::AlertLine;
use crate::decide::view::{HashtagView, TickView};
use crate::decide::{Decided, Decider};
use crate::exchange::shards::FromShard;
use crate::model::{EventTime, Tick};
use crate::report::Report;
use crate::source::kafka::Shared;
use crate::store::payload::{Payload, Place, keep};

/// How often readers get fresh rows.
const BOARD_EVERY: Duration = Duration::from_secs(2);

/// The scribe has ended.
#[derive(Debug)]
pub struct Gone;

/// Where decisions go.
pub struct Outlets {
    /// The scribe.
    pub jobs: Jobs,
    /// Board and metrics.
    pub report: Report,
    /// The source's ledger and progress.
    pub shared: Arc<Shared>,
    /// Counted up whenever the board wants fresh rows from the shards.
    pub refresh: Arc<AtomicU64>,
    /// Told of every alert line.
    pub on_line: Box<dyn FnMut(&AlertLine) + Send>,
    /// Topic of posts, for the lag.
    pub posts_topic: String,
    /// Topic of actions, for the lag; empty where there is none.
    pub actions_topic: String,
    /// Least time between two checkpoints.
    pub checkpoint_interval: Duration,
    /// Number of shards.
    pub shards: usize,
}

/// The decider at work.
pub struct Deciding {
    decisions: Decisions,
    outlets: Outlets,
    /// The last tick that is decided for certain: every shard has passed it.
    passed: Tick,
    checkpointed: Tick,
    checkpointed_at: Instant,
    /// Shared with the checkpoint that the scribe has not written yet, if there is one.
    pending: Arc<()>,
    watched_since: Option<EventTime>,
    /// What closed and was not handed to the scribe yet.
    closed: BTreeMap<Place, Payload>,
    /// Top rows by shard.
    tops: BTreeMap<usize, Vec<TopRow>>,
    scores: Scores,
    shown_at: Instant,
    counted: Totals,
    bytes: BTreeMap<usize, (usize, usize, usize)>,
    /// Accounts and posts whose actions are remembered, by every shard alike.
    actions: usize,
}

impl Deciding {
    /// Goes on after `tick`.
    pub fn new(
        (decider, shadow): (Decider, Option<Decider>),
        tick: Tick,
        watched_since: Option<EventTime>,
        outlets: Outlets,
    ) -> Deciding {
        let now = clock::monotonic();
        Deciding {
            decisions: Decisions::new(decider, shadow, outlets.shards, tick),
            passed: tick,
            checkpointed: tick,
            checkpointed_at: now,
            pending: Arc::default(),
            watched_since,
            closed: BTreeMap::new(),
            tops: BTreeMap::new(),
            scores: Scores::default(),
            shown_at: now,
            counted: Totals::default(),
            bytes: BTreeMap::new(),
            actions: 0,
            outlets,
        }
    }

    /// Takes what a shard says.
    ///
    /// # Errors
    /// If the scribe has ended.
    pub fn take(&mut self, mut message: FromShard) -> Result<(), Gone> {
        match &mut message {
            FromShard::Closed { shard, closing, report, .. } => {
                let place = (self.outlets.shards as u32) << 16 | *shard as u32;
                self.watched_since = [self.watched_since, report.watched_since].into_iter().flatten().min();
                // Every shard holds the same actions; the first one's are written.
                closing.actions = closing.actions.take().filter(|_| *shard == 0);
                keep(&mut self.closed, place, closing);
            }
            FromShard::Passed { shard, watermark, bytes, tracked, actions, .. } => {
                self.actions = *actions;
                self.outlets.report.metrics.shard_watermark(*shard, *watermark);
                self.bytes.insert(*shard, (bytes.0, bytes.1, *tracked));
            }
            FromShard::Top { shard, rows, .. } => {
                self.tops.insert(*shard, std::mem::take(rows));
            }
        }
        let mut decided = Vec::new();
        self.decisions.take(&mut message, |whose, tick, what| decided.push((whose, tick, what)));
        for (whose, tick, what) in decided {
            match whose {
                Whose::Own => self.hand_on(tick, what)?,
                Whose::Shadow => self.write_down(what.lines)?,
            }
        }
        let passed = self.decisions.watermark().closed_tick();
        if passed > self.passed && passed.end() > EventTime::FIRST {
            self.passed = passed;
        }
        self.checkpoint_if_due()
    }

    fn hand_on(&mut self, tick: Tick, decided: Decided) -> Result<(), Gone> {
        let Decided { lines, assessed } = decided;
        lines.iter().for_each(|line| (self.outlets.on_line)(line));
        if !lines.is_empty() {
            self.outlets.jobs.send(Job::Lines(lines.clone())).map_err(|_| Gone)?;
        }
        self.scores.assessed(tick, &assessed);
        if !lines.is_empty() || !assessed.is_empty() {
            let view = self.view(tick, lines, assessed);
            self.outlets.report.publish(view);
        }
        Ok(())
    }

    /// Lines of the shadow are counted and written, and nobody is told.
    fn write_down(&mut self, lines: Vec<AlertLine>) -> Result<(), Gone> {
        lines.iter().for_each(|line| self.outlets.report.metrics.shadow.line(line));
        if lines.is_empty() {
            return Ok(());
        }
        self.outlets.jobs.send(Job::Shadow(lines)).map_err(|_| Gone)
    }

    fn view(&self, tick: Tick, lines: Vec<AlertLine>, assessed: Vec<HashtagView>) -> TickView {
        TickView {
            tick,
            watermark: tick.end(),
            top: self.scores.top(self.tops.values().flatten()),
            assessed,
            lines,
            warming: self.decisions.decider().is_warming(tick),
        }
    }

    /// Hands a checkpoint to the scribe where the interval has passed and something was decided since the last one. Also to
    /// be called while the shards say nothing: a topic that falls quiet must not wait for its next post to be durable. Never
    /// a second one while the first is being written: on a slow disk they would queue up, with alert lines and the end of
    /// the process behind them.
    ///
    /// # Errors
    /// If the scribe has ended.
    pub fn checkpoint_if_due(&mut self) -> Result<(), Gone> {
        let due = self.checkpointed_at.elapsed() >= self.outlets.checkpoint_interval;
        let pending = Arc::strong_count(&self.pending) > 1;
        if !due || pending || self.passed <= self.checkpointed && !self.has_failed() {
            return Ok(());
        }
        self.checkpoint()
    }

    /// Whether the last checkpoint that was handed over is neither durable nor under way.
    fn has_failed(&self) -> bool {
        let durable = self.outlets.shared.ledger().checkpoint();
        let pending = Arc::strong_count(&self.pending) > 1;
        !pending && self.checkpointed.end() > EventTime::FIRST && durable.is_none_or(|tick| tick < self.checkpointed)
    }

    fn checkpoint(&mut self) -> Result<(), Gone> {
        let tick = self.passed;
        let (closed, later): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.closed).into_iter().partition(|(place, _)| place.2 <= tick.0);
        self.closed = later;
        let resume = self.outlets.shared.ledger().resume(tick);
        let checkpoint = Checkpoint {
            tick,
            closed: closed.into_iter().collect(),
            decider: Saved::encode(self.decisions.decider(), self.decisions.shadow()),
            watched_since: self.watched_since,
            resume,
            pending: Arc::clone(&self.pending),
        };
        self.checkpointed = tick;
        self.checkpointed_at = clock::monotonic();
        self.outlets.jobs.send(Job::Checkpoint(Box::new(checkpoint))).map_err(|_| Gone)
    }

    /// The shards have ended: one last checkpoint.
    pub fn finish(mut self) {
        if self.passed > self.checkpointed || self.has_failed() {
            // Where the scribe has ended, its own error says why.
            let _ = self.checkpoint();
        }
    }

    /// Brings numbers and the board up to date; cheap when called often.
    pub fn refresh(&mut self) {
        if self.shown_at.elapsed() < BOARD_EVERY {
            return;
        }
        self.shown_at = clock::monotonic();
        self.outlets.refresh.fetch_add(1, Ordering::Relaxed);
        self.count();
        let passed = self.passed;
        self.scores.forget(passed);
        if passed.end() > EventTime::FIRST {
            let view = self.view(passed, Vec::new(), Vec::new());
            self.outlets.report.publish(TickView { watermark: self.decisions.watermark(), ..view });
        }
    }

    fn count(&mut self) {
        let metrics = &self.outlets.report.metrics;
        let totals = self.decisions.totals();
        metrics.mentions(totals.mentions - self.counted.mentions);
        metrics.duplicate(totals.duplicates - self.counted.duplicates);
        metrics.evicted(totals.evicted - self.counted.evicted);
        metrics.actions().evicted(totals.actions_evicted - self.counted.actions_evicted);
        self.counted = totals;
        metrics.waiting_for(self.decisions.waiting_for());
        let sum = self.bytes.values().fold((0, 0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1, sum.2 + of.2));
        metrics.memory("panes", (sum.0 - sum.1) as u64);
        metrics.memory("open_panes", sum.1 as u64);
        metrics.tracked(sum.2 as u64);
        metrics.actions().remembered(self.actions as u64);
        count_source(metrics, &self.outlets.shared, &self.outlets.posts_topic, &self.outlets.actions_topic);
    }
}
