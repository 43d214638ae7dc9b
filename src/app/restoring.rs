//! Restore: the chunks of the latest whole checkpoint become shards and a decider again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{info, warn};

use super::pipeline::{empty_decider, empty_shards, shard_budget};
use super::shadow::Saved;
use crate::config::Config;
use crate::decide::Decider;
use crate::model::{EventTime, Tick};
use crate::source::ledger::Resume;
use crate::source::start::Restored;
use crate::store::checkpoint::{Manifest, Owner, restore_latest};
use crate::store::payload::{Kept, Payload, Place};
use crate::store::{ChunkKey, Error, Folder};
use crate::track::Shard;
use crate::track::merge::regroup;
use crate::track::pane::Pane;
use crate::track::shard::{LEVEL_ACTIONS, LEVEL_ROWS};

/// A process's state, restored or empty.
pub struct State {
    /// The shards.
    pub shards: Vec<Shard>,
    /// The decider.
    pub decider: Decider,
    /// The decider of the shadow, if one is asked for.
    pub shadow: Option<Decider>,
    /// The tick up to which everything is decided; before all ticks where nothing was restored.
    pub tick: Tick,
    /// Earliest event time.
    pub watched_since: Option<EventTime>,
    /// Where the source goes on.
    pub restored: Option<Restored>,
    /// Panes that are written: how many chunks each.
    pub written: BTreeMap<Place, u32>,
    /// Panes that stand under new owners because the number of shards has changed: to be written anew.
    pub unwritten: BTreeMap<Place, Payload>,
    /// The manifest.
    pub manifest: Option<Manifest>,
}

impl State {
    fn empty(config: &Config, shadow: Option<&Config>) -> State {
        State {
            shards: empty_shards(config),
            decider: empty_decider(config),
            shadow: shadow.map(empty_decider),
            tick: Tick(i64::MIN / 4),
            watched_since: None,
            restored: None,
            written: BTreeMap::new(),
            unwritten: BTreeMap::new(),
            manifest: None,
        }
    }
}

/// What a manifest's chunks hold.
#[derive(Default)]
struct Read {
    kept: Kept,
    decider: Vec<u8>,
}

/// Restores the latest checkpoint, or begins empty where there is none.
///
/// # Errors
/// If the folder belongs to another id or key, was written by a newer version, or cannot be read.
pub fn restore(
    folder: &Folder,
    config: &Config,
    shadow: Option<&Config>,
    key_fingerprint: u32,
) -> Result<State, Error> {
    let mut read = Read::default();
    let mut deciders = None;
    let owner = Owner { id: &config.id, key_fingerprint };
    let manifest = restore_latest(folder, owner, |manifest| {
        read = read_chunks(folder, manifest)?;
        let corrupt = |why| Error::Corrupt { path: folder.dir().to_owned(), why };
        deciders = Some(self::deciders(config, shadow, &read.decider).map_err(corrupt)?);
        Ok(())
    })?;
    let (Some(manifest), Some((decider, shadow))) = (manifest, deciders) else {
        return Ok(State::empty(config, shadow));
    };
    if manifest.config_version != config.version {
        warn!(
            was = manifest.config_version,
            is = config.version,
            "the rules of detection have changed since the checkpoint"
        );
    }
    let tick = Tick(manifest.tick);
    let watched_since = (manifest.watched_since != i64::MAX).then_some(EventTime(manifest.watched_since));
    let resume = manifest
        .resume
        .iter()
        .map(|(partition, at)| (*partition, Resume { offset: at.offset, greatest: at.greatest.map(EventTime) }));
    let restored = Restored { covered: tick, resume: resume.collect() };
    info!(tick = tick.0, at = %tick.end(), chunks = manifest.chunks.len(), "restored");
    let same = manifest.shards as usize == config.track.shards;
    let written = if same { std::mem::take(&mut read.kept.written) } else { BTreeMap::new() };
    let unwritten = if same { BTreeMap::new() } else { regrouped(config, &read) };
    Ok(State {
        shards: shards(config, &manifest, read, watched_since),
        unwritten,
        decider,
        shadow,
        tick,
        watched_since,
        restored: Some(restored),
        written,
        manifest: Some(manifest),
    })
}

/// Both deciders of a checkpoint.
fn deciders(config: &Config, shadow: Option<&Config>, bytes: &[u8]) -> Result<(Decider, Option<Decider>), String> {
    let saved = Saved::decode(bytes)?;
    let own = Decider::restore(config.detect.clone(), config.version.clone(), &saved.own)?;
    let shadow = saved.shadow(&own, shadow)?;
    Ok((own.expecting(config.expected.clone()), shadow))
}

fn shards(config: &Config, manifest: &Manifest, read: Read, watched_since: Option<EventTime>) -> Vec<Shard> {
    let count = config.track.shards as u64;
    (0..count)
        .map(|index| {
            let mine = |tag: u64| tag % count == index;
            let panes = read.kept.panes.iter().map(|((level, end), parts)| {
                let parts: Vec<&Pane> = parts.iter().collect();
                (*level, *end, regroup(&parts, mine, index == 0))
            });
            let panes: Vec<(u8, i64, Pane)> = panes.filter(|(_, _, pane)| !pane.is_empty()).collect();
            let rows = read
                .kept
                .rows
                .iter()
                .map(|(end, rows)| (*end, rows.iter().filter(|row| mine(row.tag)).copied().collect()));
            let tick = Tick(manifest.tick);
            let rows = rows.collect();
            let mut shard =
                Shard::restore(config.windows.clone(), shard_budget(config), tick, watched_since, panes, rows);
            if let Some((_, actions)) = &read.kept.actions {
                shard.restore_actions(Arc::clone(actions));
            }
            shard
        })
        .collect()
}

/// What all shards hold, under the places of the configured number of shards.
fn regrouped(config: &Config, read: &Read) -> BTreeMap<Place, Payload> {
    let count = config.track.shards as u64;
    let mut unwritten = BTreeMap::new();
    if let Some((tick, actions)) = &read.kept.actions {
        unwritten.insert(((count as u32) << 16, LEVEL_ACTIONS, *tick), Payload::Actions(Arc::clone(actions)));
    }
    for index in 0..count {
        let shard = (count as u32) << 16 | index as u32;
        let mine = |tag: u64| tag % count == index;
        for ((level, end), parts) in &read.kept.panes {
            let parts: Vec<&Pane> = parts.iter().collect();
            let pane = regroup(&parts, mine, index == 0);
            unwritten.insert((shard, *level, *end), Payload::Pane(Arc::new(pane)));
        }
        for (end, rows) in &read.kept.rows {
            let rows = rows.iter().filter(|row| mine(row.tag)).copied().collect();
            unwritten.insert((shard, LEVEL_ROWS, *end), Payload::Rows(rows));
        }
    }
    unwritten
}

fn read_chunks(folder: &Folder, manifest: &Manifest) -> Result<Read, Error> {
    let corrupt = |why| Error::Corrupt { path: folder.dir().to_owned(), why };
    let kept = Kept::read(&manifest.chunks, |key| folder.read_chunk(key), corrupt)?;
    let mut decider = Vec::new();
    for chunk in 0..manifest.decider_chunks {
        decider.extend(folder.read_chunk(&ChunkKey::decider(manifest.tick, chunk))?);
    }
    Ok(Read { kept, decider })
}
