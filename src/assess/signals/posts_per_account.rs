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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{check, posting};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                ("people and one enthusiast", posting(&[(9, 1), (1, 50)]), Some(1.0)),
                ("a push by quotas", posting(&[(10, 4)]), Some(4.0)),
                // Two of twenty are left out: (10 + 8 × 2) / 18.
                ("people, some of whom repeat it", posting(&[(10, 1), (8, 2), (2, 30)]), Some(26.0 / 18.0)),
                ("nine have no tenth", posting(&[(8, 1), (1, 10)]), Some(2.0)),
                ("four accounts", posting(&[(4, 2)]), None),
                ("five accounts", posting(&[(5, 2)]), Some(2.0)),
                ("nobody", posting(&[]), None),
                ("a push in its first minute", posting(&[(50, 1)]), Some(1.0)),
            ],
        );
    }
}
