//! Asks for the ends of a topic's partitions, every two seconds, on a thread and connection of its own, so that a busy
//! reader neither delays the answers nor waits for them.
//!
//! Lag is end − applied, and a partition counts as idle only by a fresh answer that its end is the position. The end is
//! the high watermark: posts of an open transaction are not there yet, but their partition is not idle.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tracing::warn;

use super::Error;
use super::client::{Context, Role, properties};
use super::reader::{concrete, partition_list, partitions_of};
use crate::{clock, config};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_secs(2);
/// Longest wait for one answer; an answer older than five seconds is of no use to anyone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Questions after which the list of partitions is asked for again: the topic may have grown.
const QUESTIONS_PER_LIST: u32 = 3;

/// By partition its end and when that was asked for.
type Ends = Arc<Mutex<BTreeMap<i32, (i64, Instant)>>>;

/// Watches the ends of one topic until it is dropped.
pub struct EndWatcher {
    /// What was last answered.
    ends: Ends,
    /// Dropping it wakes the thread and ends it.
    stop: Option<mpsc::Sender<()>>,
}

impl EndWatcher {
    /// Starts to watch. Returns at once; the first answers come when a broker does.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn start(kafka: &config::Kafka, topic: &str) -> Result<EndWatcher, Error> {
        let mut properties = properties(kafka, Role::Consumer);
        // With `read_committed` the answer would be the last stable offset.
        properties.set("isolation.level", "read_uncommitted");
        let what = format!("connecting a watcher of {topic} to {}", kafka.brokers);
        let consumer: BaseConsumer<Context> =
            properties.create_with_context(Context).map_err(|error| Error::from_kafka(&what, &error))?;
        let ends = Ends::default();
        let (stop, stopped) = mpsc::channel();
        let (answers, topic) = (Arc::clone(&ends), topic.to_owned());
        thread::Builder::new()
            .name("ends".into())
            .spawn(move || watch(&consumer, &topic, &answers, &stopped))
            .map_err(|error| Error::Other(format!("{what}: no thread: {error}")))?;
        Ok(EndWatcher { ends, stop: Some(stop) })
    }

    /// The end of a partition (the offset after its newest record, control records included) and the instant at which
    /// that was asked: the end was not lower after it. None until a broker answered.
    pub fn latest(&self, partition: i32) -> Option<(i64, Instant)> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&partition).copied()
    }

    /// Partitions that the topic has, ascending, as far as their leaders answered.
    pub fn partitions(&self) -> Vec<i32> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

impl Drop for EndWatcher {
    fn drop(&mut self) {
        // The thread sees this at once or after the answer it waits for, and closes its connection by itself.
        self.stop.take();
    }
}

/// The thread: asks until the sender of `stopped` is gone.
fn watch(consumer: &BaseConsumer<Context>, topic: &str, answers: &Ends, stopped: &mpsc::Receiver<()>) {
    let mut partitions = Vec::new();
    let mut questions = 0_u32;
    loop {
        // Serves log lines; a consumer without a group gets nothing else.
        let _ = consumer.poll(Duration::ZERO);
        if questions.is_multiple_of(QUESTIONS_PER_LIST) || partitions.is_empty() {
            match partitions_of(consumer, topic, ANSWER_TIMEOUT) {
                Ok(found) => partitions = found,
                Err(error) if error.is_passing() => {}
                Err(error) => warn!(topic, %error, "cannot watch the ends of the topic"),
            }
        }
        questions = questions.wrapping_add(1);
        let asked = clock::monotonic();
        if let Ok(ends) = ask(consumer, topic, &partitions) {
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.extend(ends.into_iter().map(|(partition, end)| (partition, (end, asked))));
        }
        let wait = if partitions.is_empty() { INTERVAL / 4 } else { INTERVAL };
        if stopped.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// The ends of these partitions, one request a broker. Partitions whose leader is away are left out.
fn ask(consumer: &BaseConsumer<Context>, topic: &str, partitions: &[i32]) -> Result<BTreeMap<i32, i64>, Error> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let what = format!("asking for the ends of {topic}");
    // The "time" −1, which is the raw form of `End`, asks for the end.
    let asked = partition_list(topic, partitions.iter().map(|partition| (*partition, Offset::End)))?;
    let answer = consumer.offsets_for_times(asked, ANSWER_TIMEOUT).map_err(|error| Error::from_kafka(&what, &error))?;
    Ok(concrete(&answer))
}
