//! Records of `<id>-board`: what every process shows, written by the decider, compacted by key.

use crate::decide::line::AlertLine;
use crate::decide::view::{HashtagView, TickView};
use crate::model::Tick;

/// Slots of hashtags: the topic keeps the last view of each slot.
pub const TAG_SLOTS: u64 = 8192;
/// Slots of alert lines, taken in turn.
pub const LINE_SLOTS: u64 = 2048;

/// One record of the board.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A hashtag, assessed at a tick.
    Hashtag(Tick, Box<HashtagView>),
    /// The n-th alert line of all.
    Line(u64, Box<AlertLine>),
    /// The tick, the watermark and the top; `assessed` and `lines` are empty: they came before it, one by one.
    Tick(Box<TickView>),
}
