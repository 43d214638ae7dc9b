//! Route: a post becomes one mention per hashtag, and every name in it a keyed hash. From here on nothing of a post can
//! be read back.

use std::hash::Hasher;

use crate::model::keyed::{SipHasher13, write_field};
use crate::model::mention::{FLAG_ALONE, FLAG_BARE, FLAG_MENTIONS, FLAG_REPLIES, FLAG_REPOST, FLAG_TEXT};
use crate::model::{EventTime, Keyed, Mention, MentionBatch, Post, TagHash};

/// What a short hash is of.
const KIND_TEXT: u8 = 1;
const KIND_LINK: u8 = 2;
const KIND_REPOST: u8 = 3;
const KIND_TAGS: u8 = 4;
const KIND_CLIENT: u8 = 5;

/// Routes posts to shards.
#[derive(Debug)]
pub struct Router {
    keyed: Keyed,
    /// One batch a shard.
    batches: Vec<MentionBatch>,
    /// Mentions in all batches.
    waiting: usize,
    text: Vec<u8>,
    tags: Vec<u64>,
}

impl Router {
    /// A router to that many shards.
    pub fn new(keyed: Keyed, shards: usize) -> Router {
        Router { keyed, batches: vec![MentionBatch::default(); shards], waiting: 0, text: Vec::new(), tags: Vec::new() }
    }

    /// Mentions routed since the batches were last taken.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes the batches, one a shard.
    pub fn take(&mut self) -> impl Iterator<Item = MentionBatch> {
        self.waiting = 0;
        self.batches.iter_mut().map(|batch| {
            let next = MentionBatch {
                items: Vec::with_capacity(batch.items.len()),
                strings: String::with_capacity(batch.strings.len()),
            };
            std::mem::replace(batch, next)
        })
    }

    /// Adds a post's mentions to their shards' batches. A post without hashtags adds none.
    pub fn post(&mut self, post: &Post<'_>) {
        if post.hashtags.is_empty() {
            return;
        }
        self.tags.clear();
        self.tags.extend(post.hashtags.iter().map(|tag| self.keyed.tag(tag.canonical).0));
        let mention = self.mention(post);
        let tick = post.ts.tick();
        let shards = self.batches.len() as u64;
        for (index, tag) in post.hashtags.iter().enumerate() {
            let hash = self.tags[index];
            let batch = &mut self.batches[(hash % shards) as usize];
            batch.push(TagHash(hash), tick, tag.canonical, tag.display, index == 0, mention);
            self.waiting += 1;
        }
    }

    fn mention(&mut self, post: &Post<'_>) -> Mention {
        let account = self.keyed.account(&post.platform, &post.account);
        let mut flags = 0;
        let (mut text_hash, mut link) = (0, 0);
        if let Some(text) = post.text.as_deref() {
            flags |= FLAG_TEXT;
            let read = read_text(text, &mut self.text);
            flags |= if read.mentions { FLAG_MENTIONS } else { 0 };
            if self.text.is_empty() {
                flags |= FLAG_BARE;
            } else {
                text_hash = self.keyed.short(KIND_TEXT, &self.text);
            }
            link = read.link.map_or(0, |link| self.keyed.short(KIND_LINK, link.as_bytes()));
        }
        let optional = |kind, value: &Option<std::borrow::Cow<'_, str>>| {
            value.as_deref().map_or(0, |value| self.keyed.short(kind, value.as_bytes()))
        };
        let repost = optional(KIND_REPOST, &post.repost_of);
        flags |= if post.repost_of.is_some() { FLAG_REPOST } else { 0 };
        flags |= if post.reply_to.is_some() { FLAG_REPLIES } else { 0 };
        flags |= if post.hashtags.len() == 1 { FLAG_ALONE } else { 0 };
        Mention {
            post: self.identity(post),
            account,
            second: post.ts.second(),
            text: text_hash,
            link,
            repost,
            client: optional(KIND_CLIENT, &post.client),
            tags: self.tag_set(),
            spelling: 0,
            created_day: post.account_created.map_or(0, created_day),
            flags,
        }
    }

    /// Keyed hash over all decoded fields: what makes two posts the same.
    fn identity(&self, post: &Post<'_>) -> u64 {
        let mut hasher: SipHasher13 = self.keyed.post();
        for field in [&post.platform, &post.id, &post.account] {
            write_field(&mut hasher, field.as_bytes());
        }
        hasher.write_i64(post.ts.0);
        for field in [&post.text, &post.repost_of, &post.reply_to, &post.lang, &post.client] {
            match field.as_deref() {
                Some(value) => write_field(&mut hasher, value.as_bytes()),
                None => hasher.write_u32(u32::MAX),
            }
        }
        hasher.write_i64(post.account_created.map_or(i64::MIN, |at| at.0));
        for tag in post.hashtags.iter() {
            write_field(&mut hasher, tag.display.as_bytes());
        }
        hasher.finish()
    }

    /// Hash of the post's set of hashtags, whatever their order.
    fn tag_set(&self) -> u32 {
        if let [only] = self.tags[..] {
            return self.keyed.short(KIND_TAGS, &only.to_le_bytes());
        }
        let mut sorted = self.tags.clone();
        sorted.sort_unstable();
        let bytes: Vec<u8> = sorted.iter().flat_map(|tag| tag.to_le_bytes()).collect();
        self.keyed.short(KIND_TAGS, &bytes)
    }
}

fn created_day(at: EventTime) -> u16 {
    let days = (at.0 - EventTime::FIRST.0).div_euclid(86_400_000) + 1;
    u16::try_from(days.max(1)).unwrap_or(u16::MAX)
}

/// What a text says beside its words.
struct TextRead<'a> {
    mentions: bool,
    link: Option<&'a str>,
}

/// Writes the text's words in lower case, without links, mentions and hashtags, into `words`; other scripts stay as they
/// are. Two posts that say the same to people give the same words.
fn read_text<'a>(text: &'a str, words: &mut Vec<u8>) -> TextRead<'a> {
    words.clear();
    let mut read = TextRead { mentions: false, link: None };
    for word in text.split_ascii_whitespace() {
        let bytes = word.as_bytes();
        match bytes[0] {
            b'#' if bytes.len() > 1 => continue,
            b'@' if bytes.len() > 1 => {
                read.mentions = true;
                continue;
            }
            b'h' | b'H' if is_link(bytes) => {
                read.link = read.link.or(Some(word));
                continue;
            }
            b'.' | b'"' | b'(' if bytes.len() > 2 && bytes[1] == b'@' => {
                read.mentions = true;
                continue;
            }
            _ => {}
        }
        if !words.is_empty() {
            words.push(b' ');
        }
        words.extend(bytes.iter().map(u8::to_ascii_lowercase));
    }
    read
}

fn is_link(word: &[u8]) -> bool {
    let starts = |prefix: &[u8]| word.len() > prefix.len() && word[..prefix.len()].eq_ignore_ascii_case(prefix);
    starts(b"http://") || starts(b"https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_people_read() {
        let mut words = Vec::new();
        let read = read_text("RT @somebody Look at THIS https://t.co/abc #tag now", &mut words);
        assert_eq!(String::from_utf8_lossy(&words), "rt look at this now");
        assert!(read.mentions);
        assert_eq!(read.link, Some("https://t.co/abc"));
    }

    #[test]
    fn a_text_of_nothing_but_the_hashtag_has_no_words() {
        let mut words = vec![1];
        read_text("  #tag #other https://x.y/z ", &mut words);
        assert!(words.is_empty());
    }
}
