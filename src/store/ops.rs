//! The folder's changes as lists of single file operations, so that tests can cut a list short anywhere.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Error, names};

/// One file operation, by names within the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Creates or replaces the file. A crash before its `Flush` leaves any part of its bytes.
    Write { name: String, bytes: Vec<u8> },
    /// Flushes the bytes of the file to the device.
    Flush { name: String },
    /// Gives the file its name, atomically; durable with the next `SyncFolder`.
    Rename { from: String, to: String },
    /// Makes all earlier renames and removals durable.
    SyncFolder,
    /// Removes the file, or finds it gone.
    Remove { name: String },
}

/// Writes chunks, by their names: all aside, then all flushed, then all renamed. Flushed one by one as they are written,
/// each would wait for the device by itself: three times as long. Not durable before the folder is synced.
pub(super) fn write_chunks(chunks: Vec<(String, Vec<u8>)>) -> Vec<Op> {
    let (names, framed): (Vec<String>, Vec<Vec<u8>>) = chunks.into_iter().unzip();
    let aside = |name: &String| format!("{name}{}", names::ASIDE);
    let writes = names.iter().zip(framed).map(|(name, bytes)| Op::Write { name: aside(name), bytes });
    let flushes = names.iter().map(|name| Op::Flush { name: aside(name) });
    let renames = names.iter().map(|name| Op::Rename { from: aside(name), to: name.clone() });
    writes.chain(flushes).chain(renames).collect()
}

/// Writes a file that must be durable at return, and after everything that was renamed before it.
pub(super) fn write_durably(name: &str, framed: Vec<u8>) -> Vec<Op> {
    let aside = format!("{name}{}", names::ASIDE);
    vec![
        Op::Write { name: aside.clone(), bytes: framed },
        Op::Flush { name: aside.clone() },
        // Else a power cut could leave a manifest without its chunks: no loss, but one to be put aside with a warning.
        Op::SyncFolder,
        Op::Rename { from: aside, to: name.to_owned() },
        Op::SyncFolder,
    ]
}

/// Writes the manifest of `tick`, then removes all of the `present` older ones but the newest.
pub(super) fn write_manifest(tick: i64, framed: Vec<u8>, present: &[i64]) -> Vec<Op> {
    let mut ops = write_durably(&names::manifest(tick), framed);
    let mut older: Vec<i64> = present.iter().copied().filter(|&other| other < tick).collect();
    older.sort_unstable();
    older.pop();
    ops.extend(older.into_iter().map(|tick| Op::Remove { name: names::manifest(tick) }));
    ops
}

/// Carries the operations out, in order, up to the first that fails; then removes what is left aside.
pub(super) fn run(dir: &Path, ops: &[Op]) -> Result<(), Error> {
    ops.iter().try_for_each(|op| apply(dir, op)).inspect_err(|_| {
        for op in ops {
            if let Op::Write { name, .. } = op {
                // Often already renamed, and on a dying disk hopeless; opening the folder again removes it too.
                let _ = fs::remove_file(dir.join(name));
            }
        }
    })
}

/// Carries out one operation.
pub(super) fn apply(dir: &Path, op: &Op) -> Result<(), Error> {
    match op {
        Op::Write { name, bytes } => {
            let path = dir.join(name);
            // Hashes of accounts are personal data, keyed or not: readable by the owner alone.
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&path).map_err(Error::io("create", &path))?;
            file.write_all(bytes).map_err(Error::io("write", &path))
        }
        Op::Flush { name } => {
            let path = dir.join(name);
            File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("flush", &path))
        }
        Op::Rename { from, to } => {
            let path = dir.join(to);
            fs::rename(dir.join(from), &path).map_err(Error::io("rename a file to", &path))
        }
        Op::SyncFolder => File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("flush", dir)),
        Op::Remove { name } => {
            let path = dir.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                other => other.map_err(Error::io("remove", &path)),
            }
        }
    }
}
