//! Share of originals that mention or answer somebody. People talk to each other; a push talks at the hashtag.
//!
//! Formula: originals with a mention or an answer / originals, over the account sample, Wilson interval. Unit: share.
//! Low is telling. Baseline .3 to .6 on ordinary bursts; advertising and copied protest share the low end, so it never
//! makes a verdict alone. Unavailable where posts come without text. Blind spot: accounts told to mention each other.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::{Estimate, share};

/// Originals from which the share is read.
const ORIGINALS_MIN: u64 = 12;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "conversation", family: "content", baseline: 0.4, read, on_core: true };

/// The share, for this signal and for its counter-evidence.
pub(super) fn read(crowd: &Crowd, _: &Facts) -> Option<Estimate> {
    if !crowd.has_texts() {
        return None;
    }
    let talking: u64 = crowd.accounts.iter().map(|row| u64::from(row.talking)).sum();
    let originals: u64 = crowd.accounts.iter().map(|row| u64::from(row.posts - row.reposts)).sum();
    (originals >= ORIGINALS_MIN).then(|| share(talking, originals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{ANSWER, MUTE, REPOST, SAID, TALK, check, groups};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        check(
            &DEFINITION,
            &[
                ("people who talk", groups(&[(12, &[SAID]), (8, &[TALK])]), Some(0.4)),
                ("a push at the hashtag", groups(&[(5, &[SAID; 4])]), Some(0.0)),
                ("protest that is copied, as low", groups(&[(20, &[SAID])]), Some(0.0)),
                ("an answer is talk", groups(&[(6, &[SAID, ANSWER])]), Some(0.5)),
                ("eleven originals", groups(&[(11, &[TALK])]), None),
                ("eleven originals and reposts", groups(&[(11, &[TALK]), (9, &[REPOST])]), None),
                ("twelve originals", groups(&[(12, &[TALK]), (9, &[REPOST])]), Some(1.0)),
                ("no texts", groups(&[(20, &[MUTE])]), None),
                ("texts of less than nine tenths", groups(&[(17, &[TALK]), (2, &[MUTE])]), None),
                ("texts of nine tenths", groups(&[(18, &[TALK]), (2, &[MUTE])]), Some(0.9)),
                ("nobody", groups(&[]), None),
                ("a push that is told to mention each other", groups(&[(5, &[TALK; 4])]), Some(1.0)),
            ],
        );
    }
}
