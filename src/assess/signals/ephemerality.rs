//! Share of the last day's posts that are gone: deleted, or written before their account was actioned. A crowd stands by
//! what it said; who lends accounts to a push cleans up behind it, or is cleaned up.
//!
//! Formula: vanished / posts of the mention sample of 24 h, Wilson interval; of hashtags without one, by the account sample.
//! Unit: share, 0 to 1. A pushed hashtag can reach the top with posts that last for seconds (Elmas et al. 2021, "Ephemeral
//! astroturfing attacks"); of ordinary posts two or three in a hundred are deleted (Almuhimedi et al. 2013).
//! Unavailable where no actions come in: none took effect within a day. Blind spots: it is known only afterwards; a hashtag
//! whose people are moderated for another reason. To avoid it an operation has to leave its posts standing.

use super::{Definition, Facts};
use crate::assess::crowd::Crowd;
use crate::assess::interval::Estimate;

/// See the module.
pub const DEFINITION: Definition =
    Definition { name: "ephemerality", family: "ephemerality", baseline: 0.03, read, on_core: false };

fn read(_: &Crowd, facts: &Facts) -> Option<Estimate> {
    facts.vanished
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::signals::cases::{all_at, check_streams, each_at};
    use crate::model::Act::{AccountActioned, AccountRestored, PostDeleted};

    #[test]
    fn it_reads_what_was_worked_out_by_hand() {
        let push = || all_at(10, &[0, 10, 20, 30]).until(100);
        check_streams(
            &DEFINITION,
            &[
                (
                    "people, one of whom thinks better of it",
                    each_at(0..50).acted(60, PostDeleted, 0..1).until(70),
                    Some(0.02),
                ),
                ("a push that cleans up", push().acted(60, PostDeleted, 0..30), Some(0.75)),
                ("a push that is cleaned up", push().acted(60, AccountActioned, 0..8), Some(0.8)),
                ("half of it both", push().acted(50, PostDeleted, 0..20).acted(60, AccountActioned, 0..5), Some(0.5)),
                ("posts of who was actioned before", push().acted(-10, AccountActioned, 0..8), Some(0.0)),
                (
                    "what was taken back",
                    push().acted(50, AccountActioned, 0..8).acted(60, AccountRestored, 0..2),
                    Some(0.6),
                ),
                ("nineteen posts", each_at(0..19).acted(20, PostDeleted, 0..5).until(30), None),
                ("twenty posts", each_at(0..20).acted(20, PostDeleted, 0..5).until(30), Some(0.25)),
                ("no actions", push(), None),
                ("others' actions within a day", push().acted(100 - 86_390, AccountActioned, 90..91), Some(0.0)),
                ("others' actions a day ago", push().acted(100 - 86_410, AccountActioned, 90..91), None),
                // An hour of fewer than twenty accounts keeps no posts: five of ten accounts wrote half of them.
                ("by accounts alone", push().acted(3_000, AccountActioned, 0..5).until(3_600), Some(0.5)),
                ("a push before anybody acts on it", push().acted(60, PostDeleted, 90..91), Some(0.0)),
                (
                    "people who are moderated for another reason",
                    each_at(0..50).acted(60, AccountActioned, 0..40).until(70),
                    Some(0.8),
                ),
            ],
        );
    }
}
