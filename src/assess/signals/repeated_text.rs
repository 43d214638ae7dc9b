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
const TEXTS_MIN: usize = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeated_text", family: "content", baseline: 0.08, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    among(crowd).filter(|_| crowd.originals().filter(|found| found.text != 0).count() >= TEXTS_MIN)
}

/// The share among however few texts, for counter-evidence; none where there is no text.
pub(super) fn among(crowd: &Crowd) -> Option<Estimate> {
    let groups = groups(crowd.originals().map(|found| found.text));
    let sizes: Vec<u64> = groups.iter().map(|(_, size)| *size).collect();
    let n: u64 = sizes.iter().sum();
    (n > 0).then(|| share(sizes.iter().filter(|size| **size >= 2).sum(), n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{MUTE, REPOST, SAID, both, check, copies, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                ("people, two of whom say the same", copies(&[(2, 1), (1, 18)], SAID), Some(0.1)),
                ("a push of one text", copies(&[(20, 1)], SAID), Some(1.0)),
                ("a push of two texts among people", copies(&[(5, 2), (1, 10)], SAID), Some(0.5)),
                ("nineteen texts", copies(&[(19, 1)], SAID), None),
                ("nineteen and reposts", both(copies(&[(19, 1)], SAID), copies(&[(5, 1)], REPOST)), None),
                ("twenty among many without", both(copies(&[(20, 1)], SAID), groups(&[(30, &[MUTE])])), Some(1.0)),
                ("no texts", groups(&[(40, &[MUTE])]), None),
                ("fans who copy each other", copies(&[(2, 10)], SAID), Some(1.0)),
                ("a push that varies its words", copies(&[(1, 20)], SAID), Some(0.0)),
            ],
        );
    }
}
