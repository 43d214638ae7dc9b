//! Share of all posts that the most active twentieth of the accounts writes. In the first hours of #MacronLeaks, 5 % of
//! the accounts wrote 40 % of the posts (Perlroth, New York Times, May 2017).
//!
//! Formula: posts of the most active 5 % of the account sample / posts of the sample; interval by the delta method. Unit: share, 0 to 1.
//! Blind spot: equal quotas, which `evenness` sees instead; small crowds, where one enthusiast is the top twentieth.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, ratio};

/// Accounts from which a twentieth is more than an anecdote.
const ACCOUNTS_MIN: usize = 200;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "top_share", family: "concentration", baseline: 0.15, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    if crowd.accounts.len() < ACCOUNTS_MIN {
        return None;
    }
    let mut posts: Vec<u32> = crowd.accounts.iter().map(|row| row.posts).collect();
    posts.sort_unstable_by(|a, b| b.cmp(a));
    let top = posts.len().div_ceil(20);
    let parts = posts.iter().enumerate().map(|(place, posts)| {
        let posts = f64::from(*posts);
        (if place < top { posts } else { 0.0 }, posts)
    });
    Some(ratio(parts))
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
                ("people who say it once", posting(&[(200, 1)]), Some(0.05)),
                // #MacronLeaks: 10 × 38 of 190 × 3 more.
                ("ten of two hundred write two fifths", posting(&[(190, 3), (10, 38)]), Some(0.4)),
                ("a twentieth is rounded up", posting(&[(201, 1)]), Some(11.0 / 201.0)),
                ("199 accounts", posting(&[(189, 3), (10, 38)]), None),
                ("nobody", posting(&[]), None),
                ("a push by equal quotas", posting(&[(200, 5)]), Some(0.05)),
                ("a small crowd and one enthusiast", posting(&[(19, 1), (1, 50)]), None),
            ],
        );
    }
}
