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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{MUTE, REPOST, SAID, TALK, check, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                // 2 × 3 of 6 × 3 + 12 posts more.
                (
                    "people, two of whom repeat it in silence",
                    groups(&[(2, &[SAID; 3]), (6, &[SAID, SAID, TALK]), (12, &[SAID])]),
                    Some(6.0 / 36.0),
                ),
                ("a push of ten", groups(&[(10, &[SAID; 4])]), Some(1.0)),
                ("joined by a public that posts once", groups(&[(10, &[SAID; 4]), (40, &[TALK])]), Some(0.5)),
                ("a mention that is only passed on is no talk", groups(&[(8, &[SAID, SAID, REPOST])]), Some(1.0)),
                ("seven with three posts", groups(&[(7, &[SAID; 3]), (9, &[SAID; 2])]), None),
                ("eight with three posts", groups(&[(2, &[SAID; 3]), (6, &[TALK; 3])]), Some(0.25)),
                ("no texts", groups(&[(10, &[MUTE; 3])]), None),
                ("texts of eight tenths", groups(&[(8, &[SAID; 3]), (2, &[MUTE; 3])]), None),
                ("texts of nine tenths", groups(&[(9, &[SAID; 3]), (1, &[MUTE; 3])]), Some(1.0)),
                ("nothing but reposts", groups(&[(10, &[REPOST; 3])]), None),
                ("a push that is told to mention each other", groups(&[(10, &[TALK; 4])]), Some(0.0)),
                ("eight feeds", groups(&[(8, &[SAID; 5])]), Some(1.0)),
            ],
        );
    }
}
