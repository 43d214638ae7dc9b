//! What became of the records, since somebody last asked. Plain numbers: the counts leave as a value, so that reading
//! knows nothing of metrics.

use std::collections::BTreeMap;

use super::decode::Reason;
use crate::model::Act;

/// Counts since the last [`Tally::take`]. A record is counted in exactly one of `on_time`, `late`, `rejected`, `covered`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Posts that count.
    pub on_time: u64,
    /// Posts too far behind the greatest event time of their partition, by partition.
    pub late: BTreeMap<i32, u64>,
    /// Records that are no usable post, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Posts of panes that were already closed and written when reading resumed; an earlier run counted them.
    pub covered: u64,
    /// Actions; none of them counts above.
    pub actions: ActionTally,
}

/// Counts of actions. Each record counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionTally {
    /// Actions that take effect, by the number of their act.
    pub taken: [u64; Act::ALL.len()],
    /// Actions too far behind the greatest event time of their partition; they change nothing.
    pub late: u64,
    /// Records that are no usable action, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Actions that had taken effect when reading resumed; an earlier run counted them.
    pub covered: u64,
}

impl Tally {
    /// Posts read: on time or late, without rejected records and without those of an earlier run.
    pub fn posts(&self) -> u64 {
        self.on_time + self.late_posts()
    }

    /// Late posts of all partitions.
    pub fn late_posts(&self) -> u64 {
        self.late.values().sum()
    }

    /// Rejected records, whatever the reason.
    pub fn rejected_posts(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Every record read but actions.
    pub fn records(&self) -> u64 {
        self.posts() + self.rejected_posts() + self.covered
    }

    /// The counts so far; counting goes on from zero.
    pub fn take(&mut self) -> Tally {
        std::mem::take(self)
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Tally) {
        self.on_time += other.on_time;
        self.covered += other.covered;
        for (partition, count) in other.late {
            *self.late.entry(partition).or_default() += count;
        }
        for (reason, count) in other.rejected {
            *self.rejected.entry(reason).or_default() += count;
        }
        self.actions.add(other.actions);
    }
}

impl ActionTally {
    /// Every record read.
    pub fn records(&self) -> u64 {
        self.taken.iter().sum::<u64>() + self.late + self.rejected.values().sum::<u64>() + self.covered
    }

    fn add(&mut self, other: ActionTally) {
        for (into, from) in self.taken.iter_mut().zip(other.taken) {
            *into += from;
        }
        self.late += other.late;
        self.covered += other.covered;
        for (reason, count) in other.rejected {
            *self.rejected.entry(reason).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_in_parts_adds_up_to_the_whole() {
        let mut tally = Tally { on_time: 3, ..Tally::default() };
        tally.late.insert(2, 1);
        tally.rejected.insert(Reason::Future, 4);
        let first = tally.take();
        assert_eq!(tally, Tally::default());
        tally.late.insert(2, 5);
        tally.covered = 7;
        let mut sum = first;
        sum.add(tally.take());
        assert_eq!(sum.late[&2], 6);
        assert_eq!((sum.posts(), sum.late_posts(), sum.rejected_posts(), sum.records()), (9, 6, 4, 20));
    }
}
