//! Index of dispersion of originals by second over the last five minutes: software that fires a batch at once bunches
//! posts within single seconds; people do not, even in a goal's roar (index in simulations: goal 1.3, a hundred accounts 8.8).
//!
//! Formula: (variance / mean - 1) / mean of the originals by second (the index of dispersion of Fisher 1950 beyond the 1 of
//! chance, over the mean, so that a loud crowd is not uneven for being loud). Unit: none; 0 where posts come independently.
//! Blind spot: batches that are spread until one touches the next; a single one shows however few seconds it takes. Unavailable where time stamps are coarser than
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{check_streams, each_at};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        let twice = |seconds: std::ops::Range<i64>| each_at(seconds.flat_map(|second| [second; 2]));
        check_streams(
            &DEFINITION,
            &[
                // 60 in 60 s, Σ c² = 20 × (4 + 1): variance 40 / 59, less than chance.
                (
                    "people, two, one and none a second",
                    each_at((0..60).flat_map(|second| vec![second; 2 - second as usize % 3])).until(60),
                    Some(0.0),
                ),
                // Mean 1, Σ c² = 10 × 100: variance (1 000 - 100) / 99.
                (
                    "ten batches of ten",
                    each_at((0..10).flat_map(|batch| [10 * batch; 10])).until(100),
                    Some(900.0 / 99.0 - 1.0),
                ),
                // Mean 1, Σ c² = 5 × 400: variance (2 000 - 100) / 99.
                (
                    "one batch over five seconds",
                    each_at((0..100).map(|n| n / 20)).until(100),
                    Some(1_900.0 / 99.0 - 1.0),
                ),
                ("29 posts", twice(0..14).and(each_at([20])).until(30), None),
                // Mean 1, Σ c² = 15 × 4: variance (60 - 30) / 29.
                ("30 posts in 30 seconds", twice(0..15).until(30), Some(30.0 / 29.0 - 1.0)),
                ("30 posts in 29 seconds", twice(1..16).until(30), None),
                ("reposts", twice(0..15).reposted().until(30), None),
                ("stamps of whole minutes", each_at([vec![0; 30], vec![60; 30]].concat()).until(120), None),
                ("nothing in five minutes", twice(0..30).until(600), None),
                ("batches of five, each over the five seconds to the next", each_at(0..60).until(60), Some(0.0)),
            ],
        );
    }
}
