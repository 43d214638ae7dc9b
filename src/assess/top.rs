//! A shard's busiest hashtags, for the board: by posts of the last five minutes, then of the last hour, in both what actions
//! have left of them. A hashtag whose accounts are actioned falls out.

use serde::{Deserialize, Serialize};

use std::cmp::Reverse;

use super::report::overview;
use super::values::{AdjustedWindows, Windows};
use crate::track::Shard;

/// Hashtags looked at for each one asked for: enough that a crowd of actioned ones does not hide the others for long.
const LOOKS: usize = 10;

/// One of the busiest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopRow {
    /// Canonical form.
    pub hashtag: String,
    /// The spelling seen most.
    pub display: String,
    /// Counts by window.
    pub windows: Windows,
    /// The same without what actions took out, where they took something.
    pub adjusted: Option<AdjustedWindows>,
}

impl TopRow {
    /// Posts of the last five minutes and of the last hour that stand: what rows are ranked by.
    pub fn posts(&self) -> (u64, u64) {
        match &self.adjusted {
            Some(adjusted) => (adjusted.m5.posts, adjusted.h1.posts),
            None => (self.windows.m5.posts, self.windows.h1.posts),
        }
    }
}

/// The `most` busiest at `tick`, best first.
pub fn top(shard: &Shard, tick: i64, most: usize) -> Vec<TopRow> {
    let mut busiest: Vec<(u32, u32, u64)> =
        shard.usuals().iter().map(|(tag, usual)| (usual.m5, usual.h1, tag)).collect();
    let looks = if shard.actions().is_empty() { most } else { most * LOOKS };
    let keep = looks.min(busiest.len());
    if keep < busiest.len() {
        busiest.select_nth_unstable_by(keep, |a, b| b.cmp(a));
    }
    busiest.truncate(keep);
    busiest.sort_unstable_by(|a, b| b.cmp(a));
    let mut rows: Vec<TopRow> = Vec::new();
    for (m5, h1, tag) in busiest {
        // Actions only take away: once enough stand as high as the next one could, nothing below can rise.
        if rows.iter().filter(|row| row.posts() >= (u64::from(m5), u64::from(h1))).count() >= most {
            break;
        }
        rows.extend(overview(shard, tag, tick).filter(|row| row.adjusted.is_none() || row.posts() > (0, 0)));
    }
    rows.sort_by(|a, b| (Reverse(a.posts()), &a.hashtag).cmp(&(Reverse(b.posts()), &b.hashtag)));
    rows.truncate(most);
    rows
}
