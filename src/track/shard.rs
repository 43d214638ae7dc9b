//! A shard: a set of hashtags with their panes. One owner, no locks; mentions go in, closed panes come out.

use serde::{Deserialize, Serialize};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::actions::Actions;
use super::ladder::{DAY, HOUR, Ladder, MINUTE, ceil, floor};
use super::merge::{HourRule, without_small};
use super::open::OpenPane;
use super::pane::Pane;
use super::rows::{Row, Rows};
use super::usual::Usuals;
use crate::config::Windows;
use crate::model::{EventTime, MentionBatch, Taken, Tick};

/// What applying a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Mentions counted.
    pub mentions: u64,
    /// Posts counted already, by their first hashtag.
    pub duplicates: u64,
    /// Hashtags let go of because memory ran out.
    pub evicted: u64,
}

/// What closed at a tick: what a checkpoint has to write.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// The tick.
    pub tick: Tick,
    /// Panes that closed: level and end.
    pub panes: Vec<(u8, i64, Arc<Pane>)>,
    /// The hour whose rows closed, by its end.
    pub rows: Option<(i64, Vec<Row>)>,
    /// Hashtags let go of because memory ran out.
    pub evicted: u64,
    /// The actions, where some took effect at the tick.
    pub actions: Option<Arc<Actions>>,
    /// Actions forgotten because there were more than are remembered.
    pub actions_evicted: u64,
}

/// The level under which the rows of an hour are written beside the panes' levels 0 to 2.
pub const LEVEL_ROWS: u8 = 3;

/// The level under which the actions are written, as they stand at a tick.
pub const LEVEL_ACTIONS: u8 = 4;

/// Ages, in minutes, at which the hashtags that a minute saw for the first time are looked at again. A tick is due then
/// even where nothing else happens in the shard, or what is counted would depend on how hashtags are spread.
pub const AGES_MIN: [i64; 3] = [5, 15, 60];

/// Empty panes kept for their memory, and the most bytes that one of them may hold.
const SPARE_MAX: usize = 4;
const SPARE_BYTES_MAX: usize = 8 << 20;

/// One shard.
#[derive(Debug)]
pub struct Shard {
    windows: Windows,
    /// Bytes that its panes may take.
    budget: usize,
    open: BTreeMap<i64, OpenPane>,
    /// Empty panes whose memory the next ones take over.
    spare: Vec<OpenPane>,
    ladder: Ladder,
    rows: Rows,
    usuals: Usuals,
    /// The actions that have taken effect.
    actions: Arc<Actions>,
    /// Those that wait for their tick.
    waiting: BTreeMap<i64, Vec<Taken>>,
    /// Ticks at which something closes: open panes, and minutes and hours with panes below them.
    due: BTreeSet<i64>,
    closed_through: i64,
    /// Earliest event time ever applied: since when the stream is watched.
    watched_since: Option<EventTime>,
    /// The tick at which hashtags were last let go of.
    evicted_at: Option<i64>,
    /// Mentions since the open panes' bytes were last added up.
    unmeasured: usize,
}

impl Shard {
    /// An empty shard whose panes may take `budget` bytes.
    pub fn new(windows: Windows, budget: usize) -> Shard {
        Shard {
            windows,
            budget,
            open: BTreeMap::new(),
            spare: Vec::new(),
            ladder: Ladder::default(),
            rows: Rows::default(),
            usuals: Usuals::default(),
            actions: Arc::default(),
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            closed_through: i64::MIN,
            watched_since: None,
            evicted_at: None,
            unmeasured: 0,
        }
    }

    /// A shard with the panes and rows of a checkpoint at `tick`.
    pub fn restore(
        windows: Windows,
        budget: usize,
        tick: Tick,
        watched_since: Option<EventTime>,
        panes: Vec<(u8, i64, Pane)>,
        mut rows: Vec<(i64, Vec<Row>)>,
    ) -> Shard {
        let mut shard = Shard::new(windows, budget);
        shard.closed_through = tick.0;
        shard.watched_since = watched_since;
        for (level, end, pane) in panes {
            shard.ladder.insert(level, end, Arc::new(pane));
        }
        rows.sort_unstable_by_key(|(end, _)| *end);
        rows.into_iter().for_each(|(end, rows)| shard.rows.insert(end, rows));
        for end in shard.ladder.level(0).keys() {
            shard.due.extend([ceil(*end, MINUTE), ceil(*end, HOUR)]);
        }
        for end in shard.ladder.level(1).keys() {
            shard.due.insert(ceil(*end, HOUR));
            shard.due.extend(grown_up(*end));
        }
        shard.due = shard.due.split_off(&(tick.0 + 1));
        shard.usuals = Usuals::recount(&shard.ladder, tick.0);
        shard
    }

    /// Takes over the actions of a checkpoint, those up to the tick of the restored panes.
    pub fn restore_actions(&mut self, actions: Arc<Actions>) {
        let minute = floor(self.closed_through, MINUTE);
        // What has taken effect since the last minute is looked at when this one ends.
        if !actions.changed(minute, self.closed_through).is_empty() {
            self.due.insert(minute + MINUTE);
        }
        self.actions = actions;
    }

    /// Takes actions, each to take effect at the first tick that ends after it. Those of closed ticks change nothing: the
    /// source judged them late, or they have taken effect already.
    pub fn act(&mut self, taken: &[Taken]) {
        for action in taken {
            let tick = action.at.tick().0;
            if tick > self.closed_through {
                self.waiting.entry(tick).or_default().push(*action);
                // Hashtags without posts are looked at when the minute ends.
                self.due.extend([tick, ceil(tick, MINUTE)]);
            }
        }
    }

    /// Counts a batch. Mentions of closed panes change nothing: the source judged them late, or they are counted already.
    pub fn apply(&mut self, batch: &MentionBatch) -> Applied {
        let mut applied = Applied::default();
        let mut current: Option<(i64, OpenPane)> = None;
        for item in &batch.items {
            if item.tick.0 <= self.closed_through {
                continue;
            }
            if current.as_ref().is_none_or(|(tick, _)| *tick != item.tick.0) {
                self.put_back(current.take());
                self.due.insert(item.tick.0);
                let known = self.open.remove(&item.tick.0).or_else(|| self.spare.pop());
                current = Some((item.tick.0, known.unwrap_or_default()));
            }
            let Some((_, pane)) = &mut current else { continue };
            if pane.add(batch, item) {
                applied.mentions += 1;
            } else {
                applied.duplicates += u64::from(item.first);
            }
        }
        self.put_back(current);
        self.unmeasured += batch.items.len();
        if self.unmeasured >= 65_536 {
            self.unmeasured = 0;
            applied.evicted = self.keep_within_budget();
        }
        applied
    }

    fn put_back(&mut self, pane: Option<(i64, OpenPane)>) {
        if let Some((tick, pane)) = pane {
            self.open.insert(tick, pane);
        }
    }

    /// Tells of an event time that was seen, hashtag or not.
    pub fn watched(&mut self, at: EventTime) {
        self.watched_since = Some(self.watched_since.map_or(at, |since| since.min(at)));
    }

    /// The next tick at which something closes, if `watermark` has passed it.
    pub fn next_due(&self, watermark: EventTime) -> Option<Tick> {
        self.due.first().filter(|tick| **tick <= watermark.closed_tick().0).map(|tick| Tick(*tick))
    }

    /// Closes what is due at `tick`, which [`next_due`](Self::next_due) named.
    pub fn close(&mut self, tick: Tick) -> Closing {
        let mut closing = Closing { tick, ..Closing::default() };
        self.due.remove(&tick.0);
        self.closed_through = tick.0;
        if let Some(taken) = self.waiting.remove(&tick.0) {
            let actions = Arc::make_mut(&mut self.actions);
            closing.actions_evicted = actions.take(tick.0, &taken, self.windows.actions_max as usize);
            closing.actions = Some(Arc::clone(&self.actions));
        }
        // Nothing that is built below reaches back to what expires here.
        for (level, _, pane) in self.ladder.expire(tick.0) {
            self.usuals.expired(level, &pane);
        }
        if let Some(mut open) = self.open.remove(&tick.0) {
            let pane = open.close();
            if self.spare.len() < SPARE_MAX && open.bytes() <= SPARE_BYTES_MAX {
                self.spare.push(open);
            }
            self.usuals.closed(&pane);
            self.due.extend([ceil(tick.0, MINUTE), ceil(tick.0, HOUR)].iter().filter(|end| **end > tick.0));
            self.keep(0, tick.0, pane, &mut closing);
        }
        if tick.0 % MINUTE == 0
            && let Some(pane) = self.ladder.build_minute(tick.0)
        {
            self.keep(1, tick.0, pane, &mut closing);
            self.due.extend(grown_up(tick.0));
        }
        if tick.0 % HOUR == 0 {
            self.close_hour(tick.0, &mut closing);
        }
        self.rows.expire(tick.0 - i64::from(self.windows.baseline_days) * DAY);
        closing.evicted = self.keep_within_budget();
        closing
    }

    fn keep(&mut self, level: u8, end: i64, pane: Pane, closing: &mut Closing) {
        let pane = Arc::new(pane);
        self.ladder.insert(level, end, Arc::clone(&pane));
        closing.panes.push((level, end, pane));
    }

    fn close_hour(&mut self, end: i64, closing: &mut Closing) {
        let rule = HourRule {
            sample_accounts_min: u64::from(self.windows.hour_sample_accounts_min),
            total_accounts_below: u64::from(self.windows.hour_total_accounts_below),
        };
        let Some(pane) = self.ladder.build_hour(end, rule) else { return };
        let minutes = self.ladder.level(1).range(end - HOUR + 1..=end).map(|(_, minute)| minute.as_ref());
        self.usuals.hour_built(&pane, minutes);
        let rows: Vec<Row> = pane
            .iter()
            .filter(|view| view.posts() >= u64::from(self.windows.row_posts_min))
            .map(|view| Row {
                tag: view.tag,
                posts: u32::try_from(view.posts()).unwrap_or(u32::MAX),
                accounts: accounts_of(&view),
            })
            .collect();
        if !rows.is_empty() {
            closing.rows = Some((end, rows.clone()));
            self.rows.insert(end, rows);
        }
        self.keep(2, end, pane, closing);
    }

    /// Lets go of the hashtags of fewest posts, minutes first, until the panes fit their budget.
    fn keep_within_budget(&mut self) -> u64 {
        if self.bytes() <= self.budget {
            return 0;
        }
        self.spare.clear();
        // Nothing has fewer posts than one: this only sorts what lies in lists.
        let mut evicted = self.open.values_mut().map(|open| open.evict(1)).sum::<u64>();
        let mut posts_min = 2;
        while self.evictable_bytes() > self.evictable_max() && posts_min <= 1 << 20 {
            for level in [1, 0, 2] {
                let ends: Vec<i64> = self.ladder.level(level).keys().copied().collect();
                for end in ends {
                    let Some(pane) = self.ladder.level_mut(level).get_mut(&end) else { continue };
                    let (kept, gone) = without_small(pane, posts_min);
                    if gone > 0 {
                        *pane = Arc::new(kept);
                        evicted += gone;
                    }
                }
            }
            evicted += self.open.values_mut().map(|open| open.evict(posts_min)).sum::<u64>();
            posts_min *= 4;
        }
        if evicted > 0 {
            self.evicted_at = Some(self.closed_through);
            self.usuals = Usuals::recount(&self.ladder, self.closed_through);
        }
        evicted
    }

    /// What is left of the budget for panes beside rows, what tells duplicates and the lists of open panes, none of which
    /// evicting hashtags makes smaller; at least a quarter of it, so that they do not starve the busiest hashtags.
    fn evictable_max(&self) -> usize {
        let fixed = self.bytes() - self.evictable_bytes();
        self.budget.saturating_sub(fixed).max(self.budget / 4)
    }

    fn evictable_bytes(&self) -> usize {
        self.ladder.bytes() + self.open.values().map(OpenPane::evictable_bytes).sum::<usize>()
    }

    /// Whether hashtags were let go of after `tick`, for want of memory.
    pub fn evicted_since(&self, tick: i64) -> bool {
        self.evicted_at.is_some_and(|at| at > tick)
    }

    /// Bytes of panes, open and closed, of rows and of actions.
    pub fn bytes(&self) -> usize {
        self.open_bytes() + self.ladder.bytes() + self.rows.bytes() + self.actions.bytes()
    }

    /// Bytes of what waits for its tick to close: open panes, and actions.
    pub fn open_bytes(&self) -> usize {
        let waiting = self.waiting.values().map(|taken| taken.capacity() * size_of::<Taken>()).sum::<usize>();
        self.open.values().chain(&self.spare).map(OpenPane::bytes).sum::<usize>() + waiting
    }

    /// The actions that have taken effect.
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// The closed panes.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The hashtags' busy hours.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Rolling post counts.
    pub fn usuals(&self) -> &Usuals {
        &self.usuals
    }

    /// Earliest event time applied.
    pub fn watched_since(&self) -> Option<EventTime> {
        self.watched_since
    }

    /// The last tick that closed.
    pub fn closed_through(&self) -> Tick {
        Tick(self.closed_through)
    }
}

/// The ticks at which what a minute saw first is as old as one of the ages. The minute itself is the first of its life.
fn grown_up(minute: i64) -> impl Iterator<Item = i64> {
    AGES_MIN.iter().map(move |age| minute + (age - 1) * MINUTE)
}

fn accounts_of(view: &super::pane::EntryView<'_>) -> u32 {
    let mut gathered = super::gather::Gathered::new(super::merge::SIZES_HOUR, super::gather::PerSecond::Closed);
    gathered.add(view);
    gathered.finish();
    u32::try_from(gathered.distinct_accounts()).unwrap_or(u32::MAX)
}
