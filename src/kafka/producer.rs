//! Plain idempotent writing: posts (of `simulate` and the demo's player) and rejected records. No transactions; in
//! order for each partition; what is under way is bounded, and what was not delivered is counted and said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use serde::Serialize;

use super::Error;
use super::client::{Role, bridge, properties};
use super::wait::{self, RETRY_TIMEOUT, left};
use crate::{clock, config};

/// Most records under way; with the bytes below, the bound of a producer's memory.
const QUEUE_RECORDS_MAX: &str = "100000";
/// Most KiB under way.
const QUEUE_KIB_MAX: &str = "65536";

/// Counts deliveries and keeps the first failure. Also the context of the transactional writer.
#[derive(Default)]
pub(super) struct Deliveries {
    /// Records that a broker acknowledged.
    delivered: AtomicU64,
    /// Records that librdkafka refused or gave up on.
    failed: AtomicU64,
    /// Why the last of them failed.
    reason: Mutex<Option<KafkaError>>,
}

/// What a record holds while it is under way. librdkafka lets go of it when the record is delivered or given up, so
/// whoever kept a weak one sees when all records that shared it are.
pub(super) type UnderWay = Arc<()>;

impl Deliveries {
    fn give_up(&self, error: KafkaError) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        bridge(level as i32, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        bridge(RDKafkaLogLevel::Error as i32, "ERROR", &format!("{error}: {reason}"));
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = UnderWay;

    fn delivery(&self, result: &DeliveryResult<'_>, _: UnderWay) {
        match result {
            Ok(_) => drop(self.delivered.fetch_add(1, Ordering::Relaxed)),
            Err((error, _)) => self.give_up(error.clone()),
        }
    }
}

/// A connection that writes records to any topic. Dropping it takes at most five seconds and gives up what is under
/// way: call [`flush`](Self::flush) first.
pub struct Producer {
    /// The client; taken out only by `drop`.
    client: Option<ThreadedProducer<Deliveries>>,
    /// Brokers as configured, for messages.
    brokers: String,
}

impl Producer {
    /// A producer. Does not wait for brokers.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn connect(kafka: &config::Kafka) -> Result<Producer, Error> {
        let mut usual = kafka.clone();
        for (key, value) in
            [("queue.buffering.max.messages", QUEUE_RECORDS_MAX), ("queue.buffering.max.kbytes", QUEUE_KIB_MAX)]
        {
            usual.client.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        let what = format!("connecting a producer to {}", kafka.brokers);
        let client = properties(&usual, Role::Producer)
            .create_with_context(Deliveries::default())
            .map_err(|error| Error::from_kafka(&what, &error))?;
        Ok(Producer { client: Some(client), brokers: kafka.brokers.clone() })
    }

    /// Hands one record over. Where the bound on what is under way is reached, waits up to half a minute for room.
    /// Without a partition the key decides, without a key chance does; without a time the record gets the present one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where there was no room in that time, [`Error::Other`] where the record is too large.
    pub fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: &[u8],
        timestamp_ms: Option<i64>,
    ) -> Result<(), Error> {
        let record = BaseRecord::with_opaque_to(topic, UnderWay::default()).payload(value);
        self.send_record(topic, BaseRecord { partition, key, timestamp: timestamp_ms, ..record })
    }

    /// Hands over a record that holds `under_way` until it is delivered or given up. No value is a tombstone.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(super) fn send_under_way(
        &self,
        (topic, partition): (&str, i32),
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        under_way: UnderWay,
    ) -> Result<(), Error> {
        let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, under_way).partition(partition);
        self.send_record(topic, BaseRecord { key, payload: value, ..record })
    }

    fn send_record(&self, topic: &str, record: BaseRecord<'_, [u8], [u8], UnderWay>) -> Result<(), Error> {
        let deadline = clock::monotonic() + RETRY_TIMEOUT;
        let mut sent = self.client().send(record);
        while let Err((error, record)) = sent {
            if error != KafkaError::MessageProduction(Code::QueueFull) || clock::monotonic() >= deadline {
                return Err(Error::from_kafka(&format!("writing to {topic}"), &error));
            }
            thread::sleep(Duration::from_millis(5));
            sent = self.client().send(record);
        }
        Ok(())
    }

    /// Why the last record that was given up was, if one was.
    pub(super) fn given_up(&self) -> Option<String> {
        let reason = self.client().context().reason.lock().unwrap_or_else(PoisonError::into_inner);
        reason.as_ref().map(ToString::to_string)
    }

    /// Like [`send`](Self::send) for one who must not wait: where there is no room, or the record is refused, it is given
    /// up.
    fn offer(&self, topic: &str, value: &[u8], under_way: UnderWay) {
        let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, under_way).payload(value);
        if let Err((error, _)) = self.client().send(record) {
            self.client().context().give_up(error);
        }
    }

    /// Records acknowledged so far.
    pub fn delivered(&self) -> u64 {
        self.client().context().delivered.load(Ordering::Relaxed)
    }

    /// Records that were refused or given up so far.
    pub fn failed(&self) -> u64 {
        self.client().context().failed.load(Ordering::Relaxed)
    }

    /// Waits until everything handed over is acknowledged or given up, for at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where some is still under way; the last delivery's error where any record was given up
    /// since the producer was made.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let deadline = clock::monotonic() + timeout;
        let client = self.client();
        let what = format!("writing to {}", self.brokers);
        client.flush(left(deadline)).map_err(|error| Error::from_kafka(&what, &error))?;
        let failed = self.failed();
        let reason = client.context().reason.lock().unwrap_or_else(PoisonError::into_inner);
        match reason.as_ref() {
            Some(error) => Err(Error::from_kafka(&format!("{what}: {failed} records not delivered"), error)),
            None => Ok(()),
        }
    }

    fn client(&self) -> &ThreadedProducer<Deliveries> {
        self.client.as_ref().expect("only drop takes the client out")
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            wait::close("producer", client);
        }
    }
}

/// Where a record lay that was not counted, and why. The record itself is not stored again: it may be hostile, and what
/// it says of people is none of the dead-letter topic's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection<'a> {
    /// Topic of the record.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The reason it is counted under.
    pub reason: &'a str,
    /// What the decoder said, without content of the record.
    pub error: &'a str,
}

/// Writes rejected records to the dead-letter topic. It never makes the reader wait: where the brokers are away longer
/// than its queue lasts, letters are lost, counted and said. A position that passes a rejected record is made durable only
/// after [`settle`](Self::settle), so a crash makes letters come twice rather than not at all.
pub struct RejectedWriter {
    /// The connection.
    producer: Producer,
    /// The dead-letter topic.
    topic: String,
    /// What the letters written since the last [`settle`](Self::settle) hold.
    under_way: Mutex<UnderWay>,
}

impl RejectedWriter {
    /// A writer to the dead-letter topic. Does not wait for brokers.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn connect(kafka: &config::Kafka, topic: &str) -> Result<RejectedWriter, Error> {
        let producer = Producer::connect(kafka)?;
        Ok(RejectedWriter { producer, topic: topic.to_owned(), under_way: Mutex::default() })
    }

    /// Hands one letter over, without waiting.
    pub fn write(&self, rejection: &Rejection<'_>) {
        let letter = serde_json::to_vec(rejection).expect("a letter is plain values");
        let under_way = Arc::clone(&self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        self.producer.offer(&self.topic, &letter, under_way);
    }

    /// Waits until every letter written before this call is delivered or lost, for at most `timeout`; whether it is.
    /// Letters written meanwhile are not waited for.
    pub fn settle(&self, timeout: Duration) -> bool {
        let deadline = clock::monotonic() + timeout;
        let written = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        let under_way = Arc::downgrade(&written);
        drop(written);
        while under_way.strong_count() > 0 {
            if clock::monotonic() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Letters that were lost so far.
    pub fn lost(&self) -> u64 {
        self.producer.failed()
    }

    /// Why the last of them was.
    pub fn lost_for(&self) -> Option<String> {
        self.producer.given_up()
    }

    /// Waits for what is under way, for at most `timeout`.
    ///
    /// # Errors
    /// As [`Producer::flush`].
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        self.producer.flush(timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_says_where_and_why_and_nothing_of_the_record() {
        let rejection =
            Rejection { topic: "posts", partition: 3, offset: 17, reason: "json", error: "expected value at column 1" };
        let letter = serde_json::to_string(&rejection).unwrap();
        assert_eq!(
            letter,
            r#"{"topic":"posts","partition":3,"offset":17,"reason":"json","error":"expected value at column 1"}"#
        );
    }

    /// Nobody listens at the broker's address, so the letter stays under way.
    #[test]
    fn a_letter_that_no_broker_took_is_not_settled() {
        let kafka = config::Kafka {
            brokers: "127.0.0.1:1".to_owned(),
            posts_topic: "posts".to_owned(),
            actions_topic: None,
            alerts_topic: None,
            rejected_topic: None,
            start: config::Start::Earliest,
            client: std::collections::BTreeMap::new(),
        };
        let letters = RejectedWriter::connect(&kafka, "letters").unwrap();
        assert!(letters.settle(Duration::ZERO), "nothing was written");
        letters.write(&Rejection { topic: "posts", partition: 0, offset: 1, reason: "empty", error: "nothing" });
        assert!(!letters.settle(Duration::from_millis(50)));
        assert!(letters.settle(Duration::ZERO), "nothing was written since");
        assert_eq!(letters.lost(), 0);
    }
}
