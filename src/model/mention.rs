//! A mention: one hashtag in one post, as far as it is kept. Short keyed hashes and numbers, 48 bytes, no text, no name.

use serde::{Deserialize, Serialize};

/// One sampled mention. Order is by `post`, the sampling priority, so a sorted list is a bottom-k sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mention {
    /// Keyed hash over all decoded fields of the post: its identity and its sampling priority.
    pub post: u64,
    /// Pseudonym of the account.
    pub account: u64,
    /// Event time in seconds since the epoch.
    pub second: u32,
    /// Hash of the normalised text; 0 where there is none.
    pub text: u32,
    /// Hash of the first link; 0 where there is none.
    pub link: u32,
    /// Hash of the reposted post's id; 0 for an original.
    pub repost: u32,
    /// Hash of the sorted set of the post's hashtags.
    pub tags: u32,
    /// Hash of the client; 0 where unknown.
    pub client: u32,
    /// Where the spelling stands in the strings beside the mention; 0 where it is the canonical form.
    pub spelling: u32,
    /// Day the account was created, in days since 2000-01-01 plus one; 0 where unknown.
    pub created_day: u16,
    /// See the `FLAG_` constants.
    pub flags: u8,
}

/// The post repeats another.
pub const FLAG_REPOST: u8 = 1;
/// The post mentions an account in its text.
pub const FLAG_MENTIONS: u8 = 2;
/// The post answers another.
pub const FLAG_REPLIES: u8 = 4;
/// The post carries this hashtag alone.
pub const FLAG_ALONE: u8 = 8;
/// The post's text is nothing but hashtags, links and mentions.
pub const FLAG_BARE: u8 = 16;
/// The post had a text field.
pub const FLAG_TEXT: u8 = 32;

impl Mention {
    /// Whether any of the flags is set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Whether the post is no repost.
    pub fn is_original(&self) -> bool {
        !self.has(FLAG_REPOST)
    }
}
