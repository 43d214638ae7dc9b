//! Reading a live topic, as far as it needs no broker: records and brokers' answers come in, outcomes, decisions to be
//! written down and watermarks come out. [`super::kafka`] is the thin shell around it; the tests here put it through
//! crashes at every step and hold it to what earlier runs had already passed on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::aside::{Entry, Idleness, Spell};
use super::ledger::{Ledger, Resume};
use super::partition::{index_of, numbered};
use super::{Intake, IntakeOptions, Outcome};
use crate::model::EventTime;

/// All partitions of one topic.
pub struct Live {
    intake: Intake,
    idleness: Idleness,
    /// By partition number: offset of the next record; none for a partition that is not read here.
    positions: Vec<Option<i64>>,
    /// The watermark last found fit to be passed on.
    passed: EventTime,
}

impl Live {
    /// No partition yet.
    pub fn new(options: &IntakeOptions, idle_timeout: Duration, actions_idle_timeout: Duration) -> Live {
        let mut intake = Intake::new(options);
        let passed = intake.clocks().watermark();
        let idleness = Idleness::new(idle_timeout, actions_idle_timeout);
        Live { intake, idleness, positions: Vec::new(), passed }
    }

    /// Takes in a partition read from `at`, with what earlier runs decided on it.
    pub fn add(&mut self, partition: i32, at: Resume, spells: &[Spell]) {
        self.intake.add(partition, at.greatest);
        self.set_position(partition, at.offset);
        self.idleness.add(partition, at.offset, spells, self.intake.clocks());
    }

    /// Takes in a partition that appeared while the others had gone on. It holds the watermark from its first record on.
    pub fn add_new(&mut self, partition: i32, offset: i64) {
        self.intake.add(partition, None);
        self.set_position(partition, offset);
        self.idleness.add_new(partition, offset, self.intake.clocks());
    }

    /// Judges one record; see [`Intake::record`]. One that was judged before, as after a connection was made anew, is none:
    /// it comes back as [`Outcome::Covered`] and is not counted.
    ///
    /// # Panics
    /// If the partition was never added.
    pub fn record<'a>(&'a mut self, partition: i32, offset: i64, sent_ms: Option<i64>, bytes: &'a [u8]) -> Outcome<'a> {
        let position = self.positions[index_of(partition)].as_mut().expect("a partition is added before it is read");
        if offset < *position {
            return Outcome::Covered;
        }
        *position = offset + 1;
        self.idleness.before(partition, offset, self.intake.clocks());
        self.intake.record(partition, offset, sent_ms, bytes)
    }

    /// Says that a partition's next record lies at `position` or after it: control records may have passed unseen.
    pub fn stand_at(&mut self, partition: i32, position: i64) {
        if let Some(Some(known)) = self.positions.get_mut(index_of(partition)) {
            *known = position.max(*known);
        }
    }

    /// Ends a batch: looks for idle partitions and finds the watermark to pass on. `end` is a partition's end as a broker
    /// last named it, and when. The watermark may be passed on only when [`Self::unwritten`] is durable, then
    /// [`Self::written`] is to be called.
    pub fn end_batch(&mut self, now: Instant, end: impl Fn(i32) -> Option<(i64, Instant)>) -> EventTime {
        let clocks = self.intake.clocks();
        for (partition, position) in numbered(&self.positions) {
            self.idleness.reach(partition, position, clocks);
            self.idleness.observe(partition, position, end(partition), now, clocks);
        }
        let watermark = clocks.watermark();
        if self.idleness.may_pass(watermark, now) {
            self.passed = watermark;
        }
        self.passed
    }

    /// The decisions that must be durable before the watermark is passed on.
    pub fn unwritten(&self) -> &[Entry] {
        self.idleness.unwritten()
    }

    /// Says that they are.
    pub fn written(&mut self) {
        self.idleness.written(self.intake.clocks());
    }

    /// Brings the ledger up to date. To be called once a batch, after [`Self::written`] and before its watermark is passed on.
    pub fn note(&mut self, ledger: &mut Ledger) {
        self.intake.drain_marks().for_each(|mark| ledger.note(mark));
        for (partition, offset) in numbered(&self.positions) {
            let greatest = self.intake.clocks().greatest(partition);
            ledger.advance(partition, Resume { offset, greatest });
        }
    }

    /// Offset of the next record of every partition.
    pub fn positions(&self) -> BTreeMap<i32, i64> {
        numbered(&self.positions).collect()
    }

    /// The watermark last found fit to be passed on.
    pub fn passed(&self) -> EventTime {
        self.passed
    }

    /// The partitions that are set aside.
    pub fn aside(&self) -> impl Iterator<Item = i32> + '_ {
        self.idleness.aside()
    }

    /// The intake, for its clocks and counts.
    pub fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    fn set_position(&mut self, partition: i32, offset: i64) {
        let index = index_of(partition);
        if index >= self.positions.len() {
            self.positions.resize(index + 1, None);
        }
        self.positions[index] = Some(offset);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::aside::History;
    use super::super::tests::{line, options};
    use super::*;
    use crate::model::Tick;

    const T: i64 = 1_494_014_400_000;
    const IDLE: Duration = Duration::from_secs(20);

    /// A topic: records by partition as (offset, event time), offsets with gaps.
    type Topic = BTreeMap<i32, Vec<(i64, i64)>>;
    type Content = BTreeSet<(i32, i64)>;

    /// Everything that outlives a crash, and what the world has seen.
    #[derive(Default)]
    struct World {
        topic: Topic,
        history: History,
        checkpoint: Option<(Tick, BTreeMap<i32, Resume>)>,
        /// What each closed pane held when it was first passed on.
        published: BTreeMap<Tick, Content>,
        /// Every pane up to here was passed on, most of them empty.
        closed: Option<Tick>,
        seconds: u64,
        aside_seen: usize,
        late_seen: u64,
    }

    struct Process {
        live: Live,
        ledger: Ledger,
        open: BTreeMap<Tick, Content>,
        closed: Tick,
    }

    impl World {
        fn append(&mut self, partition: i32, ts: i64, gap: i64) {
            let log = self.topic.entry(partition).or_default();
            let next = log.last().map_or(0, |&(offset, _)| offset + 1);
            log.push((next + gap, ts));
        }

        fn end(&self, partition: i32) -> i64 {
            self.topic[&partition].last().map_or(0, |&(offset, _)| offset + 1)
        }

        fn now(&self, base: Instant) -> Instant {
            base + Duration::from_secs(self.seconds)
        }

        /// Takes the panes after `from` up to `to`: those passed on before must hold what they held then.
        fn compare(&mut self, from: Tick, to: Tick, mut take: impl FnMut(Tick) -> Content) {
            let first = Tick(from.0.max(EventTime(T - 20_000).tick().0)).0;
            for tick in (first + 1..=to.0).map(Tick) {
                let content = take(tick);
                if self.closed.is_some_and(|closed| tick <= closed) {
                    let before = self.published.get(&tick).cloned().unwrap_or_default();
                    assert_eq!(before, content, "pane {tick:?}, closed again, holds what it held");
                } else if !content.is_empty() {
                    self.published.insert(tick, content);
                }
            }
            self.closed = self.closed.max(Some(to));
        }

        fn start(&self) -> Process {
            let (covered, resume) = self.checkpoint.clone().unzip();
            let mut live = Live::new(&options(covered), IDLE, IDLE);
            let mut ledger = Ledger::default();
            for &partition in self.topic.keys() {
                let known = resume.as_ref().and_then(|resume| resume.get(&partition).copied());
                let started = self.history.start(partition).or_else(|| resume.is_none().then_some(0));
                match known.or(started.map(|offset| Resume { offset, greatest: None })) {
                    Some(at) => live.add(partition, at, self.history.spells(partition)),
                    None => live.add_new(partition, 0),
                }
                let offset = live.positions()[&partition];
                ledger.begin(partition, Resume { offset, greatest: live.intake().clocks().greatest(partition) });
            }
            Process { live, ledger, open: BTreeMap::new(), closed: covered.unwrap_or(Tick(i64::MIN / 8)) }
        }
    }

    impl Process {
        fn read(&mut self, world: &World, partition: i32) {
            let position = self.live.positions()[&partition];
            let log = &world.topic[&partition];
            let Some(&(offset, ts)) = log.get(log.partition_point(|&(offset, _)| offset < position)) else { return };
            if let Outcome::Post(post) = self.live.record(partition, offset, None, &line(ts)) {
                assert!(post.ts.tick() > self.closed, "a post on time never misses its pane");
                self.open.entry(post.ts.tick()).or_default().insert((partition, offset));
            }
        }

        /// The end of a batch, given up at `crash`: 1 before and 2 after the decisions are durable, 3 before a checkpoint.
        fn end_batch(&mut self, world: &mut World, base: Instant, crash: u8, checkpoint: bool) -> bool {
            let now = world.now(base);
            let watermark = self.live.end_batch(now, |partition| Some((world.end(partition), now)));
            if crash == 1 {
                return false;
            }
            self.live.unwritten().iter().for_each(|&entry| world.history.apply(entry));
            if crash == 2 {
                return false;
            }
            self.live.written();
            world.aside_seen = world.aside_seen.max(self.live.aside().count());
            self.live.note(&mut self.ledger);
            let closed = watermark.closed_tick();
            world.compare(self.closed, closed, |tick| self.open.remove(&tick).unwrap_or_default());
            self.closed = self.closed.max(closed);
            if crash == 3 {
                return false;
            }
            if checkpoint && watermark > EventTime::MIN {
                world.checkpoint = Some((self.closed, self.ledger.resume(self.closed)));
                self.ledger.prune(self.closed);
            }
            world.late_seen += self.live.intake().tally().take().late_posts();
            true
        }
    }

    /// What happens in one second of the simulated world.
    #[derive(Clone, Debug)]
    struct Second {
        /// Records that arrive: partition, how far their event time lies behind now, gap before their offset.
        arrive: Vec<(i32, i64, i64)>,
        reads: Vec<usize>,
        crash: u8,
        checkpoint: bool,
        new_partition: bool,
        /// Seconds in which nothing arrives before this one.
        pause: u64,
    }

    fn seconds() -> impl Strategy<Value = Vec<Second>> {
        let arrive = proptest::collection::vec((0..4i32, 0..14_000i64, prop_oneof![6 => Just(0), 1 => 1..4i64]), 0..5);
        let reads = proptest::collection::vec(0..64usize, 0..8);
        let crash = prop_oneof![12 => Just(0u8), 1 => 1..5u8];
        let pause = prop_oneof![8 => 0..3u64, 1 => 5..40u64];
        let second = (arrive, reads, crash, any::<bool>(), proptest::bool::weighted(0.03), pause).prop_map(
            |(arrive, reads, crash, checkpoint, new_partition, pause)| Second {
                arrive,
                reads,
                crash,
                checkpoint,
                new_partition,
                pause,
            },
        );
        proptest::collection::vec(second, 1..120)
    }

    fn play(seconds: &[Second], busy: &[i32]) -> World {
        let base = crate::clock::monotonic();
        let mut world = World::default();
        (0..3).for_each(|partition| drop(world.topic.insert(partition, Vec::new())));
        let mut process = world.start();
        for second in seconds {
            for _ in 0..=second.pause {
                world.seconds += 1;
                process.end_batch(&mut world, base, 0, false);
            }
            if second.new_partition && world.topic.len() < 6 {
                let partition = world.topic.len() as i32;
                world.topic.insert(partition, Vec::new());
                process.live.add_new(partition, 0);
                process.ledger.begin(partition, Resume { offset: 0, greatest: None });
            }
            let now = T + world.seconds as i64 * 1000;
            for &(partition, behind, gap) in &second.arrive {
                let partition = busy[partition as usize % busy.len()] % world.topic.len() as i32;
                world.append(partition, now - behind, gap);
            }
            for &read in &second.reads {
                process.read(&world, (read % world.topic.len()) as i32);
            }
            let lives = second.crash != 4 && process.end_batch(&mut world, base, second.crash, second.checkpoint);
            if !lives {
                process = world.start();
            }
        }
        world
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// Whatever is idle, returns, appears, and wherever the process dies: a post on time finds its pane open, and a
        /// pane that is closed again holds exactly what it held when it was first passed on.
        #[test]
        fn no_restart_contradicts_what_was_passed_on(
            seconds in seconds(),
            busy in proptest::collection::vec(0..6i32, 1..6),
        ) {
            play(&seconds, &busy);
        }
    }

    /// A record seen twice, as after reconnecting, is judged once; the position does not go back.
    #[test]
    fn a_record_seen_again_is_not_counted_again() {
        let mut live = Live::new(&options(None), IDLE, IDLE);
        live.add(0, Resume { offset: 5, greatest: None }, &[]);
        for offset in [5, 6, 5, 6, 4, 7] {
            live.record(0, offset, None, &line(T + offset));
        }
        assert_eq!(live.intake().tally().take().records(), 3);
        assert_eq!(live.positions(), BTreeMap::from([(0, 8)]));
    }

    /// A partition back from idle whose first post is late leaves no mark; its raised clock must survive all the same.
    #[test]
    fn the_clock_at_the_position_survives_a_restart_without_any_open_post() {
        let watermark = EventTime(T + 58_000);
        let covered = watermark.closed_tick();
        let mut live = Live::new(&options(Some(covered)), IDLE, IDLE);
        let mut ledger = Ledger::default();
        let spell = Spell { position: 100, floor: watermark, back: Some(watermark) };
        live.add(0, Resume { offset: 100, greatest: Some(EventTime(T)) }, &[spell]);
        ledger.begin(0, Resume { offset: 100, greatest: Some(EventTime(T)) });
        assert!(matches!(live.record(0, 100, None, &line(T + 55_000)), Outcome::Late));
        live.note(&mut ledger);
        let at = ledger.resume(covered)[&0];
        assert_eq!(at, Resume { offset: 101, greatest: Some(EventTime(T + 68_000)) });
        let mut again = Live::new(&options(Some(covered)), IDLE, IDLE);
        again.add(0, at, &[spell]);
        assert!(matches!(again.record(0, 101, None, &line(T + 55_000)), Outcome::Late));
    }

    /// The property above would also hold if nobody were ever set aside, nothing late and nothing closed.
    #[test]
    fn the_simulated_world_has_idle_partitions_and_late_posts() {
        use proptest::strategy::ValueTree;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let (mut aside, mut late, mut panes) = (0, 0, 0);
        for _ in 0..50 {
            let seconds = seconds().new_tree(&mut runner).unwrap().current();
            let world = play(&seconds, &[0, 1, 4]);
            aside += world.aside_seen;
            late += world.late_seen;
            panes += world.published.len();
        }
        assert!(aside > 100 && late > 100 && panes > 250, "aside {aside}, late {late}, panes {panes}");
    }
}
