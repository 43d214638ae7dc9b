//! Where to read again from: for every pane that no durable checkpoint covers yet, the offset of the first post it needs
//! and the greatest event time before that post. The closed pane is the checkpoint; open panes are rebuilt by reading,
//! and lateness is judged again exactly as before because the greatest time travels with the position.
//!
//! One entry a pane is enough, and only for posts whose pane is later than that of every post on time before them: any
//! other post lies behind an entry of a later pane, and who needs its pane needs that one too.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::model::{EventTime, Tick};

/// Most entries kept for one partition; beyond, neighbours are joined, which makes a restart read more, never less.
/// 16 384 panes are two days of event time.
const MARKS_MAX: usize = 16_384;

/// Where one partition is read from, and what its clock showed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Offset of the first record to read.
    pub offset: i64,
    /// Greatest event time of the partition before that record; none where it had shown no post.
    pub greatest: Option<EventTime>,
}

/// The first post of a pane later than all panes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Source partition.
    pub partition: i32,
    /// The post's pane.
    pub tick: Tick,
    /// The post's offset and the greatest event time before it.
    pub at: Resume,
}

/// The marks of all partitions and how far each was read.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    partitions: BTreeMap<i32, Marks>,
    /// The tick of the last durable checkpoint, whether it was restored or made by this run.
    checkpoint: Option<Tick>,
}

/// One partition. Ticks and offsets both rise from front to back.
#[derive(Clone, Debug)]
struct Marks {
    marks: VecDeque<(Tick, Resume)>,
    /// Where reading goes on, and the greatest time there.
    position: Resume,
    /// Where a restart would read from: what the last durable checkpoint says.
    durable: Resume,
}

impl Ledger {
    /// Takes a partition in, or forgets what was noted of it: reading begins at `at`.
    pub fn begin(&mut self, partition: i32, at: Resume) {
        self.partitions.insert(partition, Marks { marks: VecDeque::new(), position: at, durable: at });
    }

    /// Notes a post on time. Marks of one partition come in order of their offsets; a mark whose pane is not later than
    /// the one before it says nothing new.
    pub fn note(&mut self, mark: Mark) {
        let Some(partition) = self.partitions.get_mut(&mark.partition) else { return };
        if partition.marks.back().is_some_and(|&(tick, _)| tick >= mark.tick) {
            return;
        }
        partition.marks.push_back((mark.tick, mark.at));
        if partition.marks.len() > MARKS_MAX {
            partition.join_neighbours();
        }
    }

    /// Notes how far a partition was read.
    pub fn advance(&mut self, partition: i32, position: Resume) {
        if let Some(marks) = self.partitions.get_mut(&partition) {
            marks.position = position;
        }
    }

    /// Where to read from when every pane up to `covered` is durable: the first post of any later pane, else where
    /// reading stands.
    pub fn resume(&self, covered: Tick) -> BTreeMap<i32, Resume> {
        self.partitions.iter().map(|(&partition, marks)| (partition, marks.resume(covered))).collect()
    }

    /// Says that the checkpoint of `covered` is durable, and forgets what that has made needless.
    pub fn prune(&mut self, covered: Tick) {
        self.checkpoint = Some(covered);
        for marks in self.partitions.values_mut() {
            marks.durable = marks.resume(covered);
            let later = marks.marks.partition_point(|&(tick, _)| tick <= covered);
            marks.marks.drain(..later);
        }
    }

    /// The tick of the last durable checkpoint. Before the first there is nothing to commit: a committed offset says that
    /// there is state.
    pub fn checkpoint(&self) -> Option<Tick> {
        self.checkpoint
    }

    /// Where a restart would read from now. The group's committed offsets may say this and nothing later.
    pub fn durable(&self) -> BTreeMap<i32, i64> {
        self.partitions.iter().map(|(&partition, marks)| (partition, marks.durable.offset)).collect()
    }

    /// Entries held, all partitions together.
    pub fn len(&self) -> usize {
        self.partitions.values().map(|marks| marks.marks.len()).sum()
    }

    /// Whether no entry is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Marks {
    fn resume(&self, covered: Tick) -> Resume {
        let later = self.marks.partition_point(|&(tick, _)| tick <= covered);
        self.marks.get(later).map_or(self.position, |&(_, at)| at)
    }

    /// Halves the entries. The later pane of two takes the earlier offset, so that nothing is missed.
    fn join_neighbours(&mut self) {
        let mut joined = VecDeque::with_capacity(MARKS_MAX);
        let mut old = std::mem::take(&mut self.marks).into_iter();
        while let Some((tick, at)) = old.next() {
            joined.push_back((old.next().map_or(tick, |(later, _)| later), at));
        }
        self.marks = joined;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::clock::{Clocks, Verdict};
    use super::*;
    use crate::model::time::TICK_MS;

    const DELAY_MS: i64 = 15_000;

    fn at(offset: i64, greatest: Option<i64>) -> Resume {
        Resume { offset, greatest: greatest.map(EventTime) }
    }

    fn mark(partition: i32, tick: i64, offset: i64, greatest: i64) -> Mark {
        Mark { partition, tick: Tick(tick), at: at(offset, Some(greatest)) }
    }

    #[test]
    fn reading_resumes_at_the_first_post_of_an_open_pane() {
        let mut ledger = Ledger::default();
        ledger.begin(0, at(0, None));
        ledger.note(mark(0, 5, 10, 49_000));
        ledger.note(mark(0, 7, 20, 61_000));
        ledger.note(mark(0, 6, 25, 69_000));
        ledger.advance(0, at(30, Some(69_500)));
        assert_eq!(ledger.resume(Tick(4))[&0], at(10, Some(49_000)));
        assert_eq!(ledger.resume(Tick(5))[&0], at(20, Some(61_000)));
        assert_eq!(ledger.resume(Tick(7))[&0], at(30, Some(69_500)));
        assert_eq!(ledger.durable()[&0], 0);
        ledger.prune(Tick(6));
        assert_eq!(ledger.len(), 1);
        assert_eq!(ledger.durable()[&0], 20);
        assert_eq!(ledger.resume(Tick(6))[&0], at(20, Some(61_000)));
    }

    #[test]
    fn a_partition_far_ahead_costs_a_bounded_number_of_entries_and_resumes_no_later() {
        let mut ledger = Ledger::default();
        ledger.begin(0, at(0, None));
        let count = 3 * MARKS_MAX as i64;
        for tick in 0..count {
            ledger.note(mark(0, tick, tick * 10, tick));
        }
        assert!(ledger.len() <= MARKS_MAX);
        for covered in (0..count - 1).step_by(97) {
            let exact = (covered + 1) * 10;
            let resume = ledger.resume(Tick(covered))[&0].offset;
            assert!(resume <= exact && exact - resume <= 320, "{covered}: {resume} for {exact}");
        }
    }

    /// What one run did: the posts it applied, and the checkpoints it could have written.
    struct Run {
        applied: BTreeSet<(i32, i64)>,
        checkpoints: Vec<(Tick, BTreeMap<i32, Resume>)>,
    }

    /// Reads `logs` (times by partition and offset) in the order of `turns`, from `resume`, past what `covered` covers.
    fn read(logs: &[Vec<i64>], turns: &[usize], covered: Tick, resume: &BTreeMap<i32, Resume>) -> Run {
        let (mut clocks, mut ledger) = (Clocks::new(DELAY_MS, covered.end()), Ledger::default());
        let mut positions = resume.clone();
        for (&partition, &at) in resume {
            clocks.add(partition, at.greatest);
            ledger.begin(partition, at);
        }
        let mut run = Run { applied: BTreeSet::new(), checkpoints: Vec::new() };
        // After the given turns, whatever is left of each partition.
        let rest = (0..logs.len()).flat_map(|p| std::iter::repeat_n(p, logs[p].len()));
        for p in turns.iter().map(|turn| turn % logs.len()).chain(rest) {
            let partition = p as i32;
            let offset = positions[&partition].offset;
            let Some(&ts) = logs[p].get(offset as usize) else { continue };
            let (before, ts) = (clocks.greatest(partition), EventTime(ts));
            if clocks.observe(partition, ts) == Verdict::OnTime && ts.tick() > covered {
                run.applied.insert((partition, offset));
                ledger.note(Mark { partition, tick: ts.tick(), at: Resume { offset, greatest: before } });
            }
            let position = Resume { offset: offset + 1, greatest: clocks.greatest(partition) };
            positions.insert(partition, position);
            ledger.advance(partition, position);
            let closed = clocks.watermark().closed_tick();
            if run.checkpoints.last().map_or(covered, |&(tick, _)| tick) < closed {
                run.checkpoints.push((closed, ledger.resume(closed)));
                ledger.prune(closed);
            }
        }
        run
    }

    fn logs() -> impl Strategy<Value = Vec<Vec<i64>>> {
        // Steps forward with jitter beyond the delay, so that some posts are late; some partitions far ahead of others.
        let log = (0..400_000i64, proptest::collection::vec((0..6000i64, 0..25_000i64), 0..120)).prop_map(
            |(start, steps)| {
                let mut now = 1_000_000 + start;
                let step = |(forward, jitter): (i64, i64)| {
                    now += forward;
                    now - jitter
                };
                steps.into_iter().map(step).collect::<Vec<i64>>()
            },
        );
        proptest::collection::vec(log, 1..5)
    }

    proptest! {
        /// From every checkpoint of every run, and from checkpoints of runs that themselves began at one: reading again
        /// applies exactly the posts on time of later panes, in any order of partitions.
        #[test]
        fn reading_again_applies_exactly_the_posts_of_later_panes(
            logs in logs(),
            first in proptest::collection::vec(0..64usize, 0..300),
            second in proptest::collection::vec(0..64usize, 0..300),
            picks in proptest::collection::vec(any::<proptest::sample::Index>(), 3),
        ) {
            let start = (0..logs.len() as i32).map(|p| (p, at(0, None))).collect();
            let whole = read(&logs, &first, Tick(i64::MIN / TICK_MS / 4), &start);
            let mut run = read(&logs, &second, Tick(i64::MIN / TICK_MS / 4), &start);
            prop_assert_eq!(&run.applied, &whole.applied, "lateness does not depend on the order of partitions");
            for pick in picks {
                if run.checkpoints.is_empty() {
                    break;
                }
                let (covered, resume) = run.checkpoints[pick.index(run.checkpoints.len())].clone();
                let later = |&&(p, offset): &&(i32, i64)| EventTime(logs[p as usize][offset as usize]).tick() > covered;
                let expected: BTreeSet<_> = whole.applied.iter().filter(later).copied().collect();
                run = read(&logs, &first, covered, &resume);
                prop_assert_eq!(&run.applied, &expected);
            }
        }
    }
}
