//! How much less the accounts that carried earlier alerts talk than everybody else under the same hashtag. A crew of fifty among
//! two hundred fans is lost in every share over all of them; beside the fans it stands out: they talk to each other, it talks
//! to nobody, wherever it goes.
//!
//! Formula: share of all others that mention or answer anybody, less that share of the accounts that carried earlier alerts, with
//! Newcombe's interval for a difference of shares (1998, method 10); of all, or of those with two posts or more, whichever tells
//! more at its careful end. From eight accounts on either side, where the known wrote a twentieth of the posts. Unit:
//! difference of shares, -1 to 1. The decider reads it, which alone remembers crowds (`decide::crew`); unavailable until an
//! alert has fired, and below where its points begin.
//! Blind spots: a new crew; a crew among people who do not talk either. Whoever lures a crowd into his pushes gains little: where
//! it meets again, those who were lured talk as much as those who were not.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "crew_contrast", family: "overlap", baseline: 0.0, read, on_core: false };

fn read(_: &Crowd, _: &Facts) -> Option<Estimate> {
    None
}
