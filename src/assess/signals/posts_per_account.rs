//! Posts per account without the most active tenth: whether the *many* repeat, not just a few enthusiasts.
//! Nimmo (2019) counts posts per account as one part of his coefficient; spontaneous traffic usually stays below 2.2.
//!
//! Formula: mean posts of the least active nine tenths of the account sample, normal interval. Unit: posts.
//! Blind spot: short windows and thin counts, where it is near 1 for everybody.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, mean};

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "posts_per_account", family: "concentration", baseline: 1.2, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let mut posts: Vec<u32> = crowd.accounts.iter().map(|row| row.posts).collect();
    posts.sort_unstable();
    posts.truncate(posts.len() - posts.len() / 10);
    let posts: Vec<f64> = posts.into_iter().map(f64::from).collect();
    (posts.len() >= 5).then(|| mean(&posts))
}
