//! Seconds from the first post of a new hashtag to its twentieth distinct account with an original post. Ordinary
//! hashtags are picked up by people who saw somebody use them; a thousand controlled accounts need seconds
//! (Elmas, Overdorf and Aberer 2021, on ephemeral astroturfing).
//!
//! Unit: seconds. Exact while the first panes are complete, which is so far beyond the twentieth account.
//! Reposts do not count: a viral repost of a new hashtag reaches twenty accounts at once without any coordination.
//! Blind spot: established hashtags; operations that start slowly. It is unavailable where the stream was not watched
//! before the hashtag appeared, for then its first post is not known.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "birth_speed", family: "synchrony", baseline: 900.0, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.birth_seconds.map(Estimate::exact)
}
