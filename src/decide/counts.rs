//! The burst axis of one plain count series: how far each count is above what the series usually shows, and whether it
//! begins a burst. Causal: a row is held against the rows before it alone.
//!
//! What it shares with a hashtag's burst axis (`burst.rs`): over-dispersed counts, their dispersion φ as variance over
//! mean of the history, Anscombe's transform, p as the upper tail of z, score = 100 · -log10(p) / 6, the same entry, exit
//! and quiet, 28 days of history, two hours before anything is said. One series is one candidate, so q is p.
//!
//! What it does differently, and why. Numbers are NAB's realTweets, standard profile, threshold optimised (`tests/nab.rs`):
//! 74.7 as it stands; those of other ways come from a prototype of the same arithmetic, everything else left alone.
//! - **One axis.** A count says nothing of accounts, so nothing confirms it: one busy account *is* a burst here.
//! - **A row is the window.** The axis of a hashtag sums an hour; a series comes in the panes its owner chose, and summing
//!   them again hides short bursts (42).
//! - **The variance grows with the square.** A hashtag's hour is held against like hours; rows range over three decades,
//!   and posts come in clumps that grow with the level: the variance is m + m²/k, negative binomial, with k = m / (φ - 1).
//!   Anscombe (1948) gives its transform 2√k · asinh √((x+3/8) / (k-3/4)). With φ alone, quasi-Poisson: 59.
//! - **φ is of 28 days and has no cap.** A hashtag's is of seven days and capped, as one past burst would hide the next.
//!   Here past bursts are what the series is known to do, and the next must stand out among them (as a hashtag's: 71).
//! - **Usual is the median of all hours.** That of the same hour of the day is near zero at night, where clumps stay as
//!   large as by day: 62 alone, 64 as the larger of both. The daily cycle is met by the next point.
//! - **Only what is new begins a burst.** A row begins one only if it is further above usual than anything of the last
//!   three days: yesterday's peak is the bar of today's, and Friday's of Monday's (a weekend is the longest regular lull).
//!   From 1.5 to 3.5 days: 72 to 75; one day: 70; five: 69. A hashtag does without: its hour of the week is its bar.
//! - **An expectation below one is not raised to one.** One post an hour at least keeps thousands of small candidates
//!   quiet; a series was chosen by somebody, and its rows may be minutes long (63).
//!
//! Blind spots: a burst at night below the peak of the day; a second burst within three days that is not larger; a level
//! that rises for good is a burst once, then slowly becomes usual; the first day, when φ is a guess.

use std::collections::VecDeque;

use super::burst;
use crate::assess::history::{DISPERSION_PRIOR, WATCHED_HOURS_MIN};
use crate::assess::values::Score;
use crate::config::Detect;
use crate::model::EventTime;

/// Where a series stands at a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountState {
    /// No burst.
    Usual,
    /// A burst begins with this row.
    Begins,
    /// The burst that began before goes on, or has not been quiet for long enough to be over.
    GoesOn,
}

/// What the axis says of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountRow {
    /// The count usually seen; none while there is too little history.
    pub expected: Option<f64>,
    /// Variance over mean of the history, at least 1.
    pub dispersion: f64,
    /// 0 to 100: 100 · -log10(p) / 6.
    pub burst: Score,
    /// Whether the row is further above usual than every row of the three days before it.
    pub is_new: bool,
    /// Where the series stands.
    pub state: CountState,
}

/// Largest count that is taken: sums of squares over the history stay exact.
pub const COUNT_MAX: u64 = 1_000_000_000_000;
/// Most rows of history, a row every 37 s for 28 days; the oldest beyond are forgotten early.
pub const HISTORY_ROWS_MAX: usize = 65_536;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long rows are remembered: as long as a hashtag's hours.
const HISTORY_MS: i64 = 28 * DAY_MS;
/// History from which φ is measured.
const MEASURED_MS: i64 = DAY_MS;
/// How long a row sets the bar for what is new.
const NEW_MS: i64 = 3 * DAY_MS;
/// Least k: Anscombe's transform of the negative binomial needs more than 3/4.
const SHAPE_MIN: f64 = 0.8;
/// Largest k: beyond, the negative binomial is a Poisson distribution to all digits that matter.
const SHAPE_MAX: f64 = 10_000.0;

/// One series and what is remembered of it.
#[derive(Clone, Debug)]
pub struct CountSeries {
    /// Score from which a new row begins a burst, and from which a burst goes on.
    enter: Score,
    exit: Score,
    /// Largest p of a beginning.
    false_discovery_rate: f64,
    /// Time without a row at the exit after which a burst is over.
    quiet_ms: i64,
    /// The first row ever.
    since: Option<EventTime>,
    /// Rows of the last 28 days, in time order.
    rows: VecDeque<(EventTime, u64)>,
    /// The same counts in order of size, for the median.
    sorted: Vec<u64>,
    /// Their sum and the sum of their squares, exact.
    sum: u128,
    squares: u128,
    /// Rows of the last three days that no later one equals or exceeds: falling z, rising time.
    bar: VecDeque<(EventTime, f64)>,
    /// The last row at the exit or above of the burst that goes on.
    last_burst: Option<EventTime>,
    /// Rows forgotten before their 28 days were over.
    forgotten_early: u64,
}

impl CountSeries {
    /// A series that nothing is known of.
    pub fn new(detect: &Detect) -> CountSeries {
        CountSeries {
            enter: Score::of_points(detect.burst_enter),
            exit: Score::of_points(detect.burst_exit),
            false_discovery_rate: detect.false_discovery_rate,
            quiet_ms: i64::try_from(detect.quiet.as_millis()).unwrap_or(i64::MAX),
            since: None,
            rows: VecDeque::new(),
            sorted: Vec::new(),
            sum: 0,
            squares: 0,
            bar: VecDeque::new(),
            last_burst: None,
            forgotten_early: 0,
        }
    }

    /// The time of the last row.
    pub fn last(&self) -> Option<EventTime> {
        self.rows.back().map(|(at, _)| *at)
    }

    /// Rows forgotten before their 28 days were over, because there were too many.
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// Takes the next row; gaps between rows may be of any length.
    ///
    /// # Panics
    /// If `at` is not after the last row, or `count` above [`COUNT_MAX`]: the reader rejects both.
    pub fn hear(&mut self, at: EventTime, count: u64) -> CountRow {
        assert!(self.last().is_none_or(|last| at > last), "rows come in time order");
        assert!(count <= COUNT_MAX, "counts are bounded");
        self.forget(at);
        let watched_ms = at.0 - self.since.get_or_insert(at).0;
        let dispersion = self.dispersion(watched_ms);
        let expected = (watched_ms >= WATCHED_HOURS_MIN * HOUR_MS).then(|| self.median()).flatten();
        let z = expected.map_or(f64::NEG_INFINITY, |expected| {
            let shape = (self.mean() / (dispersion - 1.0)).clamp(SHAPE_MIN, SHAPE_MAX);
            stable(count as f64, shape) - stable(expected, shape)
        });
        let p = if expected.is_some() { burst::upper_tail(z) } else { 1.0 };
        let score = burst::score(p);
        let is_new = z > 0.0 && self.bar.front().is_none_or(|(_, highest)| z > *highest);
        let state = self.state(at, score, is_new && p <= self.false_discovery_rate);
        self.remember(at, count, z);
        CountRow { expected, dispersion, burst: score, is_new, state }
    }

    fn state(&mut self, at: EventTime, score: Score, may_begin: bool) -> CountState {
        let goes_on = self.last_burst.is_some_and(|last| at.0.saturating_sub(last.0) <= self.quiet_ms);
        let begins = !goes_on && may_begin && score >= self.enter;
        if begins || (goes_on && score >= self.exit) {
            self.last_burst = Some(at);
        }
        match (begins, goes_on) {
            (true, _) => CountState::Begins,
            (false, true) => CountState::GoesOn,
            (false, false) => CountState::Usual,
        }
    }

    /// Drops what is too old at `at`, and the oldest row where there are too many.
    fn forget(&mut self, at: EventTime) {
        while let Some((oldest, count)) = self.rows.front().copied() {
            let is_old = oldest < at.minus_ms(HISTORY_MS);
            if !is_old && self.rows.len() < HISTORY_ROWS_MAX {
                break;
            }
            self.forgotten_early += u64::from(!is_old);
            self.rows.pop_front();
            let place = self.sorted.partition_point(|other| *other < count);
            self.sorted.remove(place);
            self.sum -= u128::from(count);
            self.squares -= u128::from(count) * u128::from(count);
        }
        while self.bar.front().is_some_and(|(then, _)| *then < at.minus_ms(NEW_MS)) {
            self.bar.pop_front();
        }
    }

    fn remember(&mut self, at: EventTime, count: u64, z: f64) {
        let place = self.sorted.partition_point(|other| *other < count);
        self.sorted.insert(place, count);
        self.rows.push_back((at, count));
        self.sum += u128::from(count);
        self.squares += u128::from(count) * u128::from(count);
        while self.bar.back().is_some_and(|(_, lower)| *lower <= z) {
            self.bar.pop_back();
        }
        self.bar.push_back((at, z));
    }

    fn median(&self) -> Option<f64> {
        let n = self.sorted.len();
        let (low, high) = (self.sorted.get(n.checked_sub(1)? / 2)?, self.sorted.get(n / 2)?);
        Some((*low as f64 + *high as f64) / 2.0)
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.rows.len().max(1) as f64
    }

    /// φ: variance over mean. At most 65 536² · 10²⁴ < 2¹²⁸, so exact until the division.
    fn dispersion(&self, watched_ms: i64) -> f64 {
        if watched_ms < MEASURED_MS || self.sum == 0 {
            return DISPERSION_PRIOR;
        }
        let n = self.rows.len() as u128;
        let variance = n * self.squares - self.sum * self.sum;
        (variance as f64 / (n * self.sum) as f64).max(1.0)
    }
}

/// Anscombe's transform of a negative binomial count of shape `k`: close to a variance of one at every level.
fn stable(x: f64, k: f64) -> f64 {
    2.0 * libm::sqrt(k) * libm::asinh(libm::sqrt((x + 0.375) / (k - 0.75)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::defaults;

    const MINUTE_MS: i64 = 60_000;
    const FIRST: EventTime = EventTime(1_425_000_000_000);

    /// Five-minute rows of the given counts, with what is said of each.
    fn hear(series: &mut CountSeries, counts: impl IntoIterator<Item = u64>) -> Vec<CountRow> {
        let next = |series: &CountSeries| series.last().map_or(FIRST, |last| last.plus_ms(5 * MINUTE_MS));
        counts.into_iter().map(|count| series.hear(next(series), count)).collect()
    }

    /// A day of rows with a cycle and some clumps, the same every time.
    fn day() -> impl Iterator<Item = u64> + Clone {
        (0..288_u64).map(|row| 20 + (row.abs_diff(144) / 8) + (row * row * 7919) % 23)
    }

    fn series() -> CountSeries {
        CountSeries::new(&defaults().detect)
    }

    #[test]
    fn a_burst_begins_once_goes_on_and_ends() {
        let mut series = series();
        hear(&mut series, day().chain(day()).chain(day()));
        let rows = hear(&mut series, [30, 900, 1_100, 700, 30, 30, 30, 30]);
        let states: Vec<CountState> = rows.iter().map(|row| row.state).collect();
        use CountState::{Begins, GoesOn, Usual};
        assert_eq!(states, [Usual, Begins, GoesOn, GoesOn, GoesOn, GoesOn, Usual, Usual], "{rows:?}");
        assert!(rows[1].burst > Score::of_points(50.0) && rows[0].burst < Score::of_points(35.0), "{rows:?}");
    }

    #[test]
    fn the_same_height_is_new_again_after_three_days() {
        let mut series = series();
        hear(&mut series, day().chain(day()).chain([900]));
        let rows = hear(&mut series, day().chain([890]).chain(day()).chain(day()).chain(day()).chain([1_000]));
        assert!(rows.iter().take(288 * 3).all(|row| row.state != CountState::Begins));
        assert!(!rows[288].is_new && rows[rows.len() - 1].is_new);
        assert_eq!(rows[rows.len() - 1].state, CountState::Begins);
    }

    #[test]
    fn what_is_remembered_is_what_the_plain_formulas_say() {
        let mut series = series();
        let counts: Vec<u64> = (0..40).flat_map(|_| day()).collect();
        let rows = hear(&mut series, counts.iter().copied());
        let at = counts.len() - 1;
        let past = &counts[at - 28 * 288..at];
        let mean = past.iter().sum::<u64>() as f64 / past.len() as f64;
        let variance = past.iter().map(|count| (*count as f64 - mean).powi(2)).sum::<f64>() / past.len() as f64;
        let mut sorted = past.to_vec();
        sorted.sort_unstable();
        let median = (sorted[sorted.len() / 2] + sorted[sorted.len() / 2 - 1]) as f64 / 2.0;
        assert_eq!(rows[at].expected, Some(median));
        assert!((rows[at].dispersion - variance / mean).abs() < 1e-9, "{:?} {}", rows[at], variance / mean);
        assert_eq!((series.sorted.len(), series.forgotten_early()), (series.rows.len(), 0));
    }

    #[test]
    fn two_hours_say_nothing_and_zeros_and_giants_are_no_trouble() {
        let mut series = series();
        assert!(hear(&mut series, [0; 24]).iter().all(|row| row.expected.is_none() && row.burst == Score(0)));
        let rows = hear(&mut series, std::iter::repeat_n(0, 288).chain([COUNT_MAX, 0, COUNT_MAX, 1]));
        assert!(rows.iter().all(|row| row.dispersion.is_finite() && row.expected == Some(0.0)), "{rows:?}");
        assert_eq!(rows[288].state, CountState::Begins);
    }

    #[test]
    fn memory_is_bounded() {
        let mut series = series();
        let more = 100;
        for second in 0..(HISTORY_ROWS_MAX + more) as i64 {
            series.hear(FIRST.plus_ms(second * 1_000), 5);
        }
        assert_eq!((series.rows.len(), series.sorted.len()), (HISTORY_ROWS_MAX, HISTORY_ROWS_MAX));
        assert_eq!(series.forgotten_early(), more as u64);
    }

    #[test]
    fn the_transform_is_near_a_variance_of_one() {
        // Its slope at the mean m times the standard deviation √(m + m²/k) is near one at every level.
        for m in [5.0, 50.0, 5_000.0] {
            let (k, h) = (4.0, m * 1e-4);
            let slope = (stable(m + h, k) - stable(m - h, k)) / (2.0 * h);
            let deviation = slope * (m + m * m / k).sqrt();
            assert!((0.9..1.1).contains(&deviation), "{m}: {deviation}");
        }
    }
}
