//! Chance that two originals with a link carry the same one.
//!
//! Formula: Σ nᵢ(nᵢ-1) / n(n-1) over the groups of equal first links in the mention sample. Unit: chance, 0 to 1.
//! Blind spot: one piece of news that everybody links; shorteners that give every post a link of its own.

use super::{Definition, Facts};
use crate::assess::crowd::{Crowd, groups};
use crate::assess::interval::{Estimate, agreement};

/// Links from which repetition is read.
const LINKS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeated_link", family: "content", baseline: 0.05, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let groups = groups(crowd.originals().map(|found| found.link));
    let sizes: Vec<u64> = groups.iter().map(|(_, size)| *size).collect();
    let n = sizes.iter().sum();
    (n >= LINKS_MIN).then(|| agreement(&sizes, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{REPOST, SAID, both, check, copies, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                ("people, each with a link of their own", copies(&[(1, 20)], SAID), Some(0.0)),
                ("a push of one link", copies(&[(20, 1)], SAID), Some(1.0)),
                // Ten pairs agree both ways: 10 × 2 of 20 × 19.
                ("ten links, twice each", copies(&[(2, 10)], SAID), Some(20.0 / 380.0)),
                ("a push among people", copies(&[(10, 1), (1, 10)], SAID), Some(90.0 / 380.0)),
                ("nineteen links", copies(&[(19, 1)], SAID), None),
                ("nineteen and reposts", both(copies(&[(19, 1)], SAID), copies(&[(5, 1)], REPOST)), None),
                ("twenty among many without", both(copies(&[(20, 1)], SAID), groups(&[(30, &[SAID])])), Some(1.0)),
                ("no links", groups(&[(40, &[SAID])]), None),
                ("a piece of news that everybody links", copies(&[(40, 1)], SAID), Some(1.0)),
                ("a push behind a shortener", copies(&[(1, 40)], SAID), Some(0.0)),
            ],
        );
    }
}
