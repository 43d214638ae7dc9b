//! Share of the posts that come from accounts of the repeat core which never mention or answer anybody. Fans, angry crowds
//! and conferences have a core too, but theirs talks; who has a quota to fill does not. It survives what drowns the other
//! shares: a public that joins takes from it only in proportion.
//!
//! Formula: posts of accounts with three posts or more and no mention or answer in their originals / posts, with the
//! interval of a ratio over accounts (Cochran 1977). Unit: share, 0 to 1.
//! Unavailable without texts, or below eight such accounts.
//! Blind spots: accounts that are told to mention each other, at the price of a network that shows; feeds, which are silent
//! by nature.

use super::{Definition, Facts};
use crate::assess::crowd::{CORE_POSTS, Crowd};
use crate::assess::interval::{Estimate, ratio};

/// Accounts of the core from which its share says anything.
pub const CORE_ACCOUNTS_MIN: usize = 8;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "silent_core", family: "concentration", baseline: 0.15, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let rows = &crowd.accounts;
    if !crowd.has_texts() || rows.iter().filter(|row| row.posts >= CORE_POSTS).count() < CORE_ACCOUNTS_MIN {
        return None;
    }
    Some(ratio(rows.iter().map(|row| {
        let posts = f64::from(row.posts);
        (if row.posts >= CORE_POSTS && row.talking == 0 { posts } else { 0.0 }, posts)
    })))
}
