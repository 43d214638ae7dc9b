//! Share of accounts that post more than once. A crowd says a thing once; few who act as many must repeat it.
//!
//! Formula: accounts with two posts or more / accounts of the sample, Wilson interval. Unit: share, 0 to 1.
//! Blind spot: one post an account; a push that the public joins (read the core's size then). To avoid it an operation
//! needs an account for every post, which is what makes birth speed and provenance show.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeat_share", family: "concentration", baseline: 0.2, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let repeating = crowd.accounts.iter().filter(|row| row.posts >= 2).count() as u64;
    (!crowd.accounts.is_empty()).then(|| share(repeating, crowd.accounts.len() as u64))
}
