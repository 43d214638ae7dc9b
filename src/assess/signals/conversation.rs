//! Share of originals that mention or answer somebody. People talk to each other; a push talks at the hashtag.
//!
//! Formula: originals with a mention or an answer / originals, over the account sample, Wilson interval. Unit: share.
//! Low is telling. Baseline .3 to .6 on ordinary bursts; advertising and copied protest share the low end, so it never
//! makes a verdict alone. Unavailable where posts come without text. Blind spot: accounts told to mention each other.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};
use crate::model::mention::FLAG_TEXT;

/// Originals from which the share is read.
const ORIGINALS_MIN: u64 = 12;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "conversation", family: "content", baseline: 0.4, read, on_core: true };

/// The share, for this signal and for its counter-evidence.
pub(super) fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let with_text = crowd.originals().filter(|found| found.has(FLAG_TEXT)).count();
    if with_text * 2 < crowd.originals().count() || with_text == 0 {
        return None;
    }
    let talking: u64 = crowd.accounts.iter().map(|row| u64::from(row.talking)).sum();
    let originals: u64 = crowd.accounts.iter().map(|row| u64::from(row.posts - row.reposts)).sum();
    (originals >= ORIGINALS_MIN).then(|| share(talking, originals))
}
