//! The manifest as a value: what a checkpoint consists of, and where reading goes on after it is restored.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ChunkKey, Error, Folder};

/// Layout of [`Manifest`] that this build writes and reads. Whoever raises it raises the frame's format too, which is
/// what keeps an older build from taking a newer manifest for a corrupt one.
pub const FORMAT: u16 = 1;

/// All state of one process at one tick: every shard and the decider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of the fields below; always first. See [`FORMAT`].
    pub format: u16,
    /// The last decided tick: its panes and all before are in the chunks.
    pub tick: i64,
    /// `id` of the deployment.
    pub id: String,
    /// Fingerprint of the sketch key under which the chunks were hashed.
    pub key_fingerprint: u32,
    /// Hash of `[detect]`, `[windows]` and `[time]` when it was written.
    pub config_version: String,
    /// Number of shards that the chunks' `shard` counts to.
    pub shards: u32,
    /// The earliest event time ever seen, in milliseconds since the epoch.
    pub watched_since: i64,
    /// Where to read on, by partition of the input.
    pub resume: BTreeMap<i32, ResumeAt>,
    /// The chunks of all shards, the decider's apart.
    pub chunks: Vec<ChunkKey>,
    /// Number of the decider's chunks, [`ChunkKey::decider`] of this tick from 0 on.
    pub decider_chunks: u32,
}

/// Where to read a partition on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeAt {
    /// Offset of the first record to read: that of the first mention of any pane still open at the manifest's tick.
    pub offset: i64,
    /// Greatest event time before that record, in milliseconds since the epoch: lateness goes on from it. None where
    /// the partition had shown no post.
    pub greatest: Option<i64>,
}

/// What a state folder must match before anything of it is used.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// `id` of this deployment.
    pub id: &'a str,
    /// Fingerprint of the sketch key in use.
    pub key_fingerprint: u32,
}

impl Manifest {
    /// The manifest's bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("numbers, strings, lists and maps serialize")
    }

    /// The manifest from its bytes.
    ///
    /// # Errors
    /// One sentence on what does not hold.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, String> {
        let (format, _) = postcard::take_from_bytes::<u16>(bytes).map_err(|error| format!("no manifest: {error}"))?;
        if format != FORMAT {
            return Err(format!("manifest layout {format}, this build reads {FORMAT}"));
        }
        let (manifest, rest) =
            postcard::take_from_bytes::<Manifest>(bytes).map_err(|error| format!("no manifest: {error}"))?;
        if !rest.is_empty() {
            return Err(format!("{} bytes after the manifest", rest.len()));
        }
        Ok(manifest)
    }

    /// Keys of all its chunks, the decider's last.
    pub fn all_chunks(&self) -> impl Iterator<Item = ChunkKey> + '_ {
        self.chunks.iter().copied().chain((0..self.decider_chunks).map(|chunk| ChunkKey::decider(self.tick, chunk)))
    }

    /// What [`Folder::remove_chunks_except`] must keep once `self` is written after `previous`: both can be restored.
    pub fn live_chunks(&self, previous: Option<&Manifest>) -> BTreeSet<ChunkKey> {
        self.all_chunks().chain(previous.into_iter().flat_map(Manifest::all_chunks)).collect()
    }

    /// Whether the state is this deployment's and hashed under this key.
    ///
    /// # Errors
    /// [`Error::OtherId`], [`Error::OtherKey`], each with what to do about it.
    pub fn check_owner(&self, folder: &Folder, owner: Owner<'_>) -> Result<(), Error> {
        let dir = || folder.dir().to_owned();
        if self.id != owner.id {
            return Err(Error::OtherId { dir: dir(), found: self.id.clone(), known: owner.id.to_owned() });
        }
        if self.key_fingerprint != owner.key_fingerprint {
            return Err(Error::OtherKey { dir: dir(), found: self.key_fingerprint, known: owner.key_fingerprint });
        }
        Ok(())
    }
}

/// Restores the latest manifest that can be: for each, newest first, `restore` reads the chunks and builds the state,
/// and where it meets a loss ([`Error::is_loss`]) the one before is tried. `None` where there is no state to restore;
/// `restore` may have been called before, so what it builds counts only if this returns its manifest.
///
/// # Errors
/// [`Error::OtherId`], [`Error::OtherKey`], [`Error::NewerVersion`], [`Error::Io`], from here or from `restore`: the
/// process must not start, and the folder stands as it was.
pub fn restore_latest(
    folder: &Folder,
    owner: Owner<'_>,
    mut restore: impl FnMut(&Manifest) -> Result<(), Error>,
) -> Result<Option<Manifest>, Error> {
    let mut restored = Ok(None);
    folder.latest_manifest(|bytes| {
        let manifest = Manifest::decode(bytes)?;
        match manifest.check_owner(folder, owner).and_then(|()| restore(&manifest)) {
            Ok(()) => restored = Ok(Some(manifest)),
            Err(error) if error.is_loss() => return Err(error.to_string()),
            // No fault of the manifest, so it must not be put aside: taken here, refused below.
            Err(error) => restored = Err(error),
        }
        Ok(())
    })?;
    restored
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'static> = Owner { id: "tagwatch", key_fingerprint: 0xfeed_beef };

    fn manifest(tick: i64) -> Manifest {
        Manifest {
            format: FORMAT,
            tick,
            id: OWNER.id.to_owned(),
            key_fingerprint: OWNER.key_fingerprint,
            config_version: "0123456789abcdef".to_owned(),
            shards: 4,
            watched_since: 1_494_014_400_000,
            resume: BTreeMap::from([
                (0, ResumeAt { offset: 12, greatest: Some(1_494_014_405_000) }),
                (7, ResumeAt { offset: 0, greatest: None }),
            ]),
            chunks: vec![ChunkKey { shard: 3, level: 2, pane: tick - 1, chunk: 0 }],
            decider_chunks: 2,
        }
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        (dir, folder)
    }

    #[test]
    fn a_manifest_reads_back_and_nothing_else_does() {
        let bytes = manifest(5).encode();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest(5)));
        assert_eq!(Manifest::decode(&[&bytes[..], &[0]].concat()), Err("1 bytes after the manifest".to_owned()));
        for cut in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let newer = Manifest { format: FORMAT + 1, ..manifest(5) }.encode();
        assert_eq!(Manifest::decode(&newer), Err("manifest layout 2, this build reads 1".to_owned()));
    }

    #[test]
    fn the_chunks_of_both_kept_manifests_are_live() {
        let names = |chunks: BTreeSet<ChunkKey>| chunks.iter().map(ChunkKey::to_string).collect::<Vec<_>>().join(" ");
        let alone = "s0003-l2-000000000005-0000.chunk decider-000000000006-0000.chunk decider-000000000006-0001.chunk";
        assert_eq!(names(manifest(6).live_chunks(None)), alone);
        assert_eq!(manifest(6).live_chunks(Some(&manifest(5))).len(), 6);
    }

    #[test]
    fn another_key_or_id_refuses_with_what_to_do_and_touches_nothing() {
        let (dir, folder) = folder();
        folder.write_manifest(5, &manifest(5).encode()).unwrap();
        let restore = |owner| restore_latest(&folder, owner, |_| Ok(())).unwrap_err().to_string();
        let state = dir.path().display();
        assert_eq!(
            restore(Owner { key_fingerprint: 0x0bad_cafe, ..OWNER }),
            format!(
                "the state in {state} was written under another sketch key (fingerprint feedbeef, this key has \
                 0badcafe); point privacy.key_file at the key it was written under, or state.dir at an empty folder \
                 to start afresh"
            )
        );
        assert_eq!(
            restore(Owner { id: "other", ..OWNER }),
            format!(
                "the state in {state} belongs to id \"tagwatch\", this process is \"other\"; set id to \"tagwatch\", \
                 or state.dir to a folder of its own"
            )
        );
        assert_eq!(restore_latest(&folder, OWNER, |_| Ok(())).unwrap(), Some(manifest(5)));
    }

    #[test]
    fn a_lost_chunk_falls_back_to_the_manifest_before_and_a_refusal_does_not() {
        let (_dir, folder) = folder();
        folder.write_manifest(5, &manifest(5).encode()).unwrap();
        folder.write_manifest(6, &manifest(6).encode()).unwrap();
        let refused =
            restore_latest(&folder, OWNER, |_| Err(Error::NewerVersion { path: "chunk".into(), found: 9, known: 1 }));
        assert!(matches!(refused, Err(Error::NewerVersion { .. })), "{refused:?}");
        let mut tried = Vec::new();
        let restored = restore_latest(&folder, OWNER, |manifest| {
            tried.push(manifest.tick);
            if manifest.tick == 6 { folder.read_chunk(&manifest.chunks[0]).map(drop) } else { Ok(()) }
        });
        assert_eq!(restored.unwrap(), Some(manifest(5)));
        assert_eq!(tried, [6, 5]);
        assert_eq!(restore_latest(&folder, OWNER, |_| Ok(())).unwrap().map(|manifest| manifest.tick), Some(5));
    }
}
