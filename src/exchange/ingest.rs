//! Ingest of the source partitions that a process owns: posts become mentions, grouped by source partition and shard, with
//! the offsets that they cover and the watermark that they allow. Pure: records come in, records to be written come out.
//!
//! Everything that a successor must know to judge the next post the same way is in the [`Note`] that is committed beside
//! the offset. What an owner sends twice, or two owners send, is told apart by offsets where it is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::note::Note;
use super::route::Router;
use super::wire::mentions::{Mentions, ROUTING};
use crate::model::{EventTime, Keyed, MentionBatch, Taken, Tick};
use crate::source::decode::Rejected;
use crate::source::tally::Tally;
use crate::source::{Intake, IntakeOptions, Outcome};

/// Mentions of one source partition after which they are sent although no tick has passed.
const WAITING_MAX: usize = 2048;
/// Most bytes of a record of mentions, about: brokers refuse a megabyte, and posts may carry many hashtags.
const RECORD_BYTES: usize = 512 * 1024;
/// Longest that mentions wait to be sent.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// A broker's answer older than this says nothing of a partition's end.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(5);
/// Bytes that a mention takes in an open pane, about.
const MENTION_BYTES: u64 = 100;

/// What a shard was told of a source partition.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// Everything before this offset.
    to: i64,
    watermark: EventTime,
}

/// One source partition.
#[derive(Debug)]
struct Source {
    router: Router,
    /// By shard, the offset of each mention that waits.
    offsets: Vec<Vec<i64>>,
    /// Actions that wait; every shard gets them.
    actions: Vec<(i64, Taken)>,
    /// By shard.
    told: Vec<Told>,
    /// Offset of the next record.
    position: i64,
    since: Option<EventTime>,
    born: u32,
    idle: bool,
    routing: u16,
    /// Whether no post was ever seen and the watermark is that of others: nobody waits for the first one.
    unborn: bool,
    /// Since when fresh answers say that there is nothing left to read.
    quiet: Option<Instant>,
    /// When something was last sent.
    sent: Option<Instant>,
}

/// The source partitions that are owned.
pub struct Ingest {
    intake: Intake,
    keyed: Keyed,
    shards: usize,
    sources: BTreeMap<i32, Source>,
    /// Partitions of posts and of actions.
    partitions: (u32, u32),
    /// How posts of partitions that are taken over become mentions, unless they have gone further already.
    routing: u16,
    /// By tick, mentions sent for it that are not decided.
    under_way: BTreeMap<Tick, u64>,
}

impl Ingest {
    /// Nothing owned yet.
    pub fn new(options: &IntakeOptions, keyed: Keyed, shards: usize) -> Ingest {
        Ingest {
            intake: Intake::new(options),
            keyed,
            shards,
            sources: BTreeMap::new(),
            partitions: (0, 0),
            routing: ROUTING,
            under_way: BTreeMap::new(),
        }
    }

    /// How posts become mentions from the partitions on that are taken over next. Readers must know it first.
    pub fn route_by(&mut self, routing: u16) {
        self.routing = routing;
    }

    /// How many partitions of posts and of actions there are. They grow only. To be said with partitions that are added: a
    /// shard waits for all that it was told of, so who has nothing of a new one must not speak of it.
    pub fn grown(&mut self, partitions: (u32, u32)) {
        self.partitions = (self.partitions.0.max(partitions.0), self.partitions.1.max(partitions.1));
    }

    /// Takes a partition over, to be read from `offset`.
    pub fn add(&mut self, source: i32, offset: i64, note: Note) {
        self.intake.add(source, note.greatest.map(EventTime));
        let told = Told { to: offset, watermark: EventTime::MIN };
        let fresh = Source {
            router: Router::new(self.keyed.clone(), self.shards),
            offsets: vec![Vec::new(); self.shards],
            actions: Vec::new(),
            told: vec![told; self.shards],
            position: offset,
            since: note.since.map(EventTime),
            born: note.born,
            idle: note.idle,
            routing: self.routing.max(note.routing),
            unborn: note.greatest.is_some() && note.since.is_none(),
            quiet: None,
            sent: None,
        };
        self.sources.insert(source, fresh);
    }

    /// Gives a partition up; what of it was not flushed is gone and is the next owner's.
    pub fn remove(&mut self, source: i32) {
        self.sources.remove(&source);
    }

    /// The partitions that are owned.
    pub fn owned(&self) -> impl Iterator<Item = i32> + '_ {
        self.sources.keys().copied()
    }

    /// Whether the partition is owned.
    pub fn owns(&self, source: i32) -> bool {
        self.sources.contains_key(&source)
    }

    /// Takes one record; gives why it is no use, where it is none. One of a partition that is not owned, or before its
    /// position, was read by another connection or owner: it changes nothing.
    pub fn record(&mut self, source: i32, offset: i64, sent_ms: Option<i64>, bytes: &[u8]) -> Option<Rejected> {
        let own = self.sources.get_mut(&source)?;
        if offset < own.position {
            return None;
        }
        own.position = offset + 1;
        own.idle = false;
        own.unborn = false;
        own.quiet = None;
        let rejected = match self.intake.record(source, offset, sent_ms, bytes) {
            Outcome::Post(post) => {
                own.since = Some(own.since.map_or(post.ts, |since| since.min(post.ts)));
                own.router.post_to(&post, |shard| own.offsets[shard].push(offset));
                None
            }
            Outcome::Action(action) => {
                own.actions.push((offset, own.router.action(&action)));
                None
            }
            Outcome::Rejected(rejected) => Some(rejected),
            Outcome::Late | Outcome::Covered => None,
        };
        // Marks are for reading again from one's own state; here the log of mentions is what is read again.
        self.intake.drain_marks().for_each(drop);
        rejected
    }

    /// Says that a partition's next record lies at `position` or after it: control records may have passed unseen.
    pub fn stand_at(&mut self, source: i32, position: i64) {
        if let Some(own) = self.sources.get_mut(&source) {
            own.position = own.position.max(position);
        }
    }

    /// Whether what waits of a partition should be sent now.
    pub fn is_due(&mut self, source: i32, now: Instant) -> bool {
        let tick = self.intake.clocks().own_watermark(source).closed_tick();
        let Some(own) = self.sources.get(&source) else { return false };
        let waiting = own.router.waiting() + own.actions.len();
        let old = own.sent.is_none_or(|sent| now.saturating_duration_since(sent) >= WAIT_MAX);
        waiting >= WAITING_MAX || waiting > 0 && old || own.told.iter().any(|told| told.watermark.closed_tick() < tick)
    }

    /// Sends what waits of a partition: `each` gets a record for every shard that has something to learn, with `whole` also
    /// how far the partition was read, so that its offset may be committed once the records are acknowledged.
    pub fn flush(&mut self, source: i32, whole: bool, now: Instant, mut each: impl FnMut(usize, Mentions)) {
        let watermark = self.intake.clocks().own_watermark(source);
        let greatest = self.intake.clocks().greatest(source);
        let Some(own) = self.sources.get_mut(&source) else { return };
        own.sent = Some(now);
        *self.under_way.entry(greatest.map_or(Tick(i64::MIN), EventTime::tick)).or_default() +=
            own.router.waiting() as u64;
        let actions = std::mem::take(&mut own.actions);
        let batches: Vec<MentionBatch> = own.router.take().collect();
        for (shard, batch) in batches.into_iter().enumerate() {
            let offsets = std::mem::take(&mut own.offsets[shard]);
            let told = &mut own.told[shard];
            let said = whole && told.to == own.position && told.watermark == watermark && own.position > 0;
            let older = watermark.closed_tick() <= told.watermark.closed_tick();
            if batch.items.is_empty() && actions.is_empty() && if whole { said } else { older } {
                continue;
            }
            let (partitions, routing, watched_since) = (self.partitions, own.routing, own.since);
            let mut say = |to, watermark, batch, offsets, actions| {
                let from = std::mem::replace(told, Told { to, watermark }).to;
                let head =
                    Mentions { routing, source, partitions, from, to, watermark, watched_since, ..Mentions::default() };
                each(shard, Mentions { batch, offsets, actions, ..head });
            };
            let mut rest = (batch, offsets);
            while let Some(at) = too_long(&rest.0, &rest.1) {
                let items = rest.0.items.split_off(at);
                let after = (MentionBatch { items, strings: rest.0.strings.clone() }, rest.1.split_off(at));
                let (batch, offsets) = std::mem::replace(&mut rest, after);
                // Time has not passed before all is told.
                say(rest.1[0], EventTime::MIN, batch, offsets, Vec::new());
            }
            say(own.position, watermark, rest.0, rest.1, actions.clone());
        }
    }

    /// The offset and note of a partition as they stand. To be committed once everything flushed `whole` is acknowledged.
    pub fn standing(&mut self, source: i32) -> Option<(i64, Note)> {
        let greatest = self.intake.clocks().greatest(source).map(|at| at.0);
        let own = self.sources.get(&source)?;
        let (since, idle, routing) = (own.since.map(|at| at.0), own.idle, own.routing);
        let note = Note { greatest, since, idle, routing, ..Note::new(own.born) };
        Some((own.position, note))
    }

    /// Whether a partition stands where `committed` says.
    pub fn standing_is(&mut self, source: i32, committed: Option<&(i64, Note)>) -> bool {
        self.standing(source).as_ref() == committed
    }

    /// Looks whether nothing comes any more: `end` is where the partition ends and when that was asked. A partition that came
    /// while the others had gone on holds the watermark from its first record on.
    pub fn observe(&mut self, source: i32, end: Option<(i64, Instant)>, now: Instant, timeout: Duration) {
        let Some(own) = self.sources.get_mut(&source) else { return };
        let fresh = end.filter(|(_, asked)| now.saturating_duration_since(*asked) <= ANSWER_AGE_MAX);
        match fresh {
            Some((end, asked)) if end <= own.position => {
                let since = *own.quiet.get_or_insert(asked);
                own.idle |= own.unborn || now.saturating_duration_since(since) >= timeout;
            }
            _ => {
                own.quiet = None;
                own.idle = false;
            }
        }
    }

    /// The partitions from which nothing comes.
    pub fn idle(&self) -> impl Iterator<Item = i32> + '_ {
        self.sources.iter().filter(|(_, own)| own.idle).map(|(source, _)| *source)
    }

    /// The note of an idle partition that takes over `watermark`, where that is a tick further than its own. It takes effect
    /// with [`raise`](Self::raise), once it is committed.
    pub fn raised(&mut self, source: i32, watermark: EventTime, delay_ms: i64) -> Option<(i64, Note)> {
        let further = watermark.closed_tick() > self.intake.clocks().own_watermark(source).closed_tick();
        let (offset, note) = self.standing(source).filter(|_| further)?;
        Some((offset, Note { greatest: Some(watermark.plus_ms(delay_ms).0), ..note }))
    }

    /// Makes every further post of a partition below `watermark` late.
    pub fn raise(&mut self, source: i32, watermark: EventTime) {
        self.intake.clocks().bring_back(source, watermark);
    }

    /// By partition, its own watermark.
    pub fn watermarks(&mut self) -> Vec<(i32, EventTime)> {
        let clocks = self.intake.clocks();
        self.sources.keys().map(|source| (*source, clocks.own_watermark(*source))).collect()
    }

    /// By partition, the offset of the next record.
    pub fn positions(&self) -> BTreeMap<i32, i64> {
        self.sources.iter().map(|(source, own)| (*source, own.position)).collect()
    }

    /// About how many bytes of open panes were sent from here, when everything through `decided` is closed.
    pub fn open_bytes(&mut self, decided: Tick) -> u64 {
        self.under_way = self.under_way.split_off(&Tick(decided.0.saturating_add(1)));
        self.under_way.values().sum::<u64>() * MENTION_BYTES
    }

    /// The counts since they were last taken.
    pub fn tally(&mut self) -> &mut Tally {
        self.intake.tally()
    }
}

/// Where mentions must be cut so that what is before takes no more than a record may; never within a post.
fn too_long(batch: &MentionBatch, offsets: &[i64]) -> Option<usize> {
    let (mut bytes, mut whole) = (0, 0);
    for (at, item) in batch.items.iter().enumerate() {
        if at > 0 && offsets[at] != offsets[at - 1] {
            whole = at;
        }
        bytes += 64 + usize::from(item.name_len) + usize::from(item.spelling_len);
        if bytes > RECORD_BYTES && whole > 0 {
            return Some(whole);
        }
    }
    None
}
