//! A mention: one hashtag in one post, as far as it is kept. Short keyed hashes and numbers, 48 bytes, no text, no name.

use super::keyed::TagHash;
use super::time::Tick;

/// How mentions are made of posts and dealt to shards. Another canonical form, another limit or another way of hashing
/// is another version.
pub const ROUTING: u16 = 1;

/// One sampled mention. Order is by `post`, the sampling priority, so a sorted list is a bottom-k sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// Keyed hash over all decoded fields of the post: its identity and its sampling priority. The hash of its id can be
    /// read from it: [`id_of`](super::keyed::id_of).
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
/// The post came from a client that calls itself automated.
pub const FLAG_DECLARED: u8 = 64;

/// Hash of a post's set of hashtags, whatever their order: each is a secret hash already, so their sum is one too.
pub fn set_of(tags: impl IntoIterator<Item = u64>) -> u32 {
    let sum = tags.into_iter().fold(0, u64::wrapping_add);
    ((sum >> 32) as u32).max(1)
}

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

/// One mention on its way to the shard that owns its hashtag.
#[derive(Clone, Copy, Debug)]
pub struct Routed {
    /// Identity of the hashtag.
    pub tag: TagHash,
    /// The pane it falls into.
    pub tick: Tick,
    /// Where the canonical form starts in the batch's strings.
    pub name: u32,
    /// Length of the canonical form in bytes.
    pub name_len: u16,
    /// Whether this is the post's first hashtag: what is counted once a post is counted here.
    pub first: bool,
    /// What is kept of it; `spelling` is an offset into the batch's strings plus one.
    pub mention: Mention,
    /// Length of the spelling in bytes; 0 where it is the canonical form.
    pub spelling_len: u16,
}

/// Mentions for one shard, in the order of their sources, with the names they refer to.
#[derive(Clone, Debug, Default)]
pub struct MentionBatch {
    /// The mentions.
    pub items: Vec<Routed>,
    /// Canonical forms and spellings, one after the other.
    pub strings: String,
}

impl MentionBatch {
    /// Appends a mention of `canonical`, written as `display`.
    pub fn push(
        &mut self,
        tag: TagHash,
        tick: Tick,
        canonical: &str,
        display: &str,
        first: bool,
        mut mention: Mention,
    ) {
        let name = self.strings.len() as u32;
        self.strings.push_str(canonical);
        mention.spelling = 0;
        let mut spelling_len = 0;
        if display != canonical {
            mention.spelling = self.strings.len() as u32 + 1;
            spelling_len = display.len() as u16;
            self.strings.push_str(display);
        }
        self.items.push(Routed { tag, tick, name, name_len: canonical.len() as u16, first, mention, spelling_len });
    }

    /// The canonical form of one of the batch's mentions.
    pub fn name(&self, item: &Routed) -> &str {
        &self.strings[item.name as usize..item.name as usize + item.name_len as usize]
    }

    /// The spelling of one of the batch's mentions, where it is not the canonical form.
    pub fn spelling(&self, item: &Routed) -> Option<&str> {
        let start = (item.mention.spelling as usize).checked_sub(1)?;
        Some(&self.strings[start..start + item.spelling_len as usize])
    }

    /// Forgets the mentions and keeps the memory.
    pub fn clear(&mut self) {
        self.items.clear();
        self.strings.clear();
    }
}
