//! Ingest as a thread: reads the partitions of posts and actions that the group gives to this process, and writes their
//! mentions. An offset is committed only once everything before it is acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use tracing::{debug, info, warn};

use super::super::Exit;
use super::first::Beginnings;
use super::patiently;
use crate::config::Config;
use crate::exchange::ingest::Ingest;
use crate::exchange::note::{Note, others};
use crate::kafka::log_writer::{LogWriter, Mark};
use crate::kafka::member::{Change, Committed, Member, Part};
use crate::kafka::producer::{RejectedWriter, Rejection};
use crate::kafka::topics::Names;
use crate::model::{EventTime, Keyed};
use crate::report::metrics::Metrics;
use crate::source::IntakeOptions;
use crate::source::decode::Format;
use crate::source::hold::Hold;
use crate::source::kafka::{PartitionProgress, Shared, sent_ms};
use crate::source::partition::{in_topic, is_of_actions};
use crate::source::topic::Topic;
use crate::{clock, kafka};

/// Most records of a batch, give or take what librdkafka hands out at once.
const BATCH_RECORDS: usize = 4096;
/// Longest a batch stays open.
const BATCH_TIME: Duration = Duration::from_millis(50);
/// Time between two looks at everything that is not reading.
const CHORES_EVERY: Duration = Duration::from_millis(250);
/// Least time between two commits.
const COMMIT_EVERY: Duration = Duration::from_secs(2);
/// Longest that giving partitions up waits for acknowledgements; what is not acknowledged, the next owner sends again.
const HAND_OVER_MAX: Duration = Duration::from_secs(5);

/// Offsets and notes by source partition.
type Standings = BTreeMap<i32, (i64, Note)>;

/// The thread's state.
pub struct Ingesting {
    config: Config,
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    /// The decided watermark, in milliseconds.
    decided: Arc<AtomicI64>,
    mentions: String,
    member: Member,
    /// That of posts, then that of actions, if there is one.
    topics: Vec<Topic>,
    writer: LogWriter,
    letters: Option<RejectedWriter>,
    ingest: Ingest,
    hold: Hold,
    committed: Standings,
    /// What is committed next, once what was written before the mark is acknowledged.
    pending: Option<(Mark, Standings)>,
    chores: Instant,
    commit: Instant,
}

/// The number of a partition that a group gave.
fn number(part: Part) -> i32 {
    if part.topic == 0 { part.partition } else { crate::source::partition::of_actions(part.partition) }
}

/// The partition with that number, as the group knows it.
fn part(number: i32) -> Part {
    Part { topic: usize::from(is_of_actions(number)), partition: in_topic(number) }
}

impl Ingesting {
    /// Connects; waits for no broker.
    pub fn connect(
        config: &Config,
        keyed: &Keyed,
        format: Format,
        (shared, metrics, decided): (Arc<Shared>, Arc<Metrics>, Arc<AtomicI64>),
    ) -> anyhow::Result<Ingesting> {
        let group = format!("{}-ingest", config.id);
        let names: Vec<&str> =
            std::iter::once(config.kafka.posts_topic.as_str()).chain(config.kafka.actions_topic.as_deref()).collect();
        // Reading is by assignment; only the member belongs to the group.
        let reads = format!("{}-read", config.id);
        let topics = names.iter().enumerate().map(|(n, name)| Topic::connect(&config.kafka, &reads, name, n == 1));
        let intake = IntakeOptions {
            format,
            limits: config.limits.clone(),
            delay: config.time.watermark_delay,
            max_future: config.time.max_future,
            covered: None,
            mixed: false,
        };
        let letters = config.kafka.rejected_topic.as_deref();
        let mut ingest = Ingest::new(&intake, keyed.clone(), config.track.shards);
        ingest.route_by(config.track.routing);
        let now = clock::monotonic();
        Ok(Ingesting {
            mentions: Names::of(&config.id).mentions,
            member: Member::join(&config.kafka, &group, &names)?,
            topics: topics.collect::<Result<_, _>>()?,
            writer: LogWriter::connect(&config.kafka)?,
            letters: letters.map(|topic| RejectedWriter::connect(&config.kafka, topic)).transpose()?,
            ingest,
            hold: Hold::new(config.memory.budget_bytes / 4),
            committed: Standings::new(),
            pending: None,
            chores: now,
            commit: now,
            config: config.clone(),
            shared,
            metrics,
            decided,
        })
    }

    /// Works until told to stop, then hands everything over.
    ///
    /// # Errors
    /// What only a person can mend. Brokers that are away are waited for.
    pub fn run(mut self, beat: &dyn Fn()) -> anyhow::Result<()> {
        while !self.shared.stopped() {
            beat();
            self.follow_group()?;
            self.read()?;
            self.send(false)?;
            self.do_chores()?;
        }
        let owned: Vec<i32> = self.ingest.owned().collect();
        self.hand_over(&owned)?;
        if let Some(letters) = &self.letters
            && let Err(error) = letters.flush(HAND_OVER_MAX)
        {
            warn!(%error, "rejected records may be missing from the dead-letter topic");
        }
        self.show();
        Ok(())
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
        self.metrics.several.rebalance("ingest");
        match change {
            Change::Assigned(parts) => {
                let numbers: Vec<i32> = parts.iter().map(|part| number(*part)).collect();
                info!(partitions = ?numbers, "source partitions taken over");
                self.take_over(&numbers)?;
            }
            Change::Revoked(parts) => {
                let numbers: Vec<i32> = parts.iter().map(|part| number(*part)).collect();
                info!(partitions = ?numbers, "source partitions handed over");
                self.hand_over(&numbers)?;
                self.member.release(&parts);
            }
            Change::Lost(parts) => {
                let numbers: Vec<i32> = parts.iter().map(|part| number(*part)).collect();
                warn!(partitions = ?numbers, "source partitions lost: the group took this process for dead");
                self.give_up(&numbers)?;
            }
        }
        Ok(())
    }

    /// The numbers of all partitions that there are, and how many of each topic.
    fn all(&self) -> anyhow::Result<(Vec<i32>, (u32, u32))> {
        let (mut all, mut counts) = (Vec::new(), [0; 2]);
        for (index, topic) in self.topics.iter().enumerate() {
            let partitions = topic.wait(&|| self.shared.stopped())?;
            counts[index] = partitions.len() as u32;
            all.extend(partitions.into_iter().map(|partition| topic.number(partition)));
        }
        Ok((all, (counts[0], counts[1])))
    }

    /// Offsets and notes of partitions, whoever owns them; brokers that are away are waited for.
    fn notes(&self, numbers: &[i32]) -> anyhow::Result<Standings> {
        let parts: Vec<Part> = numbers.iter().map(|number| part(*number)).collect();
        let committed = loop {
            match self.member.committed(&parts) {
                Err(error) if error.is_passing() && !self.shared.stopped() => {
                    warn!(%error, "waiting for the group's coordinator");
                }
                other => break other?,
            }
        };
        let read = |(part, at): (Part, Committed)| {
            let note = Note::decode(&at.note);
            let note =
                note.map_err(|why| anyhow!("{}: {why}", self.topics[part.topic].name()).context(Exit::Config))?;
            Ok((number(part), (at.offset, note)))
        };
        committed.into_iter().map(read).collect()
    }

    fn take_over(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        let (all, counts) = self.all()?;
        self.ingest.grown(counts);
        let known = self.notes(&all)?;
        let begin = Beginnings { topics: &self.topics, config: &self.config, known: &known, all: &all, counts };
        let mut first = Standings::new();
        for number in numbers {
            let (at, is_first) = patiently(&self.shared, "taking a partition over", || Ok(begin.of(*number)?))?;
            if is_first {
                first.insert(*number, at);
            }
            self.ingest.add(*number, at.0, at.1);
            self.committed.insert(*number, at);
        }
        // Where reading began must not be decided twice.
        if !first.is_empty() && !self.commit_now(&first)? {
            return self.give_up(numbers);
        }
        self.assign()
    }

    fn assign(&mut self) -> anyhow::Result<()> {
        let positions = self.ingest.positions();
        self.hold = Hold::new(self.config.memory.budget_bytes / 4);
        Ok(self.topics.iter().try_for_each(|topic| topic.assign(&positions))?)
    }

    /// Sends and commits what was read of the partitions, then lets go of them.
    fn hand_over(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        for number in numbers {
            self.flush(*number, true)?;
        }
        let standings: Standings =
            numbers.iter().filter_map(|number| Some((*number, self.ingest.standing(*number)?))).collect();
        match self.writer.flush(HAND_OVER_MAX) {
            Ok(()) if self.letters_settled() => {
                if let Err(error) = self.commit_now(&standings) {
                    warn!(%error, "offsets not committed; the next owner sends again what was not");
                }
            }
            Ok(()) => {}
            Err(error) if error.is_passing() => warn!(%error, "not all is acknowledged; the next owner sends it again"),
            Err(error) => return Err(error.into()),
        }
        self.give_up(numbers)
    }

    fn give_up(&mut self, numbers: &[i32]) -> anyhow::Result<()> {
        for number in numbers {
            self.ingest.remove(*number);
            self.committed.remove(number);
            if let Some((_, pending)) = &mut self.pending {
                pending.remove(number);
            }
            let topic = &self.topics[part(*number).topic];
            self.metrics.partition_removed(topic.name(), in_topic(*number));
        }
        self.assign()
    }

    fn letters_settled(&self) -> bool {
        self.letters.as_ref().is_none_or(|letters| letters.settle(HAND_OVER_MAX))
    }

    /// Commits and waits for the answer. False where the group has given the partitions to somebody else.
    fn commit_now(&mut self, standings: &Standings) -> Result<bool, kafka::Error> {
        if standings.is_empty() {
            return Ok(true);
        }
        let committed = standings
            .iter()
            .map(|(number, (offset, note))| (part(*number), Committed { offset: *offset, note: note.encode() }));
        let done = self.member.commit(&committed.collect())?;
        if done {
            let owned = standings.iter().filter(|(number, _)| self.ingest.owns(**number));
            self.committed.extend(owned.map(|(number, at)| (*number, *at)));
        }
        Ok(done)
    }

    /// Polls until the batch is full or old enough.
    fn read(&mut self) -> anyhow::Result<()> {
        let Ingesting { topics, letters, ingest, .. } = self;
        let deadline = clock::monotonic() + BATCH_TIME;
        let wall_ms = clock::wall_ms();
        let (mut records, mut failed) = (0, None);
        while records < BATCH_RECORDS && failed.is_none() {
            let left = deadline.saturating_duration_since(clock::monotonic());
            if left.is_zero() {
                break;
            }
            // Posts are waited for; of actions is taken what is there.
            for (index, topic) in topics.iter().enumerate().rev() {
                let wait = if index == 0 { left } else { Duration::ZERO };
                records += topic.poll(wait, |polled| match polled {
                    Ok(record) => {
                        let (number, offset) = (topic.number(record.partition), record.offset);
                        let sent = Some(sent_ms(record.timestamp_ms, wall_ms));
                        let rejected = ingest.record(number, offset, sent, record.payload());
                        if let (Some(letters), Some(rejected)) = (letters.as_ref(), rejected) {
                            let (reason, error) = (rejected.reason.as_str(), rejected.detail.as_str());
                            let (topic, partition) = (topic.name(), record.partition);
                            letters.write(&Rejection { topic, partition, offset, reason, error });
                        }
                    }
                    Err(error) if error.is_passing() => debug!(%error, "waiting for brokers"),
                    Err(error) => failed = Some((index, error)),
                });
            }
        }
        match failed {
            Some((index, kafka::Error::OffsetOutOfRange { partition, offset, .. })) => {
                bail!(self.topics[index].gone(partition, offset)?)
            }
            Some((_, error)) => bail!(error),
            None => {}
        }
        for (number, position) in self.topics.iter().flat_map(Topic::positions) {
            self.ingest.stand_at(number, position);
        }
        Ok(())
    }

    /// Sends what is due, or of every partition how far it was read.
    fn send(&mut self, whole: bool) -> anyhow::Result<()> {
        let now = clock::monotonic();
        for number in self.ingest.owned().collect::<Vec<_>>() {
            if whole || self.ingest.is_due(number, now) {
                self.flush(number, whole)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, number: i32, whole: bool) -> anyhow::Result<()> {
        let Ingesting { ingest, writer, mentions, .. } = self;
        let mut failed = Ok(());
        ingest.flush(number, whole, clock::monotonic(), |shard, record| {
            if failed.is_ok() {
                failed = writer.write(mentions, shard as i32, None, Some(&record.encode()));
            }
        });
        Ok(failed?)
    }

    fn do_chores(&mut self) -> anyhow::Result<()> {
        let now = clock::monotonic();
        if now.duration_since(self.chores) < CHORES_EVERY {
            return Ok(());
        }
        self.chores = now;
        self.commit(now)?;
        self.hold_back();
        self.show();
        Ok(())
    }

    /// Commits what is acknowledged, then notes what is to be committed next.
    fn commit(&mut self, now: Instant) -> anyhow::Result<()> {
        let reached = self.writer.reached()?;
        if let Some((mark, standings)) = self.pending.take() {
            if mark > reached || !self.letters_settled() {
                self.pending = Some((mark, standings));
                return Ok(());
            }
            match self.commit_now(&standings) {
                // The group will say which partitions are whose.
                Ok(true | false) => {}
                Err(error) if error.is_passing() => info!(%error, "offsets not committed, trying again"),
                Err(error) => return Err(error.into()),
            }
        }
        if now.duration_since(self.commit) < COMMIT_EVERY {
            return Ok(());
        }
        self.commit = now;
        self.look_for_idle(now)?;
        let mut standings = Standings::new();
        for number in self.ingest.owned().collect::<Vec<_>>() {
            if let Some(at) = self.ingest.standing(number).filter(|at| self.committed.get(&number) != Some(at)) {
                self.flush(number, true)?;
                standings.insert(number, at);
            }
        }
        if !standings.is_empty() {
            self.pending = Some((self.writer.mark(), standings));
        }
        Ok(())
    }

    /// Lets partitions from which nothing comes take over the watermark of the others: committed first, then obeyed, so
    /// that the next owner obeys it too.
    fn look_for_idle(&mut self, now: Instant) -> anyhow::Result<()> {
        for number in self.ingest.owned().collect::<Vec<_>>() {
            let end = self.topics[part(number).topic].latest(number);
            let time = &self.config.time;
            let timeout = if is_of_actions(number) { time.actions_idle_timeout } else { time.idle_timeout };
            self.ingest.observe(number, end, now, timeout);
        }
        let idle: Vec<i32> = self.ingest.idle().collect();
        // Only where all that was read is committed.
        let settled = |number: &i32| self.ingest.standing_is(*number, self.committed.get(number));
        let idle: Vec<i32> = idle.into_iter().filter(settled).collect();
        if idle.is_empty() {
            return Ok(());
        }
        let (all, _) = self.all()?;
        let notes: BTreeMap<i32, Note> = self.notes(&all)?.into_iter().map(|(n, (_, note))| (n, note)).collect();
        let delay_ms = self.config.time.watermark_delay.as_millis() as i64;
        for number in idle {
            let Some(watermark) = others(&notes, all.iter().copied(), number, delay_ms) else { continue };
            let Some(at) = self.ingest.raised(number, watermark, delay_ms) else { continue };
            match self.commit_now(&Standings::from([(number, at)])) {
                Ok(true) => {
                    self.ingest.raise(number, watermark);
                    self.flush(number, true)?;
                }
                Ok(false) => {}
                Err(error) if error.is_passing() => info!(%error, "an idle partition is not raised yet"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Pauses partitions that run far ahead of what is decided.
    fn hold_back(&mut self) {
        let decided = EventTime(self.decided.load(Ordering::Relaxed));
        let open_bytes = self.ingest.open_bytes(decided.closed_tick());
        let change = self.hold.decide(open_bytes, decided, self.ingest.watermarks().into_iter());
        if !change.pause.is_empty() {
            info!(open_bytes, partitions = ?change.pause, "holding back partitions that run ahead");
        }
        self.topics.iter().for_each(|topic| topic.hold(&change.pause, &change.resume));
    }

    /// Shows others where reading stands.
    fn show(&mut self) {
        let mut partitions = BTreeMap::new();
        let (idle, watermarks): (Vec<i32>, Vec<_>) = (self.ingest.idle().collect(), self.ingest.watermarks());
        let mut answered = None;
        for ((number, position), (_, own)) in self.ingest.positions().into_iter().zip(watermarks) {
            let latest = self.topics[part(number).topic].latest(number);
            answered = answered.max(latest.map(|(_, asked)| asked));
            let watermark = (own > EventTime::MIN).then_some(own);
            let (held, aside) = (self.hold.held().contains(&number), idle.contains(&number));
            let end = latest.map(|(end, _)| end);
            partitions.insert(number, PartitionProgress { position, end, watermark, aside, held });
        }
        let tally = self.ingest.tally().take();
        {
            let mut progress = self.shared.progress();
            progress.partitions = partitions;
            progress.tally.add(tally);
            progress.answered = progress.answered.max(answered);
            progress.letters_lost = self.letters.as_ref().map_or(0, RejectedWriter::lost);
        }
        let (posts, actions) = (&self.config.kafka.posts_topic, self.config.kafka.actions_topic.as_deref());
        super::super::source_counts::count_source(&self.metrics, &self.shared, posts, actions.unwrap_or_default());
    }
}
