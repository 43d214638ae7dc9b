//! Asks the brokers what [`super::start`] needs to know, turns origins into offsets, and refuses those that the topic does
//! not hold.

use std::collections::BTreeMap;
use std::time::Duration;

use super::aside_log::AsideLog;
use super::kafka::{Error, KafkaOptions};
use super::ledger::Resume;
use super::partition::in_topic;
use super::start::{Facts, Origin};
use super::topic::Topic;
use crate::config::Start;
use crate::kafka::reader::Reader;
use crate::model::EventTime;
use crate::{clock, kafka};

/// How far before a committed offset reading begins again when state was lost: the longest window.
const REWIND_MS: i64 = 24 * 3_600_000;
/// Longest wait for the records whose Kafka times say where that is.
const PROBE_TIME: Duration = Duration::from_secs(10);

/// Where one partition is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Offset, and the greatest event time before it.
    pub at: Resume,
    /// The partition appeared while others had gone on.
    pub new: bool,
    /// It is read for the first time, which is to be written down.
    pub first: bool,
    /// State was lost: reading begins before what was already counted once.
    pub warming: bool,
}

/// Where to begin reading each of a topic's `partitions`, which have Kafka's numbers here; the result has ours.
pub(super) fn decide(
    topic: &Topic,
    partitions: &[i32],
    options: &KafkaOptions,
    log: &AsideLog,
) -> Result<BTreeMap<i32, Beginning>, Error> {
    let reader = topic.reader();
    let read_before = options.restored.iter().flat_map(|restored| restored.resume.keys());
    let read_before = read_before.filter(|number| topic.has(**number)).map(|number| in_topic(*number));
    if let Some(partition) = read_before.into_iter().find(|partition| !partitions.contains(partition)) {
        return Err(Error::Shrunk { topic: topic.name().to_owned(), partition });
    }
    // With state at hand nobody else is asked: a coordinator on the move may answer that nothing was ever committed.
    let committed = if options.restored.is_some() { BTreeMap::new() } else { reader.committed(partitions)? };
    let committed = committed.into_iter().map(|(partition, offset)| (topic.number(partition), offset)).collect();
    let facts = Facts { restored: options.restored.as_ref(), committed: &committed, history: log.history() };
    let origins: BTreeMap<i32, Origin> = partitions.iter().map(|&p| (p, facts.origin(topic.number(p)))).collect();
    let lost = |(&partition, origin): (&i32, &Origin)| match origin {
        Origin::Lost { committed } => Some((partition, *committed)),
        _ => None,
    };
    let ranges = ranges(reader, partitions)?;
    let rewound = rewind(reader, &origins.iter().filter_map(lost).collect(), &ranges)?;
    let unread: Vec<i32> = partitions.iter().copied().filter(|p| origins[p] == Origin::Policy).collect();
    let policy = by_policy(reader, &unread, options.kafka.start, &ranges)?;

    let mut begin = BTreeMap::new();
    for (&partition, &origin) in &origins {
        let (low, high) = ranges[&partition];
        let from = |offset| Resume { offset, greatest: None };
        let at = match origin {
            Origin::State(resume) => resume,
            Origin::Began(offset) => from(offset),
            Origin::New => from(low),
            Origin::Lost { .. } => from(rewound[&partition]),
            Origin::Policy => from(policy[&partition]),
        };
        if !(low..=high).contains(&at.offset) {
            return Err(Error::OutOfRange { topic: topic.name().to_owned(), partition, wanted: at.offset, low, high });
        }
        let new = origin == Origin::New && options.restored.is_some();
        let first = origin == Origin::Policy || (origin == Origin::New && !new);
        let warming = matches!(origin, Origin::Lost { .. });
        begin.insert(topic.number(partition), Beginning { at, new, first, warming });
    }
    Ok(begin)
}

/// By partition, the oldest offset and the one after the newest.
type Ranges = BTreeMap<i32, (i64, i64)>;

fn ranges(reader: &Reader, partitions: &[i32]) -> Result<Ranges, kafka::Error> {
    partitions.iter().map(|&partition| Ok((partition, reader.range(partition)?))).collect()
}

/// The configured beginning of partitions that nobody has read.
fn by_policy(
    reader: &Reader,
    partitions: &[i32],
    start: Start,
    ranges: &Ranges,
) -> Result<BTreeMap<i32, i64>, kafka::Error> {
    match start {
        Start::At(_) if partitions.is_empty() => Ok(BTreeMap::new()),
        Start::At(time) => reader.offsets_at(time, partitions),
        Start::Earliest => Ok(partitions.iter().map(|&partition| (partition, ranges[&partition].0)).collect()),
        Start::Latest => Ok(partitions.iter().map(|&partition| (partition, ranges[&partition].1)).collect()),
    }
}

/// A day before the record at each committed offset, by Kafka's time. What retention has taken meanwhile is left out.
fn rewind(
    reader: &Reader,
    committed: &BTreeMap<i32, i64>,
    ranges: &Ranges,
) -> Result<BTreeMap<i32, i64>, kafka::Error> {
    if committed.is_empty() {
        return Ok(BTreeMap::new());
    }
    // The record before the committed offset is there even where nothing came after it.
    let probe: BTreeMap<i32, i64> = committed
        .iter()
        .map(|(&partition, &offset)| (partition, (offset - 1).clamp(ranges[&partition].0, ranges[&partition].1)))
        .collect();
    let times = times_at(reader, &probe)?;
    // A partition without any record left has no time of its own.
    let newest = times.values().copied().max().unwrap_or_else(clock::wall_ms);
    let mut rewound = BTreeMap::new();
    for (&partition, &offset) in committed {
        let (low, high) = ranges[&partition];
        let time = times.get(&partition).copied().unwrap_or(newest);
        let day_before = reader.offsets_at(EventTime(time - REWIND_MS), &[partition])?;
        let target = day_before.get(&partition).copied().unwrap_or(offset).min(offset);
        rewound.insert(partition, target.clamp(low, high));
    }
    Ok(rewound)
}

/// The Kafka times of the first records at or after these offsets, of those partitions that have one.
fn times_at(reader: &Reader, offsets: &BTreeMap<i32, i64>) -> Result<BTreeMap<i32, i64>, kafka::Error> {
    reader.assign(offsets)?;
    let deadline = clock::monotonic() + PROBE_TIME;
    let mut times = BTreeMap::new();
    let mut failed = None;
    while times.len() < offsets.len() && failed.is_none() && clock::monotonic() < deadline {
        reader.poll_batch(Duration::from_millis(100), |polled| match polled {
            Ok(record) => {
                if let Some(time) = record.timestamp_ms {
                    times.entry(record.partition).or_insert(time);
                }
            }
            Err(error) if error.is_passing() => {}
            Err(error) => failed = Some(error),
        });
    }
    failed.map_or(Ok(times), Err)
}
