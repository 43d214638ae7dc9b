//! The pipeline as every command runs it: posts are fed to shards, what shards say is folded into decisions. Where posts
//! come from and where decisions go is the command's own matter.

use crossbeam_channel::Sender;

use crate::assess::Report;
use crate::config::Config;
use crate::decide::{Decided, Decider};
use crate::exchange::frontier::Frontier;
use crate::exchange::route::Router;
use crate::exchange::shards::{FromShard, Shards, ToShard};
use crate::model::{Action, EventTime, Keyed, Post, Taken, Tick};
use crate::track::Shard;
use crate::track::shard::Applied;

/// Mentions after which batches are sent although no tick has passed.
const MENTIONS_WAITING: usize = 4096;
/// Watermarks after which waiting mentions are sent although they are few: a quarter of a second of a live topic.
const WATERMARKS_WAITING: u32 = 5;

/// The shards no longer listen: they have ended.
#[derive(Debug)]
pub struct Gone;

/// Feeds posts to shards.
#[derive(Debug)]
pub struct Feeder {
    router: Router,
    actions: Vec<Taken>,
    inputs: Vec<Sender<ToShard>>,
    watched_since: Option<EventTime>,
    sent: EventTime,
    unsent_watermarks: u32,
}

impl Feeder {
    /// Takes over the inputs of `shards`, which end when the feeder is dropped.
    pub fn new(keyed: Keyed, shards: &mut Shards, watched_since: Option<EventTime>) -> Feeder {
        let inputs = std::mem::take(&mut shards.inputs);
        let router = Router::new(keyed, inputs.len());
        Feeder { router, actions: Vec::new(), inputs, watched_since, sent: EventTime::MIN, unsent_watermarks: 0 }
    }

    /// Takes a post that is on time.
    pub fn post(&mut self, post: &Post<'_>) {
        self.watched_since = Some(self.watched_since.map_or(post.ts, |since| since.min(post.ts)));
        self.router.post(post);
    }

    /// Takes an action that is on time.
    pub fn action(&mut self, action: &Action<'_>) {
        self.actions.push(self.router.action(action));
    }

    /// Earliest event time of all that was fed.
    pub fn watched_since(&self) -> Option<EventTime> {
        self.watched_since
    }

    /// Every post and action below `watermark` has been fed. Sends when a tick has passed or enough has gathered.
    ///
    /// # Errors
    /// If the shards have ended.
    pub fn watermark(&mut self, watermark: EventTime) -> Result<(), Gone> {
        let waiting = self.router.waiting() + self.actions.len();
        self.unsent_watermarks += 1;
        let old = waiting > 0 && self.unsent_watermarks >= WATERMARKS_WAITING;
        if watermark.closed_tick() <= self.sent.closed_tick() && waiting < MENTIONS_WAITING && !old {
            return Ok(());
        }
        self.unsent_watermarks = 0;
        self.sent = self.sent.max(watermark);
        for (input, batch) in self.inputs.iter().zip(self.router.take()) {
            let actions = self.actions.clone();
            let message = ToShard { batch, actions, watermark, watched_since: self.watched_since };
            input.send(message).map_err(|_| Gone)?;
        }
        self.actions.clear();
        Ok(())
    }
}

/// Empty shards, as many as configured.
pub fn empty_shards(config: &Config) -> Vec<Shard> {
    (0..config.track.shards).map(|_| Shard::new(config.windows.clone(), shard_budget(config))).collect()
}

/// A decider that has seen nothing.
pub fn empty_decider(config: &Config) -> Decider {
    Decider::new(config.detect.clone(), config.version.clone()).expecting(config.expected.clone())
}

/// Bytes that the panes of one shard may take: its part of the budget, less what building the next pane needs beside them.
pub fn shard_budget(config: &Config) -> usize {
    usize::try_from(config.memory.budget_bytes / 8 * 5).unwrap_or(usize::MAX) / config.track.shards.max(1)
}

/// What counting did, over all shards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Mentions counted.
    pub mentions: u64,
    /// Posts counted already.
    pub duplicates: u64,
    /// Hashtags let go of.
    pub evicted: u64,
    /// Actions forgotten because there were more than are remembered; each shard holds all of them, so one counts.
    pub actions_evicted: u64,
}

impl Totals {
    fn add(&mut self, applied: Applied) {
        self.mentions += applied.mentions;
        self.duplicates += applied.duplicates;
        self.evicted += applied.evicted;
    }
}

/// Whose decisions they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those that people are told.
    Own,
    /// Those of the shadow.
    Shadow,
}

/// A decider, and the reports that wait for it.
#[derive(Debug)]
struct Lane {
    frontier: Frontier,
    decider: Decider,
}

impl Lane {
    fn report(&mut self, shard: usize, report: Report) {
        if !report.is_empty() {
            self.frontier.report(shard, report);
        }
    }

    fn passed(&mut self, shard: usize, watermark: EventTime, mut on: impl FnMut(Tick, Decided)) {
        self.frontier.passed(shard, watermark);
        while let Some((tick, reports)) = self.frontier.next(self.decider.next_timer()) {
            on(tick, self.decider.decide(tick, reports));
        }
    }
}

/// Folds what shards say into decisions, tick by tick: those that count and, beside them, those of a shadow, which has a
/// decider of its own and shares nothing but the shards.
#[derive(Debug)]
pub struct Decisions {
    own: Lane,
    shadow: Option<Lane>,
    totals: Totals,
}

impl Decisions {
    /// Goes on after `decided`.
    pub fn new(decider: Decider, shadow: Option<Decider>, shards: usize, decided: Tick) -> Decisions {
        let lane = |decider| Lane { frontier: Frontier::new(shards, decided), decider };
        Decisions { own: lane(decider), shadow: shadow.map(lane), totals: Totals::default() }
    }

    /// Takes what a shard says; calls `on` for every tick that is decided by it, in order, the shadow's after ours.
    pub fn take(&mut self, message: &mut FromShard, mut on: impl FnMut(Whose, Tick, Decided)) {
        match message {
            FromShard::Closed { shard, report, shadow, closing } => {
                self.totals.evicted += closing.evicted;
                self.totals.actions_evicted += if *shard == 0 { closing.actions_evicted } else { 0 };
                self.own.report(*shard, std::mem::take(report));
                if let (Some(lane), Some(report)) = (&mut self.shadow, shadow.take()) {
                    lane.report(*shard, *report);
                }
            }
            FromShard::Passed { shard, watermark, applied, .. } => {
                self.totals.add(*applied);
                self.own.passed(*shard, *watermark, |tick, decided| on(Whose::Own, tick, decided));
                if let Some(lane) = &mut self.shadow {
                    lane.passed(*shard, *watermark, |tick, decided| on(Whose::Shadow, tick, decided));
                }
            }
            FromShard::Top { .. } => {}
        }
    }

    /// The watermark that all shards have passed; every tick below it is decided.
    pub fn watermark(&self) -> EventTime {
        self.own.frontier.watermark()
    }

    /// The shard that the decider waits for, if one is behind another.
    pub fn waiting_for(&self) -> Option<usize> {
        self.own.frontier.slowest()
    }

    /// The decider.
    pub fn decider(&self) -> &Decider {
        &self.own.decider
    }

    /// The decider of the shadow, if there is one.
    pub fn shadow(&self) -> Option<&Decider> {
        self.shadow.as_ref().map(|lane| &lane.decider)
    }

    /// What counting did so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }
}
