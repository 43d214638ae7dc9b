//! The last record of a one-partition topic, without reading the topic.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Error;
use super::reader::Reader;
use super::wait::RETRY_TIMEOUT;
use crate::{clock, config};

/// How far back from the end the first look goes, in offsets. Most ends are a record and a control record or two.
const FIRST_STEP: i64 = 64;
/// How long a topic that is not there is waited for before the caller is told.
const TOPIC_WAIT: Duration = Duration::from_secs(5);
/// How much further each next look goes. Only a long run of aborted records needs a second one.
const STEP_GROWTH: i64 = 16;

/// The value of the last committed record of `topic`, or none where it has no committed record.
///
/// It reads up to the high watermark as it was at the start and stops by the reader's own position: aborted records and
/// control records take offsets, and an open transaction of somebody else ends the read-committed log too early.
///
/// # Errors
/// [`Error::Other`] where the topic has more than one partition; [`Error::Unavailable`] where it does not exist or its
/// end was not reached within half a minute, as while somebody's transaction is open; or told to `stop` while waiting.
pub(super) fn last_record(
    kafka: &config::Kafka,
    group: &str,
    topic: &str,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<u8>>, Error> {
    let reader = Reader::connect(kafka, group, topic)?;
    let deadline = clock::monotonic() + TOPIC_WAIT;
    let partitions = reader.partitions(&|| stop() || clock::monotonic() >= deadline)?;
    if partitions.len() != 1 {
        let count = partitions.len();
        return Err(Error::Other(format!("topic '{topic}' has {count} partitions and must have 1: make it anew")));
    }
    let (low, high) = reader.range(0)?;
    let mut step = FIRST_STEP;
    let mut look = Some(reader);
    loop {
        let start = high.saturating_sub(step).max(low);
        // A reader of its own for every look: one that went back would still show the position it came from.
        let reader = look.take().map_or_else(|| Reader::connect(kafka, group, topic), Ok)?;
        let last = last_between(&reader, start, high)?;
        if last.is_some() || start == low {
            return Ok(last);
        }
        step = step.saturating_mul(STEP_GROWTH);
    }
}

/// The value of the last committed record of partition 0 from `start` up to `end`.
fn last_between(reader: &Reader, start: i64, end: i64) -> Result<Option<Vec<u8>>, Error> {
    reader.assign(&BTreeMap::from([(0, start)]))?;
    let deadline = clock::monotonic() + RETRY_TIMEOUT;
    let (mut last, mut position) = (None, start);
    while position < end {
        let mut failed = None;
        reader.poll_batch(Duration::from_millis(100), |record| match record {
            Ok(record) if record.offset < end => last = Some(record.payload().to_vec()),
            Ok(_) => {}
            Err(error) if error.is_passing() => {}
            Err(error) => failed = Some(error),
        });
        if let Some(error) = failed {
            return Err(error);
        }
        position = reader.positions().get(&0).copied().unwrap_or(start);
        if position < end && clock::monotonic() >= deadline {
            let topic = reader.topic();
            return Err(Error::Unavailable(format!(
                "reading the end of {topic}: stands at {position} of {end}; is a transaction of another writer open?"
            )));
        }
    }
    Ok(last)
}
