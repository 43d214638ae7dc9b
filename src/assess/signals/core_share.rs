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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{check, posting};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                // 4 × 3 of 16 + 12.
                ("people, four of them with more to say", posting(&[(16, 1), (4, 3)]), Some(12.0 / 28.0)),
                ("a push of twenty", posting(&[(20, 5)]), Some(1.0)),
                ("two posts are no core", posting(&[(20, 2)]), Some(0.0)),
                ("nineteen accounts", posting(&[(19, 5)]), None),
                ("twenty accounts", posting(&[(19, 1), (1, 6)]), Some(6.0 / 25.0)),
                ("nobody", posting(&[]), None),
                ("a conference", posting(&[(10, 1), (10, 9)]), Some(0.9)),
            ],
        );
    }
}
