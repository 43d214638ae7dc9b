//! The writer of internal topics: idempotent, in order for each partition, and able to say how far it is acknowledged. A
//! record that cannot be delivered ends it for good: whoever writes a log must not leave one out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Error;
use super::producer::{Producer, UnderWay};
use crate::config;

/// Most that may wait to be sent, in KiB.
const QUEUE_KIB: &str = "65536";

/// A point in what was written: everything before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// See the file's head. Dropping it gives up what is under way: call [`flush`](Self::flush) first.
pub struct LogWriter {
    producer: Producer,
    marks: Mutex<Marks>,
}

#[derive(Default)]
struct Marks {
    /// What records written since the last mark hold.
    current: UnderWay,
    /// Marks that are not reached, and what the records before each hold.
    waiting: VecDeque<(Mark, Weak<()>)>,
    last: Mark,
    reached: Mark,
}

impl LogWriter {
    /// A writer. Does not wait for brokers.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn connect(kafka: &config::Kafka) -> Result<LogWriter, Error> {
        let mut usual = kafka.clone();
        if !["compression.codec", "compression.type"].iter().any(|key| usual.client.contains_key(*key)) {
            // Mentions are written once and read once a restore; zstd makes half of what lz4 does (measured).
            usual.client.insert("compression.codec".to_owned(), "zstd".to_owned());
            usual.client.entry("compression.level".to_owned()).or_insert_with(|| "1".to_owned());
        }
        // A writer that is faster than the brokers waits for room; librdkafka's own bound is a gigabyte.
        let bounds = ["queue.buffering.max.kbytes", "queue.buffering.max.messages"];
        if !bounds.iter().any(|key| usual.client.contains_key(*key)) {
            usual.client.insert(bounds[0].to_owned(), QUEUE_KIB.to_owned());
        }
        Ok(LogWriter { producer: Producer::connect(&usual)?, marks: Mutex::default() })
    }

    /// Hands a record over, in order for its partition; no value is a tombstone. Waits up to half a minute for room.
    ///
    /// # Errors
    /// [`Error::Fatal`] where this or an earlier record cannot be delivered.
    pub fn write(&self, topic: &str, partition: i32, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Error> {
        self.check()?;
        let under_way = Arc::clone(&self.marks().current);
        let sent = self.producer.send_under_way((topic, partition), key, value, under_way);
        sent.map_err(|error| Error::Fatal(error.to_string()))
    }

    /// Marks everything written so far.
    pub fn mark(&self) -> Mark {
        let mut marks = self.marks();
        let before = std::mem::take(&mut marks.current);
        marks.last = Mark(marks.last.0 + 1);
        let mark = marks.last;
        marks.waiting.push_back((mark, Arc::downgrade(&before)));
        mark
    }

    /// The last mark before which everything is acknowledged. Does not wait.
    ///
    /// # Errors
    /// [`Error::Fatal`] where a record was given up.
    pub fn reached(&self) -> Result<Mark, Error> {
        let mut marks = self.marks();
        while marks.waiting.front().is_some_and(|(_, under_way)| under_way.strong_count() == 0) {
            if let Some((mark, _)) = marks.waiting.pop_front() {
                marks.reached = mark;
            }
        }
        // Asked last: a record is counted as given up before it is let go of.
        self.check()?;
        Ok(marks.reached)
    }

    /// Waits until everything handed over is acknowledged, for at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where some is still under way, [`Error::Fatal`] where a record was given up.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let flushed = self.producer.flush(timeout);
        self.check()?;
        flushed
    }

    fn check(&self) -> Result<(), Error> {
        match self.producer.given_up() {
            Some(reason) => Err(Error::Fatal(format!("a record of an internal topic was not delivered: {reason}"))),
            None => Ok(()),
        }
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
