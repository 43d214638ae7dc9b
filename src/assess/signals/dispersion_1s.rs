//! Index of dispersion of originals by second over the last five minutes: software that fires a batch at once bunches
//! posts within single seconds; people do not, even in a goal's roar (index in simulations: goal 1.3, a hundred accounts 8.8).
//!
//! Formula: (variance / mean - 1) / mean of the originals by second (the index of dispersion of Fisher 1950 beyond the 1 of
//! chance, over the mean, so that a loud crowd is not uneven for being loud). Unit: none; 0 where posts come independently.
//! Blind spot: uniform jitter of a few seconds hides a batch completely. Unavailable where time stamps are coarser than
//! a second, for then everything bunches.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// Posts from which the index is read.
const POSTS_MIN: u64 = 30;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "dispersion_1s", family: "synchrony", baseline: 0.1, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.by_second.filter(|spread| spread.posts >= POSTS_MIN && spread.slices >= 30).map(super::Spread::unevenness)
}
