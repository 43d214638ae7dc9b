//! Idle partitions. A partition at its end would hold the watermark for ever; setting it aside lets the others go on, and
//! makes its next posts late if they are older than what went on without them. That depends on when a broker was asked,
//! so it cannot be derived again from the posts: each decision is written down before any watermark that rests on it is
//! passed on, and a restart decides what the first run decided.
//!
//! Written down are: *start* (partition, position) where a partition is first read, *aside* (partition, position,
//! watermark), *back* (the same, when its next record is read) and, while any partition is aside, *reached* (watermark)
//! before each watermark that closes a pane. The last is what a partition that returns only after a crash must respect:
//! the panes up to there have been decided without it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::clock::Clocks;
use super::partition::{index_of, is_of_actions};
use crate::model::EventTime;

/// A broker's answer older than this says nothing; a gap as long between two answers begins the wait anew.
pub const ANSWER_AGE_MAX: Duration = Duration::from_secs(5);

/// Least time between two *reached* lines, so that reading a backlog does not wait for the disk at every pane.
const REACHED_EVERY: Duration = Duration::from_millis(100);

/// Ended spells kept below the resume offset, for a restart from the manifest before the last.
const ENDED_KEPT: usize = 8;

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The partition is read for the first time, from `position`.
    Start {
        /// Kafka partition.
        partition: i32,
        /// Offset of its first record.
        position: i64,
    },
    /// The partition was set aside at `position`, when the shared watermark was `watermark`.
    Aside {
        /// Kafka partition.
        partition: i32,
        /// Offset of the next record it would show.
        position: i64,
        /// The shared watermark then.
        watermark: EventTime,
    },
    /// The shared watermark is about to be passed on, without the partitions that are aside.
    Reached {
        /// The shared watermark.
        watermark: EventTime,
    },
    /// The record at `position` or after it was read, when the shared watermark was `watermark`.
    Back {
        /// Kafka partition.
        partition: i32,
        /// Position at which the partition had been set aside.
        position: i64,
        /// The shared watermark then: the partition's older posts are late.
        watermark: EventTime,
    },
}

/// One time that a partition was aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// Where it was set aside.
    pub position: i64,
    /// The last watermark known to have been passed on without it.
    pub floor: EventTime,
    /// The watermark at its return; none while it is still aside.
    pub back: Option<EventTime>,
}

/// What the log says, all lines together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Where each partition was first read. It holds until the first checkpoint, without which a restart would ask the
    /// topic for its latest offset again and miss what came between.
    starts: BTreeMap<i32, i64>,
    /// The spells of each partition, in order of their positions.
    spells: BTreeMap<i32, Vec<Spell>>,
}

impl History {
    /// Where a partition was first read; none where it never was.
    pub fn start(&self, partition: i32) -> Option<i64> {
        self.starts.get(&partition).copied()
    }

    /// The spells of a partition, in order of their positions.
    pub fn spells(&self, partition: i32) -> &[Spell] {
        self.spells.get(&partition).map_or(&[], Vec::as_slice)
    }

    /// Adds what one line says.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Start { partition, position } => {
                self.starts.insert(partition, position);
            }
            Entry::Aside { partition, position, watermark } => {
                let list = self.spells.entry(partition).or_default();
                // A smaller position than before means that the topic itself was cut; what lay beyond is void.
                list.retain(|old| old.position < position || (old.position == position && old.back.is_some()));
                list.push(Spell { position, floor: watermark, back: None });
            }
            Entry::Reached { watermark } => {
                let last = self.spells.values_mut().filter_map(|list| list.last_mut());
                for spell in last.filter(|spell| spell.back.is_none()) {
                    spell.floor = spell.floor.max(watermark);
                }
            }
            Entry::Back { partition, position, watermark } => {
                let last = self.spells.get_mut(&partition).and_then(|list| list.last_mut());
                if let Some(spell) = last.filter(|spell| spell.position == position) {
                    spell.back = Some(watermark);
                }
            }
        }
    }

    /// The lines that say the same.
    pub fn entries(&self) -> Vec<Entry> {
        let start = |(&partition, &position): (&i32, &i64)| Entry::Start { partition, position };
        let mut lines: Vec<Entry> = self.starts.iter().map(start).collect();
        for (&partition, list) in &self.spells {
            for &Spell { position, floor, back } in list {
                lines.push(Entry::Aside { partition, position, watermark: floor });
                lines.extend(back.map(|watermark| Entry::Back { partition, position, watermark }));
            }
        }
        lines
    }

    /// Drops the spells that ended before the offsets that a restart would read from, but for a few.
    pub fn compact(&mut self, resume: &BTreeMap<i32, i64>) {
        for (partition, list) in &mut self.spells {
            let Some(&offset) = resume.get(partition) else { continue };
            let before = list.partition_point(|spell| spell.position < offset && spell.back.is_some());
            list.drain(..before.saturating_sub(ENDED_KEPT));
        }
    }
}

/// How long a partition has been at its end.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    position: i64,
    /// When the first answer of the unbroken row came.
    since: Instant,
    /// When the last one came.
    last: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    /// Decided, not yet durable: without effect.
    Leaving {
        position: i64,
    },
    Aside {
        position: i64,
        floor: EventTime,
    },
}

#[derive(Debug)]
struct Partition {
    state: State,
    quiet: Option<Quiet>,
    /// What an earlier run decided at positions that this one has not reached yet.
    recorded: VecDeque<Spell>,
}

/// Decides which partitions are aside. Knows neither Kafka nor the file: positions and answers come in, entries go out.
#[derive(Debug)]
pub struct Idleness {
    timeout: Duration,
    /// The same for partitions of actions, which are rare.
    actions_timeout: Duration,
    partitions: BTreeMap<i32, Partition>,
    /// By partition: the first offset at which something is to be done before the record is judged.
    attention: Vec<i64>,
    unwritten: Vec<Entry>,
    last_reached: Option<Instant>,
}

impl Idleness {
    /// No partition yet.
    pub fn new(timeout: Duration, actions_timeout: Duration) -> Idleness {
        let (partitions, attention, unwritten) = (BTreeMap::new(), Vec::new(), Vec::new());
        Idleness { timeout, actions_timeout, partitions, attention, unwritten, last_reached: None }
    }

    /// Takes in a partition that is read from `position`, with what earlier runs decided on it.
    pub fn add(&mut self, partition: i32, position: i64, spells: &[Spell], clocks: &mut Clocks) {
        let ahead = |spell: &&Spell| spell.position >= position || spell.back.is_none();
        let recorded = spells.iter().filter(ahead).copied().collect();
        self.partitions.insert(partition, Partition { state: State::Active, quiet: None, recorded });
        let index = index_of(partition);
        if index >= self.attention.len() {
            self.attention.resize(index + 1, i64::MAX);
        }
        self.reach(partition, position, clocks);
    }

    /// Takes in a partition that appeared while others had gone on: it is aside until it shows its first record.
    pub fn add_new(&mut self, partition: i32, position: i64, clocks: &mut Clocks) {
        let watermark = clocks.watermark();
        self.unwritten.push(Entry::Start { partition, position });
        self.unwritten.push(Entry::Aside { partition, position, watermark });
        self.add(partition, position, &[Spell { position, floor: watermark, back: None }], clocks);
    }

    /// To be called before the record at `offset` is judged. Cheap unless there is something to do.
    pub fn before(&mut self, partition: i32, offset: i64, clocks: &mut Clocks) {
        if offset < self.attention[index_of(partition)] {
            return;
        }
        self.obey(partition, offset, clocks);
        let entry = self.partitions.get_mut(&partition).expect("a partition is added before it is read");
        match entry.state {
            State::Active => {}
            // The write failed, but the line may have reached the disk. This one takes it back: no post becomes late by it.
            State::Leaving { position } => {
                self.unwritten.push(Entry::Back { partition, position, watermark: EventTime::MIN });
            }
            State::Aside { position, floor } => {
                let watermark = clocks.watermark().max(floor);
                self.unwritten.push(Entry::Back { partition, position, watermark });
                clocks.bring_back(partition, watermark);
            }
        }
        entry.state = State::Active;
        entry.quiet = None;
        self.set_attention(partition);
    }

    /// To be called when a partition's position has become `position`: what was decided there takes effect at once.
    pub fn reach(&mut self, partition: i32, position: i64, clocks: &mut Clocks) {
        self.obey(partition, position, clocks);
        self.set_attention(partition);
    }

    /// Holds a partition's position against the end that a broker named, and when it did. Sets the partition aside
    /// once the two have been equal for the idle timeout, by answers that follow each other closely.
    pub fn observe(
        &mut self,
        partition: i32,
        position: i64,
        end: Option<(i64, Instant)>,
        now: Instant,
        clocks: &mut Clocks,
    ) {
        let Some(entry) = self.partitions.get_mut(&partition) else { return };
        if entry.state != State::Active {
            return;
        }
        let at_end = end.filter(|&(end, at)| end == position && now.saturating_duration_since(at) <= ANSWER_AGE_MAX);
        let Some((_, at)) = at_end else {
            entry.quiet = None;
            return;
        };
        let follows =
            |quiet: &Quiet| quiet.position == position && at.saturating_duration_since(quiet.last) <= ANSWER_AGE_MAX;
        let since = entry.quiet.filter(follows).map_or(at, |quiet| quiet.since);
        entry.quiet = Some(Quiet { position, since, last: at });
        let timeout = if is_of_actions(partition) { self.actions_timeout } else { self.timeout };
        if at.saturating_duration_since(since) >= timeout {
            // What was recorded beyond the end belonged to a log that has been cut since.
            entry.recorded.clear();
            entry.state = State::Leaving { position };
            self.unwritten.push(Entry::Aside { partition, position, watermark: clocks.watermark() });
            self.set_attention(partition);
        }
    }

    /// Whether the watermark may be passed on once [`Self::unwritten`] is durable. It may not where partitions are aside
    /// and it is too soon to write again that it moved; then it is to be asked again with the next batch.
    pub fn may_pass(&mut self, watermark: EventTime, now: Instant) -> bool {
        let closed = watermark.closed_tick();
        let behind = |state: &State| matches!(state, State::Aside { floor, .. } if floor.closed_tick() < closed);
        if !self.partitions.values().any(|partition| behind(&partition.state)) {
            return true;
        }
        if self.last_reached.is_some_and(|last| now.saturating_duration_since(last) < REACHED_EVERY) {
            return false;
        }
        self.last_reached = Some(now);
        for partition in self.partitions.values_mut() {
            if let State::Aside { floor, .. } = &mut partition.state {
                *floor = watermark.max(*floor);
            }
        }
        match self.unwritten.last_mut() {
            // Only after a failed write: the later watermark says it for both.
            Some(Entry::Reached { watermark: last }) => *last = watermark.max(*last),
            _ => self.unwritten.push(Entry::Reached { watermark }),
        }
        true
    }

    /// The decisions that are not durable yet, in order.
    pub fn unwritten(&self) -> &[Entry] {
        &self.unwritten
    }

    /// Says that all of [`Self::unwritten`] is durable: decided partitions are now aside.
    pub fn written(&mut self, clocks: &mut Clocks) {
        for entry in self.unwritten.drain(..) {
            let Entry::Aside { partition, position, watermark } = entry else { continue };
            let Some(state) = self.partitions.get_mut(&partition).map(|partition| &mut partition.state) else {
                continue;
            };
            if *state == (State::Leaving { position }) {
                *state = State::Aside { position, floor: watermark };
                clocks.set_aside(partition);
            }
        }
    }

    /// The partitions that are aside.
    pub fn aside(&self) -> impl Iterator<Item = i32> + '_ {
        let aside = |state: State| matches!(state, State::Aside { .. });
        self.partitions.iter().filter(move |(_, partition)| aside(partition.state)).map(|(&number, _)| number)
    }

    /// Lets what earlier runs decided at or before `position` take effect.
    fn obey(&mut self, partition: i32, position: i64, clocks: &mut Clocks) {
        let Some(entry) = self.partitions.get_mut(&partition) else { return };
        while let Some(spell) = entry.recorded.pop_front_if(|spell| spell.position <= position) {
            match spell.back {
                // The return was decided, so its record exists: until it is read, the partition holds the watermark
                // there, which is what raising its clock now comes to.
                Some(watermark) => clocks.bring_back(partition, watermark),
                None => {
                    entry.state = State::Aside { position: spell.position, floor: spell.floor };
                    clocks.set_aside(partition);
                }
            }
        }
    }

    fn set_attention(&mut self, partition: i32) {
        let Some(entry) = self.partitions.get(&partition) else { return };
        let recorded = entry.recorded.front().map_or(i64::MAX, |spell| spell.position);
        let aside = if entry.state == State::Active { i64::MAX } else { i64::MIN };
        self.attention[index_of(partition)] = recorded.min(aside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    /// Two partitions, 0 at time 1 000 000 and 1 at 500 000, both read up to offset 10.
    struct Scene {
        idleness: Idleness,
        clocks: Clocks,
        base: Instant,
    }

    impl Scene {
        fn new() -> Scene {
            let mut clocks = Clocks::new(10_000, EventTime::MIN);
            let mut idleness = Idleness::new(TIMEOUT, TIMEOUT);
            for (partition, greatest) in [(0, 1_000_000), (1, 500_000)] {
                clocks.add(partition, Some(EventTime(greatest)));
                idleness.add(partition, 10, &[], &mut clocks);
            }
            Scene { idleness, clocks, base: crate::clock::monotonic() }
        }

        fn at(&self, ms: u64) -> Instant {
            self.base + Duration::from_millis(ms)
        }

        /// The broker was asked at `asked` ms, said `end`, and that is looked at when it is `now` ms.
        fn hear(&mut self, partition: i32, end: i64, asked: u64, now: u64) {
            let (asked, now) = (self.at(asked), self.at(now));
            self.idleness.observe(partition, 10, Some((end, asked)), now, &mut self.clocks);
        }

        /// Hears every two seconds, from `from` ms to `to` ms, that partition 1 ends at its position.
        fn hear_idle(&mut self, from: u64, to: u64) {
            (from..=to).step_by(2000).for_each(|ms| self.hear(1, 10, ms, ms));
        }

        fn write(&mut self) -> Vec<Entry> {
            let written = self.idleness.unwritten().to_vec();
            self.idleness.written(&mut self.clocks);
            written
        }
    }

    fn aside(position: i64, watermark: i64) -> Entry {
        Entry::Aside { partition: 1, position, watermark: EventTime(watermark) }
    }

    fn back(watermark: EventTime) -> Entry {
        Entry::Back { partition: 1, position: 10, watermark }
    }

    #[test]
    fn a_partition_is_set_aside_when_the_timeout_is_over_and_written_down_not_before() {
        let mut scene = Scene::new();
        scene.hear_idle(0, 58_000);
        scene.hear(1, 10, 59_999, 60_500);
        assert!(scene.idleness.unwritten().is_empty(), "by the answers' own times it is one millisecond short");
        scene.hear(1, 10, 60_000, 60_500);
        assert_eq!(scene.idleness.unwritten(), [aside(10, 490_000)]);
        assert_eq!(scene.clocks.watermark(), EventTime(490_000), "without effect until it is durable");
        scene.write();
        assert_eq!(scene.clocks.watermark(), EventTime(990_000));
    }

    #[test]
    fn nothing_but_fresh_answers_close_to_each_other_makes_a_partition_idle() {
        let mut scene = Scene::new();
        scene.hear_idle(0, 40_000);
        // The broker was away for six seconds.
        scene.hear_idle(46_000, 104_000);
        assert!(scene.idleness.unwritten().is_empty());
        // An answer was looked at too late to say anything.
        scene.hear(1, 10, 105_000, 110_001);
        scene.hear_idle(106_000, 164_000);
        assert!(scene.idleness.unwritten().is_empty());
        // There were records after the position for a moment.
        scene.hear(1, 11, 165_000, 165_000);
        scene.hear_idle(166_000, 224_000);
        assert!(scene.idleness.unwritten().is_empty());
        // Nobody answers.
        let now = scene.at(225_000);
        scene.idleness.observe(1, 10, None, now, &mut scene.clocks);
        scene.hear_idle(225_000, 284_000);
        assert!(scene.idleness.unwritten().is_empty());
        scene.hear_idle(285_000, 285_000);
        assert_eq!(scene.idleness.unwritten(), [aside(10, 490_000)]);
    }

    #[test]
    fn a_return_is_written_with_the_watermark_that_passed_without_it() {
        let mut scene = Scene::new();
        scene.hear_idle(0, 60_000);
        scene.write();
        scene.clocks.observe(0, EventTime(1_200_000));
        scene.idleness.before(1, 10, &mut scene.clocks);
        assert_eq!(scene.write(), [back(EventTime(1_190_000))]);
        assert_eq!(scene.clocks.own_watermark(1), EventTime(1_190_000));
        scene.idleness.before(1, 11, &mut scene.clocks);
        assert!(scene.idleness.unwritten().is_empty(), "once");
    }

    /// The write failed, the record came, and only then the disk had room: the line may be there, so it is taken back.
    #[test]
    fn a_decision_that_could_not_be_written_is_taken_back_by_the_next_record() {
        let mut scene = Scene::new();
        scene.hear_idle(0, 60_000);
        scene.idleness.before(1, 10, &mut scene.clocks);
        assert_eq!(scene.write(), [aside(10, 490_000), back(EventTime::MIN)]);
        assert_eq!(scene.clocks.watermark(), EventTime(490_000));
        assert_eq!(scene.clocks.greatest(1), Some(EventTime(500_000)), "no post is late by it");
        let mut history = History::default();
        [aside(10, 490_000), back(EventTime::MIN)].into_iter().for_each(|entry| history.apply(entry));
        let mut again = Scene::new();
        again.idleness.add(1, 10, history.spells(1), &mut again.clocks);
        assert_eq!(again.clocks.watermark(), EventTime(490_000), "nor after a restart");
    }

    #[test]
    fn the_watermark_is_written_before_it_closes_a_pane_without_somebody_but_not_at_every_pane() {
        let mut scene = Scene::new();
        assert!(scene.idleness.may_pass(EventTime(490_000), scene.at(0)), "nobody is aside");
        scene.hear_idle(0, 60_000);
        scene.write();
        assert!(scene.idleness.may_pass(EventTime(499_999), scene.at(60_000)), "closes no pane since");
        assert!(scene.idleness.unwritten().is_empty());
        assert!(scene.idleness.may_pass(EventTime(500_000), scene.at(60_000)));
        assert!(!scene.idleness.may_pass(EventTime(510_000), scene.at(60_099)));
        assert!(scene.idleness.may_pass(EventTime(520_000), scene.at(60_100)));
        let last = Entry::Reached { watermark: EventTime(520_000) };
        assert_eq!(scene.write(), [last], "one line for both, as neither was durable");
    }

    #[test]
    fn a_topic_that_was_cut_voids_what_was_decided_beyond_its_end() {
        let mut scene = Scene::new();
        let beyond = Spell { position: 77, floor: EventTime(900_000), back: Some(EventTime(950_000)) };
        scene.idleness.add(1, 10, &[beyond], &mut scene.clocks);
        scene.hear_idle(0, 60_000);
        assert_eq!(scene.write(), [aside(10, 490_000)]);
        let mut history = History::default();
        history.apply(aside(77, 900_000));
        history.apply(aside(10, 490_000));
        assert_eq!(history.spells(1), [Spell { position: 10, floor: EventTime(490_000), back: None }]);
    }
}
