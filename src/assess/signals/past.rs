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
