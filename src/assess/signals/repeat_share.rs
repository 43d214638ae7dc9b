//! Share of accounts that post more than once. A crowd says a thing once; few who act as many must repeat it.
//!
//! Formula: accounts with two posts or more / accounts of the sample, Wilson interval. Unit: share, 0 to 1.
//! Blind spot: one post an account; a push that the public joins (read the core's size then). To avoid it an operation
//! needs an account for every post, which is what makes birth speed and provenance show.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "repeat_share", family: "concentration", baseline: 0.2, read, on_core: false };

fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    let repeating = crowd.accounts.iter().filter(|row| row.posts >= 2).count() as u64;
    (!crowd.accounts.is_empty()).then(|| share(repeating, crowd.accounts.len() as u64))
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
                ("people, four of whom say it twice", posting(&[(16, 1), (4, 2)]), Some(0.2)),
                ("a push of twenty", posting(&[(20, 3)]), Some(1.0)),
                ("nobody", posting(&[]), None),
                ("one account", posting(&[(1, 1)]), Some(0.0)),
                ("a push that the public joins", posting(&[(10, 5), (90, 1)]), Some(0.1)),
                ("a push of one post an account", posting(&[(100, 1)]), Some(0.0)),
            ],
        );
    }
}
