//! Index of dispersion of posts by ten seconds over the last five minutes: a crowd ordered to start together comes in
//! one or two slices; a crowd that gathers fills them all.
//!
//! Formula: as `dispersion_1s` over slices of ten seconds, each held against the one before it instead of the mean, so
//! that a steady rise counts for nothing: (n / (n - 1) · Σ (c - c')² / 2 Σ c - 1) / mean over n slices (von Neumann 1941 for the differences).
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{check_streams, each_at};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        let started = || each_at((0..60).map(|n| n / 6));
        check_streams(
            &DEFINITION,
            &[
                ("people who fill every slice", each_at((0..600).step_by(5)).until(600), Some(0.0)),
                (
                    "a crowd that grows by one a slice",
                    each_at((1..=30).flat_map(|n| vec![10 * n - 5; n as usize])).until(300),
                    Some(0.0),
                ),
                // Mean 60 / 30, Σ (c - c')² / 2 = 60²: index 3 600 / 29 / 2, and half of it before the slice after it is over.
                ("sixty who start together", started().until(100), Some((1_800.0 / 29.0 - 1.0) / 2.0)),
                ("at once", started().until(10), Some((900.0 / 29.0 - 1.0) / 2.0)),
                ("nineteen posts", each_at((0..19).map(|n| n * 10)).until(200), None),
                ("twenty posts", each_at((0..20).map(|n| n * 10)).until(200), Some(0.0)),
                ("reposts", started().reposted().until(100), None),
                ("watched for less than six hours before", started().until(100).watched_since(-6 * 3_600 + 10), None),
                ("a hashtag with a past", each_at([-7_000, -6_000]).and(started()).until(100), None),
                // Ten in each of six slices, Σ (c - c')² / 2 = 10².
                (
                    "sixty, each up to half a minute early or late",
                    each_at(0..60).until(200),
                    Some((50.0 / 29.0 - 1.0) / 2.0),
                ),
            ],
        );
    }
}
