//! A shard fed from a log: batches of mentions come in by offset, each mention counts once however often it was sent, and
//! what closes becomes reports and a checkpoint. Pure: where the log lies and who reads it is the caller's matter.
//!
//! The log is the truth. What a shard holds is a function of its manifest and the records after `resume`, so a successor
//! that reads the same records closes the same panes and says the same reports.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::wire::manifest::{FORMAT, Heard, Owner, ShardManifest};
use super::wire::mentions::{Mentions, ROUTING};
use super::wire::said::Passed;
use crate::assess::top::{TopRow, top};
use crate::assess::{Report, report};
use crate::config::{Detect, Windows};
use crate::model::{EventTime, MentionBatch, Tick};
use crate::store::ChunkKey;
use crate::store::payload::{Kept, Payload, Place, keep, retain_live};
use crate::track::Shard;
use crate::track::shard::{Applied, Closing};

/// Most marks kept; beyond, neighbours are joined, which makes a restore read more, never less.
const MARKS_MAX: usize = 16_384;

/// What a shard needs to know.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whose state it is.
    pub owner: Owner,
    /// `[detect]`
    pub detect: Detect,
    /// `[windows]`
    pub windows: Windows,
    /// Hash of `[detect]`, `[windows]` and `[time]`.
    pub config_version: String,
    /// Bytes that the shard's panes may take.
    pub budget: usize,
}

/// Why a record of mentions cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Posts between two records were never told of.
    #[error(
        "mentions of source partition {source_partition} are missing: told up to offset {known}, the next record begins at \
         {from}; retention of the topic of mentions is too short for how far this shard is behind, or records were deleted"
    )]
    Gap {
        /// The source partition.
        source_partition: i32,
        /// Everything before it is applied.
        known: i64,
        /// Where the record begins.
        from: i64,
    },
    /// Mentions made in a way that this build does not know.
    #[error(
        "mentions are routed by version {0} and this build knows up to {ROUTING}: upgrade the processes that read before \
         those that write"
    )]
    Routing(u16),
}

/// What has been heard of the source when a record is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Heads {
    partitions: (u32, u32),
    heard: BTreeMap<i32, Heard>,
}

impl Heads {
    /// The least watermark of all source partitions; none is known before each was heard.
    fn watermark(&self) -> EventTime {
        let (posts, actions) = (self.partitions.0 as i32, self.partitions.1 as i32);
        let complete = posts > 0 && (-actions..posts).all(|source| self.heard.contains_key(&source));
        let least = self.heard.values().map(|heard| heard.watermark).min();
        least.filter(|_| complete).unwrap_or(EventTime::MIN)
    }
}

/// The first record of a pane later than all panes before it.
#[derive(Clone, Debug)]
struct Mark {
    tick: Tick,
    offset: i64,
    heads: Arc<Heads>,
}

/// What is to be written of a shard, in this order: chunks, manifest, then the removals.
#[derive(Debug)]
pub struct ShardCheckpoint {
    /// New chunks, a place each.
    pub chunks: Vec<(Place, Payload)>,
    /// The manifest as it is to be, without its chunks: [`Tracker::written`] adds them.
    pub manifest: ShardManifest,
}

/// What a checkpoint's manifest names, and what may go once it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// All chunks of the checkpoint.
    pub chunks: Vec<ChunkKey>,
    /// Chunks that nobody needs.
    pub gone: Vec<ChunkKey>,
    /// Ticks of manifests that nobody needs.
    pub old: Vec<i64>,
}

/// One shard and its place in the log.
#[derive(Debug)]
pub struct Tracker {
    setup: Setup,
    index: u32,
    shard: Shard,
    heads: Heads,
    watermark: EventTime,
    /// Offset of the next record.
    position: i64,
    marks: VecDeque<Mark>,
    /// What closed and is in no checkpoint yet.
    unwritten: BTreeMap<Place, Payload>,
    /// Places in the last checkpoint, with their chunks.
    written: BTreeMap<Place, u32>,
    /// Chunks that the last manifest names.
    last: BTreeSet<ChunkKey>,
    /// Other chunks that stand: of the manifest before, or of nobody.
    before: BTreeSet<ChunkKey>,
    /// Ticks of the manifests that stand.
    manifests: BTreeSet<i64>,
    /// The tick of the last checkpoint.
    checkpointed: Option<Tick>,
    applied: Applied,
    again: u64,
    warming: bool,
}

impl Tracker {
    /// An empty shard that reads its log from `position`. `warming` where older records are gone.
    pub fn new(setup: Setup, index: u32, position: i64, warming: bool) -> Tracker {
        let shard = Shard::new(setup.windows.clone(), setup.budget);
        Tracker {
            setup,
            index,
            shard,
            heads: Heads::default(),
            watermark: EventTime::MIN,
            position,
            marks: VecDeque::new(),
            unwritten: BTreeMap::new(),
            written: BTreeMap::new(),
            last: BTreeSet::new(),
            before: BTreeSet::new(),
            manifests: BTreeSet::new(),
            checkpointed: None,
            applied: Applied::default(),
            again: 0,
            warming,
        }
    }

    /// Tells of chunks and manifests of this shard that stand beside the restored one: they go with a later checkpoint.
    pub fn beside(&mut self, chunks: impl IntoIterator<Item = ChunkKey>, manifests: impl IntoIterator<Item = i64>) {
        self.before.extend(chunks.into_iter().filter(|key| !self.last.contains(key)));
        self.manifests.extend(manifests);
    }

    /// The shard of a manifest, with what its chunks hold.
    pub fn restore(setup: Setup, manifest: &ShardManifest, kept: Kept) -> Tracker {
        let tick = Tick(manifest.tick);
        // One shard wrote each pane, whole.
        let panes =
            kept.panes.into_iter().flat_map(|((level, end), panes)| panes.into_iter().map(move |p| (level, end, p)));
        let (panes, rows) = (panes.collect(), kept.rows.into_iter().collect());
        let (windows, budget) = (setup.windows.clone(), setup.budget);
        let mut tracker = Tracker::new(setup, manifest.shard, manifest.resume, false);
        tracker.shard = Shard::restore(windows, budget, tick, manifest.watched_since, panes, rows);
        if let Some((_, actions)) = kept.actions {
            tracker.shard.restore_actions(actions);
        }
        tracker.heads = Heads { partitions: manifest.partitions, heard: manifest.heard.clone() };
        tracker.watermark = tracker.heads.watermark();
        tracker.written = kept.written;
        tracker.last = manifest.chunks.iter().copied().collect();
        tracker.checkpointed = Some(tick);
        tracker
    }

    /// Takes the record at an offset of the shard's log; `each` gets the report of every tick that closes and says
    /// something. A record before the position was taken already.
    ///
    /// # Errors
    /// [`Fault`]; nothing has changed then.
    pub fn take(&mut self, offset: i64, record: &Mentions, mut each: impl FnMut(Report)) -> Result<(), Fault> {
        if offset < self.position {
            return Ok(());
        }
        if record.routing > ROUTING {
            return Err(Fault::Routing(record.routing));
        }
        let known = self.heads.heard.get(&record.source).map(|heard| heard.applied);
        if let Some(known) = known.filter(|known| record.from > *known) {
            return Err(Fault::Gap { source_partition: record.source, known, from: record.from });
        }
        self.position = offset + 1;
        self.mark(offset, record);
        self.apply(known.unwrap_or(record.from), record);
        self.hear(record);
        while let Some(tick) = self.shard.next_due(self.watermark) {
            let mut closing = self.shard.close(tick);
            self.applied.evicted += closing.evicted + closing.actions_evicted;
            self.keep(&mut closing);
            let report = report(&self.shard, tick, &self.setup.detect);
            if !report.is_empty() {
                each(report);
            }
        }
        Ok(())
    }

    /// Notes where reading must begin again for the panes that the record opens.
    fn mark(&mut self, offset: i64, record: &Mentions) {
        let ticks = record.batch.items.iter().map(|item| item.tick);
        let acted = record.actions.iter().map(|(_, action)| action.at.tick());
        let Some(tick) = ticks.chain(acted).max() else { return };
        if self.marks.back().is_none_or(|mark| mark.tick < tick) {
            let same = self.marks.back().filter(|mark| *mark.heads == self.heads).map(|mark| Arc::clone(&mark.heads));
            let heads = same.unwrap_or_else(|| Arc::new(self.heads.clone()));
            self.marks.push_back(Mark { tick, offset, heads });
            if self.marks.len() > MARKS_MAX {
                self.join_marks();
            }
        }
    }

    /// Halves the marks. The later pane of two takes the earlier offset, so that nothing is missed.
    fn join_marks(&mut self) {
        let mut old = std::mem::take(&mut self.marks).into_iter();
        while let Some(mark) = old.next() {
            let tick = old.next().map_or(mark.tick, |later| later.tick);
            self.marks.push_back(Mark { tick, ..mark });
        }
    }

    /// Counts what lies at or after `known` in the source partition and in a pane that is still open.
    fn apply(&mut self, known: i64, record: &Mentions) {
        if let Some(since) = record.watched_since {
            self.shard.watched(since);
        }
        // A sender that was frozen may send posts that its successor has found late.
        let closed = self.watermark.closed_tick();
        let counts = |offset: i64, tick: Tick| offset >= known && tick > closed;
        let items = record.offsets.iter().zip(&record.batch.items);
        let whole = items.clone().all(|(offset, item)| counts(*offset, item.tick));
        let applied = if whole {
            self.shard.apply(&record.batch)
        } else {
            let kept = items.filter(|(offset, item)| counts(**offset, item.tick)).map(|(_, item)| *item);
            let batch = MentionBatch { items: kept.collect(), strings: record.batch.strings.clone() };
            self.again += (record.batch.items.len() - batch.items.len()) as u64;
            self.shard.apply(&batch)
        };
        self.applied.mentions += applied.mentions;
        self.applied.duplicates += applied.duplicates;
        self.applied.evicted += applied.evicted;
        let actions = record.actions.iter().filter(|(offset, action)| counts(*offset, action.at.tick()));
        self.shard.act(&actions.map(|(_, action)| *action).collect::<Vec<_>>());
    }

    fn hear(&mut self, record: &Mentions) {
        let Heads { partitions, heard } = &mut self.heads;
        *partitions = (partitions.0.max(record.partitions.0), partitions.1.max(record.partitions.1));
        let fresh = Heard { applied: record.to, watermark: record.watermark };
        let known = heard.entry(record.source).or_insert(fresh);
        known.applied = known.applied.max(record.to);
        known.watermark = known.watermark.max(record.watermark);
        self.watermark = self.watermark.max(self.heads.watermark());
    }

    fn keep(&mut self, closing: &mut Closing) {
        keep(&mut self.unwritten, self.index, closing);
    }

    /// What is to be written now, or none where nothing closed since the last checkpoint.
    pub fn checkpoint(&mut self, baseline_days: i64) -> Option<ShardCheckpoint> {
        let tick = self.watermark.closed_tick();
        if self.watermark == EventTime::MIN || self.checkpointed.is_some_and(|before| before >= tick) {
            return None;
        }
        self.checkpointed = Some(tick);
        retain_live(&mut self.unwritten, &mut self.written, tick.0, baseline_days);
        let later = self.marks.partition_point(|mark| mark.tick <= tick);
        self.marks.drain(..later);
        let (resume, heads) = match self.marks.front() {
            Some(mark) => (mark.offset, mark.heads.as_ref().clone()),
            None => (self.position, self.heads.clone()),
        };
        let chunks = std::mem::take(&mut self.unwritten).into_iter().collect();
        let manifest = ShardManifest {
            format: FORMAT,
            owner: self.setup.owner.clone(),
            shard: self.index,
            tick: tick.0,
            config_version: self.setup.config_version.clone(),
            watched_since: self.shard.watched_since(),
            resume,
            partitions: heads.partitions,
            heard: heads.heard,
            chunks: Vec::new(),
        };
        Some(ShardCheckpoint { chunks, manifest })
    }

    /// Says into how many chunks the places of the checkpoint of `tick` went. Gives what its manifest names, and what nobody
    /// needs once that is written: chunks that neither it nor the one before names, and older manifests.
    pub fn written(&mut self, places: impl IntoIterator<Item = (Place, u32)>, tick: i64) -> Written {
        self.written.extend(places);
        let key = |place: &Place, chunk| ChunkKey { shard: place.0, level: place.1, pane: place.2, chunk };
        let chunks: Vec<ChunkKey> =
            self.written.iter().flat_map(|(place, n)| (0..*n).map(move |chunk| key(place, chunk))).collect();
        let now: BTreeSet<ChunkKey> = chunks.iter().copied().collect();
        // A later pane may be in the manifest of a successor that is ahead of us.
        let is_gone = |key: &&ChunkKey| !self.last.contains(key) && !now.contains(key) && key.pane <= tick;
        let gone = self.before.iter().filter(is_gone).copied().collect();
        self.before = std::mem::replace(&mut self.last, now);
        self.manifests.insert(tick);
        let mut old = Vec::new();
        while self.manifests.len() > 2 {
            old.extend(self.manifests.pop_first());
        }
        Written { chunks, gone, old }
    }

    /// How far the shard is, with what it did since it was last asked.
    pub fn passed(&mut self) -> Passed {
        Passed {
            shard: self.index,
            shards: self.setup.owner.shards,
            watermark: self.watermark,
            applied: std::mem::take(&mut self.applied),
            again: std::mem::take(&mut self.again),
            bytes: (self.shard.bytes() as u64, self.shard.open_bytes() as u64),
            tracked: self.shard.usuals().len() as u64,
            actions: self.shard.actions().len() as u64,
            warming: self.warming,
        }
    }

    /// Its hashtags of most posts, and the tick at which it looked.
    pub fn top(&self, count: usize) -> (Tick, Vec<TopRow>) {
        // Windows go on where nothing comes: a shard is not to show what its last post saw.
        let tick = self.shard.closed_through().max(self.watermark.closed_tick());
        (tick, top(&self.shard, tick.0, count))
    }

    /// Goes on from `position`, because what lies before it is gone: what it says until its longest window is full must not
    /// page.
    pub fn lost(&mut self, position: i64) {
        self.position = position;
        self.heads.heard.clear();
        self.marks.clear();
        self.warming = true;
    }

    /// Bytes of its panes, closed and open, and hashtags with a post in any window.
    pub fn sizes(&self) -> (u64, u64, u64) {
        (self.shard.bytes() as u64, self.shard.open_bytes() as u64, self.shard.usuals().len() as u64)
    }

    /// Which shard.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Everything below it was reported.
    pub fn watermark(&self) -> EventTime {
        self.watermark
    }

    /// Offset of the next record to take.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// By source partition, what was heard of it.
    pub fn heard(&self) -> &BTreeMap<i32, Heard> {
        &self.heads.heard
    }
}
