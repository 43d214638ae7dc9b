//! Gathering one hashtag over several panes: the one operation behind closing a pane, building a higher level and
//! reading a window. It commutes and associates: any order and any grouping of the same panes gives the same state.

use super::distinct::Registers;
use super::pane::{AccountRow, EntryView, LargeCounts, LargeParts, PaneBuilder, Seconds};
use crate::model::{Mention, mention};

/// First accounts that are remembered: how fast a new hashtag found its twentieth says how it was born.
pub const PIONEERS: usize = 20;

/// How posts per second are carried along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerSecond {
    /// Parts of one ten-second pane: seconds add up one by one.
    SamePane,
    /// Closed panes: every second lies in one of them, so squares add up.
    Closed,
}

/// Sizes of the two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Mentions.
    pub mentions: usize,
    /// Accounts.
    pub accounts: usize,
}

/// One hashtag, gathered.
#[derive(Clone, Debug)]
pub struct Gathered {
    sizes: Sizes,
    per_second: PerSecond,
    /// Posts, exact.
    pub posts: u64,
    /// Reposts, exact.
    pub reposts: u64,
    /// Earliest event time, in seconds since the epoch; `u32::MAX` before the first mention.
    pub first_second: u32,
    /// Σ c² over seconds, of originals and of reposts.
    pub squares: [u64; 2],
    seconds: Seconds,
    /// The mention sample with spellings still in their panes' strings; sorted by `post` once finished.
    pub mentions: Vec<Mention>,
    /// The sample holds every mention up to this; `u64::MAX` where it holds all.
    pub mention_cut: u64,
    /// The account sample, sorted by account once finished.
    pub accounts: Vec<AccountRow>,
    /// The sample holds every account up to this; `u64::MAX` where it holds all.
    pub account_cut: u64,
    /// Registers over all accounts, once the account sample is not complete.
    pub registers: Option<Registers>,
    /// Whether spellings are wanted; looking them up costs more than all the rest of a small hashtag.
    keep_spellings: bool,
    /// The first accounts with an original: second and account, earliest first.
    pub pioneers: Vec<(u32, u64)>,
    /// Strings of the spellings that `mentions` point to, in place of their panes'.
    spellings: Vec<String>,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(sizes: Sizes, per_second: PerSecond) -> Gathered {
        Gathered {
            sizes,
            per_second,
            posts: 0,
            reposts: 0,
            first_second: u32::MAX,
            squares: [0; 2],
            seconds: Seconds::default(),
            mentions: Vec::new(),
            mention_cut: u64::MAX,
            accounts: Vec::new(),
            account_cut: u64::MAX,
            registers: None,
            keep_spellings: true,
            pioneers: Vec::new(),
            spellings: Vec::new(),
        }
    }

    /// Leaves spellings out: for windows that are read and not kept.
    pub fn without_spellings(mut self) -> Gathered {
        self.keep_spellings = false;
        self
    }

    /// Adds what one pane knows of the hashtag.
    pub fn add(&mut self, view: &EntryView<'_>) {
        match view.large {
            None => self.add_small(view),
            Some(_) => self.add_large(view),
        }
        if self.mentions.len() > 4 * self.sizes.mentions {
            self.prune_mentions();
        }
        if self.accounts.len() > 8 * self.sizes.accounts {
            self.prune_accounts();
        }
    }

    fn add_small(&mut self, view: &EntryView<'_>) {
        self.posts += view.mentions.len() as u64;
        if self.per_second == PerSecond::Closed {
            let squares = squares_of(view.mentions);
            self.squares[0] += squares[0];
            self.squares[1] += squares[1];
        }
        for found in view.mentions {
            let repost = found.has(mention::FLAG_REPOST);
            self.reposts += u64::from(repost);
            self.first_second = self.first_second.min(found.second);
            if self.per_second == PerSecond::SamePane {
                self.seconds[(found.second % 10) as usize][usize::from(repost)] += 1;
            }
            if !repost {
                self.pioneer(found.second, found.account);
            }
            self.account(AccountRow::of(found));
            self.sample(found, view);
        }
    }

    fn add_large(&mut self, view: &EntryView<'_>) {
        let Some(large) = view.large else { return };
        self.posts += large.posts;
        self.reposts += large.reposts;
        self.first_second = self.first_second.min(large.first_second);
        self.squares[0] += large.squares[0];
        self.squares[1] += large.squares[1];
        if let Some(seconds) = &large.seconds {
            for (into, from) in self.seconds.iter_mut().zip(seconds) {
                into[0] += from[0];
                into[1] += from[1];
            }
        }
        large.pioneers.iter().for_each(|(second, account)| self.pioneer(*second, *account));
        self.mention_cut = self.mention_cut.min(large.mention_cut);
        for found in view.mentions {
            if found.post > self.mention_cut {
                break; // sorted: no later one is below the cut
            }
            self.sample(found, view);
        }
        match view.registers {
            Some(registers) => {
                self.dense().merge(registers);
                self.account_cut = self.account_cut.min(large.account_cut);
                for row in view.accounts.iter().take_while(|row| row.account <= large.account_cut) {
                    if row.account <= self.account_cut {
                        self.accounts.push(*row);
                    }
                }
            }
            None => view.accounts.iter().for_each(|row| self.account(*row)),
        }
    }

    fn sample(&mut self, found: &Mention, view: &EntryView<'_>) {
        if found.post > self.mention_cut {
            return;
        }
        let mut kept = *found;
        kept.spelling = match self.keep_spellings {
            true => view.spelling(found).map_or(0, |spelling| self.spelling(spelling)),
            false => 0,
        };
        self.mentions.push(kept);
    }

    /// Keeps the earliest [`PIONEERS`] distinct accounts, by second and then by account.
    fn pioneer(&mut self, second: u32, account: u64) {
        let new = (second, account);
        if self.pioneers.len() == PIONEERS && self.pioneers.last().is_some_and(|last| new >= *last) {
            return;
        }
        if let Some(known) = self.pioneers.iter().position(|(_, known)| *known == account) {
            if self.pioneers[known] <= new {
                return;
            }
            self.pioneers.remove(known);
        }
        let at = self.pioneers.partition_point(|known| *known < new);
        self.pioneers.insert(at, new);
        self.pioneers.truncate(PIONEERS);
    }

    fn account(&mut self, row: AccountRow) {
        if let Some(registers) = &mut self.registers {
            registers.insert(row.account);
        }
        if row.account <= self.account_cut {
            self.accounts.push(row);
        }
    }

    fn spelling(&mut self, spelling: &str) -> u32 {
        let at = self.spellings.iter().position(|known| known == spelling).unwrap_or_else(|| {
            self.spellings.push(spelling.to_owned());
            self.spellings.len() - 1
        });
        at as u32 + 1
    }

    /// The spelling of one of the gathered mentions, where it differs from the canonical form.
    pub fn spelling_of(&self, mention: &Mention) -> Option<&str> {
        mention.spelling.checked_sub(1).and_then(|at| self.spellings.get(at as usize)).map(String::as_str)
    }

    fn dense(&mut self) -> &mut Registers {
        let accounts = &self.accounts;
        self.registers.get_or_insert_with(|| {
            let mut registers = Registers::new();
            accounts.iter().for_each(|row| registers.insert(row.account));
            registers
        })
    }

    fn prune_mentions(&mut self) {
        let (cut, k) = (self.mention_cut, self.sizes.mentions);
        self.mentions.retain(|found| found.post <= cut);
        if self.mentions.len() > k {
            self.mentions.select_nth_unstable_by_key(k - 1, |found| found.post);
            self.mentions.truncate(k);
            self.mention_cut = self.mentions[k - 1].post;
        }
    }

    fn prune_accounts(&mut self) {
        let (cut, k) = (self.account_cut, self.sizes.accounts);
        self.accounts.retain(|row| row.account <= cut);
        self.accounts.sort_unstable_by_key(|row| row.account);
        self.accounts.dedup_by(|next, kept| {
            let same = next.account == kept.account;
            if same {
                kept.absorb(next);
            }
            same
        });
        if self.accounts.len() > k {
            self.dense();
            self.accounts.truncate(k);
            self.account_cut = self.accounts[k - 1].account;
        }
    }

    /// Sorts and cuts the samples; call it once after the last [`add`](Self::add).
    pub fn finish(&mut self) {
        self.prune_mentions();
        self.mentions.sort_unstable_by_key(|found| found.post);
        self.prune_accounts();
    }

    /// Whether every mention is at hand.
    pub fn is_complete(&self) -> bool {
        self.mention_cut == u64::MAX
    }

    /// Distinct accounts: exact while the account sample is complete, else the registers' estimate, never below the sample.
    pub fn distinct_accounts(&self) -> u64 {
        match &self.registers {
            Some(registers) if self.account_cut != u64::MAX => {
                let estimate = libm::round(registers.estimate());
                (estimate as u64).max(self.accounts.len() as u64)
            }
            _ => self.accounts.len() as u64,
        }
    }

    /// Folds posts per second into their squares; to be done once, when a ten-second pane closes.
    pub fn fold_seconds(&mut self) {
        for second in std::mem::take(&mut self.seconds) {
            for (into, count) in self.squares.iter_mut().zip(second) {
                *into += u64::from(count) * u64::from(count);
            }
        }
        self.per_second = PerSecond::Closed;
    }

    /// Forgets the mention sample and keeps the rest: what an hour pane does with a hashtag of few accounts.
    pub fn thin(&mut self) {
        self.mentions.clear();
        self.mention_cut = 0;
    }

    /// Writes the gathered hashtag into a pane under construction; small where every mention is kept.
    pub fn write(self, tag: u64, name: &str, into: &mut PaneBuilder) {
        debug_assert!(self.keep_spellings);
        into.begin(tag, name);
        for found in &self.mentions {
            into.mention(found, self.spelling_of(found));
        }
        if self.is_complete() {
            return;
        }
        let seconds = (self.per_second == PerSecond::SamePane).then_some(self.seconds);
        into.large(LargeParts {
            counts: LargeCounts {
                posts: self.posts,
                reposts: self.reposts,
                first_second: self.first_second,
                squares: self.squares,
                seconds,
                mention_cut: self.mention_cut,
                account_cut: self.account_cut,
                pioneers: self.pioneers,
            },
            accounts: &self.accounts,
            registers: if self.account_cut == u64::MAX { None } else { self.registers },
        });
    }
}

/// Σ c² over seconds of a full list of mentions, of originals and of reposts.
fn squares_of(mentions: &[Mention]) -> [u64; 2] {
    if let [_] = mentions {
        let repost = usize::from(mentions[0].has(mention::FLAG_REPOST));
        return [1 - repost as u64, repost as u64];
    }
    let mut seconds: Vec<(u32, bool)> = mentions.iter().map(|m| (m.second, m.has(mention::FLAG_REPOST))).collect();
    seconds.sort_unstable();
    let mut squares = [0; 2];
    for same in seconds.chunk_by(|a, b| a == b) {
        let count = same.len() as u64;
        squares[usize::from(same[0].1)] += count * count;
    }
    squares
}
