//! Posts and actions from Kafka topics: all their partitions, by `assign`, on the calling thread. This is the shell around
//! [`Live`]: it connects, decides where to begin, polls, makes decisions durable before the watermark that rests on them
//! is passed on, and keeps the group's committed offsets behind durable state.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::aside::Entry;
use super::aside_log::{self, AsideLog};
use super::begin::{self, Beginning};
use super::decode::Format;
use super::hold::Hold;
use super::ledger::Resume;
use super::live::Live;
use super::partition::in_topic;
pub use super::shared::{PartitionProgress, Progress, Shared};
use super::start::Restored;
pub use super::topic::Error;
use super::topic::Topic;
use super::{IntakeOptions, Outcome, Step};
use crate::kafka::producer::{RejectedWriter, Rejection};
use crate::kafka::reader::{GroupHandle, Record};
use crate::model::EventTime;
use crate::{clock, config, kafka};

/// Most records of a batch, give or take what librdkafka hands out at once.
const BATCH_RECORDS: usize = 4096;
/// Longest a batch stays open.
const BATCH_TIME: Duration = Duration::from_millis(50);
/// Time between two looks at memory, new partitions, commits and progress.
const CHORES_EVERY: Duration = Duration::from_millis(250);
/// Least time between two commits, and after one that failed.
const COMMIT_EVERY: Duration = Duration::from_secs(5);
/// Least time between two warnings that say the same.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// Time between two looks for partitions that the topic did not have.
const GROW_EVERY: Duration = Duration::from_secs(60);
/// A partition with records left that shows none for so long is read through a new connection.
const STALL_MAX: Duration = Duration::from_secs(120);
/// Pause before a decision that could not be written down is tried again.
const DISK_RETRY: Duration = Duration::from_secs(1);

/// What a topic is read with.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Brokers, dead-letter topic, where to begin.
    pub kafka: config::Kafka,
    /// Topic of posts.
    pub topic: String,
    /// Topic of actions, if there is one.
    pub actions_topic: Option<String>,
    /// Group that offsets are committed under; nobody joins it.
    pub group: String,
    /// Delay, idle timeout, future.
    pub time: config::Time,
    /// Bounds on one post.
    pub limits: config::Limits,
    /// How posts are written.
    pub format: Format,
    /// Folder of the log of decisions; must exist.
    pub state_dir: PathBuf,
    /// The checkpoint to go on from.
    pub restored: Option<Restored>,
    /// Bytes of open panes above which partitions far ahead are held back.
    pub hold_above_bytes: u64,
}

/// Topics about to be read.
pub struct KafkaSource {
    options: KafkaOptions,
    shared: Arc<Shared>,
    /// That of posts, then that of actions, if there is one.
    topics: Vec<Topic>,
    letters: Option<Arc<RejectedWriter>>,
    log: AsideLog,
    live: Live,
    hold: Hold,
    warming: bool,
    /// By partition: the position last seen, and when it had moved.
    moved: BTreeMap<i32, (i64, Instant)>,
    chores: Chores,
}

/// When each chore was last done.
struct Chores {
    all: Instant,
    commit: Instant,
    grow: Instant,
    committed: BTreeMap<i32, i64>,
    /// Lost letters that were last said, and when.
    lost: (u64, Option<Instant>),
}

impl KafkaSource {
    /// Connects, waits for the brokers and the topics, decides where to begin and checks that it is there.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] where the topic no longer holds what is to be read, [`Error::Stopped`] where it was told to
    /// stop while waiting, and whatever Kafka or the disk refuse.
    pub fn connect(options: KafkaOptions, shared: Arc<Shared>) -> Result<KafkaSource, Error> {
        let mut log = AsideLog::open(&options.state_dir, &options.topic)?;
        let mut topics = vec![Topic::connect(&options.kafka, &options.group, &options.topic, false)?];
        if let Some(name) = &options.actions_topic {
            topics.push(Topic::connect(&options.kafka, &options.group, name, true)?);
        }
        let mut begin = BTreeMap::new();
        for topic in &topics {
            begin.extend(begin_of(topic, &options, &log, &shared)?);
        }
        let intake = IntakeOptions {
            format: options.format,
            limits: options.limits.clone(),
            delay: options.time.watermark_delay,
            max_future: options.time.max_future,
            covered: options.restored.as_ref().map(|restored| restored.covered),
            mixed: false,
        };
        let mut live = Live::new(&intake, options.time.idle_timeout, options.time.actions_idle_timeout);
        let (mut starts, mut lines) = (BTreeMap::new(), Vec::new());
        for (&partition, beginning) in &begin {
            let at = beginning.at;
            add(&mut live, &shared, &log, partition, *beginning);
            starts.insert(partition, at.offset);
            lines.extend(beginning.first.then_some(Entry::Start { partition, position: at.offset }));
        }
        if let Some(restored) = &options.restored {
            // What it says may be committed at once; a process with nothing to read learns of its successor that way.
            shared.ledger().prune(restored.covered);
        }
        let warming = begin.values().any(|beginning| beginning.warming);
        if warming {
            warn!(
                topic = options.topic,
                "state is lost behind a committed offset: reading the last day again, warming"
            );
        }
        log.append(&lines)?;
        log.compact_now(&starts)?;
        topics.iter().try_for_each(|topic| topic.assign(&starts))?;
        let letters = options.kafka.rejected_topic.as_deref();
        let letters = letters.map(|topic| RejectedWriter::connect(&options.kafka, topic).map(Arc::new)).transpose()?;
        let now = clock::monotonic();
        let chores = Chores { all: now, commit: now, grow: now, committed: BTreeMap::new(), lost: (0, None) };
        let (hold, moved) = (Hold::new(options.hold_above_bytes), BTreeMap::new());
        for topic in &topics {
            let partitions = starts.keys().filter(|number| topic.has(**number)).count();
            info!(topic = topic.name(), partitions, "reading");
        }
        Ok(KafkaSource { options, shared, topics, letters, log, live, hold, warming, moved, chores })
    }

    /// Whether state was lost behind a committed offset: what is found until the longest window is full must not page.
    pub fn warming(&self) -> bool {
        self.warming
    }

    /// The group that offsets are committed under, for committing them in a transaction.
    ///
    /// # Errors
    /// If the client has no group.
    pub fn group(&self) -> Result<GroupHandle, kafka::Error> {
        self.topics[0].group()
    }

    /// The dead-letter topic's writer: what it was given is to be settled before a position is made durable.
    pub fn letters(&self) -> Option<Arc<RejectedWriter>> {
        self.letters.clone()
    }

    /// Where each partition is read next.
    pub fn positions(&self) -> BTreeMap<i32, i64> {
        self.live.positions()
    }

    /// Reads until told to stop or `on` breaks off; returns where reading stands. Each batch ends with a watermark; what
    /// came after the last one belongs to no passed pane.
    ///
    /// # Errors
    /// What nobody but a person can mend. Brokers that are away are waited for.
    pub fn run(&mut self, on: &mut impl FnMut(Step<'_>) -> ControlFlow<()>) -> Result<BTreeMap<i32, i64>, Error> {
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() && !self.shared.stopped() {
            let records;
            (records, flow) = self.read_batch(on)?;
            if flow.is_continue() {
                flow = self.end_batch(on);
            }
            self.do_chores(records < BATCH_RECORDS)?;
        }
        self.show();
        if let Some(letters) = &self.letters
            && let Err(error) = letters.flush(Duration::from_secs(5))
        {
            warn!(%error, "rejected records may be missing from the dead-letter topic");
        }
        Ok(self.live.positions())
    }

    /// Polls until the batch is full or old enough; how many records there were.
    fn read_batch(
        &mut self,
        on: &mut impl FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> Result<(usize, ControlFlow<()>), Error> {
        let KafkaSource { topics, letters, live, .. } = self;
        let deadline = clock::monotonic() + BATCH_TIME;
        let wall_ms = clock::wall_ms();
        let (mut records, mut failed, mut flow) = (0, None, ControlFlow::Continue(()));
        while records < BATCH_RECORDS && failed.is_none() && flow.is_continue() {
            let left = deadline.saturating_duration_since(clock::monotonic());
            if left.is_zero() {
                break;
            }
            // Posts are waited for; of actions is taken what is there.
            for (index, topic) in topics.iter().enumerate().rev() {
                let wait = if index == 0 { left } else { Duration::ZERO };
                records += topic.poll(wait, |polled| match polled {
                    _ if flow.is_break() => {}
                    Ok(record) => flow = take(live, topic, letters.as_deref(), &record, wall_ms, on),
                    Err(error) if error.is_passing() => debug!(%error, "waiting for brokers"),
                    Err(error) => failed = Some((index, error)),
                });
            }
        }
        match failed {
            Some((index, kafka::Error::OffsetOutOfRange { partition, offset, .. })) => {
                Err(topics[index].gone(partition, offset)?)
            }
            Some((_, error)) => Err(error.into()),
            None => Ok((records, flow)),
        }
    }

    /// Makes what was decided durable, notes where to read again, then passes the watermark on.
    fn end_batch(&mut self, on: &mut impl FnMut(Step<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        for (partition, position) in self.topics.iter().flat_map(Topic::positions) {
            self.live.stand_at(partition, position);
        }
        let watermark = self.live.end_batch(clock::monotonic(), |partition| latest(&self.topics, partition));
        while let Err(error) = self.write_down() {
            // Going on would let a restart decide otherwise than this run; standing still loses nothing.
            warn!(%error, "cannot write down which partitions are idle, standing still");
            thread::sleep(DISK_RETRY);
            if self.shared.stopped() {
                return ControlFlow::Break(());
            }
        }
        self.live.written();
        self.live.note(&mut self.shared.ledger());
        on(Step::Watermark(watermark))
    }

    fn write_down(&mut self) -> Result<(), aside_log::Error> {
        if self.live.unwritten().is_empty() { Ok(()) } else { self.log.append(self.live.unwritten()) }
    }

    /// What need not be done with every batch. Who has caught up with the topic is seen to have at once.
    fn do_chores(&mut self, caught_up: bool) -> Result<(), Error> {
        let now = clock::monotonic();
        if now.duration_since(self.chores.all) < CHORES_EVERY {
            if caught_up {
                self.show();
            }
            return Ok(());
        }
        self.chores.all = now;
        self.show();
        self.say_lost(now);
        self.hold_back();
        if now.duration_since(self.chores.commit) >= COMMIT_EVERY {
            self.commit();
            // After the answer, so that a coordinator that is away does not take all the time there is.
            self.chores.commit = clock::monotonic();
        }
        if now.duration_since(self.chores.grow) >= GROW_EVERY {
            self.chores.grow = now;
            self.grow()?;
        }
        self.mend_stall(now)
    }

    /// Shows others where reading stands.
    fn show(&mut self) {
        let mut partitions = BTreeMap::new();
        for (partition, position) in self.live.positions() {
            let end = latest(&self.topics, partition).map(|(end, _)| end);
            let held = self.hold.held().contains(&partition);
            let own = self.live.intake().clocks().own_watermark(partition);
            let watermark = (own > EventTime::MIN).then_some(own);
            partitions.insert(partition, PartitionProgress { position, end, watermark, aside: false, held });
        }
        for partition in self.live.aside() {
            partitions.entry(partition).and_modify(|progress| progress.aside = true);
        }
        let answers = partitions.keys().filter_map(|partition| latest(&self.topics, *partition));
        let answered = answers.map(|(_, asked)| asked).max();
        let tally = self.live.intake().tally().take();
        let mut progress = self.shared.progress();
        progress.partitions = partitions;
        progress.watermark = self.live.passed();
        progress.tally.add(tally);
        progress.answered = answered;
        progress.letters_lost = self.letters.as_ref().map_or(0, |letters| letters.lost());
    }

    /// Says that rejected records are missing from the dead-letter topic, and why.
    fn say_lost(&mut self, now: Instant) {
        let Some(letters) = &self.letters else { return };
        let (said, at) = self.chores.lost;
        let lost = letters.lost();
        if lost > said && at.is_none_or(|at| now.duration_since(at) >= SAY_EVERY) {
            let reason = letters.lost_for().unwrap_or_default();
            let topic = self.options.kafka.rejected_topic.as_deref().unwrap_or_default();
            warn!(topic, lost, %reason, "rejected records are missing from the dead-letter topic; they are counted all the same");
            self.chores.lost = (lost, Some(now));
        }
    }

    /// Pauses partitions that run far ahead while memory is short, resumes them when it is not.
    fn hold_back(&mut self) {
        let open_bytes = self.shared.open_bytes.load(Ordering::Relaxed);
        let numbers: Vec<i32> = self.live.positions().into_keys().collect();
        let clocks = self.live.intake().clocks();
        let watermark = clocks.watermark();
        let active = numbers.into_iter().filter(|&partition| !clocks.is_aside(partition));
        let own = active.map(|partition| (partition, clocks.own_watermark(partition)));
        let change = self.hold.decide(open_bytes, watermark, own);
        if !change.pause.is_empty() {
            info!(open_bytes, partitions = ?change.pause, "holding back partitions that run ahead");
        }
        self.topics.iter().for_each(|topic| topic.hold(&change.pause, &change.resume));
    }

    /// Commits what is durable, as the ledger knows it; also for the last checkpoint, after [`Self::run`]. A commit that
    /// fails only leaves the committed offsets older than they could be.
    pub fn commit(&mut self) {
        let durable = {
            let ledger = self.shared.ledger();
            if ledger.checkpoint().is_none() {
                return;
            }
            ledger.durable()
        };
        if durable == self.chores.committed {
            return;
        }
        match self.topics.iter().try_for_each(|topic| topic.commit(&durable)) {
            Ok(()) => {
                if let Err(error) = self.log.compact(&durable) {
                    warn!(%error, "cannot shorten the log of idle partitions");
                }
                self.chores.committed = durable;
            }
            Err(error) => warn!(%error, "cannot commit offsets; state is safe, trying again"),
        }
    }

    /// Takes in partitions that a topic did not have when reading began, from their oldest records.
    fn grow(&mut self) -> Result<(), Error> {
        for index in 0..self.topics.len() {
            let topic = &self.topics[index];
            let known = self.live.positions();
            let there = topic.partitions().into_iter();
            let new: Vec<i32> = there.filter(|partition| !known.contains_key(partition)).collect();
            if new.is_empty() {
                continue;
            }
            for &partition in &new {
                let (low, _) = match topic.range(partition) {
                    Err(error) if error.is_passing() => return Ok(()),
                    other => other?,
                };
                let at = Resume { offset: low, greatest: None };
                let beginning = Beginning { at, new: true, first: false, warming: false };
                add(&mut self.live, &self.shared, &self.log, partition, beginning);
            }
            info!(topic = topic.name(), partitions = new.len(), "the topic has new partitions");
            self.assign_again(index)?;
        }
        Ok(())
    }

    /// Reads on from the current positions, after partitions came or a connection was made anew.
    fn assign_again(&self, index: usize) -> Result<(), Error> {
        let topic = &self.topics[index];
        topic.assign(&self.live.positions())?;
        topic.hold(&self.hold.held().iter().copied().collect::<Vec<_>>(), &[]);
        Ok(())
    }

    /// Reads through a new connection where a partition has records, is not held back, and shows none: a client that
    /// reads by `assign` has been seen never to come back after a broker's restart.
    fn mend_stall(&mut self, now: Instant) -> Result<(), Error> {
        let mut stalled = None;
        for (partition, position) in self.live.positions() {
            let (last, since) = self.moved.entry(partition).or_insert((position, now));
            // An old answer says that brokers are away, which is another matter.
            let fresh = |at: Instant| now.duration_since(at) <= super::aside::ANSWER_AGE_MAX;
            let behind = latest(&self.topics, partition).is_some_and(|(end, at)| end > position && fresh(at));
            if *last != position || !behind || self.hold.held().contains(&partition) {
                (*last, *since) = (position, now);
            } else if now.duration_since(*since) >= STALL_MAX {
                stalled = Some(partition);
            }
        }
        let Some(stalled) = stalled else { return Ok(()) };
        let Some(index) = self.topics.iter().position(|topic| topic.has(stalled)) else { return Ok(()) };
        let (partition, topic) = (in_topic(stalled), self.topics[index].name());
        warn!(partition, topic, "no record for {STALL_MAX:?} though there are some, reconnecting");
        self.moved.clear();
        self.topics[index].reconnect()?;
        self.assign_again(index)
    }
}

/// Where the partitions of a topic are read from; brokers that are away are waited for.
fn begin_of(
    topic: &Topic,
    options: &KafkaOptions,
    log: &AsideLog,
    shared: &Shared,
) -> Result<BTreeMap<i32, Beginning>, Error> {
    let partitions = topic.wait(&|| shared.stopped())?;
    loop {
        match begin::decide(topic, &partitions, options, log) {
            Err(Error::Kafka(error)) if error.is_passing() && !shared.stopped() => {
                warn!(%error, "waiting for brokers to say where to begin");
            }
            Err(Error::Kafka(error)) if error.is_passing() => return Err(Error::Stopped),
            other => return other,
        }
    }
}

/// A partition's end as a broker last named it, and when.
fn latest(topics: &[Topic], partition: i32) -> Option<(i64, Instant)> {
    topics.iter().find_map(|topic| topic.latest(partition))
}

/// Takes a partition in, in memory alone.
fn add(live: &mut Live, shared: &Shared, log: &AsideLog, partition: i32, beginning: Beginning) {
    if beginning.new {
        live.add_new(partition, beginning.at.offset);
    } else {
        live.add(partition, beginning.at, log.history().spells(partition));
    }
    let greatest = live.intake().clocks().greatest(partition);
    shared.ledger().begin(partition, Resume { offset: beginning.at.offset, greatest });
}

/// When a record was sent at the latest. Unless the broker stamps records, its time is whatever the producer wrote: one in
/// the future must not vouch for a post in the future, which would make all later posts of its partition late. A record of
/// the oldest message format carries no time.
pub fn sent_ms(stamp: Option<i64>, wall_ms: i64) -> i64 {
    stamp.map_or(wall_ms, |stamp| stamp.min(wall_ms))
}

/// One record on its way: judged, then handed on or counted and written to the dead-letter topic.
fn take(
    live: &mut Live,
    topic: &Topic,
    letters: Option<&RejectedWriter>,
    record: &Record<'_>,
    wall_ms: i64,
    on: &mut impl FnMut(Step<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (partition, offset) = (topic.number(record.partition), record.offset);
    match live.record(partition, offset, Some(sent_ms(record.timestamp_ms, wall_ms)), record.payload()) {
        Outcome::Post(post) => on(Step::Post { partition: partition.cast_unsigned(), offset, post: &post }),
        Outcome::Action(action) => on(Step::Action(&action)),
        Outcome::Rejected(rejected) => {
            if let Some(letters) = letters {
                let (reason, error) = (rejected.reason.as_str(), rejected.detail.as_str());
                let (topic, partition) = (topic.name(), record.partition);
                letters.write(&Rejection { topic, partition, offset, reason, error });
            }
            ControlFlow::Continue(())
        }
        Outcome::Late | Outcome::Covered => ControlFlow::Continue(()),
    }
}

#[cfg(test)]
mod tests {
    use super::sent_ms;

    #[test]
    fn a_stamp_from_the_future_vouches_for_nothing() {
        assert_eq!(sent_ms(Some(4_070_908_800_000), 1_500_000_000_000), 1_500_000_000_000);
        assert_eq!(sent_ms(Some(1_400_000_000_000), 1_500_000_000_000), 1_400_000_000_000);
        assert_eq!(sent_ms(None, 1_500_000_000_000), 1_500_000_000_000);
    }
}
