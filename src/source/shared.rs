//! What reading a topic shares with other threads: where to read again from, where it stands, and whether to stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::ledger::Ledger;
use super::tally::Tally;
use crate::model::EventTime;

/// What reading shares with other threads.
#[derive(Debug, Default)]
pub struct Shared {
    /// Where to read again from; the checkpointer asks it and prunes it.
    pub ledger: Mutex<Ledger>,
    /// Where reading stands; up to a quarter of a second old.
    pub progress: Mutex<Progress>,
    /// Bytes of open panes, all shards together; the tracker says.
    pub open_bytes: Arc<AtomicU64>,
    /// Set to end reading after the current batch.
    pub stop: AtomicBool,
}

/// Where reading stands.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// By partition.
    pub partitions: BTreeMap<i32, PartitionProgress>,
    /// The watermark last passed on.
    pub watermark: EventTime,
    /// Counts since somebody last took them.
    pub tally: Tally,
    /// Rejected records that the dead-letter topic did not get.
    pub letters_lost: u64,
    /// When a broker last answered a question.
    pub answered: Option<Instant>,
}

/// Where reading stands in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionProgress {
    /// Offset of the next record, control records passed over.
    pub position: i64,
    /// The partition's end, as a broker last named it.
    pub end: Option<i64>,
    /// Its own watermark; none before its first post.
    pub watermark: Option<EventTime>,
    /// Whether it is set aside as idle.
    pub aside: bool,
    /// Whether it is held back because it runs far ahead.
    pub held: bool,
}

impl PartitionProgress {
    /// Records left to read: end − position, 0 where only control records remain; none before a broker answered.
    pub fn lag(&self) -> Option<u64> {
        self.end.map(|end| u64::try_from(end - self.position).unwrap_or(0))
    }
}

impl Shared {
    /// The ledger. A thread that panicked while holding it ends the process anyway.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where reading stands.
    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether reading was told to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
