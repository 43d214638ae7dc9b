//! Index of dispersion of posts by ten seconds over the last five minutes: a crowd ordered to start together comes in
//! one or two slices; a crowd that gathers fills them all.
//!
//! Formula: as `dispersion_1s` over slices of ten seconds, each held against the one before it instead of the mean, so
//! that a steady rise counts for nothing: (Σ (c - c')² / 2 Σ c - 1) / mean (von Neumann 1941 for the differences).
//! Unit: none; 0 where posts come independently.
//! Blind spot: jitter of half a minute.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// Posts from which the index is read.
const POSTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "dispersion_10s", family: "synchrony", baseline: 0.1, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.by_ten_seconds.filter(|spread| spread.posts >= POSTS_MIN).map(super::Spread::unevenness)
}
