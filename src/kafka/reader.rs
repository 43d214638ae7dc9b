//! Reads the partitions of a topic from positions that the caller names.
//!
//! One thread owns a reader and polls it. It never joins a group: the group's name only says where commits lie. What
//! comes is read-committed, in order for each partition, and bounded in bytes by the prefetch limits of
//! [`client`](super::client).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use tracing::debug;

use super::Error;
use super::batch::{BATCH, Fault, Session};
use super::client::{Context, Role, properties};
use super::wait::{self, Patience, REQUEST_TIMEOUT, RETRY_PAUSE, RETRY_TIMEOUT, retry};
use crate::config;
use crate::model::EventTime;

pub use super::batch::Record;

/// Longest wait for the answer to a commit.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that reads one topic. Dropping it takes at most five seconds, whatever the brokers do.
pub struct Reader {
    /// The client; taken out only by `drop`.
    session: Option<Session>,
    /// Topic that is read.
    topic: String,
    /// Brokers as configured, for messages.
    brokers: String,
    /// Where each assigned partition began.
    starts: RefCell<BTreeMap<i32, i64>>,
    /// Partitions that are paused. librdkafka stalls when one that is not paused is resumed.
    paused: RefCell<BTreeSet<i32>>,
}

/// Which group a writer commits offsets for. May go to another thread and outlives its reader.
#[derive(Clone)]
pub struct GroupHandle(pub(super) Arc<ConsumerGroupMetadata>);

impl Reader {
    /// A reader of `topic` whose commits lie under `group`. Does not wait for brokers.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn connect(kafka: &config::Kafka, group: &str, topic: &str) -> Result<Reader, Error> {
        Self::connect_with(kafka, group, topic, &[])
    }

    /// A reader that also sees what open transactions have written: one whose writer is gone must not keep it from the end.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub(super) fn connect_uncommitted(kafka: &config::Kafka, group: &str, topic: &str) -> Result<Reader, Error> {
        Self::connect_with(kafka, group, topic, &[("isolation.level", "read_uncommitted")])
    }

    fn connect_with(kafka: &config::Kafka, group: &str, topic: &str, forced: &[(&str, &str)]) -> Result<Reader, Error> {
        let mut properties = properties(kafka, Role::Consumer);
        properties.set("group.id", group);
        for (key, value) in forced {
            properties.set(*key, *value);
        }
        let what = format!("connecting a reader of {topic} to {}", kafka.brokers);
        let consumer: BaseConsumer<Context> =
            properties.create_with_context(Context).map_err(|error| Error::from_kafka(&what, &error))?;
        let session = Session::new(consumer).ok_or_else(|| Error::Other(format!("{what}: group is empty")))?;
        Ok(Reader {
            session: Some(session),
            topic: topic.to_owned(),
            brokers: kafka.brokers.clone(),
            starts: RefCell::default(),
            paused: RefCell::default(),
        })
    }

    /// The topic that is read.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The group, for a writer that commits offsets in its transactions.
    ///
    /// # Errors
    /// [`Error::Other`] where librdkafka knows no group, which `connect` excludes.
    pub fn group(&self) -> Result<GroupHandle, Error> {
        let metadata = self.consumer().group_metadata();
        metadata
            .map(|metadata| GroupHandle(Arc::new(metadata)))
            .ok_or_else(|| Error::Other("reader has no group".into()))
    }

    /// All partitions of the topic, ascending. Waits for brokers and for the topic until `stop` says otherwise, and
    /// says at once and then every ten seconds what it waits for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when stopped, [`Error::Fatal`] where the topic may not be read.
    pub fn partitions(&self, stop: &dyn Fn() -> bool) -> Result<Vec<i32>, Error> {
        let what = format!("topic '{}' at {}", self.topic, self.brokers);
        let mut patience = Patience::default();
        loop {
            match self.fetch_partitions(Duration::from_secs(2)) {
                Ok(partitions) => {
                    patience.over(&what);
                    return Ok(partitions);
                }
                Err(error) if error.is_passing() => patience.say(&what, &error),
                Err(error) => return Err(error),
            }
            if stop() {
                return Err(Error::Unavailable(format!("stopped while waiting for {what}")));
            }
            self.serve();
            thread::sleep(RETRY_PAUSE);
        }
    }

    /// Partitions that the topic has and that are not assigned here: it has grown.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no broker answers.
    pub fn new_partitions(&self) -> Result<Vec<i32>, Error> {
        let starts = self.starts.borrow();
        let partitions = self.fetch_partitions(REQUEST_TIMEOUT)?;
        Ok(partitions.into_iter().filter(|partition| !starts.contains_key(partition)).collect())
    }

    /// Committed positions (the next offset to read) of those `partitions` that have one. Tries for half a minute; what
    /// it means that a partition has none is the caller's matter.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no coordinator answers in that time.
    pub fn committed(&self, partitions: &[i32]) -> Result<BTreeMap<i32, i64>, Error> {
        let what = format!("asking for committed offsets of {}", self.topic);
        retry(RETRY_TIMEOUT, || {
            let asked = self.list(partitions.iter().map(|partition| (*partition, Offset::Invalid)))?;
            let answer = self.consumer().committed_offsets(asked, REQUEST_TIMEOUT);
            let answer = answer.map_err(|error| Error::from_kafka(&what, &error))?;
            check(&what, &answer)?;
            Ok(concrete(&answer))
        })
    }

    /// The oldest offset of a partition and the one after its newest (the high watermark, open transactions included).
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the partition's leader does not answer within half a minute.
    pub fn range(&self, partition: i32) -> Result<(i64, i64), Error> {
        let what = format!("asking for the range of {}[{partition}]", self.topic);
        retry(RETRY_TIMEOUT, || {
            let range = self.consumer().fetch_watermarks(&self.topic, partition, REQUEST_TIMEOUT);
            range.map_err(|error| Error::from_kafka(&what, &error))
        })
    }

    /// For each partition the first offset whose record has a Kafka timestamp not before `at`, or its end where there
    /// is none. The embedded broker answers "the end" to everything; there it is the oldest offset.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the leaders do not answer within half a minute.
    pub fn offsets_at(&self, at: EventTime, partitions: &[i32]) -> Result<BTreeMap<i32, i64>, Error> {
        let what = format!("asking for offsets of {} at {at}", self.topic);
        let embedded = self
            .consumer()
            .client()
            .fetch_cluster_id(REQUEST_TIMEOUT)
            .is_some_and(|cluster| cluster.starts_with("mockCluster"));
        let mut offsets = if embedded {
            BTreeMap::new()
        } else {
            retry(RETRY_TIMEOUT, || {
                // The offset field carries the time on the way there.
                let asked = self.list(partitions.iter().map(|partition| (*partition, Offset::Offset(at.0.max(0)))))?;
                let answer = self.consumer().offsets_for_times(asked, REQUEST_TIMEOUT);
                let answer = answer.map_err(|error| Error::from_kafka(&what, &error))?;
                check(&what, &answer)?;
                Ok(concrete(&answer))
            })?
        };
        for partition in partitions {
            if !offsets.contains_key(partition) {
                let (low, high) = self.range(*partition)?;
                offsets.insert(*partition, if embedded { low } else { high });
            }
        }
        Ok(offsets)
    }

    /// Reads these partitions from these offsets, in place of all read before. Nothing is paused after it.
    ///
    /// # Errors
    /// [`Error::Other`] for a partition or offset below zero.
    pub fn assign(&self, starts: &BTreeMap<i32, i64>) -> Result<(), Error> {
        let list = self.list(starts.iter().map(|(partition, offset)| (*partition, Offset::Offset(*offset))))?;
        let what = format!("assigning {} partitions of {}", starts.len(), self.topic);
        // The list first: resuming writes where it is read from.
        let paused = self.paused();
        self.resume(&paused);
        self.consumer().assign(&list).map_err(|error| Error::from_kafka(&what, &error))?;
        self.starts.replace(starts.clone());
        Ok(())
    }

    /// The next record or error of any assigned partition, or none where `timeout` passed without one.
    ///
    /// Errors come as they happen and reading goes on: [`Error::Unavailable`] needs no answer; after
    /// [`Error::OffsetOutOfRange`] that partition stands still until it is assigned anew; [`Error::Fatal`] ends it all.
    pub fn poll(&self, timeout: Duration) -> Option<Result<Record<'_>, Error>> {
        let mut next = None;
        self.take(1, timeout, &mut |record| next = Some(record));
        next
    }

    /// The records and errors that are there, up to a thousand or so, each handed to `each`; returns how many. Waits up
    /// to `timeout` for a first one and not at all for a second. The fast path: 0.6 of the CPU time of
    /// [`poll`](Self::poll) (measured).
    pub fn poll_batch<'a>(&'a self, timeout: Duration, mut each: impl FnMut(Result<Record<'a>, Error>)) -> usize {
        match self.take(BATCH, Duration::ZERO, &mut each) {
            0 if !timeout.is_zero() => self.take(1, timeout, &mut each),
            count => count,
        }
    }

    /// The next offset to come, for each assigned partition: after the last record that was handed out *and* after
    /// control records (ends of transactions) that follow it, so a partition that was read to its end stands at its
    /// end. For a moment after `assign` went back in a partition that was read before, it is the old one.
    pub fn positions(&self) -> BTreeMap<i32, i64> {
        let mut positions = self.starts.borrow().clone();
        if let Ok(list) = self.consumer().position() {
            for element in list.elements() {
                if let (Offset::Offset(offset), Some(position)) =
                    (element.offset(), positions.get_mut(&element.partition()))
                {
                    *position = offset.max(*position);
                }
            }
        }
        positions
    }

    /// Stops handing out records of these partitions. What librdkafka fetched ahead of them is thrown away and fetched
    /// again after [`resume`](Self::resume), so pausing is for holding a partition back, not for every full channel.
    pub fn pause(&self, partitions: &[i32]) {
        let mut paused = self.paused.borrow_mut();
        let starts = self.starts.borrow();
        let fresh: Vec<i32> =
            partitions.iter().copied().filter(|p| starts.contains_key(p) && !paused.contains(p)).collect();
        if let Ok(list) = self.list(fresh.iter().map(|partition| (*partition, Offset::Invalid)))
            && self.consumer().pause(&list).is_ok()
        {
            paused.extend(fresh);
        }
    }

    /// Goes on with partitions that are paused; others are left alone.
    pub fn resume(&self, partitions: &[i32]) {
        let held: Vec<i32> =
            partitions.iter().copied().filter(|partition| self.paused.borrow().contains(partition)).collect();
        if held.is_empty() {
            return;
        }
        if let Ok(list) = self.list(held.iter().map(|partition| (*partition, Offset::Invalid)))
            && self.consumer().resume(&list).is_ok()
        {
            self.paused.borrow_mut().retain(|partition| !held.contains(partition));
        }
    }

    /// Partitions that are paused now, ascending.
    pub fn paused(&self) -> Vec<i32> {
        self.paused.borrow().iter().copied().collect()
    }

    /// Commits positions (next offsets) and waits for the answer, for ten seconds at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the coordinator did not answer: committed or not is then unknown.
    pub fn commit(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), Error> {
        let list = self.list(offsets.iter().map(|(partition, offset)| (*partition, Offset::Offset(*offset))))?;
        let what = format!("committing offsets of {}", self.topic);
        match self.session().commit(&list, COMMIT_TIMEOUT) {
            Some(Code::NoError) => Ok(()),
            Some(code) => Err(Error::from_code(&what, code, &code.to_string())),
            None => Err(Error::Unavailable(format!("{what}: no answer within {COMMIT_TIMEOUT:?}"))),
        }
    }

    /// Lets librdkafka write its log lines while nothing is assigned.
    fn serve(&self) {
        self.session().take(BATCH, Duration::ZERO, drop);
    }

    /// The partitions of the topic as a broker lists them now.
    fn fetch_partitions(&self, timeout: Duration) -> Result<Vec<i32>, Error> {
        partitions_of(self.consumer(), &self.topic, timeout)
    }

    /// A list of partitions of this topic with offsets.
    fn list(&self, offsets: impl Iterator<Item = (i32, Offset)>) -> Result<TopicPartitionList, Error> {
        partition_list(&self.topic, offsets)
    }

    /// Takes records and sorts what came in place of them.
    ///
    /// librdkafka believes the record at a fault's offset handed out once the fault was, and would go on behind it
    /// after a pause. So a partition with a passing fault is sent back to where it stood.
    fn take<'a>(&'a self, max: usize, timeout: Duration, each: &mut impl FnMut(Result<Record<'a>, Error>)) -> usize {
        let mut stood = BTreeMap::new();
        let count = self.session().take(max, timeout, |record| match record {
            Ok(record) => {
                if let Some(next) = stood.get_mut(&record.partition) {
                    *next = record.offset + 1;
                }
                each(Ok(record));
            }
            Err(fault) => {
                let error = self.sort(&fault);
                if error.is_passing() && fault.partition >= 0 && fault.offset >= 0 {
                    stood.entry(fault.partition).or_insert(fault.offset);
                }
                each(Err(error));
            }
        });
        for (partition, offset) in stood {
            let sent = self.consumer().seek(&self.topic, partition, Offset::Offset(offset), Duration::ZERO);
            debug!(topic = self.topic, partition, offset, ?sent, "went back after an error");
            if let Some(start) = self.starts.borrow_mut().get_mut(&partition) {
                *start = offset;
            }
        }
        count
    }

    /// Sorts what came in place of a record.
    fn sort(&self, fault: &Fault) -> Error {
        let Fault { code, partition, offset, text } = fault;
        if matches!(code, Code::AutoOffsetReset | Code::OffsetOutOfRange) {
            return Error::OffsetOutOfRange { topic: self.topic.clone(), partition: *partition, offset: *offset };
        }
        Error::from_code(&format!("reading {}[{partition}]", self.topic), *code, text)
    }

    fn session(&self) -> &Session {
        self.session.as_ref().expect("only drop takes the session out")
    }

    fn consumer(&self) -> &BaseConsumer<Context> {
        self.session().consumer()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            wait::close("reader", session);
        }
    }
}

/// The partitions of `topic`, ascending, as a broker lists them; an error where it does not exist.
pub(super) fn partitions_of(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    timeout: Duration,
) -> Result<Vec<i32>, Error> {
    let what = format!("asking for partitions of {topic}");
    let metadata = consumer.fetch_metadata(Some(topic), timeout).map_err(|error| Error::from_kafka(&what, &error))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(Error::Unavailable(format!("{what}: no answer about it")));
    };
    if let Some(code) = found.error() {
        let code = Code::from(code);
        return Err(Error::from_code(&what, code, &code.to_string()));
    }
    let mut partitions: Vec<i32> = found.partitions().iter().map(|partition| partition.id()).collect();
    partitions.sort_unstable();
    if partitions.is_empty() { Err(Error::Unavailable(format!("{what}: it has none yet"))) } else { Ok(partitions) }
}

/// A list of partitions of `topic` with offsets.
pub(super) fn partition_list(
    topic: &str,
    offsets: impl Iterator<Item = (i32, Offset)>,
) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(topic, partition, offset)
            .map_err(|error| Error::from_kafka(&format!("naming {topic}[{partition}] at {offset:?}"), &error))?;
    }
    Ok(list)
}

/// The offsets of an answer, without partitions that have none or an error of their own. Copies: an element of a list
/// that outlives its client makes destroying the client hang for ever.
pub(super) fn concrete(list: &TopicPartitionList) -> BTreeMap<i32, i64> {
    let mut offsets = BTreeMap::new();
    for element in list.elements() {
        if let (Ok(()), Offset::Offset(offset)) = (element.error(), element.offset()) {
            offsets.insert(element.partition(), offset);
        }
    }
    offsets
}

/// The first error of a single partition in an answer.
fn check(what: &str, list: &TopicPartitionList) -> Result<(), Error> {
    list.elements().iter().try_for_each(|element| element.error().map_err(|error| Error::from_kafka(what, &error)))
}
