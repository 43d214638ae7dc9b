//! Records of `<id>-state` that make chunks a checkpoint: of a shard, and of the decider. The chunks themselves are the
//! same bytes as the files of `state.dir`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::{Flaw, Kind, seal, unseal};
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

impl ShardManifest {
    /// Its key in the topic of state.
    pub fn key(shard: u32, tick: i64) -> String {
        format!("s{shard:04}-manifest-{tick:012}")
    }

    /// The tick of the manifest of `shard` that has this key.
    pub fn tick_of(key: &str, shard: u32) -> Option<i64> {
        let tick = key.strip_prefix(&format!("s{shard:04}-manifest-"))?.parse().ok()?;
        (Self::key(shard, tick) == key).then_some(tick)
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        seal(Kind::Manifest, &postcard::to_stdvec(self).expect("plain values encode"))
    }

    /// A manifest from its bytes.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn decode(record: &[u8]) -> Result<ShardManifest, Flaw> {
        let payload = unseal(Kind::Manifest, record)?;
        postcard::from_bytes(payload)
            .map_err(|error| Flaw::Corrupt(format!("a shard's manifest does not read: {error}")))
    }
}

impl DeciderManifest {
    /// Its key in the topic of state.
    pub fn key(tick: i64) -> String {
        format!("decider-manifest-{tick:012}")
    }

    /// The tick of the manifest that has this key.
    pub fn tick_of(key: &str) -> Option<i64> {
        let tick = key.strip_prefix("decider-manifest-")?.parse().ok()?;
        (Self::key(tick) == key).then_some(tick)
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        seal(Kind::Manifest, &postcard::to_stdvec(self).expect("plain values encode"))
    }

    /// A manifest from its bytes.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn decode(record: &[u8]) -> Result<DeciderManifest, Flaw> {
        let payload = unseal(Kind::Manifest, record)?;
        postcard::from_bytes(payload)
            .map_err(|error| Flaw::Corrupt(format!("the decider's manifest does not read: {error}")))
    }
}
