//! Chance that two originals say the same: their texts without links, mentions and hashtags, in lower case.
//!
//! Formula: Σ nᵢ(nᵢ-1) / n(n-1) over the groups of equal texts in the mention sample. Unit: chance, 0 to 1.
//! Blind spot: fans and protesters copy each other's words by themselves, and an operation can vary its own. On real
//! posts it does not separate (area under the curve .39 to .60), so it is shown and weighs little.

use super::{Definition, Facts};
use crate::assess::crowd::{Crowd, groups};
use crate::assess::interval::{Estimate, agreement};

/// Texts from which repetition is read.
const TEXTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeated_text", family: "content", baseline: 0.01, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let groups = groups(crowd.originals().map(|found| found.text));
    let sizes: Vec<u64> = groups.iter().map(|(_, size)| *size).collect();
    let n = sizes.iter().sum();
    (n >= TEXTS_MIN).then(|| agreement(&sizes, n))
}
