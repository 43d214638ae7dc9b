//! One record of `<id>-mentions`: what one source partition has for one shard between two of its offsets.

use crate::model::{EventTime, MentionBatch, Taken};

/// How mentions are made of posts and dealt to shards. Another canonical form, another limit or another way of hashing
/// is another version.
pub const ROUTING: u16 = 1;

/// Mentions of one source partition for one shard, also where there are none: then only time passes.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// See [`ROUTING`].
    pub routing: u16,
    /// Source partition, numbered as in [`crate::source::partition`]: those of actions are negative.
    pub source: i32,
    /// Partitions of posts and of actions that the sender knows of: a shard waits for all of them.
    pub partitions: (u32, u32),
    /// The records of the source partition that are told of here: from this offset on …
    pub from: i64,
    /// … and before this one. Where both are the same, only time passes.
    pub to: i64,
    /// Every further post or action of the source partition below it is late; [`EventTime::MIN`] before the first.
    pub watermark: EventTime,
    /// Earliest event time that the source partition has shown.
    pub watched_since: Option<EventTime>,
    /// The mentions, in the order of their offsets.
    pub batch: MentionBatch,
    /// Offset of each mention's post, in `from..to`, never descending.
    pub offsets: Vec<i64>,
    /// Actions with their offsets, never descending.
    pub actions: Vec<(i64, Taken)>,
}
