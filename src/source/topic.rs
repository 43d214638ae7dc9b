//! One topic that is read, posts or actions: its reader, what watches its ends, and the numbers that its partitions have
//! beside those of the other one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::aside_log;
use super::partition::{in_topic, is_of_actions, of_actions};
use crate::kafka::ends::EndWatcher;
use crate::kafka::reader::{GroupHandle, Reader, Record};
use crate::{config, kafka};

/// Why a topic cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A broker, a permission or a property.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The log of decisions.
    #[error(transparent)]
    Log(#[from] aside_log::Error),
    /// The topic no longer holds what is to be read, or does not yet.
    #[error(
        "{topic}[{partition}] is to be read from offset {wanted}, but holds {low} to {high}: records in between are gone; \
         to go on with what is left, move the state folder away and delete the committed offsets of the group, or set another id"
    )]
    OutOfRange {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Offset of the record to be read next.
        wanted: i64,
        /// Oldest offset that is there.
        low: i64,
        /// Offset after the newest.
        high: i64,
    },
    /// The topic has fewer partitions than it had.
    #[error(
        "{topic} has no partition {partition} any more; it was made anew: set another id, or move the state folder away"
    )]
    Shrunk {
        /// Topic.
        topic: String,
        /// Partition that the restored state has read.
        partition: i32,
    },
    /// It was told to stop before it had begun.
    #[error("stopped before reading began")]
    Stopped,
}

/// One topic. Its partitions go by the numbers of [`super::partition`] wherever nothing else is said.
pub struct Topic {
    name: String,
    of_actions: bool,
    kafka: config::Kafka,
    group: String,
    reader: Reader,
    ends: EndWatcher,
}

impl Topic {
    /// Connects. Does not wait for brokers.
    pub fn connect(kafka: &config::Kafka, group: &str, name: &str, of_actions: bool) -> Result<Topic, kafka::Error> {
        Ok(Topic {
            name: name.to_owned(),
            of_actions,
            kafka: kafka.clone(),
            group: group.to_owned(),
            reader: Reader::connect(kafka, group, name)?,
            ends: EndWatcher::start(kafka, name)?,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For what asks brokers, by Kafka's numbers.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The number of a partition.
    pub fn number(&self, partition: i32) -> i32 {
        if self.of_actions { of_actions(partition) } else { partition }
    }

    /// Whether a number is one of its partitions'.
    pub fn has(&self, number: i32) -> bool {
        is_of_actions(number) == self.of_actions
    }

    /// Its part of a map, by Kafka's numbers.
    fn own<T: Copy>(&self, all: &BTreeMap<i32, T>) -> BTreeMap<i32, T> {
        all.iter().filter(|(number, _)| self.has(**number)).map(|(number, entry)| (in_topic(*number), *entry)).collect()
    }

    fn own_list(&self, all: &[i32]) -> Vec<i32> {
        all.iter().filter(|number| self.has(**number)).map(|number| in_topic(*number)).collect()
    }

    /// Waits for the brokers and the topic; its partitions by Kafka's numbers.
    pub fn wait(&self, stopped: &dyn Fn() -> bool) -> Result<Vec<i32>, Error> {
        match self.reader.partitions(stopped) {
            Err(kafka::Error::Unavailable(_)) if stopped() => Err(Error::Stopped),
            other => Ok(other?),
        }
    }

    /// Partitions that it has, as far as their leaders answered.
    pub fn partitions(&self) -> Vec<i32> {
        self.ends.partitions().into_iter().map(|partition| self.number(partition)).collect()
    }

    /// Reads its part of `positions` from there.
    pub fn assign(&self, positions: &BTreeMap<i32, i64>) -> Result<(), kafka::Error> {
        self.reader.assign(&self.own(positions))
    }

    /// Reads on through a new connection.
    pub fn reconnect(&mut self) -> Result<(), kafka::Error> {
        self.reader = Reader::connect(&self.kafka, &self.group, &self.name)?;
        Ok(())
    }

    /// Stops and goes on with its part of these.
    pub fn hold(&self, pause: &[i32], resume: &[i32]) {
        self.reader.pause(&self.own_list(pause));
        self.reader.resume(&self.own_list(resume));
    }

    /// Where reading stands, control records passed over.
    pub fn positions(&self) -> BTreeMap<i32, i64> {
        self.reader.positions().into_iter().map(|(partition, at)| (self.number(partition), at)).collect()
    }

    /// Hands records over as they come; see [`Reader::poll_batch`].
    pub fn poll<'a>(&'a self, timeout: Duration, each: impl FnMut(Result<Record<'a>, kafka::Error>)) -> usize {
        self.reader.poll_batch(timeout, each)
    }

    /// Oldest offset and the one after the newest.
    pub fn range(&self, number: i32) -> Result<(i64, i64), kafka::Error> {
        self.reader.range(in_topic(number))
    }

    /// The error for a record that is no longer there.
    pub fn gone(&self, partition: i32, wanted: i64) -> Result<Error, kafka::Error> {
        let (low, high) = self.reader.range(partition)?;
        Ok(Error::OutOfRange { topic: self.name.clone(), partition, wanted, low, high })
    }

    /// The end of a partition as a broker last named it, and when; none for partitions of the other topic.
    pub fn latest(&self, number: i32) -> Option<(i64, Instant)> {
        if self.has(number) { self.ends.latest(in_topic(number)) } else { None }
    }

    /// Commits its part of these offsets.
    pub fn commit(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), kafka::Error> {
        self.reader.commit(&self.own(offsets))
    }

    /// The group that offsets are committed under.
    pub fn group(&self) -> Result<GroupHandle, kafka::Error> {
        self.reader.group()
    }
}
