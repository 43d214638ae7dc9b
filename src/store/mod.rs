//! Where checkpoints live: chunks of closed panes and the manifests that name them, as files of one folder.
//!
//! What a file holds is opaque here except in [`checkpoint`], which knows the manifest. The rule that everything rests
//! on: a file is written aside, flushed, then renamed, and nothing an older manifest needs goes before the newer one is
//! durable. So after a kill or a power cut at any moment either the new or the previous manifest reads back with all
//! its chunks; `crash` tries every such moment.

pub mod checkpoint;
pub mod folder;
mod frame;
mod names;
mod ops;
pub mod payload;

#[cfg(test)]
mod crash;

use std::io;
use std::path::{Path, PathBuf};

pub use folder::Folder;
pub use names::ChunkKey;

/// A chunk as it lies in a file or in a topic: the same bytes.
pub fn seal_chunk(key: &ChunkKey, payload: &[u8]) -> Vec<u8> {
    frame::seal(frame::Kind::Chunk, &key.to_string(), payload)
}

/// A chunk's payload.
///
/// # Errors
/// One sentence on what does not hold.
pub fn unseal_chunk(key: &ChunkKey, sealed: &[u8]) -> Result<Vec<u8>, String> {
    frame::unseal(frame::Kind::Chunk, &key.to_string(), sealed.to_vec()).map_err(|flaw| match flaw {
        frame::Flaw::Corrupt(why) => format!("{key} is corrupt: {why}"),
        frame::Flaw::Newer(found) => format!("{key} is of format {found}, of a newer tagwatch: start that one again"),
        frame::Flaw::Older(found) => format!("{key} is of format {found}, which this tagwatch no longer reads"),
    })
}

/// Largest payload of a chunk in bytes: what a Kafka record takes by default, halved, so that framing always fits.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;

/// Largest payload of a manifest in bytes: some 1.5 million chunks.
pub const MANIFEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What can go wrong with the state folder, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process works in the folder: end.
    #[error("{} is in use by another tagwatch{by}; stop that one, or give this one a state.dir of its own", .dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
        /// ` (process 1234)`, or empty where unknown.
        by: String,
    },
    /// The file does not exist: for a chunk, its manifest cannot be restored.
    #[error("{} is missing", .path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The file does not read back as it was written: fall back to an older manifest.
    #[error("{} is corrupt: {why}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        why: String,
    },
    /// The file is whole, but from a later version: end, touch nothing.
    #[error(
        "{} was written by a newer tagwatch (format {found}, this one knows up to {known}); \
         start that version again, or point state.dir at an empty folder", .path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Format it was written in.
        found: u16,
        /// Format that this build reads.
        known: u16,
    },
    /// The file is whole, but from an earlier version, whose state this one cannot read: end, touch nothing.
    #[error(
        "{} was written by an older tagwatch (format {found}, this one reads {known}); point state.dir at an empty folder: \
         the last day is read again from the topics, and nothing pages until it is", .path.display()
    )]
    OlderVersion {
        /// The file.
        path: PathBuf,
        /// Format it was written in.
        found: u16,
        /// Format that this build reads.
        known: u16,
    },
    /// More than one file may hold; nothing was written.
    #[error("{} would hold {bytes} bytes of at most {bytes_max}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes of the payload.
        bytes: usize,
        /// Most bytes of such a payload.
        bytes_max: usize,
    },
    /// The state's hashes were made under another key: end, they cannot be compared with new ones.
    #[error(
        "the state in {} was written under another sketch key (fingerprint {found:08x}, this key has {known:08x}); \
         point privacy.key_file at the key it was written under, or state.dir at an empty folder to start afresh",
        .dir.display()
    )]
    OtherKey {
        /// The folder.
        dir: PathBuf,
        /// Fingerprint in the state.
        found: u32,
        /// Fingerprint of the key in use.
        known: u32,
    },
    /// The state is another deployment's: end.
    #[error(
        "the state in {} belongs to id {found:?}, this process is {known:?}; \
         set id to {found:?}, or state.dir to a folder of its own", .dir.display()
    )]
    OtherId {
        /// The folder.
        dir: PathBuf,
        /// Id in the state.
        found: String,
        /// Id of this process.
        known: String,
    },
    /// The file system refused; nothing that was good before is touched.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the disk or a quota is full: keep counting in memory and try again at the next checkpoint.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Error::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    /// Whether an older manifest may still do: the file is missing or corrupt, as opposed to refused.
    pub fn is_loss(&self) -> bool {
        matches!(self, Error::NotFound { .. } | Error::Corrupt { .. })
    }

    /// For `map_err`: what was tried, on which file or folder.
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, path: path.to_owned(), source }
    }
}
