//! Hashtags that the actions of the last minute touch although nothing else makes them candidates: a push is often over
//! when its posts go. They are looked at when the minute ends, by what actions do to them and by their own size alone.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Included};

use crate::config::Detect;
use crate::track::Shard;
use crate::track::ladder::{HOUR, MINUTE, floor};
use crate::track::pane::Pane;

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
    let mut tags = BTreeSet::new();
    let mut look = |pane: &Pane| {
        for view in pane.iter() {
            let hit = view.mentions.iter().any(|found| changed.has(found))
                || view.accounts.iter().any(|row| changed.has_account(row.account));
            if hit {
                tags.insert(view.tag);
            }
        }
    };
    let ladder = shard.ladder();
    ladder.level(2).values().for_each(|pane| look(pane));
    let since_hour = (Excluded(floor(tick, HOUR)), Included(tick));
    ladder.level(1).range(since_hour).for_each(|(_, pane)| look(pane));
    tags.into_iter()
        .filter(|tag| assessed.binary_search(tag).is_err())
        .filter(|tag| shard.usuals().of(*tag).h24 >= detect.candidate_posts)
        .collect()
}
