//! Actions: what a platform did to an account or a post afterwards. They never change what was seen; they say what of it
//! is to be left out when it is read.

use serde::{Deserialize, Serialize};

use std::borrow::Cow;

use super::time::EventTime;

/// What was done. The order decides between two actions on one account at the same `at`: the later one here stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Act {
    /// The account was suspended, locked or labelled: none of its posts counts.
    AccountActioned,
    /// That was taken back: its posts count again.
    AccountRestored,
    /// The post was deleted, by whomever.
    PostDeleted,
}

impl Act {
    /// Every act.
    pub const ALL: [Act; 3] = [Act::AccountActioned, Act::AccountRestored, Act::PostDeleted];

    /// Its name in the field `action` and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Act::AccountActioned => "account_actioned",
            Act::AccountRestored => "account_restored",
            Act::PostDeleted => "post_deleted",
        }
    }

    /// The act of that name.
    pub fn named(name: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.as_str() == name)
    }

    /// The field that names what it was done to.
    pub const fn target(self) -> &'static str {
        match self {
            Act::AccountActioned | Act::AccountRestored => "account",
            Act::PostDeleted => "post",
        }
    }
}

/// One action as decoded: borrowed from the record's bytes, dropped once it is routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action<'a> {
    /// Event time: when it was done. It takes effect at the first tick that ends after it.
    pub at: EventTime,
    /// What was done.
    pub act: Act,
    /// The platform's id of the account or the post.
    pub id: Cow<'a, str>,
    /// Name of the platform, as posts carry it; empty where absent.
    pub platform: Cow<'a, str>,
}

/// One action on its way to the shards: the id is a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taken {
    /// Event time.
    pub at: EventTime,
    /// What was done.
    pub act: Act,
    /// [`Keyed::account`](super::Keyed::account) of the account, or [`Keyed::post_id`](super::Keyed::post_id) of the post.
    pub target: u64,
}
