//! The rule of `ephemeral_amplification`: a hashtag that burst within the last day, and most of whose posts are gone soon
//! after. It says nothing of the burst itself, which has its own alert.

use super::further::Further;
use super::line::{AlertLine, Kind, Severity};
use crate::assess::HashtagReport;
use crate::config::Detect;
use crate::model::EventTime;

/// What is said of a hashtag that burst at `onset_ms`; none where no actions come in. `line` is its line as it reads now.
pub fn further(report: &HashtagReport, detect: &Detect, onset_ms: i64, quiet: i64, line: AlertLine) -> Option<Further> {
    let vanished = report.vanished?;
    let enough = report.windows.h24.accounts >= u64::from(detect.candidate_accounts);
    Some(Further {
        kind: Kind::EphemeralAmplification,
        holds: enough && vanished.low >= detect.ephemeral_enter,
        goes_on: vanished.value >= detect.ephemeral_exit,
        severity: Severity::Ticket,
        onset: EventTime(onset_ms).to_string(),
        quiet,
        line: AlertLine { explanation: sentence(report), ..line },
        ended: format!("#{}: no more of its posts go", report.display),
    })
}

/// Its sentence.
pub fn sentence(report: &HashtagReport) -> String {
    let day = report.windows.h24;
    let gone = report.vanished.map_or(0.0, |share| share.value) * 100.0;
    let standing = report.adjusted.as_ref().map_or(day.posts, |adjusted| adjusted.windows.h24.posts);
    format!(
        "#{}: it burst within the last day, and {gone:.0} % of its posts are gone (ordinary: 3 %): {} posts by {} accounts \
         in 24 h, of which {standing} stand",
        report.display, day.posts, day.accounts
    )
}

/// The sentence of its end.
pub fn ended(display: &str) -> String {
    format!("#{display}: no more of its posts go")
}
