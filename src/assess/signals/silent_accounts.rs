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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{MUTE, REPOST, SAID, TALK, check, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                ("people, half of whom talk", groups(&[(6, &[SAID; 3]), (6, &[SAID, SAID, TALK])]), Some(0.5)),
                ("a push of ten", groups(&[(10, &[SAID; 4])]), Some(1.0)),
                ("joined by a public that posts once", groups(&[(10, &[SAID; 4]), (90, &[TALK])]), Some(1.0)),
                ("a mention that is only passed on is no talk", groups(&[(8, &[SAID, SAID, REPOST])]), Some(1.0)),
                ("seven with three posts", groups(&[(7, &[SAID; 3]), (9, &[SAID; 2])]), None),
                ("eight with three posts", groups(&[(2, &[SAID; 3]), (6, &[TALK; 3])]), Some(0.25)),
                ("no texts", groups(&[(10, &[MUTE; 3])]), None),
                ("texts of eight tenths", groups(&[(8, &[SAID; 3]), (2, &[MUTE; 3])]), None),
                ("texts of nine tenths", groups(&[(9, &[SAID; 3]), (1, &[MUTE; 3])]), Some(1.0)),
                ("nothing but reposts", groups(&[(10, &[REPOST; 3])]), None),
                ("a push that is told to mention each other", groups(&[(10, &[TALK; 4])]), Some(0.0)),
            ],
        );
    }
}
