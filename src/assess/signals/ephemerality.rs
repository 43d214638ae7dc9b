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
