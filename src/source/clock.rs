//! The clock of every source partition: the greatest event time it has shown, what that makes late, and the watermark
//! that all of them allow together. Lateness is judged from one partition's own content, before routing, so that it does
//! not depend on how partitions interleave; the shared watermark is the minimum, so that no post on time misses its pane.

use super::partition::index_of;
use crate::model::EventTime;

/// Whether a post still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its pane may still be open.
    OnTime,
    /// It lies more than the watermark delay behind the greatest time seen before it in its own partition.
    Late,
}

/// The greatest event time of one partition. It moves forwards only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionClock {
    greatest: Option<EventTime>,
}

impl PartitionClock {
    /// A clock that has already seen `greatest`.
    pub fn resumed(greatest: Option<EventTime>) -> PartitionClock {
        PartitionClock { greatest }
    }

    /// The greatest event time so far; none before the first post.
    pub fn greatest(&self) -> Option<EventTime> {
        self.greatest
    }

    /// Judges a post and, unless it is late, lets it move the clock.
    pub fn observe(&mut self, ts: EventTime, delay_ms: i64) -> Verdict {
        match self.greatest {
            Some(greatest) if ts < greatest.minus_ms(delay_ms) => Verdict::Late,
            Some(greatest) if ts <= greatest => Verdict::OnTime,
            _ => {
                self.greatest = Some(ts);
                Verdict::OnTime
            }
        }
    }

    /// The time below which every further post is late; [`EventTime::MIN`] before the first post.
    pub fn watermark(&self, delay_ms: i64) -> EventTime {
        self.greatest.map_or(EventTime::MIN, |greatest| greatest.minus_ms(delay_ms))
    }

    /// Makes every further post below `watermark` late.
    fn raise(&mut self, watermark: EventTime, delay_ms: i64) {
        if watermark > EventTime::MIN {
            self.greatest = self.greatest.max(Some(watermark.plus_ms(delay_ms)));
        }
    }
}

/// One partition as the shared watermark sees it.
#[derive(Clone, Copy, Debug)]
struct Slot {
    clock: PartitionClock,
    /// Set aside: it does not hold the watermark back.
    aside: bool,
}

/// The clocks of all partitions of a source and the watermark they allow together.
#[derive(Debug)]
pub struct Clocks {
    delay_ms: i64,
    /// By partition number; none for a partition that is not read here.
    slots: Vec<Option<Slot>>,
    /// The greatest watermark handed out; it never goes back.
    reached: EventTime,
    /// The partition that held the watermark when it was last computed. While it stands still, so does the minimum.
    holder: Option<usize>,
    /// Something other than the holder's clock may have changed the minimum.
    stale: bool,
}

impl Clocks {
    /// No partition yet. `reached` is the watermark of the restored state, [`EventTime::MIN`] without one.
    pub fn new(delay_ms: i64, reached: EventTime) -> Clocks {
        Clocks { delay_ms, slots: Vec::new(), reached, holder: None, stale: false }
    }

    /// Takes a partition in. From now on it holds the watermark back until it has shown a post or is set aside.
    pub fn add(&mut self, partition: i32, greatest: Option<EventTime>) {
        let index = index_of(partition);
        if index >= self.slots.len() {
            self.slots.resize(index + 1, None);
        }
        self.slots[index] = Some(Slot { clock: PartitionClock::resumed(greatest), aside: false });
        self.stale = true;
    }

    /// Judges a post of a partition and, unless it is late, lets it move that partition's clock.
    ///
    /// # Panics
    /// If the partition was never added.
    pub fn observe(&mut self, partition: i32, ts: EventTime) -> Verdict {
        let index = index_of(partition);
        let slot = self.slots[index].as_mut().expect("a partition is added before it is read");
        let before = slot.clock.greatest;
        let verdict = slot.clock.observe(ts, self.delay_ms);
        self.stale |= self.holder.is_none_or(|holder| holder == index) && slot.clock.greatest != before;
        verdict
    }

    /// The greatest event time of a partition; none before its first post or where it is not read here.
    pub fn greatest(&self, partition: i32) -> Option<EventTime> {
        self.slot(partition).and_then(|slot| slot.clock.greatest)
    }

    /// The greatest event time of all partitions; none before the first post.
    pub fn greatest_of_all(&self) -> Option<EventTime> {
        self.slots.iter().flatten().filter_map(|slot| slot.clock.greatest).max()
    }

    /// The partition's own watermark; [`EventTime::MIN`] before its first post.
    pub fn own_watermark(&self, partition: i32) -> EventTime {
        self.slot(partition).map_or(EventTime::MIN, |slot| slot.clock.watermark(self.delay_ms))
    }

    /// The shared watermark: the least of all partitions that are not set aside. It never goes back. Where every partition
    /// is set aside it is the greatest of all, which is where setting them aside one by one ends, in whatever order: the
    /// end of a live topic closes nothing that its last posts did not close.
    pub fn watermark(&mut self) -> EventTime {
        if self.stale {
            self.stale = false;
            let slots = self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
            let own = slots.map(|(index, slot)| (slot.clock.watermark(self.delay_ms), index, slot.aside));
            let least = own.clone().filter(|&(_, _, aside)| !aside).min();
            let furthest = || own.map(|(watermark, ..)| watermark).max();
            self.holder = least.map(|(_, index, _)| index);
            let now = least.map(|(watermark, ..)| watermark).or_else(furthest).unwrap_or(EventTime::MIN);
            self.reached = self.reached.max(now);
        }
        self.reached
    }

    /// Lets the watermark pass this partition by.
    pub fn set_aside(&mut self, partition: i32) {
        self.with_slot(partition, |slot, _| slot.aside = true);
    }

    /// Lets the partition hold the watermark again. Its posts below `watermark`, the shared one at its return, are late:
    /// their panes may be closed.
    pub fn bring_back(&mut self, partition: i32, watermark: EventTime) {
        self.with_slot(partition, |slot, delay_ms| {
            slot.aside = false;
            slot.clock.raise(watermark, delay_ms);
        });
    }

    /// Whether the partition is set aside.
    pub fn is_aside(&self, partition: i32) -> bool {
        self.slot(partition).is_some_and(|slot| slot.aside)
    }

    fn slot(&self, partition: i32) -> Option<&Slot> {
        self.slots.get(index_of(partition)).and_then(Option::as_ref)
    }

    fn with_slot(&mut self, partition: i32, change: impl FnOnce(&mut Slot, i64)) {
        if let Some(slot) = self.slots.get_mut(index_of(partition)).and_then(Option::as_mut) {
            change(slot, self.delay_ms);
            self.stale = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_post_exactly_the_delay_behind_is_on_time_and_a_late_one_changes_nothing() {
        let mut clock = PartitionClock::default();
        assert_eq!(clock.watermark(10), EventTime::MIN);
        assert_eq!(clock.observe(EventTime(100), 10), Verdict::OnTime);
        assert_eq!(clock.observe(EventTime(90), 10), Verdict::OnTime);
        assert_eq!(clock.observe(EventTime(89), 10), Verdict::Late);
        assert_eq!(clock.greatest(), Some(EventTime(100)));
        assert_eq!(clock.watermark(10), EventTime(90));
    }

    #[test]
    fn a_partition_that_never_showed_a_post_holds_the_watermark() {
        let mut clocks = Clocks::new(10, EventTime::MIN);
        clocks.add(0, None);
        clocks.add(1, None);
        clocks.observe(0, EventTime(1000));
        assert_eq!(clocks.watermark(), EventTime::MIN);
        clocks.set_aside(1);
        assert_eq!(clocks.watermark(), EventTime(990));
    }

    /// Whichever is set aside first, and where both are at once.
    #[test]
    fn partitions_that_all_end_leave_the_watermark_of_the_last_post() {
        for order in [[0, 1], [1, 0]] {
            let mut clocks = Clocks::new(10, EventTime::MIN);
            clocks.add(0, Some(EventTime(500)));
            clocks.add(1, Some(EventTime(900)));
            assert_eq!(clocks.watermark(), EventTime(490));
            order.into_iter().for_each(|partition| clocks.set_aside(partition));
            assert_eq!(clocks.watermark(), EventTime(890), "and not beyond: the end itself closes nothing");
        }
    }

    #[test]
    fn a_partition_back_from_idle_finds_older_posts_late() {
        let mut clocks = Clocks::new(10, EventTime::MIN);
        clocks.add(0, None);
        clocks.add(1, Some(EventTime(100)));
        clocks.observe(0, EventTime(1000));
        clocks.set_aside(1);
        let watermark = clocks.watermark();
        assert_eq!(watermark, EventTime(990));
        clocks.bring_back(1, watermark);
        assert_eq!(clocks.observe(1, EventTime(989)), Verdict::Late);
        assert_eq!(clocks.observe(1, EventTime(990)), Verdict::OnTime);
        clocks.observe(0, EventTime(2000));
        assert_eq!(clocks.watermark(), EventTime(990), "the returned partition holds the watermark where it was");
    }

    /// Two partitions with a few hours between them, each in perfect order, read in turns: with one clock over both, all
    /// of the slower one would be late; with a clock each, nothing is.
    #[test]
    fn the_naive_maximum_watermark_would_make_most_posts_late() {
        let (mut clocks, mut naive) = (Clocks::new(10_000, EventTime::MIN), PartitionClock::default());
        let (mut late, mut naive_late) = (0, 0);
        for partition in 0..4 {
            clocks.add(partition, None);
        }
        for turn in 0..1000_i64 {
            for partition in 0..4 {
                let ts = EventTime(1_494_014_400_000 + turn * 1000 + i64::from(partition) * 3_600_000);
                late += i32::from(clocks.observe(partition, ts) == Verdict::Late);
                naive_late += i32::from(naive.observe(ts, 10_000) == Verdict::Late);
                clocks.watermark();
            }
        }
        assert_eq!(late, 0);
        assert!(naive_late > 2900, "{naive_late} of 4000");
    }

    #[derive(Clone, Debug)]
    enum Act {
        Observe(i32, i64),
        Aside(i32),
        Back(i32),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            8 => (0..4, 0..2000i64).prop_map(|(p, ts)| Act::Observe(p, ts)),
            1 => (0..4).prop_map(Act::Aside),
            1 => (0..4).prop_map(Act::Back),
        ];
        proptest::collection::vec(act, 0..200)
    }

    proptest! {
        /// Against a twin that keeps every accepted time and recomputes everything at every step.
        #[test]
        fn clocks_agree_with_a_naive_twin(acts in acts()) {
            let mut clocks = Clocks::new(50, EventTime::MIN);
            let mut seen: Vec<Vec<i64>> = vec![Vec::new(); 4];
            let mut aside = [false; 4];
            let mut reached = EventTime::MIN;
            (0..4).for_each(|p| clocks.add(p, None));
            for act in acts {
                match act {
                    Act::Observe(p, ts) => {
                        let late = seen[p as usize].iter().any(|&greatest| ts < greatest - 50);
                        prop_assert_eq!(clocks.observe(p, EventTime(ts)) == Verdict::Late, late);
                        if !late {
                            seen[p as usize].push(ts);
                        }
                    }
                    Act::Aside(p) => {
                        clocks.set_aside(p);
                        aside[p as usize] = true;
                    }
                    Act::Back(p) => {
                        clocks.bring_back(p, reached);
                        aside[p as usize] = false;
                        if reached > EventTime::MIN {
                            seen[p as usize].push(reached.0 + 50);
                        }
                    }
                }
                let own = |p: usize| seen[p].iter().max().map_or(EventTime::MIN, |g| EventTime(g - 50));
                let active: Vec<usize> = (0..4).filter(|&p| !aside[p]).collect();
                let least = active.into_iter().map(own).min().or((0..4).map(own).max());
                reached = reached.max(least.unwrap_or(EventTime::MIN));
                prop_assert_eq!(clocks.watermark(), reached);
            }
        }
    }
}
