//! Share of posts that carry this hashtag and no other. People put a hashtag into a context of others; a push repeats
//! the one it is paid for.
//!
//! Formula: posts with this hashtag alone / posts, over the account sample, Wilson interval. Unit: share, 0 to 1.
//! Blind spot: how a stream was captured: pulls by keyword make everything look alone. It supports, and weighs little.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// See the module.
pub const DEFINITION: Definition = Definition { name: "alone", family: "content", baseline: 0.5, read, on_core: true };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let alone: u64 = crowd.accounts.iter().map(|row| u64::from(row.alone)).sum();
    (crowd.posts >= 10).then(|| share(alone, crowd.posts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{ALONE, REPOST, SAID, check, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                ("people, every other one in a context", groups(&[(10, &[SAID]), (10, &[ALONE])]), Some(0.5)),
                ("a push of one hashtag", groups(&[(5, &[ALONE; 4])]), Some(1.0)),
                ("reposts are posts too", groups(&[(6, &[ALONE; 2]), (3, &[REPOST])]), Some(0.8)),
                ("nine posts", groups(&[(9, &[ALONE])]), None),
                ("ten posts", groups(&[(9, &[ALONE]), (1, &[SAID])]), Some(0.9)),
                ("nobody", groups(&[]), None),
                ("people, pulled by this one word", groups(&[(20, &[ALONE])]), Some(1.0)),
            ],
        );
    }
}
