//! Counter-evidence: a hashtag with a past. Who pushes makes a hashtag; one that was there for days has regulars, and
//! regulars repeat themselves. Its points are negative.
//!
//! Formula: hours of the last week, up to twelve hours ago, in which the hashtag was seen: the busy ones of the week, and
//! of the last day every hour with two posts. Unit: hours; known exactly. Unavailable before a day of watching.
//! Blind spot: a push on an established hashtag loses these points, and so does one that was prepared: four posts the day
//! before are enough. They are few for that reason, and a strong push does without them.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "past", family: "concentration", baseline: 20.0, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.past_hours.map(|hours| Estimate::exact(hours as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{Stream, check_streams, each_at};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        // A hashtag of now, with posts in the hours that ended so many hours ago.
        let with = |hours: &[i64], posts: usize| -> Stream {
            let seconds = hours.iter().flat_map(|ago| vec![-3_600 * ago - 1_800; posts]);
            each_at([-30, -20, -10]).and(each_at(seconds))
        };
        let three_days: Vec<i64> = (1..=72).collect();
        check_streams(
            &DEFINITION,
            &[
                // Hours that ended 24 to 72 hours ago and were busy, and 12 to 23 hours ago.
                ("a hashtag with regulars", with(&three_days, 20), Some(49.0 + 12.0)),
                ("a push makes its own", with(&[], 0), Some(0.0)),
                ("one post fifteen hours ago", with(&[15], 1), Some(0.0)),
                ("two posts fifteen hours ago", with(&[15], 2), Some(1.0)),
                ("twelve hours ago", with(&[12], 2), Some(1.0)),
                ("eleven hours ago", with(&[11], 20), Some(0.0)),
                ("19 posts two days ago", with(&[48], 19), Some(0.0)),
                ("20 posts two days ago", with(&[48], 20), Some(1.0)),
                ("almost a week ago", with(&[167], 20), Some(1.0)),
                ("a week ago", with(&[168], 20), Some(0.0)),
                ("watched for a day", with(&[15], 2).watched_since(-24 * 3_600 - 10), Some(1.0)),
                ("watched for less", with(&[15], 2).watched_since(-24 * 3_600), None),
                ("a push that was prepared with four posts", with(&[15, 17], 2), Some(2.0)),
            ],
        );
    }
}
