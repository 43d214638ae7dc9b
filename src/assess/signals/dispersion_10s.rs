//! Index of dispersion of posts by ten seconds over the last five minutes: a crowd ordered to start together comes in
//! one or two slices; a crowd that gathers fills them all.
//!
//! Formula: variance / mean of posts per ten seconds (Fisher 1950). Unit: none; 1 where posts come independently.
//! Blind spot: it also rises where a crowd swells quickly, so it supports a verdict and never makes one.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// Posts from which the index is read.
const POSTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "dispersion_10s", family: "synchrony", baseline: 2.0, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.by_ten_seconds.filter(|spread| spread.posts >= POSTS_MIN).map(super::Spread::dispersion)
}
