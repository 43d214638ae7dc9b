//! Mentions as they travel, by column, in as few bytes as what is kept allows. Most of a mention is hashes, which nothing
//! makes smaller: each is written once a record, and again as a number that says which. What repeats lies apart from them
//! and is compressed by itself, since one code for both would be a code for noise. A hashtag's hash is not written at all:
//! the reader hashes its name.

use std::hash::Hash;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::model::mention::{FLAG_ALONE, Routed, set_of};
use crate::model::{EventTime, Keyed, Mention, MentionBatch, TagHash};

/// Level of zstd for what repeats.
const LEVEL: i32 = 1;
/// Most bytes that what repeats may have; a record has a hundredth of it.
const UNPACKED_MAX: u32 = 64 << 20;
/// Longest hashtag of which capitals are told bit by bit.
const CAPITALS_MAX: u16 = 63;
/// In the column of flags: the post's first hashtag.
const FIRST: u8 = 128;

/// Mentions, packed. Hashes little-endian, each where it comes for the first time.
#[derive(Serialize, Deserialize)]
pub struct Packed<'a> {
    mentions: u32,
    /// Bytes of `repeats` before compression; 0 where there are no mentions.
    unpacked: u32,
    /// [`Repeats`], compressed.
    repeats: &'a [u8],
    posts: &'a [u8],
    /// Account, and the day it was created.
    accounts: &'a [u8],
    texts: &'a [u8],
    links: &'a [u8],
    reposts: &'a [u8],
    sets: &'a [u8],
    clients: &'a [u8],
}

/// What repeats, as LEB128.
#[derive(Serialize, Deserialize)]
struct Repeats<'a> {
    /// Canonical forms of hashtags, and spellings that are more than capitals, one after the other.
    strings: &'a str,
    /// Spellings of hashtags as they come up: hashtag (0: the next new one, and its length), spelling (see [`Spelt`]).
    forms: &'a [u8],
    /// By mention: 0 for the post before with another hashtag, or the step of the offset plus one.
    steps: &'a [u8],
    /// By mention: 0 for the next new form, or which plus one.
    shown: &'a [u8],
    /// By mention.
    flags: &'a [u8],
    /// By post: step of the second, zigzag.
    seconds: &'a [u8],
    /// By post: 0 for none, 1 for the next new one, or which plus two.
    accounts: &'a [u8],
    texts: &'a [u8],
    links: &'a [u8],
    reposts: &'a [u8],
    /// 0 for the hashtag alone.
    sets: &'a [u8],
    clients: &'a [u8],
}

/// Values of one kind: those that come for the first time, and which one each mention has.
struct Column<T> {
    seen: HashMap<T, u64>,
    new: Vec<u8>,
    which: Vec<u8>,
}

impl<T: Eq + Hash + Copy> Column<T> {
    fn new() -> Column<T> {
        Column { seen: HashMap::new(), new: Vec::new(), which: Vec::new() }
    }

    /// Adds a value; `usual` is the one that takes no more than a zero.
    fn add(&mut self, value: T, usual: Option<T>, bytes: impl FnOnce(&mut Vec<u8>)) {
        if Some(value) == usual {
            return self.which.push(0);
        }
        let next = self.seen.len() as u64;
        match self.seen.get(&value) {
            Some(at) => put(&mut self.which, at + 2),
            None => {
                self.seen.insert(value, next);
                self.which.push(1);
                bytes(&mut self.new);
            }
        }
    }
}

impl Column<u32> {
    fn short(&mut self, value: u32, usual: u32) {
        self.add(value, Some(usual), |new| new.extend_from_slice(&value.to_le_bytes()));
    }
}

/// Mentions by column.
pub struct Columns {
    mentions: u32,
    unpacked: u32,
    repeats: Vec<u8>,
    posts: Vec<u8>,
    accounts: Vec<u8>,
    texts: Vec<u8>,
    links: Vec<u8>,
    reposts: Vec<u8>,
    sets: Vec<u8>,
    clients: Vec<u8>,
}

impl Columns {
    /// The columns as they are written.
    pub fn packed(&self) -> Packed<'_> {
        Packed {
            mentions: self.mentions,
            unpacked: self.unpacked,
            repeats: &self.repeats,
            posts: &self.posts,
            accounts: &self.accounts,
            texts: &self.texts,
            links: &self.links,
            reposts: &self.reposts,
            sets: &self.sets,
            clients: &self.clients,
        }
    }
}

/// How a spelling differs from the canonical form.
enum Spelt<'a> {
    /// These bytes are capitals, by bit; none where it is the canonical form.
    Capitals(u64),
    /// Otherwise.
    Else(&'a str),
}

impl<'a> Spelt<'a> {
    fn of(spelling: &'a str, name: &str) -> Spelt<'a> {
        let is_lower = name.len() <= usize::from(CAPITALS_MAX) && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_lower || !spelling.eq_ignore_ascii_case(name) {
            return Spelt::Else(spelling);
        }
        let capital = |(at, byte): (usize, u8)| u64::from(byte.is_ascii_uppercase()) << at;
        Spelt::Capitals(spelling.bytes().enumerate().map(capital).sum())
    }

    fn put(&self, forms: &mut Vec<u8>, strings: &mut String) {
        match self {
            Spelt::Capitals(which) => put(forms, which << 1),
            Spelt::Else(spelling) => {
                put(forms, (spelling.len() as u64) << 1 | 1);
                strings.push_str(spelling);
            }
        }
    }
}

/// Hashtags in their spellings: those that come for the first time, and which one each mention has.
#[derive(Default)]
struct Names<'a> {
    tag_at: HashMap<TagHash, u64>,
    form_at: HashMap<(TagHash, Option<&'a str>), u64>,
    strings: String,
    forms: Vec<u8>,
    shown: Vec<u8>,
}

impl<'a> Names<'a> {
    fn add(&mut self, tag: TagHash, name: &str, spelling: Option<&'a str>) {
        let forms = self.form_at.len() as u64;
        let which = *self.form_at.entry((tag, spelling)).or_insert(forms);
        if which < forms {
            return put(&mut self.shown, which + 1);
        }
        self.shown.push(0);
        let tags = self.tag_at.len() as u64;
        let at = *self.tag_at.entry(tag).or_insert(tags);
        if at == tags {
            put(&mut self.forms, 0);
            put(&mut self.forms, name.len() as u64);
            self.strings.push_str(name);
        } else {
            put(&mut self.forms, at + 1);
        }
        let spelt = spelling.map_or(Spelt::Capitals(0), |spelling| Spelt::of(spelling, name));
        spelt.put(&mut self.forms, &mut self.strings);
    }
}

/// The columns of mentions, the first of which lie at `from` or after it.
pub fn pack(batch: &MentionBatch, offsets: &[i64], from: i64) -> Columns {
    let (mut names, mut steps, mut flags) = (Names::default(), Vec::new(), Vec::new());
    let (mut seconds, mut posts, mut accounts) = (Vec::new(), Vec::new(), Column::new());
    let [mut texts, mut links, mut reposts, mut sets, mut clients] = std::array::from_fn(|_| Column::new());
    let (mut offset, mut before) = (from, None);
    for (item, at) in batch.items.iter().zip(offsets) {
        let mention = Mention { spelling: 0, ..item.mention };
        names.add(item.tag, batch.name(item), batch.spelling(item));
        flags.push(mention.flags | if item.first { FIRST } else { 0 });
        if before == Some((*at, mention)) {
            steps.push(0);
            continue;
        }
        put(&mut steps, at.wrapping_sub(offset).cast_unsigned().wrapping_add(1));
        let second = before.map_or(0, |(_, before): (i64, Mention)| before.second);
        put(&mut seconds, zigzag(i64::from(mention.second) - i64::from(second)));
        posts.extend_from_slice(&mention.post.to_le_bytes());
        accounts.add((mention.account, mention.created_day), None, |new| {
            new.extend_from_slice(&mention.account.to_le_bytes());
            new.extend_from_slice(&mention.created_day.to_le_bytes());
        });
        texts.short(mention.text, 0);
        links.short(mention.link, 0);
        reposts.short(mention.repost, 0);
        sets.short(mention.tags, alone(&mention, item.tag.0));
        clients.short(mention.client, 0);
        (offset, before) = (*at, Some((*at, mention)));
    }
    let repeats = Repeats {
        strings: &names.strings,
        forms: &names.forms,
        steps: &steps,
        shown: &names.shown,
        flags: &flags,
        seconds: &seconds,
        accounts: &accounts.which,
        texts: &texts.which,
        links: &links.which,
        reposts: &reposts.which,
        sets: &sets.which,
        clients: &clients.which,
    };
    let (unpacked, repeats) = if batch.items.is_empty() { (0, Vec::new()) } else { squeeze(&repeats) };
    Columns {
        mentions: batch.items.len() as u32,
        unpacked,
        repeats,
        posts,
        accounts: accounts.new,
        texts: texts.new,
        links: links.new,
        reposts: reposts.new,
        sets: sets.new,
        clients: clients.new,
    }
}

/// The set of hashtags that a post with this hashtag alone has; of others nothing is known beforehand.
fn alone(mention: &Mention, tag: u64) -> u32 {
    if mention.has(FLAG_ALONE) { set_of([tag]) } else { 0 }
}

fn squeeze(repeats: &Repeats<'_>) -> (u32, Vec<u8>) {
    let bytes = postcard::to_stdvec(repeats).expect("plain values encode");
    (bytes.len() as u32, zstd::bulk::compress(&bytes, LEVEL).expect("bytes in memory compress"))
}

/// A column as it is read.
struct Reading<'a, T> {
    seen: Vec<T>,
    new: &'a [u8],
    which: &'a [u8],
}

impl<'a, T: Copy> Reading<'a, T> {
    fn new(new: &'a [u8], which: &'a [u8]) -> Reading<'a, T> {
        Reading { seen: Vec::new(), new, which }
    }

    fn next(&mut self, usual: Option<T>, read: impl FnOnce(&mut &'a [u8]) -> Option<T>) -> Option<T> {
        match get(&mut self.which)? {
            0 => usual,
            1 => {
                let value = read(&mut self.new)?;
                self.seen.push(value);
                Some(value)
            }
            at => self.seen.get(usize::try_from(at - 2).ok()?).copied(),
        }
    }
}

impl Reading<'_, u32> {
    fn short(&mut self, usual: u32) -> Option<u32> {
        self.next(Some(usual), |new| Some(u32::from_le_bytes(fixed(new)?)))
    }
}

/// A hashtag in one spelling, in the strings of the batch.
#[derive(Clone, Copy)]
struct Form {
    /// Which hashtag.
    tag: usize,
    /// As in [`Mention::spelling`].
    spelling: u32,
    len: u16,
}

/// Hashtags and their spellings as they come up.
struct Forms<'a> {
    forms: &'a [u8],
    strings: &'a str,
    /// Identity, start and length of the canonical form.
    tags: Vec<(TagHash, u32, u16)>,
    seen: Vec<Form>,
}

impl Forms<'_> {
    fn next(&mut self, which: u64, batch: &mut MentionBatch, keyed: &Keyed) -> Option<Form> {
        if let Some(at) = which.checked_sub(1) {
            return self.seen.get(usize::try_from(at).ok()?).copied();
        }
        let tag = match usize::try_from(get(&mut self.forms)?).ok()?.checked_sub(1) {
            Some(tag) => tag,
            None => {
                let length = get(&mut self.forms)?;
                let name = self.string(length)?;
                self.tags.push((keyed.tag(name), batch.strings.len() as u32, u16::try_from(length).ok()?));
                batch.strings.push_str(name);
                self.tags.len() - 1
            }
        };
        let (_, name, length) = *self.tags.get(tag)?;
        let start = batch.strings.len() as u32;
        let spelt = get(&mut self.forms)?;
        let (spelling, len) = match (spelt >> 1, spelt & 1 == 1) {
            (0, false) => (0, 0),
            (capitals, false) => {
                (length <= CAPITALS_MAX).then_some(())?;
                let name = batch.strings.get(name as usize..name as usize + usize::from(length))?.to_owned();
                let spelling =
                    |(at, byte)| if capitals >> at & 1 == 1 { char::to_ascii_uppercase(&byte) } else { byte };
                batch.strings.extend(name.char_indices().map(spelling));
                (start + 1, length)
            }
            (length, true) => {
                let spelling = self.string(length)?;
                batch.strings.push_str(spelling);
                (start + 1, u16::try_from(length).ok()?)
            }
        };
        let form = Form { tag, spelling, len };
        self.seen.push(form);
        Some(form)
    }
}

impl<'a> Forms<'a> {
    fn string(&mut self, length: u64) -> Option<&'a str> {
        let (string, rest) = self.strings.split_at_checked(usize::try_from(length).ok()?)?;
        self.strings = rest;
        Some(string)
    }
}

/// The mentions with their offsets; none where the columns do not fit together.
pub fn unpack(packed: &Packed<'_>, from: i64, keyed: &Keyed) -> Option<(MentionBatch, Vec<i64>)> {
    let count = packed.mentions as usize;
    let mut batch = MentionBatch::default();
    if count == 0 {
        return Some((batch, Vec::new()));
    }
    (packed.unpacked <= UNPACKED_MAX).then_some(())?;
    let bytes = zstd::bulk::decompress(packed.repeats, packed.unpacked as usize).ok()?;
    let repeats: Repeats<'_> = postcard::from_bytes(&bytes).ok()?;
    // Checked before anything is set aside for it.
    (repeats.flags.len() == count).then_some(())?;
    let Repeats { mut steps, mut shown, mut seconds, .. } = repeats;
    let mut forms = Forms { forms: repeats.forms, strings: repeats.strings, tags: Vec::new(), seen: Vec::new() };
    let mut accounts = Reading::new(packed.accounts, repeats.accounts);
    let mut texts = Reading::new(packed.texts, repeats.texts);
    let mut links = Reading::new(packed.links, repeats.links);
    let mut reposts = Reading::new(packed.reposts, repeats.reposts);
    let mut sets = Reading::new(packed.sets, repeats.sets);
    let mut clients = Reading::new(packed.clients, repeats.clients);
    let (mut posts, mut offset, mut mention) = (packed.posts, from, Mention::default());
    let mut offsets = Vec::with_capacity(count);
    batch.items.reserve(count);
    for flags in repeats.flags {
        let form = forms.next(get(&mut shown)?, &mut batch, keyed)?;
        let (tag, name, name_len) = forms.tags[form.tag];
        if let Some(step) = get(&mut steps)?.checked_sub(1) {
            offset = offset.wrapping_add(step.cast_signed());
            mention.second =
                u32::try_from(i64::from(mention.second).wrapping_add(unzigzag(get(&mut seconds)?))).ok()?;
            mention.post = u64::from_le_bytes(fixed(&mut posts)?);
            (mention.account, mention.created_day) =
                accounts.next(None, |new| Some((u64::from_le_bytes(fixed(new)?), u16::from_le_bytes(fixed(new)?))))?;
            mention.flags = flags & !FIRST;
            mention.text = texts.short(0)?;
            mention.link = links.short(0)?;
            mention.repost = reposts.short(0)?;
            mention.tags = sets.short(alone(&mention, tag.0))?;
            mention.client = clients.short(0)?;
        }
        let mention = Mention { spelling: form.spelling, ..mention };
        let tick = EventTime(i64::from(mention.second) * 1000).tick();
        let (first, spelling_len) = (flags & FIRST != 0, form.len);
        batch.items.push(Routed { tag, tick, name, name_len, first, mention, spelling_len });
        offsets.push(offset);
    }
    Some((batch, offsets))
}

/// The next value of fixed width.
fn fixed<const N: usize>(column: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = column.split_first_chunk::<N>()?;
    *column = rest;
    Some(*first)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn get(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 127) << shift;
        if *first < 128 {
            return Some(value);
        }
    }
    None
}
