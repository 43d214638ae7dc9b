//! One record of `<id>-mentions`: what one source partition has for one shard between two of its offsets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::{Flaw, Kind, seal, unseal};
pub use crate::model::mention::ROUTING;
use crate::model::mention::Routed;
use crate::model::{EventTime, Mention, MentionBatch, TagHash, Taken};

/// Mentions of one source partition for one shard, also where there are none: then only time passes.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// See [`ROUTING`].
    pub routing: u16,
    /// Source partition, numbered as in [`crate::source::partition`]: those of actions are negative.
    pub source: i32,
    /// Partitions of posts and of actions that the sender knows of: a shard waits for all of them.
    pub partitions: (u32, u32),
    /// The records of the source partition that are told of here: from this offset on …
    pub from: i64,
    /// … and before this one. Where both are the same, only time passes.
    pub to: i64,
    /// Every further post or action of the source partition below it is late; [`EventTime::MIN`] before the first.
    pub watermark: EventTime,
    /// Earliest event time that the source partition has shown.
    pub watched_since: Option<EventTime>,
    /// The mentions, in the order of their offsets.
    pub batch: MentionBatch,
    /// Offset of each mention's post, in `from..to`, never descending.
    pub offsets: Vec<i64>,
    /// Actions with their offsets, never descending.
    pub actions: Vec<(i64, Taken)>,
}

/// The record's fields, mentions by column: what is alike lies together, which is what makes it small. Numbers of the
/// length that they need, hashes whole.
#[derive(Serialize, Deserialize)]
struct Columns<'a> {
    routing: u16,
    source: i32,
    partitions: (u32, u32),
    from: i64,
    length: u64,
    watermark: EventTime,
    watched_since: Option<EventTime>,
    /// Hashtags: identity and canonical form.
    #[serde(borrow)]
    tags: Vec<(u64, &'a str)>,
    /// Spellings that are not canonical.
    #[serde(borrow)]
    spellings: Vec<&'a str>,
    mentions: u32,
    /// By mention, as LEB128: steps of the offset, of the second (zigzag), hashtag, spelling plus one.
    steps: &'a [u8],
    /// By mention, little-endian.
    posts: &'a [u8],
    accounts: &'a [u8],
    texts: &'a [u8],
    links: &'a [u8],
    reposts: &'a [u8],
    sets: &'a [u8],
    clients: &'a [u8],
    created: &'a [u8],
    flags: &'a [u8],
    actions: Vec<(i64, Taken)>,
}

/// In the column of flags: the post's first hashtag.
const FIRST: u8 = 128;

impl Mentions {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let items = &self.batch.items;
        let (mut tags, mut spellings) = (Vec::new(), Vec::new());
        let (mut tag_at, mut spelling_at) = (BTreeMap::new(), BTreeMap::new());
        let mut steps = Vec::with_capacity(items.len() * 6);
        let (mut offset, mut second) = (self.from, 0_u32);
        for (item, at) in items.iter().zip(&self.offsets) {
            let tag = *tag_at.entry(item.tag.0).or_insert_with(|| {
                tags.push((item.tag.0, self.batch.name(item)));
                tags.len() as u64 - 1
            });
            let spelling = self.batch.spelling(item).map_or(0, |spelling| {
                *spelling_at.entry(spelling).or_insert_with(|| {
                    spellings.push(spelling);
                    spellings.len() as u64
                })
            });
            put(&mut steps, at.wrapping_sub(offset).cast_unsigned());
            put(&mut steps, zigzag(i64::from(item.mention.second) - i64::from(second)));
            put(&mut steps, tag);
            put(&mut steps, spelling);
            (offset, second) = (*at, item.mention.second);
        }
        let long = |of: fn(&Mention) -> u64| -> Vec<u8> {
            items.iter().flat_map(|item| of(&item.mention).to_le_bytes()).collect()
        };
        let short = |of: fn(&Mention) -> u32| -> Vec<u8> {
            items.iter().flat_map(|item| of(&item.mention).to_le_bytes()).collect()
        };
        let created: Vec<u8> = items.iter().flat_map(|item| item.mention.created_day.to_le_bytes()).collect();
        let flags: Vec<u8> = items.iter().map(|item| item.mention.flags | if item.first { FIRST } else { 0 }).collect();
        let columns = Columns {
            routing: self.routing,
            source: self.source,
            partitions: self.partitions,
            from: self.from,
            length: self.to.wrapping_sub(self.from).cast_unsigned(),
            watermark: self.watermark,
            watched_since: self.watched_since,
            tags,
            spellings,
            mentions: items.len() as u32,
            steps: &steps,
            posts: &long(|mention| mention.post),
            accounts: &long(|mention| mention.account),
            texts: &short(|mention| mention.text),
            links: &short(|mention| mention.link),
            reposts: &short(|mention| mention.repost),
            sets: &short(|mention| mention.tags),
            clients: &short(|mention| mention.client),
            created: &created,
            flags: &flags,
            actions: self.actions.clone(),
        };
        seal(Kind::Mentions, &postcard::to_stdvec(&columns).expect("plain values encode"))
    }

    /// A record from its bytes.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn decode(record: &[u8]) -> Result<Mentions, Flaw> {
        let payload = unseal(Kind::Mentions, record)?;
        let columns: Columns<'_> = postcard::from_bytes(payload)
            .map_err(|error| Flaw::Corrupt(format!("a batch of mentions does not read: {error}")))?;
        columns.open().ok_or_else(|| Flaw::Corrupt("the columns of a batch of mentions do not fit".to_owned()))
    }
}

impl Columns<'_> {
    fn open(self) -> Option<Mentions> {
        let mut batch = MentionBatch::default();
        let count = self.mentions as usize;
        // Checked before anything is set aside for it.
        (self.flags.len() == count).then_some(())?;
        batch.items.reserve(count);
        let mut put_string = |string: &str| {
            let at = batch.strings.len() as u32;
            batch.strings.push_str(string);
            (at, string.len() as u16)
        };
        let names: Vec<(u32, u16)> = self.tags.iter().map(|(_, name)| put_string(name)).collect();
        let spellings: Vec<(u32, u16)> = self.spellings.iter().map(|spelling| put_string(spelling)).collect();
        let mut steps = self.steps;
        let (mut offset, mut second) = (self.from, 0_i64);
        let mut offsets = Vec::with_capacity(count);
        for index in 0..count {
            offset = offset.wrapping_add(get(&mut steps)?.cast_signed());
            second = second.wrapping_add(unzigzag(get(&mut steps)?));
            let tag = usize::try_from(get(&mut steps)?).ok()?;
            let (spelling, spelling_len) = match usize::try_from(get(&mut steps)?).ok()?.checked_sub(1) {
                Some(at) => spellings.get(at).map(|(at, len)| (at + 1, *len))?,
                None => (0, 0),
            };
            let (name, name_len) = *names.get(tag)?;
            let flags = *self.flags.get(index)?;
            let second = u32::try_from(second).ok()?;
            let mention = Mention {
                post: u64::from_le_bytes(fixed(self.posts, index)?),
                account: u64::from_le_bytes(fixed(self.accounts, index)?),
                second,
                text: u32::from_le_bytes(fixed(self.texts, index)?),
                link: u32::from_le_bytes(fixed(self.links, index)?),
                repost: u32::from_le_bytes(fixed(self.reposts, index)?),
                tags: u32::from_le_bytes(fixed(self.sets, index)?),
                client: u32::from_le_bytes(fixed(self.clients, index)?),
                spelling,
                created_day: u16::from_le_bytes(fixed(self.created, index)?),
                flags: flags & !FIRST,
            };
            let tick = EventTime(i64::from(second) * 1000).tick();
            let tag = TagHash(self.tags.get(tag)?.0);
            batch.items.push(Routed { tag, tick, name, name_len, first: flags & FIRST != 0, mention, spelling_len });
            offsets.push(offset);
        }
        Some(Mentions {
            routing: self.routing,
            source: self.source,
            partitions: self.partitions,
            from: self.from,
            to: self.from.wrapping_add(self.length.cast_signed()),
            watermark: self.watermark,
            watched_since: self.watched_since,
            batch,
            offsets,
            actions: self.actions,
        })
    }
}

/// The `index`-th value of a column of fixed width.
fn fixed<const N: usize>(column: &[u8], index: usize) -> Option<[u8; N]> {
    column.get(index * N..)?.first_chunk::<N>().copied()
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
