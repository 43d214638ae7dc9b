//! The crowd behind a hashtag, as the signals read it: its accounts and its mentions over a window, all of them or the
//! repeat core alone. A hashtag that the public joins hides in any share over all; its core still shows.

use serde::{Deserialize, Serialize};

use crate::model::Mention;
use crate::model::mention::FLAG_TEXT;
use crate::track::gather::Gathered;
use crate::track::pane::AccountRow;

/// Posts from which an account belongs to the repeat core.
pub const CORE_POSTS: u32 = 3;

/// Seconds of a day.
const DAY_SECONDS: u32 = 86_400;
/// Days from the epoch to 2000-01-01.
const DAYS_TO_2000: u32 = 10_957;

/// Which accounts are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// All accounts.
    #[default]
    All,
    /// Accounts of [`CORE_POSTS`] posts or more.
    Core,
    /// Accounts that carried earlier alerts.
    Crew,
}

impl View {
    /// Its name in alert lines.
    pub fn as_str(self) -> &'static str {
        match self {
            View::All => "all",
            View::Core => "core",
            View::Crew => "crew",
        }
    }
}

/// A crowd over the windows that the signals are read in.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// Accounts of the last hours, each with exact counts; a uniform sample of all accounts of the view.
    pub accounts: Vec<AccountRow>,
    /// Posts of those accounts.
    pub posts: u64,
    /// Mentions of the last hour; a uniform sample of those of the view's accounts.
    pub mentions: Vec<Mention>,
    /// Whether those are all mentions of the last hour.
    pub is_whole: bool,
}

impl Crowd {
    /// Everybody: accounts over `hours`, mentions over the last `hour`.
    pub fn all(hours: &Gathered, hour: &Gathered) -> Crowd {
        let accounts = hours.accounts.clone();
        let posts = accounts.iter().map(|row| u64::from(row.posts)).sum();
        Crowd { accounts, posts, mentions: hour.mentions.clone(), is_whole: hour.mention_cut == u64::MAX }
    }

    /// The repeat core. A mention belongs to it where its account is among the sampled accounts of the core.
    pub fn core(hours: &Gathered, hour: &Gathered) -> Crowd {
        let accounts: Vec<AccountRow> = hours.accounts.iter().filter(|row| row.posts >= CORE_POSTS).copied().collect();
        let posts = accounts.iter().map(|row| u64::from(row.posts)).sum();
        let in_core = |found: &&Mention| accounts.binary_search_by_key(&found.account, |row| row.account).is_ok();
        let mentions = hour.mentions.iter().filter(in_core).copied().collect();
        Crowd { accounts, posts, mentions, is_whole: false }
    }

    /// Whether the originals come with their texts, so that it is known who talks to whom.
    pub fn has_texts(&self) -> bool {
        let (originals, texts) = self
            .originals()
            .fold((0, 0), |(originals, texts), found| (originals + 1, texts + usize::from(found.has(FLAG_TEXT))));
        originals > 0 && texts * 10 >= originals * 9
    }

    /// Of each account whose day of creation is known: the day of its first mention and that day, since 2000-01-01.
    pub fn created_days(&self) -> Vec<(u32, u32)> {
        let known = self.mentions.iter().filter(|found| found.created_day > 0);
        let mut first: Vec<(u64, u32, u16)> =
            known.map(|found| (found.account, found.second, found.created_day)).collect();
        first.sort_unstable();
        first.dedup_by_key(|(account, ..)| *account);
        let day = |(_, second, created): &(u64, u32, u16)| {
            ((second / DAY_SECONDS).saturating_sub(DAYS_TO_2000), u32::from(*created) - 1)
        };
        first.iter().map(day).collect()
    }

    /// The mentions that are no reposts.
    pub fn originals(&self) -> impl Iterator<Item = &Mention> {
        self.mentions.iter().filter(|found| found.is_original())
    }
}

/// Sizes of the groups of equal values, largest first; zero stands for absent and is left out.
pub fn groups(values: impl Iterator<Item = u32>) -> Vec<(u32, u64)> {
    let mut values: Vec<u32> = values.filter(|value| *value != 0).collect();
    values.sort_unstable();
    let mut groups: Vec<(u32, u64)> = values.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect();
    groups.sort_unstable_by_key(|(value, size)| (std::cmp::Reverse(*size), *value));
    groups
}
