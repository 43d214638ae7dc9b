//! The state folder: one process at a time, files that are whole or absent, the last two manifests.
//!
//! The order of a checkpoint: `write_chunks` with the new chunks, `write_manifest`, then `remove_chunks_except` with the
//! chunks of *both* manifests that are kept, so that the previous one can still be restored should the new one be lost.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::frame::{self, Flaw, HEADER_BYTES, Kind};
use super::ops::{self, Op};
use super::{CHUNK_BYTES_MAX, ChunkKey, Error, MANIFEST_BYTES_MAX, names};

/// How many corrupt manifests are kept for a person to look at.
const CORRUPT_KEPT: usize = 4;

/// The folder, locked for this process until dropped.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    /// Holding it open holds the lock; the system releases it however the process ends.
    lock: File,
}

impl Folder {
    /// Creates the folder where it is missing (for its owner alone), locks it and removes what a killed process left
    /// aside.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process works in it, [`Error::Io`] where the file system refuses.
    pub fn open(dir: &Path) -> Result<Folder, Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::io("create", dir))?;
        let lock = lock(dir)?;
        let folder = Folder { dir: dir.to_owned(), lock };
        let names = folder.names()?;
        let mut corrupt: Vec<&String> = names.iter().filter(|name| name.ends_with(names::CORRUPT)).collect();
        corrupt.sort_by_key(|name| names::manifest_tick(name.trim_end_matches(names::CORRUPT)));
        corrupt.truncate(corrupt.len().saturating_sub(CORRUPT_KEPT));
        let aside = names.iter().filter(|name| name.ends_with(names::ASIDE));
        let removals: Vec<Op> = aside.chain(corrupt).map(|name| Op::Remove { name: name.clone() }).collect();
        ops::run(dir, &removals)?;
        Ok(folder)
    }

    /// The folder's path.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes chunks of at most [`CHUNK_BYTES_MAX`] each. Durable once [`sync`](Self::sync) or
    /// [`write_manifest`](Self::write_manifest) returned.
    ///
    /// # Errors
    /// [`Error::TooLarge`], or [`Error::Io`], for instance of a full disk; then nothing is left aside.
    pub fn write_chunks<'a>(&self, chunks: impl IntoIterator<Item = (ChunkKey, &'a [u8])>) -> Result<(), Error> {
        let seal = |(key, bytes): (ChunkKey, &[u8])| {
            let name = key.to_string();
            self.check_size(&name, bytes, CHUNK_BYTES_MAX)?;
            let framed = frame::seal(Kind::Chunk, &name, bytes);
            Ok((name, framed))
        };
        let framed = chunks.into_iter().map(seal).collect::<Result<Vec<_>, Error>>()?;
        ops::run(&self.dir, &ops::write_chunks(framed))
    }

    /// Reads a chunk back.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`], [`Error::NewerVersion`], [`Error::Io`].
    pub fn read_chunk(&self, key: &ChunkKey) -> Result<Vec<u8>, Error> {
        self.read(Kind::Chunk, &key.to_string(), CHUNK_BYTES_MAX)
    }

    /// Writes the manifest of `tick`, at most [`MANIFEST_BYTES_MAX`], durably and after everything written before it.
    /// Then removes older manifests but the newest of them. Until it returns, the last good one stands untouched.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Io`].
    pub fn write_manifest(&self, tick: i64, bytes: &[u8]) -> Result<(), Error> {
        let name = names::manifest(tick);
        self.check_size(&name, bytes, MANIFEST_BYTES_MAX)?;
        let framed = frame::seal(Kind::Manifest, &name, bytes);
        ops::run(&self.dir, &ops::write_manifest(tick, framed, &self.manifest_ticks()?))
    }

    /// The manifest of the highest tick that reads back whole and that `accept` takes, with its tick; `None` where there
    /// is none. One that fails either is renamed to `*.corrupt`, with a warning, and the previous one is tried; so
    /// `accept` judges only whether this manifest can be restored, not whether the folder is the right one.
    ///
    /// # Errors
    /// [`Error::NewerVersion`], [`Error::Io`]; then nothing is renamed.
    pub fn latest_manifest(
        &self,
        mut accept: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Option<(i64, Vec<u8>)>, Error> {
        for tick in self.manifest_ticks()?.into_iter().rev() {
            let name = names::manifest(tick);
            let why = match self.read(Kind::Manifest, &name, MANIFEST_BYTES_MAX) {
                Ok(bytes) => match accept(&bytes) {
                    Ok(()) => return Ok(Some((tick, bytes))),
                    Err(why) => why,
                },
                Err(Error::Corrupt { why, .. }) => why,
                Err(error) => return Err(error),
            };
            let aside = format!("{name}{}", names::CORRUPT);
            warn!(tick, why, file = %self.dir.join(&aside).display(), "manifest put aside, trying the one before");
            ops::run(&self.dir, &[Op::Rename { from: name, to: aside }, Op::SyncFolder])?;
        }
        Ok(None)
    }

    /// Expiry: removes all chunks but `live`, which must hold the chunks of both manifests that are kept. Returns how
    /// many went.
    ///
    /// # Errors
    /// [`Error::Io`]; what was removed until then stays removed.
    pub fn remove_chunks_except(&self, live: &BTreeSet<ChunkKey>) -> Result<usize, Error> {
        let names = self.names()?;
        let is_dead = |name: &String| ChunkKey::from_file_name(name).is_some_and(|key| !live.contains(&key));
        let removals: Vec<Op> = names.into_iter().filter(is_dead).map(|name| Op::Remove { name }).collect();
        ops::run(&self.dir, &removals)?;
        Ok(removals.len())
    }

    /// Makes all chunks written so far durable. `write_manifest` does so too.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        ops::run(&self.dir, &[Op::SyncFolder])
    }

    fn check_size(&self, name: &str, bytes: &[u8], bytes_max: usize) -> Result<(), Error> {
        if bytes.len() <= bytes_max {
            return Ok(());
        }
        Err(Error::TooLarge { path: self.dir.join(name), bytes: bytes.len(), bytes_max })
    }

    fn read(&self, kind: Kind, name: &str, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let path = self.dir.join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::NotFound { path }),
            other => other.map_err(Error::io("open", &path))?,
        };
        let mut framed = Vec::new();
        // One byte more than may be, so that a file that grew reads as too long and not as whole.
        let bound = (HEADER_BYTES + bytes_max + 1) as u64;
        file.take(bound).read_to_end(&mut framed).map_err(Error::io("read", &path))?;
        frame::unseal(kind, name, framed).map_err(|flaw| match flaw {
            Flaw::Corrupt(why) => Error::Corrupt { path, why },
            Flaw::Newer(found) => Error::NewerVersion { path, found, known: frame::FORMAT },
            Flaw::Older(found) => Error::OlderVersion { path, found, known: frame::FORMAT },
        })
    }

    /// Ticks of the manifests that are there, ascending.
    fn manifest_ticks(&self) -> Result<Vec<i64>, Error> {
        let mut ticks: Vec<i64> = self.names()?.iter().filter_map(|name| names::manifest_tick(name)).collect();
        ticks.sort_unstable();
        Ok(ticks)
    }

    /// Names of all files, but those that are no UTF-8 and so not ours.
    fn names(&self) -> Result<Vec<String>, Error> {
        let list = || fs::read_dir(&self.dir)?.map(|entry| Ok(entry?.file_name().into_string().ok())).collect();
        let names: std::io::Result<Vec<Option<String>>> = list();
        Ok(names.map_err(Error::io("list", &self.dir))?.into_iter().flatten().collect())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that another thread is just starting.
        let _ = self.lock.unlock();
    }
}

/// Takes the lock, or says who has it.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(names::LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(Error::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => {
            let note = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            // The number only helps a person; a full disk must not keep the process from starting.
            if let Err(error) = note {
                warn!(%error, file = %path.display(), "lock taken, but its owner could not be noted");
            }
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut by = String::new();
            let noted = file.take(20).read_to_string(&mut by).is_ok() && by.parse::<u32>().is_ok();
            let by = if noted { format!(" (process {by})") } else { String::new() };
            Err(Error::Locked { dir: dir.to_owned(), by })
        }
        Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    const KEY: ChunkKey = ChunkKey { shard: 3, level: 1, pane: 149_401_440, chunk: 0 };

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("new/state")).unwrap();
        (dir, folder)
    }

    fn files(folder: &Folder) -> Vec<String> {
        let mut names = folder.names().unwrap();
        names.sort();
        names
    }

    fn write(folder: &Folder, key: ChunkKey, bytes: &[u8]) -> Result<(), Error> {
        folder.write_chunks([(key, bytes)])
    }

    fn accept(_: &[u8]) -> Result<(), String> {
        Ok(())
    }

    #[test]
    fn a_second_process_is_refused_until_the_first_ends() {
        let (_dir, folder) = folder();
        let path = folder.dir().to_owned();
        let refused = Folder::open(&path).unwrap_err().to_string();
        let expected = format!(
            "{} is in use by another tagwatch (process {}); stop that one, or give this one a state.dir of its own",
            path.display(),
            std::process::id()
        );
        assert_eq!(refused, expected);
        drop(folder);
        Folder::open(&path).unwrap();
    }

    #[test]
    fn the_owner_alone_can_read() {
        let (_dir, folder) = folder();
        write(&folder, KEY, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.dir()), 0o700);
        assert_eq!(mode(&folder.dir().join(KEY.to_string())), 0o600);
    }

    #[test]
    fn chunks_read_back_and_expire() {
        let (_dir, folder) = folder();
        let other = ChunkKey { chunk: 1, ..KEY };
        write(&folder, KEY, b"one").unwrap();
        write(&folder, other, &vec![7; CHUNK_BYTES_MAX]).unwrap();
        folder.sync().unwrap();
        assert_eq!(folder.read_chunk(&KEY).unwrap(), b"one");
        assert_eq!(folder.read_chunk(&other).unwrap().len(), CHUNK_BYTES_MAX);
        assert_eq!(folder.remove_chunks_except(&BTreeSet::from([KEY])).unwrap(), 1);
        assert!(matches!(folder.read_chunk(&other), Err(Error::NotFound { .. })));
        assert_eq!(folder.read_chunk(&KEY).unwrap(), b"one");
        let too_large = write(&folder, KEY, &vec![0; CHUNK_BYTES_MAX + 1]);
        assert!(matches!(too_large, Err(Error::TooLarge { bytes: 524_289, .. })), "{too_large:?}");
        assert_eq!(folder.read_chunk(&KEY).unwrap(), b"one");
    }

    #[test]
    fn the_last_two_manifests_are_kept() {
        let (_dir, folder) = folder();
        assert_eq!(folder.latest_manifest(accept).unwrap(), None);
        for tick in [8, 9, 10, 11] {
            folder.write_manifest(tick, format!("m{tick}").as_bytes()).unwrap();
        }
        assert_eq!(files(&folder), ["lock", "manifest-10.bin", "manifest-11.bin"]);
        assert_eq!(folder.latest_manifest(accept).unwrap(), Some((11, b"m11".to_vec())));
    }

    #[test]
    fn a_corrupt_or_refused_manifest_is_put_aside_and_the_one_before_taken() {
        let (_dir, folder) = folder();
        folder.write_manifest(8, b"m8").unwrap();
        folder.write_manifest(9, b"m9").unwrap();
        let path = folder.dir().join("manifest-9.bin");
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(21);
        fs::write(&path, bytes).unwrap();
        assert_eq!(folder.latest_manifest(accept).unwrap(), Some((8, b"m8".to_vec())));
        assert_eq!(files(&folder), ["lock", "manifest-8.bin", "manifest-9.bin.corrupt"]);
        assert_eq!(folder.latest_manifest(|_| Err("its chunks are gone".to_owned())).unwrap(), None);
        assert_eq!(files(&folder), ["lock", "manifest-8.bin.corrupt", "manifest-9.bin.corrupt"]);
    }

    #[test]
    fn every_flipped_byte_of_a_file_reads_as_corrupt() {
        let (_dir, folder) = folder();
        write(&folder, KEY, b"some payload").unwrap();
        folder.write_manifest(9, b"some manifest").unwrap();
        let names = [(Kind::Chunk, KEY.to_string()), (Kind::Manifest, names::manifest(9))];
        for (kind, name) in names {
            let read = || folder.read(kind, &name, CHUNK_BYTES_MAX);
            let path = folder.dir().join(&name);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut bad = good.clone();
                    bad[at] ^= flip;
                    fs::write(&path, bad).unwrap();
                    assert!(matches!(read(), Err(Error::Corrupt { .. })), "byte {at} of {name} flipped by {flip:#x}");
                }
            }
        }
    }

    #[test]
    fn a_newer_manifest_refuses_with_what_to_do_and_stays() {
        let (_dir, folder) = folder();
        folder.write_manifest(8, b"m8").unwrap();
        let framed = frame::seal_as(3, Kind::Manifest, "manifest-9.bin", b"later");
        fs::write(folder.dir().join("manifest-9.bin"), framed).unwrap();
        let refused = folder.latest_manifest(accept).unwrap_err().to_string();
        assert!(
            refused.ends_with(
                "manifest-9.bin was written by a newer tagwatch (format 3, this one knows up to 2); \
                 start that version again, or point state.dir at an empty folder"
            ),
            "{refused}"
        );
        assert_eq!(files(&folder), ["lock", "manifest-8.bin", "manifest-9.bin"]);
    }

    #[test]
    fn an_older_manifest_refuses_too_and_stays() {
        let (_dir, folder) = folder();
        let framed = frame::seal_as(1, Kind::Manifest, "manifest-9.bin", b"earlier");
        fs::write(folder.dir().join("manifest-9.bin"), framed).unwrap();
        let refused = folder.latest_manifest(accept).unwrap_err().to_string();
        assert!(
            refused.contains("written by an older tagwatch (format 1, this one reads 2); point state.dir"),
            "{refused}"
        );
        assert_eq!(files(&folder), ["lock", "manifest-9.bin"]);
    }

    #[test]
    fn opening_clears_what_was_left_aside_and_bounds_what_is_corrupt() {
        let (_dir, folder) = folder();
        let path = folder.dir().to_owned();
        fs::write(path.join("manifest-9.bin.tmp"), b"torn").unwrap();
        for tick in 1..=12 {
            fs::write(path.join(format!("manifest-{tick}.bin.corrupt")), b"x").unwrap();
        }
        fs::write(path.join("notes.txt"), b"not ours").unwrap();
        drop(folder);
        let folder = Folder::open(&path).unwrap();
        let corrupt = [10, 11, 12, 9].map(|tick| format!("manifest-{tick}.bin.corrupt"));
        assert_eq!(files(&folder), [&["lock".to_owned()][..], &corrupt, &["notes.txt".to_owned()]].concat());
    }

    #[test]
    fn a_failed_write_leaves_nothing_aside() {
        let (_dir, folder) = folder();
        fs::create_dir_all(folder.dir().join(KEY.to_string()).join("in the way")).unwrap();
        let failed = write(&folder, KEY, b"x").unwrap_err();
        assert!(matches!(&failed, Error::Io { action: "rename a file to", .. }), "{failed}");
        assert_eq!(files(&folder), ["lock".to_owned(), KEY.to_string()]);
    }

    /// A file system of 256 KiB, unmounted when dropped.
    struct SmallDisk(tempfile::TempDir);

    impl SmallDisk {
        fn mount() -> Option<SmallDisk> {
            let dir = tempfile::tempdir().unwrap();
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", "size=256k", "tagwatch-test"]).arg(dir.path());
            mount.output().is_ok_and(|output| output.status.success()).then(|| SmallDisk(dir))
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0.path()).status();
        }
    }

    #[test]
    fn a_full_disk_is_said_and_leaves_the_last_good_manifest() {
        let Some(disk) = SmallDisk::mount() else {
            println!(
                "skipped a_full_disk_is_said_and_leaves_the_last_good_manifest: mounting a tmpfs is not permitted"
            );
            return;
        };
        let folder = Folder::open(disk.0.path()).unwrap();
        write(&folder, KEY, &[1; 50_000]).unwrap();
        folder.write_manifest(8, b"m8").unwrap();
        let fill = |chunk| write(&folder, ChunkKey { chunk, ..KEY }, &[2; 50_000]);
        let full = (1..9).find_map(|chunk| fill(chunk).err()).expect("256 KiB do not hold nine times 50 000 bytes");
        assert!(full.is_full(), "{full}");
        let full = folder.write_manifest(9, &[3; 100_000]).expect_err("the disk is full");
        assert!(full.is_full(), "{full}");
        assert!(!files(&folder).iter().any(|name| name.ends_with(names::ASIDE)), "{:?}", files(&folder));
        assert_eq!(folder.latest_manifest(accept).unwrap(), Some((8, b"m8".to_vec())));
        assert_eq!(folder.read_chunk(&KEY).unwrap(), [1; 50_000]);
        folder.remove_chunks_except(&BTreeSet::from([KEY])).unwrap();
        folder.write_manifest(9, &[3; 100_000]).unwrap();
        assert_eq!(folder.latest_manifest(accept).unwrap().map(|(tick, _)| tick), Some(9));
    }
}
