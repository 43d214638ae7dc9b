//! Share of originals that say what another one says: their texts without links, mentions and hashtags, in lower case.
//!
//! Formula: originals whose text occurs at least twice / originals with words, in the mention sample, Wilson interval.
//! Unit: share, 0 to 1.
//! Blind spot: fans and protesters copy each other's words by themselves, and an operation can vary its own. On real
//! posts it does not separate (area under the curve .39 to .60), so it is shown and weighs little.

use super::{Definition, Facts};
use crate::assess::crowd::{Crowd, groups};
use crate::assess::interval::{Estimate, share};

/// Texts from which repetition is read.
const TEXTS_MIN: u64 = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeated_text", family: "content", baseline: 0.08, read, on_core: false };

/// The share, for this signal and for counter-evidence.
pub(super) fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let groups = groups(crowd.originals().map(|found| found.text));
    let sizes: Vec<u64> = groups.iter().map(|(_, size)| *size).collect();
    let n: u64 = sizes.iter().sum();
    (n >= TEXTS_MIN).then(|| share(sizes.iter().filter(|size| **size >= 2).sum(), n))
}
