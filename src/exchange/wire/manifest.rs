//! Records of `<id>-state` that make chunks a checkpoint: of a shard, and of the decider. The chunks themselves are the
//! same bytes as the files of `state.dir`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::EventTime;
use crate::store::ChunkKey;

/// Layout of both manifests.
pub const FORMAT: u16 = 1;

/// What a manifest must match before anything of it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `id` of the deployment.
    pub id: String,
    /// Fingerprint of the sketch key.
    pub key_fingerprint: u32,
    /// Number of shards.
    pub shards: u32,
}

/// How much a shard has taken from one source partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Everything before this offset of the source partition is applied.
    pub applied: i64,
    /// The source partition's watermark.
    pub watermark: EventTime,
}

/// All state of one shard at one tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardManifest {
    /// Layout; always first.
    pub format: u16,
    /// Whose it is.
    pub owner: Owner,
    /// Which shard.
    pub shard: u32,
    /// The last closed tick: its panes and all before are in the chunks.
    pub tick: i64,
    /// Hash of `[detect]`, `[windows]` and `[time]` when it was written.
    pub config_version: String,
    /// Earliest event time of the stream.
    pub watched_since: Option<EventTime>,
    /// Offset in the shard's partition of mentions from which to read again.
    pub resume: i64,
    /// Partitions of posts and actions, as of `resume`.
    pub partitions: (u32, u32),
    /// By source partition, as of `resume`.
    pub heard: BTreeMap<i32, Heard>,
    /// The chunks.
    pub chunks: Vec<ChunkKey>,
}

/// All state of the decider at one tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeciderManifest {
    /// Layout; always first.
    pub format: u16,
    /// Whose it is.
    pub owner: Owner,
    /// The last decided tick.
    pub tick: i64,
    /// Hash of `[detect]`, `[windows]` and `[time]` when it was written.
    pub config_version: String,
    /// Offset in `<id>-reports` from which to read again.
    pub resume: i64,
    /// By shard, the watermark passed as of `resume`.
    pub passed: Vec<EventTime>,
    /// Alert lines made so far: the next one's slot on the board.
    pub lines: u64,
    /// Number of its chunks.
    pub chunks: u32,
}
