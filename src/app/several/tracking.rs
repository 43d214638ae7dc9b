//! Tracking as a thread: owns some partitions of mentions, each a shard; applies them, says reports, writes checkpoints,
//! and restores a shard before it counts on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use tracing::{debug, info, warn};

use super::super::Exit;
use super::shard_state::{self, Restored};
use super::{patiently, refused};
use crate::clock;
use crate::config::Config;
use crate::exchange::tracker::{Fault, Setup, Tracker, Written};
use crate::exchange::wire::manifest::ShardManifest;
use crate::exchange::wire::mentions::Mentions;
use crate::exchange::wire::said::Said;
use crate::kafka;
use crate::kafka::ends::EndWatcher;
use crate::kafka::log_writer::{LogWriter, Mark};
use crate::kafka::member::{Change, Committed, Member, Part};
use crate::kafka::reader::Reader;
use crate::kafka::topics::Names;
use crate::model::{EventTime, Keyed, Tick};
use crate::report::metrics::Metrics;
use crate::source::hold::Hold;
use crate::source::kafka::Shared;

/// Longest a look at the log takes where nothing is there.
const POLL: Duration = Duration::from_millis(50);
/// Time after which a shard says how far it is although no tick has passed.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often readers get fresh rows.
const TOP_EVERY: Duration = Duration::from_secs(2);
/// Time between two looks at everything that is not mentions.
const CHORES_EVERY: Duration = Duration::from_millis(250);
/// Longest that giving shards up waits for acknowledgements.
const HAND_OVER_MAX: Duration = Duration::from_secs(5);
/// The part of memory.budget that reports of all shards together may take, as they travel, before the decider has all of a
/// tick: it keeps those of the shards that are ahead.
const REPORTS_SHARE: u64 = 8;

/// A shard that is owned.
struct Own {
    tracker: Tracker,
    /// The watermark that it last said it had passed.
    said: EventTime,
    /// The tick of the rows that it last said.
    shown: Tick,
    /// When it last said how far it is.
    beat: Option<Instant>,
    /// By tick that is not decided, bytes of the report.
    reported: BTreeMap<Tick, u64>,
}

/// A manifest that is written once everything before the mark is acknowledged.
struct Pending {
    mark: Mark,
    shard: u32,
    manifest: ShardManifest,
    written: Written,
    /// Bytes of its chunks.
    bytes: u64,
}

/// The thread's state.
pub struct Tracking {
    config: Config,
    setup: Setup,
    keyed: Keyed,
    names: Names,
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    member: Member,
    reader: Reader,
    ends: EndWatcher,
    writer: LogWriter,
    shards: BTreeMap<u32, Own>,
    /// The decided watermark, in milliseconds.
    decided: Arc<AtomicI64>,
    hold: Hold,
    /// Tells this thread's words from those of another owner.
    writer_id: u64,
    /// Words said so far.
    words: u64,
    pending: Vec<Pending>,
    checkpoint: Instant,
    chores: Instant,
    shown: Instant,
}

impl Tracking {
    /// Connects; waits for no broker.
    pub fn connect(
        config: &Config,
        (setup, keyed): (Setup, Keyed),
        writer_id: u64,
        (shared, metrics, decided): (Arc<Shared>, Arc<Metrics>, Arc<AtomicI64>),
    ) -> anyhow::Result<Tracking> {
        let names = Names::of(&config.id);
        let group = format!("{}-track", config.id);
        let now = clock::monotonic();
        Ok(Tracking {
            member: Member::join(&config.kafka, &group, &[&names.mentions])?,
            reader: Reader::connect(&config.kafka, &format!("{}-read", config.id), &names.mentions)?,
            ends: EndWatcher::start(&config.kafka, &names.mentions)?,
            writer: LogWriter::connect(&config.kafka)?,
            config: config.clone(),
            setup,
            keyed,
            names,
            shared,
            metrics,
            shards: BTreeMap::new(),
            decided,
            hold: Hold::new(0),
            writer_id,
            words: 0,
            pending: Vec::new(),
            checkpoint: now,
            chores: now,
            shown: now,
        })
    }

    /// Works until told to stop, then hands its shards over.
    ///
    /// # Errors
    /// What only a person can mend. Brokers that are away are waited for.
    pub fn run(mut self, beat: &dyn Fn()) -> anyhow::Result<()> {
        while !self.shared.stopped() {
            beat();
            self.follow_group()?;
            self.read()?;
            self.do_chores()?;
        }
        let owned: Vec<u32> = self.shards.keys().copied().collect();
        self.hand_over(&owned)
    }

    fn follow_group(&mut self) -> anyhow::Result<()> {
        loop {
            match self.member.poll(Duration::ZERO) {
                Ok(None) => return Ok(()),
                Ok(Some(change)) => self.change(change)?,
                Err(error) if error.is_passing() => {
                    debug!(%error, "waiting for the group");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn change(&mut self, change: Change) -> anyhow::Result<()> {
        self.metrics.several.rebalance("track");
        let numbers = |parts: &[Part]| parts.iter().map(|part| part.partition.cast_unsigned()).collect::<Vec<u32>>();
        match change {
            Change::Assigned(parts) => {
                for shard in numbers(&parts) {
                    if shard >= self.setup.owner.shards {
                        bail!(
                            "{} has more partitions than track.shards = {}: a shard more is another deployment, see docs/sizing.md",
                            self.names.mentions,
                            self.setup.owner.shards
                        );
                    }
                    self.take_over(shard)?;
                }
                self.assign()?;
            }
            Change::Revoked(parts) => {
                info!(shards = ?numbers(&parts), "shards handed over");
                self.hand_over(&numbers(&parts))?;
                self.member.release(&parts);
            }
            Change::Lost(parts) => {
                warn!(shards = ?numbers(&parts), "shards lost: the group took this process for dead");
                self.give_up(&numbers(&parts))?;
            }
        }
        Ok(())
    }

    /// Restores a shard, says what it restored and how long it took.
    fn take_over(&mut self, shard: u32) -> anyhow::Result<()> {
        let began = clock::monotonic();
        let stopped = || self.shared.stopped();
        let Restored { tracker, bytes, chunks } = patiently(&self.shared, "restoring a shard", || {
            shard_state::restore(&self.config, &self.setup, &self.names, &self.reader, shard, &stopped)
        })?;
        let took = began.elapsed();
        self.metrics.restored(took);
        info!(shard, bytes, chunks, ?took, resume = tracker.position(), at = %tracker.watermark(), "shard restored");
        let own = Own { tracker, said: EventTime::MIN, shown: Tick(i64::MIN), beat: None, reported: BTreeMap::new() };
        self.shards.insert(shard, own);
        Ok(())
    }

    fn assign(&mut self) -> Result<(), kafka::Error> {
        let share = self.config.memory.budget_bytes / REPORTS_SHARE / u64::from(self.setup.owner.shards);
        self.hold = Hold::new(share * self.shards.len() as u64);
        let positions = self.shards.iter().map(|(shard, own)| (shard.cast_signed(), own.tracker.position()));
        self.reader.assign(&positions.collect())
    }

    /// Writes what is not written of the shards, then lets go of them.
    fn hand_over(&mut self, shards: &[u32]) -> anyhow::Result<()> {
        for shard in shards {
            self.write_checkpoint(*shard)?;
        }
        match self.writer.flush(HAND_OVER_MAX) {
            Ok(()) => {
                self.write_manifests()?;
                if let Err(error) = self.writer.flush(HAND_OVER_MAX) {
                    self.metrics.checkpoint_error();
                    warn!(%error, "the last checkpoint is not acknowledged; the next owner reads more");
                }
            }
            Err(error) if error.is_passing() => {
                self.metrics.checkpoint_error();
                warn!(%error, "the next owner goes on from the checkpoint before");
            }
            Err(error) => return Err(error.into()),
        }
        self.give_up(shards)
    }

    fn give_up(&mut self, shards: &[u32]) -> anyhow::Result<()> {
        for shard in shards {
            self.shards.remove(shard);
            self.pending.retain(|pending| pending.shard != *shard);
            self.metrics.shard_removed(*shard);
            self.metrics.partition_removed(&self.names.mentions, shard.cast_signed());
        }
        Ok(self.assign()?)
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let Tracking { reader, shards, keyed, writer, writer_id, words, names, .. } = self;
        let mut failed: anyhow::Result<()> = Ok(());
        reader.poll_batch(POLL, |polled| {
            if failed.is_err() {
                return;
            }
            match polled {
                Ok(record) => {
                    let Some(own) = shards.get_mut(&record.partition.cast_unsigned()) else { return };
                    failed = take(own, keyed, record.offset, record.payload(), |said| {
                        say(writer, &names.reports, (*writer_id, words), &said)
                    });
                }
                Err(error) if error.is_passing() => debug!(%error, "waiting for brokers"),
                Err(error) => failed = Err(error.into()),
            }
        });
        failed?;
        let now = clock::monotonic();
        for own in self.shards.values_mut() {
            let further = own.tracker.watermark().closed_tick() > own.said.closed_tick();
            if further || own.beat.is_none_or(|beat| now.duration_since(beat) >= HEARTBEAT) {
                own.said = own.tracker.watermark();
                own.beat = Some(now);
                let passed = own.tracker.passed();
                self.metrics.mentions(passed.applied.mentions);
                self.metrics.duplicate(passed.applied.duplicates);
                self.metrics.evicted(passed.applied.evicted);
                self.metrics.several.mentions_duplicate(passed.again);
                self.metrics.shard_watermark(passed.shard as usize, passed.watermark);
                say(&self.writer, &self.names.reports, (self.writer_id, &mut self.words), &Said::Passed(passed))?;
            }
        }
        Ok(())
    }

    fn do_chores(&mut self) -> anyhow::Result<()> {
        let now = clock::monotonic();
        if now.duration_since(self.chores) < CHORES_EVERY {
            return Ok(());
        }
        self.chores = now;
        self.hold_back();
        let reached = self.writer.reached()?;
        if self.pending.iter().all(|pending| pending.mark <= reached) {
            self.write_manifests()?;
            if now.duration_since(self.checkpoint) >= self.config.state.checkpoint_interval {
                self.checkpoint = now;
                for shard in self.shards.keys().copied().collect::<Vec<_>>() {
                    self.write_checkpoint(shard)?;
                }
            }
        }
        if now.duration_since(self.shown) >= TOP_EVERY {
            self.shown = now;
            self.show()?;
        }
        Ok(())
    }

    /// Pauses shards whose reports run far ahead of what is decided: whoever decides holds them until the slowest shard is as far.
    fn hold_back(&mut self) {
        let decided = EventTime(self.decided.load(Ordering::Relaxed));
        let next = Tick(decided.closed_tick().0.saturating_add(1));
        let mut bytes = 0;
        for own in self.shards.values_mut() {
            own.reported = own.reported.split_off(&next);
            bytes += own.reported.values().sum::<u64>();
        }
        let watermarks = self.shards.iter().map(|(shard, own)| (shard.cast_signed(), own.tracker.watermark()));
        let change = self.hold.decide(bytes, decided, watermarks);
        if !change.pause.is_empty() {
            info!(bytes, shards = ?change.pause, "holding back shards that run ahead of what is decided");
        }
        self.reader.pause(&change.pause);
        self.reader.resume(&change.resume);
        self.metrics.memory("reports_sent", bytes);
    }

    /// Writes what closed of a shard; its manifest waits until that, and every report before it, is acknowledged.
    fn write_checkpoint(&mut self, shard: u32) -> anyhow::Result<()> {
        let Some(own) = self.shards.get_mut(&shard) else { return Ok(()) };
        let Some(checkpoint) = own.tracker.checkpoint(i64::from(self.config.windows.baseline_days)) else {
            return Ok(());
        };
        let mut manifest = checkpoint.manifest;
        let (places, bytes) = shard_state::write_chunks(&self.writer, &self.names.state, shard, &checkpoint.chunks)?;
        let written = own.tracker.written(places, manifest.tick);
        manifest.chunks.clone_from(&written.chunks);
        self.pending.push(Pending { mark: self.writer.mark(), shard, manifest, written, bytes });
        Ok(())
    }

    /// Writes the manifests that wait, and lets go of what they make needless. In the log a removal lies behind the
    /// manifest that allows it.
    fn write_manifests(&mut self) -> anyhow::Result<()> {
        for Pending { shard, manifest, written, bytes, .. } in self.pending.drain(..) {
            let more = shard_state::write_manifest(&self.writer, &self.names.state, shard, &manifest, &written)?;
            self.metrics.checkpoint(bytes + more, clock::wall_ms());
            // For who looks at the group's lag with Kafka's own tools; nobody goes on from it.
            let at = Committed { offset: manifest.resume, note: String::new() };
            let part = Part { topic: 0, partition: shard.cast_signed() };
            if let Err(error) = self.member.commit(&BTreeMap::from([(part, at)])) {
                debug!(%error, "the group's offset is not committed; the manifest is what counts");
            }
        }
        Ok(())
    }

    /// Says the rows for the board, and shows how far the shards are.
    fn show(&mut self) -> anyhow::Result<()> {
        let (mut bytes, mut open, mut tracked) = (0, 0, 0);
        for (shard, own) in &mut self.shards {
            let (tick, rows) = own.tracker.top(self.config.metrics.top_k);
            if tick > own.shown {
                own.shown = tick;
                let said = Said::Top { shard: *shard, tick, rows };
                say(&self.writer, &self.names.reports, (self.writer_id, &mut self.words), &said)?;
            }
            let sizes = own.tracker.sizes();
            (bytes, open, tracked) = (bytes + sizes.0 - sizes.1, open + sizes.1, tracked + sizes.2);
            let (partition, end) = (shard.cast_signed(), self.ends.latest(shard.cast_signed()).map(|(end, _)| end));
            self.metrics.position(&self.names.mentions, partition, (own.tracker.position(), end));
        }
        self.metrics.memory("panes", bytes);
        self.metrics.memory("open_panes", open);
        self.metrics.tracked(tracked);
        Ok(())
    }
}

/// Applies a record of mentions; `each` gets what the shard says of the ticks that close, and gives how many bytes that is.
fn take(
    own: &mut Own,
    keyed: &Keyed,
    offset: i64,
    record: &[u8],
    mut each: impl FnMut(Said) -> anyhow::Result<u64>,
) -> anyhow::Result<()> {
    let shard = own.tracker.index();
    let flaw = |why: &dyn std::fmt::Display| anyhow!("mentions of shard {shard} at offset {offset}: {why}");
    let mentions = Mentions::decode(record, keyed).map_err(|error| refused(&error, flaw(&error)))?;
    let mut failed = Ok(());
    let reported = &mut own.reported;
    let taken = own.tracker.take(offset, &mentions, |report| {
        if failed.is_ok() {
            let tick = report.tick;
            failed = each(Said::Report { shard, report: Box::new(report) })
                .map(|bytes| *reported.entry(tick).or_default() += bytes);
        }
    });
    taken.map_err(|error| match error {
        // Started again it would be the same; another process goes on.
        Fault::Routing(_) => flaw(&error).context(Exit::Config),
        Fault::Gap { .. } => flaw(&error),
    })?;
    failed
}

/// Writes a word to the topic of reports; how many bytes it has.
fn say(writer: &LogWriter, topic: &str, (writer_id, words): (u64, &mut u64), said: &Said) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for record in said.encode(writer_id, words) {
        bytes += record.len() as u64;
        writer.write(topic, 0, None, Some(&record))?;
    }
    Ok(bytes)
}
