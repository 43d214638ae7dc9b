//! Holding back partitions that run far ahead. They cost memory, not correctness: their posts wait in open panes for the
//! partition that holds the watermark. When open panes take too much, those furthest ahead stand still until there is
//! room again. Rarely: whatever librdkafka fetched ahead of a paused partition is thrown away.

use std::collections::BTreeSet;

use crate::model::EventTime;
use crate::model::time::TICK_MS;

/// A partition no further ahead of the watermark than this is never held: it may be the one that must move it.
const LEAD_MIN_MS: i64 = 2 * TICK_MS;

/// Which partitions to pause and to resume now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// To be paused.
    pub pause: Vec<i32>,
    /// To be resumed.
    pub resume: Vec<i32>,
}

/// The partitions that are held back.
#[derive(Debug)]
pub struct Hold {
    above_bytes: u64,
    held: BTreeSet<i32>,
}

impl Hold {
    /// Holds back while open panes take more than `above_bytes`, until they take less than half of it.
    pub fn new(above_bytes: u64) -> Hold {
        Hold { above_bytes, held: BTreeSet::new() }
    }

    /// Decides anew. `partitions` are those not set aside, with their own watermarks. While open panes take too much, each
    /// call holds the further half of those that are ahead, so that a few calls find as many as it needs.
    pub fn decide(
        &mut self,
        open_bytes: u64,
        watermark: EventTime,
        partitions: impl Iterator<Item = (i32, EventTime)>,
    ) -> Change {
        if open_bytes <= self.above_bytes && self.held.is_empty() {
            return Change::default();
        }
        let limit = watermark.plus_ms(LEAD_MIN_MS);
        let mut ahead: Vec<(EventTime, i32)> =
            partitions.filter(|&(_, own)| own > limit).map(|(partition, own)| (own, partition)).collect();
        let still_ahead: BTreeSet<i32> = ahead.iter().map(|&(_, partition)| partition).collect();
        let release_all = open_bytes < self.above_bytes / 2;
        let resume: Vec<i32> =
            self.held.iter().copied().filter(|held| release_all || !still_ahead.contains(held)).collect();
        self.held.retain(|held| !resume.contains(held));
        let mut pause = Vec::new();
        if open_bytes > self.above_bytes {
            ahead.retain(|(_, partition)| !self.held.contains(partition));
            ahead.sort_unstable();
            let stay = ahead.len() / 2;
            pause = ahead.split_off(stay).into_iter().map(|(_, partition)| partition).collect();
            self.held.extend(&pause);
        }
        Change { pause, resume }
    }

    /// The partitions that are held back.
    pub fn held(&self) -> &BTreeSet<i32> {
        &self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(times: &[i64]) -> impl Iterator<Item = (i32, EventTime)> {
        times.iter().enumerate().map(|(partition, &time)| (partition as i32, EventTime(time)))
    }

    fn change(pause: &[i32], resume: &[i32]) -> Change {
        Change { pause: pause.to_vec(), resume: resume.to_vec() }
    }

    #[test]
    fn the_furthest_ahead_stand_still_until_half_is_free() {
        let mut hold = Hold::new(1000);
        let now = [0, 30_000, 900_000, 500_000];
        assert_eq!(hold.decide(1000, EventTime(0), times(&now)), Change::default());
        assert_eq!(hold.decide(1001, EventTime(0), times(&now)), change(&[3, 2], &[]));
        assert_eq!(hold.decide(1500, EventTime(0), times(&now)), change(&[1], &[]));
        assert_eq!(hold.decide(1500, EventTime(0), times(&now)), Change::default(), "the last one is never held");
        assert_eq!(hold.decide(500, EventTime(0), times(&now)), Change::default());
        assert_eq!(hold.decide(499, EventTime(0), times(&now)), change(&[], &[1, 2, 3]));
    }

    /// A held partition that the watermark has caught up with would hold it for ever.
    #[test]
    fn a_held_partition_goes_on_once_the_watermark_is_near() {
        let mut hold = Hold::new(1000);
        assert_eq!(hold.decide(2000, EventTime(0), times(&[0, 30_000])), change(&[1], &[]));
        assert_eq!(hold.decide(2000, EventTime(10_000), times(&[10_000, 30_000])), change(&[], &[1]));
        assert!(hold.held().is_empty());
    }
}
