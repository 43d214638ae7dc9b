//! Route: a post becomes one mention per hashtag, and every name in it a keyed hash. From here on nothing of a post can
//! be read back.

use crate::model::keyed::{ABSENT, put_field};
use crate::model::mention::{
    FLAG_ALONE, FLAG_BARE, FLAG_DECLARED, FLAG_MENTIONS, FLAG_REPLIES, FLAG_REPOST, FLAG_TEXT, set_of,
};
use crate::model::{Act, Action, EventTime, Keyed, Mention, MentionBatch, Post, TagHash, Taken};

/// What a short hash is of.
const KIND_TEXT: u8 = 1;
const KIND_LINK: u8 = 2;
const KIND_REPOST: u8 = 3;
const KIND_CLIENT: u8 = 4;
/// A client whose name holds one of these, in either case, says in public that no person writes. All begin with an `a`.
const DECLARED: [&str; 2] = ["automated", "autopost"];

/// Routes posts to shards.
#[derive(Debug)]
pub struct Router {
    keyed: Keyed,
    /// One batch a shard.
    batches: Vec<MentionBatch>,
    /// Mentions in all batches.
    waiting: usize,
    /// Identities of the post's hashtags.
    tags: Vec<u64>,
    /// Bytes to be hashed: a text's words, the fields of a post.
    bytes: Vec<u8>,
}

impl Router {
    /// A router to that many shards.
    pub fn new(keyed: Keyed, shards: usize) -> Router {
        Router {
            keyed,
            batches: vec![MentionBatch::default(); shards],
            waiting: 0,
            tags: Vec::new(),
            bytes: Vec::new(),
        }
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
        self.post_to(post, |_| {});
    }

    /// The same, and says to which shard each mention went, in the order of the hashtags.
    pub fn post_to(&mut self, post: &Post<'_>, mut each: impl FnMut(usize)) {
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
            let shard = (hash % shards) as usize;
            each(shard);
            let batch = &mut self.batches[shard];
            batch.push(TagHash(hash), tick, tag.canonical, tag.display, index == 0, mention);
            self.waiting += 1;
        }
    }

    /// An action with the name in it hashed as posts' are. Every shard gets it.
    pub fn action(&mut self, action: &Action<'_>) -> Taken {
        let target = match action.act {
            Act::AccountActioned | Act::AccountRestored => self.keyed.account(&action.platform, &action.id),
            Act::PostDeleted => {
                self.bytes.clear();
                put_field(&mut self.bytes, action.platform.as_bytes());
                put_field(&mut self.bytes, action.id.as_bytes());
                u64::from(self.keyed.post_id(&self.bytes))
            }
        };
        Taken { at: action.at, act: action.act, target }
    }

    fn mention(&mut self, post: &Post<'_>) -> Mention {
        let account = self.keyed.account(&post.platform, &post.account);
        let mut flags = 0;
        let (mut text_hash, mut link) = (0, 0);
        if let Some(text) = post.text.as_deref() {
            flags |= FLAG_TEXT;
            let read = read_text(text, &mut self.bytes);
            flags |= if read.mentions { FLAG_MENTIONS } else { 0 };
            if self.bytes.is_empty() {
                flags |= FLAG_BARE;
            } else {
                text_hash = self.keyed.short(KIND_TEXT, &self.bytes);
            }
            link = read.link.map_or(0, |link| self.keyed.short(KIND_LINK, link.as_bytes()));
        }
        let keyed = &self.keyed;
        let optional = |kind, value: &Option<std::borrow::Cow<'_, str>>| {
            value.as_deref().map_or(0, |value| keyed.short(kind, value.as_bytes()))
        };
        let client = optional(KIND_CLIENT, &post.client);
        let repost = optional(KIND_REPOST, &post.repost_of);
        flags |= if post.repost_of.is_some() { FLAG_REPOST } else { 0 };
        flags |= if post.reply_to.is_some() { FLAG_REPLIES } else { 0 };
        flags |= if post.hashtags.len() == 1 { FLAG_ALONE } else { 0 };
        flags |= if post.client.as_deref().is_some_and(is_declared) { FLAG_DECLARED } else { 0 };
        Mention {
            post: self.identity(post),
            account,
            second: post.ts.second(),
            text: text_hash,
            link,
            repost,
            client,
            tags: set_of(self.tags.iter().copied()),
            spelling: 0,
            created_day: post.account_created.map_or(0, created_day),
            flags,
        }
    }

    /// Keyed hash over all decoded fields: what makes two posts the same.
    fn identity(&mut self, post: &Post<'_>) -> u64 {
        let bytes = &mut self.bytes;
        bytes.clear();
        put_field(bytes, post.platform.as_bytes());
        put_field(bytes, post.id.as_bytes());
        let id = self.keyed.post_id(bytes);
        put_field(bytes, post.account.as_bytes());
        bytes.extend_from_slice(&post.ts.0.to_le_bytes());
        for field in [&post.text, &post.repost_of, &post.reply_to, &post.lang, &post.client] {
            match field.as_deref() {
                Some(value) => put_field(bytes, value.as_bytes()),
                None => bytes.extend_from_slice(&ABSENT),
            }
        }
        bytes.extend_from_slice(&post.account_created.map_or(i64::MIN, |at| at.0).to_le_bytes());
        for tag in post.hashtags.iter() {
            put_field(bytes, tag.display.as_bytes());
        }
        self.keyed.post(id, bytes)
    }
}

/// Whether a client's name declares it automated.
fn is_declared(client: &str) -> bool {
    let client = client.as_bytes();
    let holds = |at: usize, word: &str| {
        client[at..].get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    memchr::memchr2_iter(b'a', b'A', client).any(|at| DECLARED.iter().any(|word| holds(at, word)))
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
///
/// Looks only at words that hold one of `#@:`, and copies what lies between them: most of a text is one such stretch.
fn read_text<'a>(text: &'a str, words: &mut Vec<u8>) -> TextRead<'a> {
    words.clear();
    let mut read = TextRead { mentions: false, link: None };
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = memchr::memchr3(b'#', b'@', b':', &bytes[at..]) {
        let start = bytes[at..at + found].iter().rposition(is_blank).map_or(at, |blank| at + blank + 1);
        let end = at + found + blank_after(&bytes[at + found..]);
        if !is_said(&text[start..end], &mut read) {
            append(words, &bytes[copied..start]);
            copied = end;
        }
        at = end;
    }
    append(words, &bytes[copied..]);
    one_blank_between(words);
    words.make_ascii_lowercase();
    read
}

/// Whether a word is one of those that a text says, rather than a link, a mention or a hashtag.
fn is_said<'a>(word: &'a str, read: &mut TextRead<'a>) -> bool {
    let bytes = word.as_bytes();
    match bytes[0] {
        b'#' if bytes.len() > 1 => false,
        b'@' if bytes.len() > 1 => {
            read.mentions = true;
            false
        }
        b'h' | b'H' if is_link(bytes) => {
            read.link = read.link.or(Some(word));
            false
        }
        b'.' | b'"' | b'(' if bytes.len() > 2 && bytes[1] == b'@' => {
            read.mentions = true;
            false
        }
        _ => true,
    }
}

/// Appends what lies between two words that are left out, with one blank in place of them.
fn append(words: &mut Vec<u8>, more: &[u8]) {
    let more = match more {
        [first, rest @ ..] if is_blank(first) => rest,
        _ => more,
    };
    if words.last().is_some_and(|last| !is_blank(last)) && !more.is_empty() {
        words.push(b' ');
    }
    words.extend_from_slice(more);
}

/// Makes of every run of blanks one space, and of those at the ends none. Most texts have none to change.
fn one_blank_between(words: &mut Vec<u8>) {
    while words.last().is_some_and(is_blank) {
        words.pop();
    }
    // Without an early end, so that the machine looks at many bytes at once.
    let pairs = words.iter().zip(words.iter().skip(1));
    let strange = pairs.fold(false, |strange, (a, b)| strange | (*b < b' ') | (is_blank(a) & is_blank(b)));
    if strange || words.first().is_some_and(is_blank) {
        let mut kept = b' ';
        words.retain_mut(|byte| {
            if is_blank(byte) {
                *byte = b' ';
            }
            let keep = *byte != b' ' || kept != b' ';
            kept = *byte;
            keep
        });
    }
}

/// Blanks and control characters.
fn is_blank(byte: &u8) -> bool {
    *byte <= b' '
}

/// How many bytes stand before the first blank, or the end. Eight at a time: words are short.
fn blank_after(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        // The high bit of each byte that is below '!'; a borrow can only reach bytes after the first of them.
        let blanks = word.wrapping_sub(ONES * 0x21) & !word & (ONES * 0x80);
        if blanks != 0 {
            return at + (blanks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + bytes[at..].iter().position(|byte| *byte < b'!').unwrap_or(bytes.len() - at)
}

fn is_link(word: &[u8]) -> bool {
    let starts = |prefix: &[u8]| word.len() > prefix.len() && word[..prefix.len()].eq_ignore_ascii_case(prefix);
    starts(b"http://") || starts(b"https://")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_what_people_read() {
        let mut words = Vec::new();
        let read = read_text("RT @somebody Look at THIS https://t.co/abc #tag now", &mut words);
        assert_eq!(String::from_utf8_lossy(&words), "rt look at this now");
        assert!(read.mentions);
        assert_eq!(read.link, Some("https://t.co/abc"));
    }

    proptest! {
        #[test]
        fn a_text_reads_as_word_by_word(text in "[a-cH#@:/. \n\t\u{e9}\"(]{0,60}|(https?://[a-c]{0,3}|#[a-c]{1,3}|@b|c|  |:|h){0,12}") {
            let mut words = Vec::new();
            let read = read_text(&text, &mut words);
            let mut twin = TextRead { mentions: false, link: None };
            let said: Vec<&str> = text
                .split(|c: char| c <= ' ')
                .filter(|word| !word.is_empty() && is_said(word, &mut twin))
                .collect();
            prop_assert_eq!(String::from_utf8(words).unwrap(), said.join(" ").to_ascii_lowercase());
            prop_assert_eq!((read.mentions, read.link), (twin.mentions, twin.link));
        }
    }

    #[test]
    fn a_text_of_nothing_but_the_hashtag_has_no_words() {
        let mut words = vec![1];
        read_text("  #tag #other https://x.y/z ", &mut words);
        assert!(words.is_empty());
    }
}
