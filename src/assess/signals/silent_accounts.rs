//! Share of the repeat core's accounts that never mention or answer anybody. Where people repeat themselves about a thing,
//! about half of them talk to somebody while they do.
//!
//! Formula: accounts with three posts or more and no mention or answer in their originals / accounts with three posts or
//! more, Wilson interval. Unit: share, 0 to 1. Unavailable without texts, or below eight
//! such accounts.
//! Blind spots: as for `silent_core`, which weighs the same accounts by what they write.

use super::silent_core::CORE_ACCOUNTS_MIN;
use super::{Definition, Facts};
use crate::assess::crowd::{CORE_POSTS, Crowd};
use crate::assess::interval::{Estimate, share};

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "silent_accounts", family: "content", baseline: 0.5, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let core = || crowd.accounts.iter().filter(|row| row.posts >= CORE_POSTS);
    let silent = core().filter(|row| row.talking == 0).count() as u64;
    (crowd.has_texts() && core().count() >= CORE_ACCOUNTS_MIN).then(|| share(silent, core().count() as u64))
}
