//! `low_and_slow`: coordination over a day without a burst. It wants what `coordinated_burst` wants of the score (the gate, two
//! families, one of them strong), read over a day, and accounts that never sleep; see `assess/slow.rs`.

use super::further::Further;
use super::line::{AlertLine, Kind, Severity};
use super::score::Coordination;
use crate::assess::HashtagReport;
use crate::assess::slow::Slow;
use crate::assess::values::Score;
use crate::config::Detect;
use crate::model::EventTime;
use crate::track::ladder::HOUR;

/// Ticks after which an alert that was not confirmed is over: it is assessed once an hour.
const QUIET: i64 = 3 * HOUR;

/// What is to be said of a slow hashtag; none where it was not read over a day. `bursts` says that its main alert calls it
/// coordinated already; a feed is none either. `line` is how its line reads but for what this kind says.
pub fn further(
    report: &HashtagReport,
    coordination: &Coordination,
    detect: &Detect,
    bursts: bool,
    line: AlertLine,
) -> Option<Further> {
    let slow = report.slow?;
    let scores = coordination.score >= Score::of_points(detect.coordination_enter) && coordination.two_families;
    let sleepless = slow.rhythm.high <= detect.kinds.slow_rhythm;
    let goes_on = coordination.estimate >= Score::of_points(detect.coordination_exit)
        && slow.rhythm.value <= detect.kinds.slow_rhythm;
    let mut line = AlertLine { explanation: sentence(report, coordination, slow), ..line };
    line.evidence.basis.extend([
        ("slow_hours".to_owned(), slow.hours as f64),
        ("slow_rhythm".to_owned(), rounded(slow.rhythm.value)),
        ("slow_rhythm_high".to_owned(), rounded(slow.rhythm.high)),
    ]);
    Some(Further {
        kind: Kind::LowAndSlow,
        holds: scores && sleepless && !bursts && report.feed.is_none(),
        goes_on,
        severity: Severity::Ticket,
        onset: EventTime(i64::from(report.first_second) * 1000).to_string(),
        quiet: QUIET,
        ended: format!("#{}: it is no longer written day and night by the same accounts", report.display),
        line,
    })
}

fn sentence(report: &HashtagReport, coordination: &Coordination, slow: Slow) -> String {
    let day = report.windows.h24;
    let reasons = super::explain::reasons(&coordination.signals);
    format!(
        "#{}: {} posts by {} accounts in the last day, in {} of 24 hours; the same accounts write day and night (daily \
         rhythm {:.2}; people who sleep: 0.12 and more): {reasons}",
        report.display, day.posts, day.accounts, slow.hours, slow.rhythm.value
    )
}

/// Four decimals, as all numbers of a line.
fn rounded(value: f64) -> f64 {
    libm::round(value * 10_000.0) / 10_000.0
}
