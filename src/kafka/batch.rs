//! Records taken from librdkafka by the batch: 1.3 to 1.5 times cheaper a record than its event interface, which wraps
//! each one (measured), and the only interface that says *which* partition an error belongs to.
//!
//! Also committing with a deadline, which rdkafka does not offer. The only file with unsafe code. It is sound with
//! `assign` alone: with a consumer group, rebalance events would come through the same queue and are not handled here.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use super::client::{Context, bridge};

/// Most records taken from librdkafka at once.
pub(super) const BATCH: usize = 1024;

/// A consumer and the queue that all its partitions are forwarded to.
pub(super) struct Session {
    /// Reference to the consumer's queue, given back before the consumer is destroyed.
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// Room for the pointers of one batch; empty between calls.
    taken: RefCell<Vec<*mut sys::rd_kafka_message_t>>,
    /// The client. Destroyed after `Session::drop` gave the queue back.
    consumer: BaseConsumer<Context>,
}

// SAFETY: librdkafka's handles may be used from any thread, and `taken` is empty whenever no call is running.
unsafe impl Send for Session {}

/// An error that came in place of a record.
pub(super) struct Fault {
    /// What happened.
    pub code: Code,
    /// Partition it happened to; negative where it concerns the whole client.
    pub partition: i32,
    /// Offset that was asked for, where the error is about one.
    pub offset: i64,
    /// librdkafka's own words.
    pub text: String,
}

/// One record. It holds memory of librdkafka, freed when it is dropped; it cannot outlive its reader.
pub struct Record<'a> {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
    /// The record's Kafka timestamp, milliseconds since the epoch, where it has one.
    pub timestamp_ms: Option<i64>,
    /// The record in librdkafka's memory.
    message: Message,
    /// A message must be destroyed before its client is.
    session: PhantomData<&'a Session>,
}

impl Record<'_> {
    /// The record's value; empty for a tombstone.
    pub fn payload(&self) -> &[u8] {
        // SAFETY: the message is valid until `self.message` is dropped, and the slice borrows from `self`.
        unsafe {
            let message = self.message.0.as_ref();
            if message.payload.is_null() { &[] } else { slice::from_raw_parts(message.payload.cast(), message.len) }
        }
    }

    /// The record's key; empty where it has none.
    pub fn key(&self) -> &[u8] {
        // SAFETY: as for the payload.
        unsafe {
            let message = self.message.0.as_ref();
            if message.key.is_null() { &[] } else { slice::from_raw_parts(message.key.cast(), message.key_len) }
        }
    }

    /// The record's value; none for a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        // SAFETY: the message is valid until `self.message` is dropped.
        let is_tombstone = unsafe { self.message.0.as_ref().payload.is_null() };
        (!is_tombstone).then(|| self.payload())
    }
}

/// Owns one message.
struct Message(NonNull<sys::rd_kafka_message_t>);

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `rd_kafka_consume_batch_queue`, and this is the only place that destroys it.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

impl Session {
    /// Takes over a consumer that has a group id; without one it has no queue, and there is none to be had.
    pub fn new(consumer: BaseConsumer<Context>) -> Option<Session> {
        let client = consumer.client().native_ptr();
        // SAFETY: `client` is valid while `consumer` lives. The logger is a plain function without state.
        let queue = unsafe {
            sys::rd_kafka_set_logger(client, Some(log));
            NonNull::new(sys::rd_kafka_queue_get_consumer(client))?
        };
        Some(Session { queue, taken: RefCell::new(Vec::with_capacity(BATCH)), consumer })
    }

    /// The client, for everything but taking records.
    pub fn consumer(&self) -> &BaseConsumer<Context> {
        &self.consumer
    }

    /// Takes at most `max` records and faults, in order for each partition, and hands each to `each`; returns how many.
    /// Waits until `max` are there or `timeout` is over, whichever is first.
    pub fn take<'a>(&'a self, max: usize, timeout: Duration, mut each: impl FnMut(Result<Record<'a>, Fault>)) -> usize {
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let mut taken = self.taken.borrow_mut();
        let max = max.min(taken.capacity());
        // SAFETY: the queue is valid while `self` lives, there is room for `max` pointers (the capacity), and
        // librdkafka returns how many of them it wrote, or −1.
        unsafe {
            let count = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), timeout_ms, taken.as_mut_ptr(), max);
            taken.set_len(usize::try_from(count).unwrap_or(0).min(max));
        }
        let count = taken.len();
        for pointer in taken.drain(..) {
            if let Some(pointer) = NonNull::new(pointer) {
                each(open(Message(pointer)));
            }
        }
        count
    }
}

impl Session {
    /// See [`commit`].
    pub fn commit(&self, offsets: &TopicPartitionList, timeout: Duration) -> Option<Code> {
        commit(self.consumer.client(), offsets, timeout)
    }
}

/// Commits `offsets` and waits for the answer until `timeout` is over; none where it did not come by then. (The call that
/// rdkafka wraps waits for ever where a broker keeps its connection and does not answer.)
pub(super) fn commit<C: ClientContext>(
    client: &Client<C>,
    offsets: &TopicPartitionList,
    timeout: Duration,
) -> Option<Code> {
    let client = client.native_ptr();
    let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: client and list live as long as the calls; the queue and the event are ours and given back once. An answer
    // that comes after the queue was given back is freed by librdkafka.
    unsafe {
        let answers = sys::rd_kafka_queue_new(client);
        let asked = sys::rd_kafka_commit_queue(client, offsets.ptr(), answers, None, ptr::null_mut());
        let answer = if asked == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            let event = sys::rd_kafka_queue_poll(answers, timeout_ms);
            NonNull::new(event).map(|event| {
                let answer = sys::rd_kafka_event_error(event.as_ptr());
                sys::rd_kafka_event_destroy(event.as_ptr());
                answer
            })
        } else {
            Some(asked)
        };
        sys::rd_kafka_queue_destroy(answers);
        answer.map(Code::from)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: this reference to the queue was ours since `new`; the consumer, a field, is destroyed after this.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// A message is a record or, with an error code, a fault.
fn open<'a>(message: Message) -> Result<Record<'a>, Fault> {
    // SAFETY: the message is valid until dropped; its error text, if any, is a C string that lives as long.
    let (raw, timestamp, text) = unsafe {
        let raw = message.0.as_ref();
        if raw.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            (raw, sys::rd_kafka_message_timestamp(raw, &raw mut kind), None)
        } else {
            let text = sys::rd_kafka_message_errstr(raw);
            let text = if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() };
            (raw, -1, Some(text))
        }
    };
    match text {
        None => Ok(Record {
            partition: raw.partition,
            offset: raw.offset,
            timestamp_ms: (timestamp >= 0).then_some(timestamp),
            message,
            session: PhantomData,
        }),
        Some(text) => Err(Fault { code: raw.err.into(), partition: raw.partition, offset: raw.offset, text }),
    }
}

/// Receives log lines that wait in the consumer's queue; called while records are taken, on the thread that takes them.
unsafe extern "C" fn log(_: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, text: *const c_char) {
    if !facility.is_null() && !text.is_null() {
        // SAFETY: librdkafka passes two C strings that live for the duration of the call.
        let (facility, text) =
            unsafe { (CStr::from_ptr(facility).to_string_lossy(), CStr::from_ptr(text).to_string_lossy()) };
        bridge(level, facility.trim(), text.trim());
    }
}
