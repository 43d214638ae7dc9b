//! Share of all posts that the most active twentieth of the accounts writes. In the first hours of #MacronLeaks, 5 % of
//! the accounts wrote 40 % of the posts (Perlroth, New York Times, May 2017).
//!
//! Formula: posts of the most active 5 % of the account sample (at least one account) / posts of the sample; interval
//! from the number of accounts in that twentieth. Unit: share, 0 to 1.
//! Blind spot: equal quotas, which `evenness` sees instead; small crowds, where one enthusiast is the top twentieth.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// Accounts from which a twentieth is more than an anecdote.
const ACCOUNTS_MIN: usize = 100;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "top_share", family: "concentration", baseline: 0.15, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    if crowd.accounts.len() < ACCOUNTS_MIN {
        return None;
    }
    let mut posts: Vec<u64> = crowd.accounts.iter().map(|row| u64::from(row.posts)).collect();
    posts.sort_unstable_by(|a, b| b.cmp(a));
    let top = posts.len().div_ceil(20);
    let value = posts[..top].iter().sum::<u64>() as f64 / crowd.posts as f64;
    let half = value * (1.0 - value) * 1.96 / libm::sqrt(top as f64);
    Some(Estimate { value, low: (value - half).max(0.0), high: (value + half).min(1.0) })
}
