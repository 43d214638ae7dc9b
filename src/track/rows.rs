//! Rows of (hashtag, hour): how busy a hashtag was in each hour of the last weeks. What its usual hour of week looks like.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::open::KeepBuild;

/// One hashtag in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    /// Identity of the hashtag.
    pub tag: u64,
    /// Posts.
    pub posts: u32,
    /// Distinct accounts.
    pub accounts: u32,
}

/// One hour of a hashtag's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Tick at the end of the hour.
    pub end: i64,
    /// Posts.
    pub posts: u32,
    /// Distinct accounts.
    pub accounts: u32,
}

/// All rows that are kept.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    hours: BTreeMap<i64, Vec<Row>>,
    /// The same rows by hashtag, oldest first; follows from `hours`.
    by_tag: HashMap<u64, Vec<Hour>, KeepBuild>,
}

impl Rows {
    /// Adds the rows of the hour that ends at `end`. Hours come in order.
    pub fn insert(&mut self, end: i64, mut rows: Vec<Row>) {
        rows.sort_unstable();
        for row in &rows {
            let history = self.by_tag.entry(row.tag).or_default();
            debug_assert!(history.last().is_none_or(|last| last.end < end));
            history.push(Hour { end, posts: row.posts, accounts: row.accounts });
        }
        self.hours.insert(end, rows);
    }

    /// Lets go of the hours that end at or before `last`; returns their ends.
    pub fn expire(&mut self, last: i64) -> Vec<i64> {
        let mut gone = Vec::new();
        while let Some(entry) = self.hours.first_entry() {
            if *entry.key() > last {
                break;
            }
            let (end, rows) = entry.remove_entry();
            for row in rows {
                if let Some(history) = self.by_tag.get_mut(&row.tag) {
                    history.retain(|hour| hour.end > end);
                    if history.is_empty() {
                        self.by_tag.remove(&row.tag);
                    }
                }
            }
            gone.push(end);
        }
        gone
    }

    /// A hashtag's hours, oldest first. Hours without a row had fewer posts than a row needs.
    pub fn of(&self, tag: u64) -> &[Hour] {
        self.by_tag.get(&tag).map_or(&[], Vec::as_slice)
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.hours.values().map(|rows| rows.len() * (size_of::<Row>() + size_of::<Hour>())).sum::<usize>()
            + self.by_tag.len() * 40
    }
}
