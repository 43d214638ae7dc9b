//! One record of `<id>-reports`: what a shard says to the decider.

use crate::assess::Report;
use crate::assess::top::TopRow;
use crate::model::{EventTime, Tick};
use crate::track::shard::Applied;

/// What a shard says.
#[derive(Clone, Debug)]
pub enum Said {
    /// What it says of a tick. Said again after a take-over, in the same bytes.
    Report {
        /// Which shard.
        shard: u32,
        /// Boxed: the others are small.
        report: Box<Report>,
    },
    /// Everything below the watermark was reported.
    Passed(Passed),
    /// Its hashtags of most posts, for the board.
    Top {
        /// Which shard.
        shard: u32,
        /// The tick at which it looked.
        tick: Tick,
        /// Best first.
        rows: Vec<TopRow>,
    },
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Which shard.
    pub shard: u32,
    /// Of how many.
    pub shards: u32,
    /// Everything below it was reported.
    pub watermark: EventTime,
    /// What applying did since it said so last; told again after a take-over, so good for showing and not for counting.
    pub applied: Applied,
    /// Mentions that came twice and were passed over.
    pub again: u64,
    /// Bytes of its panes, closed and open.
    pub bytes: (u64, u64),
    /// Hashtags with a post in any window.
    pub tracked: u64,
    /// Accounts and posts whose actions are remembered.
    pub actions: u64,
    /// The mentions that it needs are gone: what it says until its longest window is full must not page.
    pub warming: bool,
}
