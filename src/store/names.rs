//! What the files of the folder are called. A name is accepted only in the exact form that this file writes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Behind the name of a file that is still being written.
pub(super) const ASIDE: &str = ".tmp";
/// Behind the name of a manifest that did not read back.
pub(super) const CORRUPT: &str = ".corrupt";
/// The file whose lock says that a process works in the folder.
pub(super) const LOCK: &str = "lock";

/// Which part of the state a chunk is. Orders by shard, level, pane, chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkKey {
    /// Number of the shard, from 0; [`ChunkKey::DECIDER`] for the decider.
    pub shard: u32,
    /// Level of the pane: 0 for 10 s, 1 for 1 min, 2 for 1 h, above that what the shard defines.
    pub level: u8,
    /// The tick at which the pane ends.
    pub pane: i64,
    /// Number within the pane, from 0.
    pub chunk: u32,
}

impl ChunkKey {
    /// The decider in place of a shard. Its state changes each tick, so its chunks are keyed by the manifest's tick.
    pub const DECIDER: u32 = u32::MAX;

    /// A chunk of the decider's state at a tick.
    pub fn decider(tick: i64, chunk: u32) -> ChunkKey {
        ChunkKey { shard: Self::DECIDER, level: 0, pane: tick, chunk }
    }

    /// The key whose file has this name; `None` for any other file.
    pub fn from_file_name(name: &str) -> Option<ChunkKey> {
        let rest = name.strip_suffix(".chunk")?;
        let key = if let Some(rest) = rest.strip_prefix("decider-") {
            let (pane, chunk) = rest.rsplit_once('-')?;
            ChunkKey::decider(pane.parse().ok()?, chunk.parse().ok()?)
        } else {
            let (shard, rest) = rest.strip_prefix('s')?.split_once("-l")?;
            let (level, rest) = rest.split_once('-')?;
            let (pane, chunk) = rest.rsplit_once('-')?;
            ChunkKey {
                shard: shard.parse().ok()?,
                level: level.parse().ok()?,
                pane: pane.parse().ok()?,
                chunk: chunk.parse().ok()?,
            }
        };
        // Numbers parse from more spellings than they print in.
        (key.to_string() == name).then_some(key)
    }
}

impl fmt::Display for ChunkKey {
    /// The file's name: `s0003-l1-000149401440-0000.chunk`, or `decider-000149401440-0000.chunk`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChunkKey { shard, level, pane, chunk } = self;
        if *self == ChunkKey::decider(*pane, *chunk) {
            write!(f, "decider-{pane:012}-{chunk:04}.chunk")
        } else {
            write!(f, "s{shard:04}-l{level}-{pane:012}-{chunk:04}.chunk")
        }
    }
}

/// The name of a tick's manifest.
pub(super) fn manifest(tick: i64) -> String {
    format!("manifest-{tick}.bin")
}

/// The tick whose manifest has this name; `None` for any other file.
pub(super) fn manifest_tick(name: &str) -> Option<i64> {
    let tick = name.strip_prefix("manifest-")?.strip_suffix(".bin")?.parse().ok()?;
    (manifest(tick) == name).then_some(tick)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_as_documented() {
        let key = ChunkKey { shard: 3, level: 1, pane: 149_401_440, chunk: 0 };
        assert_eq!(key.to_string(), "s0003-l1-000149401440-0000.chunk");
        assert_eq!(ChunkKey::decider(149_401_440, 2).to_string(), "decider-000149401440-0002.chunk");
        assert_eq!(manifest(149_401_440), "manifest-149401440.bin");
    }

    #[test]
    fn other_files_are_nobodys() {
        for name in [
            "lock",
            "s0003-l1-000149401440-0000.chunk.tmp",
            "s3-l1-000149401440-0000.chunk",
            "s0003-l1-+00149401440-0000.chunk",
            "s0003-l1-000149401440-0000",
            "s0003-l1.chunk",
            "decider--.chunk",
            "../s0003-l1-000149401440-0000.chunk",
        ] {
            assert_eq!(ChunkKey::from_file_name(name), None, "{name}");
        }
        for name in
            ["manifest-1.bin.tmp", "manifest-01.bin", "manifest-+1.bin", "manifest-.bin", "manifest-1.bin.corrupt"]
        {
            assert_eq!(manifest_tick(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_read_back(shard: u32, level: u8, pane: i64, chunk: u32) {
            for key in [ChunkKey { shard, level, pane, chunk }, ChunkKey::decider(pane, chunk)] {
                prop_assert_eq!(ChunkKey::from_file_name(&key.to_string()), Some(key));
            }
            prop_assert_eq!(manifest_tick(&manifest(pane)), Some(pane));
        }
    }
}
