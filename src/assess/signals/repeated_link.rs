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
