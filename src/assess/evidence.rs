//! Evidence: the most repeated accounts, texts, links and repost targets of a sample, as pseudonyms a person can compare.

use serde::{Deserialize, Serialize};

use super::crowd::{Crowd, groups};
use crate::model::Mention;
use crate::track::gather::Gathered;

/// Entries of each list.
const ENTRIES: usize = 5;

/// The lists, each most repeated first: pseudonym and count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tops {
    /// Accounts by posts.
    pub accounts: Vec<(u64, u64)>,
    /// Texts of originals that occur at least twice.
    pub texts: Vec<(u32, u64)>,
    /// Links of originals that occur at least twice.
    pub links: Vec<(u32, u64)>,
    /// Repost targets that occur at least twice.
    pub reposts: Vec<(u32, u64)>,
}

/// Reads the lists off a crowd.
pub fn tops(crowd: &Crowd) -> Tops {
    let mut accounts: Vec<(u64, u64)> = crowd.accounts.iter().map(|row| (row.account, u64::from(row.posts))).collect();
    accounts.sort_unstable_by_key(|(account, posts)| (std::cmp::Reverse(*posts), *account));
    accounts.truncate(ENTRIES);
    let top = |mut groups: Vec<(u32, u64)>| {
        groups.retain(|(_, size)| *size >= 2);
        groups.truncate(ENTRIES);
        groups
    };
    Tops {
        accounts,
        texts: top(groups(crowd.originals().map(|found| found.text))),
        links: top(groups(crowd.originals().map(|found| found.link))),
        reposts: top(groups(crowd.mentions.iter().map(|found| found.repost))),
    }
}

/// The spelling seen most in a sample, ties by bytes; the canonical form where none is kept.
pub fn display(gathered: &Gathered, canonical: &str) -> String {
    let spelled = |found: &Mention| gathered.spelling_of(found).unwrap_or(canonical);
    let mut spellings: Vec<&str> = gathered.mentions.iter().map(spelled).collect();
    spellings.sort_unstable();
    let mut best = (0, canonical);
    for same in spellings.chunk_by(|a, b| a == b) {
        if same.len() > best.0 {
            best = (same.len(), same[0]);
        }
    }
    best.1.to_owned()
}
