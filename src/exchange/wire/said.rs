//! Records of `<id>-reports`: what a shard says to the decider. A long word takes several records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::{Flaw, Kind, seal, unseal};
use crate::assess::Report;
use crate::assess::top::TopRow;
use crate::model::{EventTime, Tick};
use crate::track::shard::Applied;

/// Longest part of a word, in bytes: what a Kafka record takes by default, halved.
const PART_BYTES: usize = 512 * 1024;

/// What a shard says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Said {
    /// What it says of a tick. Said again after a take-over, in the same bytes.
    Report {
        /// Which shard.
        shard: u32,
        /// Boxed: the others are small.
        report: Box<Report>,
    },
    /// Everything below the watermark was reported.
    Passed(Passed),
    /// Its hashtags of most posts, for the board.
    Top {
        /// Which shard.
        shard: u32,
        /// The tick at which it looked.
        tick: Tick,
        /// Best first.
        rows: Vec<TopRow>,
    },
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Which shard.
    pub shard: u32,
    /// Of how many.
    pub shards: u32,
    /// Everything below it was reported.
    pub watermark: EventTime,
    /// What applying did since it said so last; told again after a take-over, so good for showing and not for counting.
    pub applied: Applied,
    /// Mentions that came twice and were passed over.
    pub again: u64,
    /// Bytes of its panes, closed and open.
    pub bytes: (u64, u64),
    /// Hashtags with a post in any window.
    pub tracked: u64,
    /// Accounts and posts whose actions are remembered.
    pub actions: u64,
    /// The mentions that it needs are gone: what it says until its longest window is full must not page.
    pub warming: bool,
}

/// Which part of which word a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    /// Who says it: two owners of one shard may speak at once.
    writer: u64,
    /// Which of the writer's words.
    word: u64,
    part: u32,
    parts: u32,
}

impl Said {
    /// The word's records, in order. `writer` is a number that nobody else has; `words` counts its words.
    pub fn encode(&self, writer: u64, words: &mut u64) -> Vec<Vec<u8>> {
        let bytes = postcard::to_stdvec(self).expect("plain values encode");
        let parts = bytes.len().div_ceil(PART_BYTES).max(1) as u32;
        *words += 1;
        let record = |(part, chunk): (u32, &[u8])| {
            let head = Part { writer, word: *words, part, parts };
            let mut payload = postcard::to_stdvec(&head).expect("plain values encode");
            payload.extend_from_slice(chunk);
            seal(Kind::Said, &payload)
        };
        (0..).zip(bytes.chunks(PART_BYTES)).map(record).collect()
    }
}

/// A word of which parts are missing.
#[derive(Debug)]
struct Begun {
    word: u64,
    /// Where its first part lies.
    first: i64,
    next: u32,
    bytes: Vec<u8>,
}

/// Puts words together. A writer says one after the other, so at most one of each is incomplete.
#[derive(Debug, Default)]
pub struct Assembler {
    begun: BTreeMap<u64, Begun>,
}

impl Assembler {
    /// Takes the record at an offset. Gives the word that it completes, and the offset of its first record. A word whose
    /// beginning was not seen, or whose writer ended within it, is passed over: its shard's next owner says it again.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn take(&mut self, offset: i64, record: &[u8]) -> Result<Option<(i64, Said)>, Flaw> {
        let corrupt = |error: postcard::Error| Flaw::Corrupt(format!("a word of a shard does not read: {error}"));
        let payload = unseal(Kind::Said, record)?;
        let (head, chunk) = postcard::take_from_bytes::<Part>(payload).map_err(corrupt)?;
        if head.parts == 1 {
            self.begun.remove(&head.writer);
            return Ok(Some((offset, postcard::from_bytes(chunk).map_err(corrupt)?)));
        }
        if head.part == 0 {
            let begun = Begun { word: head.word, first: offset, next: 0, bytes: Vec::new() };
            self.begun.insert(head.writer, begun);
        }
        let Some(begun) = self.begun.get_mut(&head.writer) else { return Ok(None) };
        if (begun.word, begun.next) != (head.word, head.part) {
            // Sent again by the writer's own retry, or torn: what is complete is complete.
            if begun.word != head.word {
                self.begun.remove(&head.writer);
            }
            return Ok(None);
        }
        begun.next += 1;
        begun.bytes.extend_from_slice(chunk);
        if begun.next < head.parts {
            return Ok(None);
        }
        let Some(whole) = self.begun.remove(&head.writer) else { return Ok(None) };
        Ok(Some((whole.first, postcard::from_bytes(&whole.bytes).map_err(corrupt)?)))
    }

    /// Where the oldest incomplete word begins.
    pub fn oldest(&self) -> Option<i64> {
        self.begun.values().map(|begun| begun.first).min()
    }
}
