//! The board: the decider's last word, laid out for readers. The decider's thread writes it once a tick; scrapes, the
//! page and the API read it at any time. Readers copy a pointer or one entry and go; no guard leaves this file, so none
//! can be held across an `.await`, and a slow reader holds nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use dashmap::DashMap;

use crate::config;
use crate::decide::line::{AlertLine, State};
use crate::decide::view::{HashtagView, TickView};
use crate::model::{EventTime, Tick};

/// Ticks after which a hashtag that was neither in the top nor assessed leaves the board: an hour of event time.
pub const HASHTAG_TICKS_MAX: i64 = 360;
/// Points of a hashtag's history, one a minute: an hour.
pub const HISTORY_MINUTES: usize = 60;
const TICKS_A_MINUTE: i64 = 6;

/// How much the board holds before the oldest leaves. Every bound is reached by hostile input sooner or later.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Hashtags, at about 3 KB each.
    pub hashtags_max: usize,
    /// Alert lines kept for the page and the API, at about 4 KB each.
    pub lines_max: usize,
    /// Open alerts kept; the one changed longest ago leaves first. The decider's own list is not touched by this.
    pub open_max: usize,
    /// Hashtags that have series of their own, `metrics.top_k`.
    pub top_k: usize,
    /// Open alerts that have a series of their own, `metrics.alerts_max`.
    pub alerts_max: usize,
}

impl Limits {
    /// The bounds of `[metrics]`, and fixed ones for the rest: together at most about 40 MB.
    pub fn new(metrics: &config::Metrics) -> Limits {
        Limits {
            hashtags_max: 5_000,
            lines_max: 2_000,
            open_max: 5_000,
            top_k: metrics.top_k,
            alerts_max: metrics.alerts_max,
        }
    }
}

/// One consistent picture of a decided tick. Immutable; cheap to hold for as long as a reader wants.
#[derive(Clone, Debug, Default)]
pub struct Face {
    /// The decided tick; none before the first.
    pub tick: Option<Tick>,
    /// Every post below this time is counted.
    pub watermark: EventTime,
    /// Whether the windows are still filling after lost state.
    pub warming: bool,
    /// The top hashtags, by posts of the last five minutes; at most `top_k`.
    pub top: Arc<Vec<HashtagView>>,
    /// The latest line of every open alert, by alert id.
    pub open: Arc<BTreeMap<String, Arc<AlertLine>>>,
    /// The open alerts that page or could: provisional or firing, neither suppressed nor warming. The most severe and
    /// highest first, at most `alerts_max`.
    pub active: Arc<Vec<Arc<AlertLine>>>,
    /// Alert lines, oldest first.
    pub lines: Arc<VecDeque<Arc<AlertLine>>>,
}

/// One hashtag with what the board remembers of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As the decider last saw it.
    pub view: HashtagView,
    /// The last tick at which it was in the top or assessed.
    pub seen: Tick,
    /// Posts by minute: (minutes since the epoch, posts of the minute that ends then), oldest first, at most
    /// [`HISTORY_MINUTES`]. A minute at whose end the hashtag was not on the board is missing.
    pub history: VecDeque<(i64, u64)>,
}

/// By which number hashtags are sorted, highest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Posts of the last five minutes, then of the last hour, without those that actions took out.
    #[default]
    Posts,
    /// Burst score, then posts.
    Burst,
    /// Coordination score, then posts.
    Coordination,
}

/// What publishing a tick did to the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Hashtags now on the board.
    pub hashtags: usize,
    /// Hashtags that left because the board was full.
    pub hashtags_evicted: u64,
    /// Open alerts.
    pub open: usize,
    /// Alerts that this tick pushed over `alerts_max`, so that they have no series.
    pub alerts_over: u64,
}

/// See the file's head.
#[derive(Debug)]
pub struct Board {
    limits: Limits,
    hashtags: DashMap<String, Entry>,
    /// Swapped whole; the lock is held for one pointer copy on either side.
    face: RwLock<Arc<Face>>,
    /// What only the writer needs. Its lock keeps two writers apart, no reader takes it.
    writer: Mutex<Writer>,
}

#[derive(Debug, Default)]
struct Writer {
    /// Minute of the last sweep.
    swept_minute: i64,
    /// Ids of the alerts over `alerts_max` after the last tick.
    over: BTreeSet<String>,
}

impl Board {
    /// An empty board.
    pub fn new(limits: Limits) -> Board {
        Board { limits, hashtags: DashMap::new(), face: RwLock::default(), writer: Mutex::default() }
    }

    /// Shows a decided tick.
    pub fn publish(&self, view: TickView) -> Published {
        let mut writer = self.writer();
        let mut face = Face::clone(&self.face());
        let tick = view.tick;
        if face.tick == Some(tick) {
            self.leave_out(&face, &view);
        }
        for seen in view.top.iter().cloned().chain(view.assessed) {
            self.see(seen, tick);
        }
        let hashtags_evicted = self.sweep(&mut writer, tick);
        face.tick = Some(tick);
        face.watermark = view.watermark;
        face.warming = view.warming;
        let mut top = view.top;
        top.truncate(self.limits.top_k);
        face.top = Arc::new(top);
        let alerts_over = self.apply(&mut face, &mut writer, view.lines);
        let published =
            Published { hashtags: self.hashtags.len(), hashtags_evicted, open: face.open.len(), alerts_over };
        *self.face.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(face);
        published
    }

    /// Takes back the alert lines that an earlier run wrote, oldest first, so that alerts it left open are shown before
    /// their next line. To be called before the first tick is published.
    pub fn recall(&self, lines: impl IntoIterator<Item = AlertLine>) {
        let mut writer = self.writer();
        let mut face = Face::clone(&self.face());
        self.apply(&mut face, &mut writer, lines.into_iter().collect());
        *self.face.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(face);
    }

    /// The picture of the last decided tick.
    pub fn face(&self) -> Arc<Face> {
        Arc::clone(&self.face.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A copy of one hashtag's entry, by its canonical form.
    pub fn hashtag(&self, canonical: &str) -> Option<Entry> {
        self.hashtags.get(canonical).map(|entry| entry.clone())
    }

    /// Copies of the hashtags that were in the top or assessed at the last tick, best first. O(board) to rank, copies
    /// only what it returns.
    pub fn ranked(&self, order: Order, limit: usize) -> Vec<Entry> {
        let Some(tick) = self.face().tick else { return Vec::new() };
        let mut ranks: Vec<_> = self
            .hashtags
            .iter()
            .filter(|entry| entry.seen == tick)
            // Of whom actions left nothing, there is nothing to rank.
            .filter(|entry| order != Order::Posts || entry.view.adjusted.is_none() || entry.view.standing() > (0, 0))
            .map(|entry| (Reverse(rank(order, &entry.view)), entry.key().clone()))
            .collect();
        ranks.sort_unstable();
        ranks.truncate(limit);
        ranks.into_iter().filter_map(|(_, hashtag)| self.hashtag(&hashtag)).collect()
    }

    /// Number of hashtags on the board.
    pub fn hashtag_count(&self) -> usize {
        self.hashtags.len()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same tick again, with fresher rows: what was in the top and is in it no longer has nothing to show of this tick.
    fn leave_out(&self, face: &Face, view: &TickView) {
        let stays: BTreeSet<&str> = view.top.iter().map(|seen| seen.hashtag.as_str()).collect();
        for old in face.top.iter().filter(|old| !stays.contains(old.hashtag.as_str())) {
            if let Some(mut entry) = self.hashtags.get_mut(&old.hashtag) {
                entry.seen = Tick(view.tick.0 - 1);
            }
        }
    }

    /// Notes a hashtag of the tick. The point of its minute is overwritten until the minute's last tick, whose one-minute
    /// window is exactly that minute.
    fn see(&self, view: HashtagView, tick: Tick) {
        let minute = (tick.0 - 1).div_euclid(TICKS_A_MINUTE) + 1;
        let point = (minute, view.windows.m1.posts);
        let mut entry = self.hashtags.entry(view.hashtag.clone()).or_insert_with(|| Entry {
            view: HashtagView::default(),
            seen: tick,
            history: VecDeque::new(),
        });
        entry.view = view;
        entry.seen = tick;
        match entry.history.back_mut() {
            Some(last) if last.0 >= minute => *last = point,
            _ => entry.history.push_back(point),
        }
        let oldest = minute - HISTORY_MINUTES as i64;
        while entry.history.front().is_some_and(|(at, _)| *at <= oldest) {
            entry.history.pop_front();
        }
    }

    /// Lets hashtags go that were not seen for an hour (once a minute), and those seen longest ago while the board is
    /// over its bound. Returns how many left for the bound.
    fn sweep(&self, writer: &mut Writer, tick: Tick) -> u64 {
        let minute = tick.0.div_euclid(TICKS_A_MINUTE);
        if minute != writer.swept_minute {
            writer.swept_minute = minute;
            self.hashtags.retain(|_, entry| tick.0 - entry.seen.0 < HASHTAG_TICKS_MAX);
        }
        let over = self.hashtags.len().saturating_sub(self.limits.hashtags_max);
        if over == 0 {
            return 0;
        }
        let mut ages: Vec<_> = self
            .hashtags
            .iter()
            .map(|entry| (entry.seen, entry.view.coordination, entry.view.windows.h1.posts, entry.key().clone()))
            .collect();
        ages.sort_unstable();
        for (_, _, _, hashtag) in ages.into_iter().take(over) {
            self.hashtags.remove(&hashtag);
        }
        over as u64
    }

    /// Applies alert lines in order: the last line of an alert is how it stands. Returns how many active alerts went
    /// over `alerts_max` by these lines.
    fn apply(&self, face: &mut Face, writer: &mut Writer, lines: Vec<AlertLine>) -> u64 {
        if lines.is_empty() {
            return 0;
        }
        let open = Arc::make_mut(&mut face.open);
        let ring = Arc::make_mut(&mut face.lines);
        for line in lines {
            let line = Arc::new(line);
            if line.state == State::Resolved {
                open.remove(&line.alert_id);
            } else {
                open.insert(line.alert_id.clone(), Arc::clone(&line));
            }
            ring.push_back(line);
        }
        while ring.len() > self.limits.lines_max {
            ring.pop_front();
        }
        while open.len() > self.limits.open_max {
            let Some(oldest) = open.values().min_by_key(|line| (line.severity, line.tick, line.n)) else { break };
            let id = oldest.alert_id.clone();
            open.remove(&id);
        }
        let mut active = active(open);
        let over = active.split_off(active.len().min(self.limits.alerts_max));
        let over: BTreeSet<String> = over.iter().map(|line| line.alert_id.clone()).collect();
        let newly_over = over.difference(&writer.over).count() as u64;
        face.active = Arc::new(active);
        writer.over = over;
        newly_over
    }
}

/// The open alerts that are said aloud, the most severe and highest first.
fn active(open: &BTreeMap<String, Arc<AlertLine>>) -> Vec<Arc<AlertLine>> {
    let mut active: Vec<Arc<AlertLine>> = open.values().filter(|line| is_active(line)).cloned().collect();
    active.sort_by(|a, b| {
        let key = |line: &AlertLine| (Reverse((line.severity, line.coordination, line.burst)), line.alert_id.clone());
        key(a).cmp(&key(b))
    });
    active
}

/// Whether `tagwatch_alert_active` has a series for the alert that stands as this line says.
pub fn is_active(line: &AlertLine) -> bool {
    matches!(line.state, State::Provisional | State::Firing) && !line.suppressed && !line.warming
}

/// What a hashtag is sorted by.
fn rank(order: Order, view: &HashtagView) -> (i32, u64, u64) {
    let score = match order {
        Order::Posts => 0,
        Order::Burst => view.burst.0,
        Order::Coordination => view.coordination.0,
    };
    let (m5, h1) = view.standing();
    (score, m5, h1)
}

#[cfg(test)]
mod tests;
