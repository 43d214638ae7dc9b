//! A pane: a sorted table from hashtag to what was seen of it in one slice of event time. It never changes once built.
//!
//! A hashtag is *small* while all its mentions are kept: counts, accounts and seconds follow from the list. Above the
//! sample size it is *large*: exact counts, a uniform mention sample, an account sample with exact counts, and
//! registers once the account sample overflows. Everything is stored in flat arrays, so that a one-post hashtag is its
//! one mention and nothing else, expiry drops one table, and two panes with the same posts are equal byte for byte.

use serde::{Deserialize, Serialize};

use super::distinct::Registers;
use super::fixed::{self, Fields, Fixed, Values};
use crate::model::{Mention, mention};

/// What one account did with one hashtag in one pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Pseudonym, also the sampling priority.
    pub account: u64,
    /// Posts, exact.
    pub posts: u32,
    /// Reposts among them.
    pub reposts: u32,
    /// Posts that carry this hashtag alone.
    pub alone: u32,
    /// Originals that mention or answer somebody.
    pub talking: u32,
    /// Earliest event time, in seconds since the epoch.
    pub first_second: u32,
}

impl AccountRow {
    /// The row of a single mention.
    pub fn of(mention: &Mention) -> AccountRow {
        let count = |flags| u32::from(mention.has(flags));
        AccountRow {
            account: mention.account,
            posts: 1,
            reposts: count(mention::FLAG_REPOST),
            alone: count(mention::FLAG_ALONE),
            talking: count(mention::FLAG_MENTIONS | mention::FLAG_REPLIES) & u32::from(mention.is_original()),
            first_second: mention.second,
        }
    }

    /// Adds what the same account did elsewhere.
    pub fn absorb(&mut self, other: &AccountRow) {
        debug_assert_eq!(self.account, other.account);
        self.posts = self.posts.saturating_add(other.posts);
        self.reposts = self.reposts.saturating_add(other.reposts);
        self.alone = self.alone.saturating_add(other.alone);
        self.talking = self.talking.saturating_add(other.talking);
        self.first_second = self.first_second.min(other.first_second);
    }
}

/// Posts per second of one ten-second pane: originals and reposts.
pub type Seconds = [[u32; 2]; 10];

/// The part of a hashtag's state that does not follow from its mention sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Large {
    /// Posts, exact.
    pub posts: u64,
    /// Reposts, exact.
    pub reposts: u64,
    /// Earliest event time, in seconds since the epoch.
    pub first_second: u32,
    /// Σ c² over seconds, of originals and of reposts; complete once `seconds` is folded in.
    pub squares: [u64; 2],
    /// Posts per second while the pane is open.
    pub seconds: Option<Seconds>,
    /// The first accounts with an original: second and account, earliest first.
    pub pioneers: Vec<(u32, u64)>,
    /// The mention sample holds every mention whose `post` is at most this; 0 where no sample is kept.
    pub mention_cut: u64,
    /// The account sample holds every account up to this; `u64::MAX` where it is complete.
    pub account_cut: u64,
    /// Where the account sample starts in the pane's accounts, and how long it is.
    accounts: (u32, u32),
    /// One plus the index of its registers; 0 while the account sample is complete.
    registers: u32,
}

/// Where a hashtag's state stands in the arrays of its pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: u64,
    name: u32,
    /// Start of its mentions; they end where the next entry's start.
    mentions: u32,
    /// One plus its index among the large ones; 0 where it is small.
    large: u32,
}

impl Fixed for Entry {
    const BYTES: usize = 20;

    fn put(&self, into: &mut Fields<'_>) {
        into.u64(self.tag);
        [self.name, self.mentions, self.large].into_iter().for_each(|field| into.u32(field));
    }

    fn get(from: &mut Values<'_>) -> Entry {
        Entry { tag: from.u64(), name: from.u32(), mentions: from.u32(), large: from.u32() }
    }
}

/// Sum over the hashtags that an hour pane does not keep one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Hashtags with fewer accounts than the hour pane keeps.
    pub hashtags: u64,
    /// Their posts.
    pub posts: u64,
}

/// A closed slice of event time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pane {
    #[serde(with = "fixed")]
    entries: Vec<Entry>,
    /// Canonical forms and spellings, each after its length in bytes as two characters of seven bits.
    strings: String,
    #[serde(with = "fixed")]
    mentions: Vec<Mention>,
    larges: Vec<Large>,
    #[serde(with = "fixed")]
    accounts: Vec<AccountRow>,
    registers: Vec<Registers>,
    totals: Totals,
    /// The hashtags of two posts or more among those in the totals, by identity: that they were seen at all.
    faint: Vec<u64>,
}

/// One hashtag of one pane.
#[derive(Clone, Copy)]
pub struct EntryView<'a> {
    /// Identity of the hashtag.
    pub tag: u64,
    /// Where the canonical form stands.
    name: u32,
    /// All mentions where the hashtag is small, else the sample; sorted by `post`.
    pub mentions: &'a [Mention],
    /// What is beyond the sample, where the hashtag is large.
    pub large: Option<&'a Large>,
    /// The account sample of a large hashtag, sorted by account.
    pub accounts: &'a [AccountRow],
    /// The registers of a large hashtag whose account sample overflowed.
    pub registers: Option<&'a Registers>,
    pane: &'a Pane,
}

impl<'a> EntryView<'a> {
    /// Posts, exact.
    pub fn posts(&self) -> u64 {
        self.large.map_or(self.mentions.len() as u64, |large| large.posts)
    }

    /// Canonical form.
    pub fn name(&self) -> &'a str {
        string_at(&self.pane.strings, self.name)
    }

    /// The spelling of one of its mentions, where it differs from the canonical form.
    pub fn spelling(&self, mention: &Mention) -> Option<&'a str> {
        mention.spelling.checked_sub(1).map(|at| string_at(&self.pane.strings, at))
    }
}

impl Pane {
    /// Number of hashtags kept one by one.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.totals.hashtags == 0
    }

    /// What the pane only knows in sum.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The hashtags of two posts or more that are only part of the totals, by identity.
    pub fn faint(&self) -> &[u64] {
        &self.faint
    }

    /// Whether the hashtag was seen: kept one by one, or at least twice among the totals.
    pub fn saw(&self, tag: u64) -> bool {
        self.faint.binary_search(&tag).is_ok() || self.get(tag).is_some()
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
            + self.strings.len()
            + self.mentions.len() * size_of::<Mention>()
            + self.larges.len() * (size_of::<Large>() + super::gather::PIONEERS * size_of::<(u32, u64)>())
            + self.accounts.len() * size_of::<AccountRow>()
            + self.registers.len() * (size_of::<Registers>() + super::distinct::REGISTERS)
            + self.faint.len() * size_of::<u64>()
    }

    /// The hashtag with that identity. Identities are uniform keyed hashes, so the search starts where they would stand.
    pub fn get(&self, tag: u64) -> Option<EntryView<'_>> {
        let n = self.entries.len();
        if n == 0 {
            return None;
        }
        let guess = ((u128::from(tag) * n as u128) >> 64) as usize;
        let mut step = 8;
        let (mut low, mut high) = (guess, guess);
        while low > 0 && self.entries[low].tag > tag {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 8;
        while high < n && self.entries[high].tag < tag {
            high += step;
            step *= 2;
        }
        let high = high.min(n - 1) + 1;
        let found = low + self.entries[low..high].binary_search_by_key(&tag, |entry| entry.tag).ok()?;
        Some(self.view(found))
    }

    /// All hashtags, by identity.
    pub fn iter(&self) -> impl Iterator<Item = EntryView<'_>> {
        (0..self.entries.len()).map(|index| self.view(index))
    }

    /// The hashtag at a place in the order of identities.
    pub fn view(&self, index: usize) -> EntryView<'_> {
        let entry = self.entries[index];
        let end = self.entries.get(index + 1).map_or(self.mentions.len(), |next| next.mentions as usize);
        let large = entry.large.checked_sub(1).map(|at| &self.larges[at as usize]);
        let accounts = large.map_or((0, 0), |large| large.accounts);
        let registers = large.and_then(|large| large.registers.checked_sub(1)).map(|at| &self.registers[at as usize]);
        EntryView {
            tag: entry.tag,
            name: entry.name,
            mentions: &self.mentions[entry.mentions as usize..end],
            large,
            accounts: &self.accounts[accounts.0 as usize..(accounts.0 + accounts.1) as usize],
            registers,
            pane: self,
        }
    }

    /// Identity at a place in the order of identities.
    pub fn tag_at(&self, index: usize) -> u64 {
        self.entries[index].tag
    }
}

/// Builds a pane hashtag by hashtag, in the order of identities.
#[derive(Default)]
pub struct PaneBuilder {
    pane: Pane,
    /// Spellings of the hashtag being built, to store each once.
    spellings: Vec<u32>,
}

/// The state of a large hashtag as [`PaneBuilder::push_large`] takes it.
pub struct LargeParts<'a> {
    /// Exact counts and cuts; where its samples stand is filled in.
    pub counts: LargeCounts,
    /// The account sample, sorted by account.
    pub accounts: &'a [AccountRow],
    /// Registers, where the account sample overflowed.
    pub registers: Option<Registers>,
}

/// The numbers of a [`Large`].
#[derive(Clone, Debug)]
pub struct LargeCounts {
    /// Posts, exact.
    pub posts: u64,
    /// Reposts, exact.
    pub reposts: u64,
    /// Earliest event time, in seconds since the epoch.
    pub first_second: u32,
    /// Σ c² over seconds, of originals and of reposts.
    pub squares: [u64; 2],
    /// Posts per second while the pane is open.
    pub seconds: Option<Seconds>,
    /// Greatest sampled `post`.
    pub mention_cut: u64,
    /// Greatest sampled account.
    pub account_cut: u64,
    /// The first accounts with an original: second and account, earliest first.
    pub pioneers: Vec<(u32, u64)>,
}

impl PaneBuilder {
    /// A builder with room for so many mentions, and for bytes of strings.
    pub fn with_room(mentions: usize, strings: usize) -> PaneBuilder {
        let mut builder = PaneBuilder::default();
        builder.pane.entries.reserve(mentions);
        builder.pane.mentions.reserve(mentions);
        builder.pane.strings.reserve(strings + 4 * mentions);
        builder
    }

    /// Begins a hashtag; its mentions follow.
    pub fn begin(&mut self, tag: u64, name: &str) {
        debug_assert!(self.pane.entries.last().is_none_or(|last| last.tag < tag));
        let name = self.store(name);
        let mentions = self.pane.mentions.len() as u32;
        self.pane.entries.push(Entry { tag, name, mentions, large: 0 });
        self.spellings.clear();
    }

    /// Adds one mention to the hashtag begun last; they come sorted by `post`.
    pub fn mention(&mut self, mention: &Mention, spelling: Option<&str>) {
        let spelling = spelling.map_or(0, |spelling| self.spelling(spelling) + 1);
        self.pane.mentions.push(Mention { spelling, ..*mention });
    }

    /// Copies a hashtag from another pane as it stands.
    pub fn copy(&mut self, view: &EntryView<'_>) {
        self.begin(view.tag, view.name());
        view.mentions.iter().for_each(|found| self.mention(found, view.spelling(found)));
        if let Some(large) = view.large {
            let counts = LargeCounts {
                posts: large.posts,
                reposts: large.reposts,
                first_second: large.first_second,
                squares: large.squares,
                seconds: large.seconds,
                mention_cut: large.mention_cut,
                account_cut: large.account_cut,
                pioneers: large.pioneers.clone(),
            };
            self.large(LargeParts { counts, accounts: view.accounts, registers: view.registers.cloned() });
        }
    }

    /// Makes the hashtag begun last a large one.
    pub fn large(&mut self, parts: LargeParts<'_>) {
        let accounts = (self.pane.accounts.len() as u32, parts.accounts.len() as u32);
        self.pane.accounts.extend_from_slice(parts.accounts);
        let mut registers = 0;
        if let Some(dense) = parts.registers {
            self.pane.registers.push(dense);
            registers = self.pane.registers.len() as u32;
        }
        let LargeCounts { posts, reposts, first_second, squares, seconds, mention_cut, account_cut, pioneers } =
            parts.counts;
        self.pane.larges.push(Large {
            posts,
            reposts,
            first_second,
            squares,
            seconds,
            pioneers,
            mention_cut,
            account_cut,
            accounts,
            registers,
        });
        let large = self.pane.larges.len() as u32;
        if let Some(entry) = self.pane.entries.last_mut() {
            entry.large = large;
        }
    }

    /// Adds to what the pane only knows in sum.
    pub fn total(&mut self, totals: Totals) {
        self.pane.totals.hashtags += totals.hashtags;
        self.pane.totals.posts += totals.posts;
    }

    /// Adds a hashtag that only the totals count, in any order.
    pub fn faint(&mut self, tag: u64) {
        self.pane.faint.push(tag);
    }

    /// The pane.
    pub fn finish(mut self) -> Pane {
        self.pane.faint.sort_unstable();
        self.pane.faint.shrink_to_fit();
        self.pane.entries.shrink_to_fit();
        self.pane.strings.shrink_to_fit();
        self.pane.mentions.shrink_to_fit();
        self.pane.accounts.shrink_to_fit();
        self.pane
    }

    fn spelling(&mut self, spelling: &str) -> u32 {
        let known = self.spellings.iter().find(|at| string_at(&self.pane.strings, **at) == spelling);
        if let Some(at) = known {
            return *at;
        }
        let at = self.store(spelling);
        self.spellings.push(at);
        at
    }

    fn store(&mut self, string: &str) -> u32 {
        let at = self.pane.strings.len() as u32;
        let len = string.floor_char_boundary(STRING_MAX);
        self.pane.strings.push(char::from((len & 0x7f) as u8));
        self.pane.strings.push(char::from((len >> 7) as u8));
        self.pane.strings.push_str(&string[..len]);
        at
    }
}

/// Longest string kept, in bytes: what two times seven bits can say. The limits on hashtags are far below it.
const STRING_MAX: usize = (1 << 14) - 1;

/// The string that starts at `at`. Whatever does not read as one (only damaged state could) reads as empty.
fn string_at(strings: &str, at: u32) -> &str {
    let at = at as usize;
    let Some(&[low, high]) = strings.as_bytes().get(at..at + 2) else { return "" };
    let len = usize::from(low) | usize::from(high) << 7;
    strings.get(at + 2..at + 2 + len).unwrap_or("")
}
