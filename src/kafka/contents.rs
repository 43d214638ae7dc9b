//! Everything that a partition of a compacted topic holds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Error;
use super::reader::Reader;
use crate::{clock, config};

/// Longest that reading may stand still.
const STALL_MAX: Duration = Duration::from_secs(30);

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The partition's oldest offset.
    pub low: i64,
    /// The offset after its newest, when reading began.
    pub end: i64,
    /// Records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is told of each record: its key, and its value or none for a tombstone.
pub type Each<'a> = dyn FnMut(&[u8], Option<&[u8]>) + 'a;

/// Hands every record of a partition to `each`, in order. Reads up to the
/// high watermark as it is at the start, and stops by its own position: control records and compaction take offsets, and
/// an open transaction of a writer that is gone would end the read-committed log too early.
///
/// # Errors
/// [`Error::Unavailable`] where brokers do not answer for half a minute, or told to `stop`.
pub fn contents(
    kafka: &config::Kafka,
    group: &str,
    (topic, partition): (&str, i32),
    stop: &dyn Fn() -> bool,
    each: &mut Each<'_>,
) -> Result<Extent, Error> {
    let reader = Reader::connect_uncommitted(kafka, group, topic)?;
    reader.partitions(stop)?;
    let (low, end) = reader.range(partition)?;
    let mut extent = Extent { low, end, records: 0, bytes: 0 };
    if low >= end {
        return Ok(extent);
    }
    reader.assign(&BTreeMap::from([(partition, low)]))?;
    let mut moved = (low, clock::monotonic());
    loop {
        let mut failed = None;
        reader.poll_batch(Duration::from_millis(100), |polled| match polled {
            Ok(record) if record.offset < end => {
                extent.records += 1;
                extent.bytes += (record.key().len() + record.payload().len()) as u64;
                each(record.key(), record.value());
            }
            Ok(_) => {}
            Err(error) if error.is_passing() => {}
            Err(error) => failed = Some(error),
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let position = reader.positions().get(&partition).copied().unwrap_or(low);
        if position >= end {
            return Ok(extent);
        }
        if position > moved.0 {
            moved = (position, clock::monotonic());
        }
        if stop() || moved.1.elapsed() >= STALL_MAX {
            return Err(Error::Unavailable(format!("reading {topic}[{partition}]: stands at {position} of {end}")));
        }
    }
}
