//! Share of all posts that the repeat core writes, the accounts with three posts or more. Few who act as many are a core
//! that carries the hashtag; a crowd's core is small beside those who say a thing once.
//!
//! Formula: posts of accounts with three posts or more / posts, over the account sample; interval by the delta method for
//! a ratio of sums over accounts. Unit: share, 0 to 1.
//! Blind spot: fans and conferences carry their hashtags by cores too; they talk, which other signals see.

use super::{Definition, Facts};
use crate::assess::crowd::{CORE_POSTS, Crowd};
use crate::assess::interval::{Estimate, ratio};

/// Accounts from which the share is read.
const ACCOUNTS_MIN: usize = 20;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "core_share", family: "concentration", baseline: 0.3, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let parts = crowd.accounts.iter().map(|row| {
        let posts = f64::from(row.posts);
        (if row.posts >= CORE_POSTS { posts } else { 0.0 }, posts)
    });
    (crowd.accounts.len() >= ACCOUNTS_MIN).then(|| ratio(parts))
}
