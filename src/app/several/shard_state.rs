//! A shard's checkpoints in the topic of state: chunks, manifests, and tombstones for what nobody needs.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use tracing::warn;

use super::super::Exit;
use crate::config::Config;
use crate::exchange::tracker::{Setup, Tracker, Written};
use crate::exchange::wire::Flaw;
use crate::exchange::wire::manifest::{Owner, ShardManifest};
use crate::kafka::contents::contents;
use crate::kafka::log_writer::LogWriter;
use crate::kafka::reader::Reader;
use crate::kafka::topics::Names;
use crate::store::payload::{Kept, Payload, Place, chunks};
use crate::store::{ChunkKey, seal_chunk, unseal_chunk};

/// A shard as it was restored.
pub struct Restored {
    /// The shard.
    pub tracker: Tracker,
    /// Bytes that were read.
    pub bytes: u64,
    /// Chunks that it is made of.
    pub chunks: usize,
}

/// Restores a shard from its latest whole checkpoint, or begins it where there is none.
///
/// # Errors
/// Where the state is another deployment's or a newer version's (78), or brokers refuse.
pub fn restore(
    config: &Config,
    setup: &Setup,
    names: &Names,
    mentions: &Reader,
    shard: u32,
    stopped: &dyn Fn() -> bool,
) -> anyhow::Result<Restored> {
    let group = format!("{}-read", config.id);
    let mut records: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let extent = contents(&config.kafka, &group, (&names.state, shard.cast_signed()), stopped, &mut |key, value| {
        let key = String::from_utf8_lossy(key).into_owned();
        match value {
            Some(value) => drop(records.insert(key, value.to_vec())),
            None => drop(records.remove(&key)),
        }
    })?;
    let (low, _) = mentions.range(shard.cast_signed())?;
    let ticks: Vec<i64> = records.keys().filter_map(|key| ShardManifest::tick_of(key, shard)).collect();
    for tick in ticks.iter().rev() {
        let manifest = &records[&ShardManifest::key(shard, *tick)];
        let (manifest, kept) = match whole(manifest, &records, &setup.owner)? {
            Ok(found) => found,
            Err(why) => {
                warn!(shard, tick, why, "checkpoint cannot be restored, trying the one before");
                continue;
            }
        };
        if manifest.config_version != setup.config_version {
            warn!(shard, was = manifest.config_version, is = setup.config_version, "the rules have changed");
        }
        let count = manifest.chunks.len();
        let mut tracker = Tracker::restore(setup.clone(), &manifest, kept);
        let stray = records.keys().filter_map(|key| ChunkKey::from_file_name(key)).filter(|key| key.shard == shard);
        tracker.beside(stray, ticks.iter().copied());
        if manifest.resume < low {
            warn!(shard, resume = manifest.resume, low, "mentions that the shard needs are gone: warming");
            tracker.lost(low);
        }
        return Ok(Restored { tracker, bytes: extent.bytes, chunks: count });
    }
    // Older mentions may be gone although nobody has counted them.
    let tracker = Tracker::new(setup.clone(), shard, low, low > 0);
    Ok(Restored { tracker, bytes: extent.bytes, chunks: 0 })
}

/// A manifest with what its chunks hold; inside, why an older one is to be tried.
fn whole(
    bytes: &[u8],
    records: &BTreeMap<String, Vec<u8>>,
    owner: &Owner,
) -> anyhow::Result<Result<(ShardManifest, Kept), String>> {
    let manifest = match ShardManifest::decode(bytes) {
        Ok(manifest) => manifest,
        Err(newer @ Flaw::Newer { .. }) => return Err(anyhow!(newer).context(Exit::Config)),
        Err(Flaw::Corrupt(why)) => return Ok(Err(why)),
    };
    check(&manifest.owner, owner)?;
    let read = |key: &ChunkKey| {
        let record = records.get(&key.to_string()).ok_or_else(|| Flaw::Corrupt(format!("{key} is missing")))?;
        unseal_chunk(key, record).map_err(|error| Flaw::Corrupt(error.to_string()))
    };
    Ok(match Kept::read(&manifest.chunks, read, Flaw::Corrupt) {
        Ok(kept) => Ok((manifest, kept)),
        Err(flaw) => Err(flaw.to_string()),
    })
}

/// Whether state is this deployment's and hashed under this key.
///
/// # Errors
/// One sentence on what does not hold and the way out (78).
pub fn check(found: &Owner, own: &Owner) -> anyhow::Result<()> {
    let wrong = if found.id != own.id {
        format!("the state is of id {:?}, this process is {:?}: set id to {:?}", found.id, own.id, found.id)
    } else if found.key_fingerprint != own.key_fingerprint {
        format!(
            "the state was written under another sketch key (fingerprint {:08x}, this key has {:08x}): point \
             privacy.key_file at the key that the other processes use, or set another id to start afresh",
            found.key_fingerprint, own.key_fingerprint
        )
    } else if found.shards != own.shards {
        format!(
            "the state is of track.shards = {}, this process has {}: set it back, or follow \"more shards\" in docs/sizing.md",
            found.shards, own.shards
        )
    } else {
        return Ok(());
    };
    bail!(anyhow!(wrong).context(Exit::Config))
}

/// Writes the chunks of a checkpoint; into how many each place went, and bytes altogether.
pub fn write_chunks(
    writer: &LogWriter,
    topic: &str,
    shard: u32,
    places: &[(Place, Payload)],
) -> anyhow::Result<(Vec<(Place, u32)>, u64)> {
    let (mut written, mut bytes) = (Vec::new(), 0);
    for (place, payload) in places {
        let encoded = payload.encode();
        let parts = chunks(|chunk| ChunkKey { shard: place.0, level: place.1, pane: place.2, chunk }, &encoded);
        for (key, part) in &parts {
            let sealed = seal_chunk(key, part);
            bytes += sealed.len() as u64;
            writer.write(topic, shard.cast_signed(), Some(key.to_string().as_bytes()), Some(&sealed))?;
        }
        written.push((*place, parts.len() as u32));
    }
    Ok((written, bytes))
}

/// Writes a manifest, and behind it tombstones for what it makes needless; how many bytes it has.
pub fn write_manifest(
    writer: &LogWriter,
    topic: &str,
    shard: u32,
    manifest: &ShardManifest,
    written: &Written,
) -> anyhow::Result<u64> {
    let bytes = manifest.encode();
    let partition = shard.cast_signed();
    let key = ShardManifest::key(shard, manifest.tick);
    writer.write(topic, partition, Some(key.as_bytes()), Some(&bytes)).context("writing a manifest")?;
    let chunks = written.gone.iter().map(ToString::to_string);
    let manifests = written.old.iter().map(|tick| ShardManifest::key(shard, *tick));
    for key in chunks.chain(manifests) {
        writer.write(topic, partition, Some(key.as_bytes()), None)?;
    }
    Ok(bytes.len() as u64)
}
