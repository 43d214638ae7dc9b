//! Tests: a run of checkpoints is one list of file operations; it is killed between any two of them and within any
//! write, and the power is cut under the weakest promise POSIX gives. What comes up must be the previous or the new
//! manifest with all its chunks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::checkpoint::{FORMAT, Manifest, Owner, restore_latest};
use super::frame::{self, Kind};
use super::ops::{self, Op};
use super::{ChunkKey, Error, Folder, names};

const OWNER: Owner<'static> = Owner { id: "tagwatch", key_fingerprint: 7 };

/// A run of checkpoints.
struct Script {
    ops: Vec<Op>,
    /// After how many operations the manifest of which tick has been acknowledged.
    acknowledged: Vec<(usize, i64)>,
}

/// What the chunk must hold, so that a swapped one is noticed.
fn content(key: ChunkKey) -> Vec<u8> {
    key.to_string().repeat(1 + (key.pane as usize + key.chunk as usize) % 5).into_bytes()
}

fn manifest_of(tick: i64, chunks: Vec<ChunkKey>) -> Manifest {
    Manifest {
        format: FORMAT,
        tick,
        id: OWNER.id.to_owned(),
        key_fingerprint: OWNER.key_fingerprint,
        config_version: "0123456789abcdef".to_owned(),
        shards: 2,
        watched_since: 0,
        resume: BTreeMap::new(),
        chunks,
        decider_chunks: 1,
    }
}

/// `checkpoints` checkpoints, each of one pane a shard in `chunks` chunks; panes live for `window` checkpoints.
fn script(checkpoints: i64, chunks: u32, window: i64) -> Script {
    let mut script = Script { ops: Vec::new(), acknowledged: Vec::new() };
    let mut written = BTreeSet::new();
    let mut previous: Option<Manifest> = None;
    for tick in 1..=checkpoints {
        let of_pane = |pane| (0..2).flat_map(move |shard| (0..chunks).map(move |chunk| key(shard, pane, chunk)));
        let live: Vec<ChunkKey> = ((tick - window + 1).max(1)..=tick).flat_map(of_pane).collect();
        let manifest = manifest_of(tick, live);
        let new: Vec<ChunkKey> = manifest.all_chunks().filter(|key| key.pane == tick).collect();
        let sealed = |key: &ChunkKey| {
            let name = key.to_string();
            let framed = frame::seal(Kind::Chunk, &name, &content(*key));
            (name, framed)
        };
        script.ops.extend(ops::write_chunks(new.iter().map(sealed).collect()));
        written.extend(new);
        let framed = frame::seal(Kind::Manifest, &names::manifest(tick), &manifest.encode());
        let present: Vec<i64> = ((tick - 2).max(1)..tick).collect();
        script.ops.extend(ops::write_manifest(tick, framed, &present));
        script.acknowledged.push((script.ops.len(), tick));
        let kept = manifest.live_chunks(previous.as_ref());
        script.ops.extend(written.difference(&kept).map(|key| Op::Remove { name: key.to_string() }));
        written = kept;
        previous = Some(manifest);
    }
    script
}

fn key(shard: u32, pane: i64, chunk: u32) -> ChunkKey {
    ChunkKey { shard, level: 0, pane, chunk }
}

impl Script {
    /// The tick acknowledged last before the operation at `cut`.
    fn promised(&self, cut: usize) -> Option<i64> {
        self.acknowledged.iter().rfind(|(ops, _)| *ops <= cut).map(|&(_, tick)| tick)
    }
}

/// Starts as a process would and checks that the promised manifest or the next one comes up with all its chunks.
fn comes_up(dir: &Path, promised: Option<i64>) -> Result<(), String> {
    let folder = Folder::open(dir).map_err(|error| error.to_string())?;
    let restored = restore_latest(&folder, OWNER, |manifest| {
        manifest.all_chunks().try_for_each(|key| {
            let bytes = folder.read_chunk(&key)?;
            assert_eq!(bytes, content(key), "chunk {key} holds what was written");
            Ok::<(), Error>(())
        })
    });
    let tick = restored.map_err(|error| error.to_string())?.map(|manifest| manifest.tick);
    let next = promised.unwrap_or(0) + 1;
    if tick != promised && tick != Some(next) {
        return Err(format!("{tick:?} came up where {promised:?} was acknowledged"));
    }
    let left: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    if let Some(name) = left.iter().find(|name| name.ends_with(names::ASIDE) || name.ends_with(names::CORRUPT)) {
        return Err(format!("{name} is left over"));
    }
    Ok(())
}

#[test]
fn a_kill_between_any_two_operations_or_within_a_write_loses_nothing() {
    let script = script(5, 2, 3);
    let running = tempfile::tempdir().unwrap();
    for (cut, op) in script.ops.iter().enumerate() {
        let torn = match op {
            Op::Write { bytes, .. } => vec![0, 1, bytes.len() / 2, bytes.len() - 1],
            _ => vec![0],
        };
        for length in torn {
            let found = tempfile::tempdir().unwrap();
            for entry in fs::read_dir(running.path()).unwrap().map(Result::unwrap) {
                fs::copy(entry.path(), found.path().join(entry.file_name())).unwrap();
            }
            if let Op::Write { name, bytes } = op {
                fs::write(found.path().join(name), &bytes[..length]).unwrap();
            }
            let up = comes_up(found.path(), script.promised(cut));
            assert_eq!(up, Ok(()), "killed at operation {cut} ({length} bytes into it): {op:?}");
        }
        ops::apply(running.path(), op).unwrap();
    }
    assert_eq!(comes_up(running.path(), Some(5)), Ok(()));
    let manifests = fs::read_dir(running.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let kept = manifests.filter(|name| name.to_str().is_some_and(|name| names::manifest_tick(name).is_some()));
    assert_eq!(kept.count(), 2, "the last two manifests are kept");
}

/// A change of the folder's list of names.
#[derive(Clone)]
enum Change {
    Link { name: String, bytes: Vec<u8>, instead_of: Option<String> },
    Unlink { name: String },
}

/// A disk that keeps, of the changes since the folder was last flushed, any part: POSIX promises no order among them.
/// The bytes of a file are safe once it is flushed, under whatever name; before, any part of them may be.
#[derive(Default)]
struct Disk {
    /// As the running process sees it.
    seen: BTreeMap<String, Vec<u8>>,
    durable: BTreeMap<String, Vec<u8>>,
    pending: Vec<Change>,
    /// Names of files that are not flushed.
    unflushed: BTreeSet<String>,
}

fn change(files: &mut BTreeMap<String, Vec<u8>>, change: &Change) {
    match change {
        Change::Link { name, bytes, instead_of } => {
            files.insert(name.clone(), bytes.clone());
            instead_of.iter().for_each(|from| {
                files.remove(from);
            });
        }
        Change::Unlink { name } => {
            files.remove(name);
        }
    }
}

impl Disk {
    fn apply(&mut self, op: &Op) {
        let made = match op {
            Op::Write { name, bytes } => {
                self.unflushed.insert(name.clone());
                Change::Link { name: name.clone(), bytes: bytes.clone(), instead_of: None }
            }
            Op::Flush { name } => {
                self.unflushed.remove(name);
                return;
            }
            Op::Rename { from, to } => {
                if self.unflushed.remove(from) {
                    self.unflushed.insert(to.clone());
                }
                Change::Link { name: to.clone(), bytes: self.seen[from].clone(), instead_of: Some(from.clone()) }
            }
            Op::Remove { name } => Change::Unlink { name: name.clone() },
            Op::SyncFolder => {
                self.durable = self.seen.clone();
                self.pending.clear();
                return;
            }
        };
        change(&mut self.seen, &made);
        self.pending.push(made);
    }

    /// What is left after the power was cut, by one random bit a pending change, and of unflushed files `torn` bytes.
    fn after_power_cut(&self, kept: u64, torn: usize) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.durable.clone();
        for (number, made) in self.pending.iter().enumerate() {
            if kept >> (number % 64) & 1 == 1 {
                change(&mut files, made);
            }
        }
        for (_, bytes) in files.iter_mut().filter(|(name, _)| self.unflushed.contains(*name)) {
            bytes.truncate(torn % bytes.len().max(1));
        }
        files
    }
}

/// Cuts the power before the operation at `cut`, or `torn` bytes into it, and starts again.
fn cut_power(script: &Script, cut: usize, kept: u64, torn: usize) -> Result<(), String> {
    let mut disk = Disk::default();
    script.ops[..cut].iter().for_each(|op| disk.apply(op));
    if let Some(Op::Write { name, bytes }) = script.ops.get(cut) {
        disk.apply(&Op::Write { name: name.clone(), bytes: bytes[..torn % bytes.len()].to_vec() });
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in disk.after_power_cut(kept, torn) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    comes_up(dir.path(), script.promised(cut))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_power_cut_at_any_moment_loses_nothing(
        (checkpoints, chunks, window) in (1..6_i64, 1..4_u32, 1..4_i64),
        cut: prop::sample::Index,
        kept: u64,
        torn: usize,
    ) {
        let script = script(checkpoints, chunks, window);
        let cut = cut.index(script.ops.len() + 1);
        prop_assert_eq!(cut_power(&script, cut, kept, torn), Ok(()));
    }
}

#[test]
fn without_either_flush_of_the_manifest_the_power_cut_test_would_fail() {
    let whole = script(3, 2, 2);
    let manifest_named = |op: &Op| matches!(op, Op::Rename { to, .. } if names::manifest_tick(to).is_some());
    let named = whole.ops.iter().rposition(manifest_named).unwrap();
    for flush in [named - 1, named + 1] {
        let mut script = script(3, 2, 2);
        assert_eq!(script.ops.remove(flush), Op::SyncFolder);
        script.acknowledged.iter_mut().for_each(|(ops, _)| *ops -= usize::from(*ops > flush));
        let fails = |cut| (0..64).any(|kept| cut_power(&script, cut, 1 << kept, 0).is_err());
        assert!((named..=script.ops.len()).any(fails), "the flush at {flush} of {named} is not missed");
    }
}

#[test]
fn without_the_flush_of_any_file_the_power_cut_test_would_fail() {
    let flushes =
        |ops: &[Op]| -> Vec<usize> { (0..ops.len()).filter(|at| matches!(ops[*at], Op::Flush { .. })).collect() };
    for flush in flushes(&script(2, 2, 2).ops) {
        let mut script = script(2, 2, 2);
        script.ops.remove(flush);
        script.acknowledged.iter_mut().for_each(|(ops, _)| *ops -= usize::from(*ops > flush));
        let fails = |cut| cut_power(&script, cut, u64::MAX, 1).is_err();
        assert!((flush..=script.ops.len()).any(fails), "the flush at {flush} is not missed");
    }
}
