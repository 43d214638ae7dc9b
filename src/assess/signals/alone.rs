//! Share of posts that carry this hashtag and no other. People put a hashtag into a context of others; a push repeats
//! the one it is paid for.
//!
//! Formula: posts with this hashtag alone / posts, over the account sample, Wilson interval. Unit: share, 0 to 1.
//! Blind spot: how a stream was captured: pulls by keyword make everything look alone. It supports, and weighs little.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// See the module.
pub const DEFINITION: Definition = Definition { name: "alone", family: "content", baseline: 0.5, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let alone: u64 = crowd.accounts.iter().map(|row| u64::from(row.alone)).sum();
    (crowd.posts >= 10).then(|| share(alone, crowd.posts))
}
