//! What the decider hands to the readers after a tick: the board's next face. Owned values, no borrow of any state.

use serde::{Deserialize, Serialize};

use super::line::{Adjusted, AlertLine, Score, Signal, Windows};
use crate::model::{EventTime, Tick};

/// Everything that readers see of one decided tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TickView {
    /// The tick that was decided.
    pub tick: Tick,
    /// The decided watermark: every post below it is counted.
    pub watermark: EventTime,
    /// The top hashtags by posts of the last five minutes that stand, then of the last hour, then by name; at most
    /// `metrics.top_k`.
    pub top: Vec<HashtagView>,
    /// Every hashtag that was assessed at this tick.
    pub assessed: Vec<HashtagView>,
    /// The tick's alert lines, in the order of the alert log.
    pub lines: Vec<AlertLine>,
    /// Whether the windows are still filling after lost state.
    pub warming: bool,
}

/// One hashtag as readers see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HashtagView {
    /// Canonical form, without '#'.
    pub hashtag: String,
    /// The spelling seen most.
    pub display: String,
    /// Counts by window.
    pub windows: Windows,
    /// What stands without the posts and accounts that actions took out, where they took some.
    pub adjusted: Option<Adjusted>,
    /// How far above the usual; zero where it was not assessed.
    pub burst: Score,
    /// Coordination score; zero where it was not assessed.
    pub coordination: Score,
    /// Its signals; empty where it was not assessed.
    pub signals: Vec<Signal>,
    /// Id of its open alert.
    pub alert_id: Option<String>,
}

impl HashtagView {
    /// Posts of the last five minutes and of the last hour that stand: what the top is ranked by.
    pub fn standing(&self) -> (u64, u64) {
        match &self.adjusted {
            Some(adjusted) => (adjusted.windows.m5.posts, adjusted.windows.h1.posts),
            None => (self.windows.m5.posts, self.windows.h1.posts),
        }
    }
}
