//! Hashtags that the actions of the last minute leave a mark on although nothing else makes them candidates: a push is
//! often over when its posts go. They are looked at when the minute ends, by what actions do to them and by their own size
//! alone. Two or three in a hundred posts of any hashtag are deleted; that is no mark, and costs one look at its samples.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use crate::config::Detect;
use crate::model::Mention;
use crate::track::Shard;
use crate::track::ladder::{HOUR, MINUTE, floor};
use crate::track::pane::{AccountRow, Pane};

/// Posts or accounts of its samples that must be taken out, and their least share: far more than people delete.
const TAKEN_OUT_MIN: usize = 5;
/// See [`TAKEN_OUT_MIN`]: one in so many.
const TAKEN_OUT_PART: usize = 6;

/// Identities of the hashtags that were touched in the minute that ends at `tick`, without those that are `assessed` anyway;
/// both sorted.
pub fn touched(shard: &Shard, tick: i64, assessed: &[u64], detect: &Detect) -> Vec<u64> {
    if tick % MINUTE != 0 {
        return Vec::new();
    }
    let changed = shard.actions().changed(tick - MINUTE, tick);
    if changed.is_empty() {
        return Vec::new();
    }
    let actions = shard.actions();
    // By hashtag, over the panes that were touched: what is sampled, and what of it is taken out or was taken back.
    let mut tags: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    let mut look = |pane: &Pane| {
        for view in pane.iter() {
            let (mentions, accounts) = (view.mentions, view.accounts);
            let hit = mentions.iter().any(|found| changed.has(found))
                || accounts.iter().any(|row| changed.has_account(row.account));
            if hit {
                let mark = |found: &&Mention| changed.has(found) || actions.takes_out(found);
                let row_mark = |row: &&AccountRow| changed.has_account(row.account) || actions.is_actioned(row.account);
                let marked = mentions.iter().filter(mark).count() + accounts.iter().filter(row_mark).count();
                let sums = tags.entry(view.tag).or_default();
                *sums = (sums.0 + mentions.len() + accounts.len(), sums.1 + marked);
            }
        }
    };
    let ladder = shard.ladder();
    ladder.level(2).values().for_each(|pane| look(pane));
    let since_hour = (Excluded(floor(tick, HOUR)), Included(tick));
    ladder.level(1).range(since_hour).for_each(|(_, pane)| look(pane));
    tags.into_iter()
        .filter(|(_, (sampled, marked))| *marked >= TAKEN_OUT_MIN && marked * TAKEN_OUT_PART >= *sampled)
        .map(|(tag, _)| tag)
        .filter(|tag| assessed.binary_search(tag).is_err())
        .filter(|tag| shard.usuals().of(*tag).h24 >= detect.candidate_posts)
        .collect()
}
