//! Counter-evidence: a hashtag with a past. Who pushes makes a hashtag; one that has been busy for days has regulars, and
//! regulars repeat themselves. Its points are negative.
//!
//! Formula: posts of its busy hours of the last week up to twelve hours ago / (those + posts of the last hours). Unit:
//! share, 0 to 1; known exactly. Unavailable before a day of watching.
//! Blind spot: a push on an established hashtag loses these points, one that was prepared days ahead does too; the price is
//! those days.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "past", family: "concentration", baseline: 0.5, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.past_share.map(Estimate::exact)
}
