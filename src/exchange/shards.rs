//! Shards as threads: each owns its panes and takes batches from a bounded channel; what it says of each tick goes into
//! one channel to the decider. A slow decider slows the shards, slow shards slow the source: nothing piles up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::assess::candidates::same_reports;
use crate::assess::top::{TopRow, top};
use crate::assess::{Report, report};
use crate::config::Detect;
use crate::model::{EventTime, MentionBatch, Taken, Tick};
use crate::track::Shard;
use crate::track::shard::{Applied, Closing};

/// After so long without a batch a shard looks whether the board has asked for something.
const QUIET: Duration = Duration::from_secs(1);
/// Batches that may wait for one shard.
const BATCHES_WAITING: usize = 16;
/// Messages that may wait for the decider.
const MESSAGES_WAITING: usize = 1024;

/// A batch for one shard.
#[derive(Debug)]
pub struct ToShard {
    /// Mentions, in the order of their sources.
    pub batch: MentionBatch,
    /// Actions, in any order; every shard gets all of them.
    pub actions: Vec<Taken>,
    /// Every post and action below it has been sent.
    pub watermark: EventTime,
    /// Earliest event time of the stream so far.
    pub watched_since: Option<EventTime>,
}

/// What a shard says.
#[derive(Debug)]
pub enum FromShard {
    /// A tick closed.
    Closed {
        /// Which shard.
        shard: usize,
        /// What it says of the tick.
        report: Report,
        /// What it says of the tick under the rules of the shadow, if there is one.
        shadow: Option<Box<Report>>,
        /// What closed; empty unless checkpoints are written.
        closing: Closing,
    },
    /// A batch was applied and every tick below the watermark reported.
    Passed {
        /// Which shard.
        shard: usize,
        /// The watermark.
        watermark: EventTime,
        /// What applying did.
        applied: Applied,
        /// Bytes of its panes, closed and open.
        bytes: (usize, usize),
        /// Hashtags with a post in any window.
        tracked: usize,
        /// Accounts and posts whose actions are remembered.
        actions: usize,
    },
    /// Its hashtags of most posts, for the board.
    Top {
        /// Which shard.
        shard: usize,
        /// The tick at which it looked.
        tick: Tick,
        /// Best first.
        rows: Vec<TopRow>,
    },
}

/// Settings of a shard's thread.
#[derive(Clone, Debug)]
pub struct ShardOptions {
    /// `[detect]`
    pub detect: Detect,
    /// `[detect]` of the shadow, if there is one.
    pub shadow: Option<Detect>,
    /// Whether closed panes are handed on to be written.
    pub checkpoints: bool,
    /// Hashtags to hand to the board whenever the decider asks; 0 where there is no board.
    pub top_k: usize,
    /// Counted up whenever the board wants fresh rows.
    pub refresh: Arc<AtomicU64>,
    /// Bytes of open panes over all shards, for the source to hold back.
    pub open_bytes: Arc<AtomicU64>,
}

/// The shards' threads.
#[derive(Debug)]
pub struct Shards {
    /// One channel a shard.
    pub inputs: Vec<Sender<ToShard>>,
    /// What all shards say.
    pub output: Receiver<FromShard>,
    threads: Vec<JoinHandle<()>>,
}

impl Shards {
    /// Starts a thread for each shard.
    ///
    /// # Errors
    /// Fails where the system has no thread left.
    pub fn start(shards: Vec<Shard>, options: &ShardOptions) -> std::io::Result<Shards> {
        let (to_decider, output) = bounded(MESSAGES_WAITING);
        let mut inputs = Vec::new();
        let mut threads = Vec::new();
        for (index, shard) in shards.into_iter().enumerate() {
            let (input, batches) = bounded(BATCHES_WAITING);
            let worker = Worker {
                index,
                shard,
                options: options.clone(),
                output: to_decider.clone(),
                refreshed: (0, Tick(i64::MIN)),
                passed: Tick(i64::MIN),
                open: 0,
            };
            let name = format!("shard-{index}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || worker.run(&batches))?);
            inputs.push(input);
        }
        Ok(Shards { inputs, output, threads })
    }

    /// Lets go of what the shards say: each ends with its next word.
    pub fn stop_listening(&mut self) {
        self.output = crossbeam_channel::never();
    }

    /// Waits for the threads; they end once their inputs are dropped.
    pub fn join(self) {
        drop(self.inputs);
        drop(self.output);
        for thread in self.threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

struct Worker {
    index: usize,
    shard: Shard,
    options: ShardOptions,
    output: Sender<FromShard>,
    /// What the board last asked for, and the tick at which it got it.
    refreshed: (u64, Tick),
    /// The last tick that the watermark has passed, whether or not anything closed with it.
    passed: Tick,
    /// Its part of `options.open_bytes`.
    open: u64,
}

impl Worker {
    fn run(mut self, batches: &Receiver<ToShard>) {
        loop {
            let taken = match batches.recv_timeout(QUIET) {
                Ok(message) => self.take(&message),
                // The board may have asked since the last post came.
                Err(RecvTimeoutError::Timeout) => self.say_top(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if taken.is_none() {
                return; // the decider is gone: the process is stopping
            }
        }
    }

    fn take(&mut self, message: &ToShard) -> Option<()> {
        if let Some(since) = message.watched_since {
            self.shard.watched(since);
        }
        let applied = self.shard.apply(&message.batch);
        self.shard.act(&message.actions);
        while let Some(tick) = self.shard.next_due(message.watermark) {
            let closing = self.shard.close(tick);
            let report = report(&self.shard, tick, &self.options.detect);
            let shadow = self.shadow(tick, &report).map(Box::new);
            let closing = if self.options.checkpoints {
                closing
            } else {
                Closing { panes: Vec::new(), rows: None, actions: None, ..closing }
            };
            let quiet = report.is_empty() && shadow.as_ref().is_none_or(|report| report.is_empty());
            let evicted = closing.evicted + closing.actions_evicted;
            if !quiet || self.options.checkpoints || evicted > 0 {
                self.output.send(FromShard::Closed { shard: self.index, report, shadow, closing }).ok()?;
            }
        }
        self.say_bytes();
        self.passed = message.watermark.closed_tick();
        self.say_top()?;
        let passed = FromShard::Passed {
            shard: self.index,
            watermark: message.watermark,
            applied,
            bytes: (self.shard.bytes(), self.shard.open_bytes()),
            tracked: self.shard.usuals().len(),
            actions: self.shard.actions().len(),
        };
        self.output.send(passed).ok()
    }

    /// What a shadow's rules make of the tick. Where they ask the shard the same, its answer serves both.
    fn shadow(&self, tick: Tick, own: &Report) -> Option<Report> {
        let shadow = self.options.shadow.as_ref()?;
        let same = same_reports(shadow, &self.options.detect);
        Some(if same { own.clone() } else { report(&self.shard, tick, shadow) })
    }

    fn say_bytes(&mut self) {
        let open = self.shard.open_bytes() as u64;
        // Wrapping on purpose: the sum over shards stays right.
        self.options.open_bytes.fetch_add(open.wrapping_sub(self.open), Ordering::Relaxed);
        self.open = open;
    }

    fn say_top(&mut self) -> Option<()> {
        let wanted = self.options.refresh.load(Ordering::Relaxed);
        // Windows go on where nothing comes: a shard is not to show what its last post saw.
        let tick = self.shard.closed_through().max(self.passed);
        // Between two ticks nothing changes.
        if self.options.top_k == 0 || wanted == self.refreshed.0 || tick == self.refreshed.1 {
            return Some(());
        }
        self.refreshed = (wanted, tick);
        let rows = top(&self.shard, tick.0, self.options.top_k);
        self.output.send(FromShard::Top { shard: self.index, tick, rows }).ok()
    }
}
