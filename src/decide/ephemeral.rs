//! The rule of `ephemeral_amplification`: a hashtag that burst within the last day, and most of whose posts are gone soon
//! after. It says nothing of the burst itself, which has its own alert.

use super::further::Rule;
use crate::assess::HashtagReport;
use crate::config::Detect;

/// What the rule says of a hashtag that burst; none where no actions come in.
pub fn rule(report: &HashtagReport, detect: &Detect) -> Option<Rule> {
    let vanished = report.vanished?;
    let enough = report.windows.h24.accounts >= u64::from(detect.candidate_accounts);
    Some(match vanished {
        share if enough && share.low >= detect.ephemeral_enter => Rule::Holds,
        share if share.value < detect.ephemeral_exit => Rule::Over,
        _ => Rule::Between,
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
