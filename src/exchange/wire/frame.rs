//! The seal around every record of an internal topic.

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Mentions of one source partition for one shard.
    Mentions = 1,
    /// What a shard says to the decider.
    Said = 2,
    /// What the decider shows to readers.
    Board = 3,
}

/// Why bytes are not a record of this build's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// What does not hold.
    #[error("it is corrupt: {0}")]
    Corrupt(String),
    /// Whole, but in a later format.
    #[error(
        "it was written by a newer tagwatch (format {found}, this one knows up to {known}); \
         start that version again, or upgrade this process first"
    )]
    Newer {
        /// Format it was written in.
        found: u16,
        /// Latest format that this build reads.
        known: u16,
    },
}
