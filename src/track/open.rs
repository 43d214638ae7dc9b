//! The pane being written: a list of mentions, sorted into a run whenever it is long, and merged when the pane closes.
//! Appending is what the hot path does; everything that costs is done once per run.

use hashbrown::HashSet;

use super::merge::{Into, SAMPLE, merge, merge_hashtag};
use super::pane::{Pane, PaneBuilder};
use crate::model::Mention;
use crate::model::mention::{MentionBatch, Routed};

/// Mentions after which the list becomes a run.
const RUN_MENTIONS: usize = 32_768;
/// Runs after which they are merged into one.
const RUNS_MAX: usize = 8;

/// Passes a keyed hash through: its keys are uniform already, and secret.
#[derive(Clone, Copy, Default)]
pub struct Keep(u64);

impl std::hash::Hasher for Keep {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    /// Tables look at the upper bits too, so short hashes are spread over all of them.
    fn write_u32(&mut self, value: u32) {
        self.0 = u64::from(value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Builds [`Keep`] hashers.
pub type KeepBuild = std::hash::BuildHasherDefault<Keep>;

/// A mention in the list, with the places of its names in the pane's own strings.
#[derive(Clone, Copy, Debug)]
struct Listed {
    tag: u64,
    /// Start and length of the canonical form.
    name: (u32, u16),
    /// Length of the spelling, which starts at `mention.spelling - 1`.
    spelling_len: u16,
    mention: Mention,
}

/// A ten-second pane that still takes mentions.
#[derive(Debug, Default)]
pub struct OpenPane {
    listed: Vec<Listed>,
    strings: String,
    /// Post and hashtag of every mention of the pane: what tells a duplicate.
    seen: HashSet<u64, KeepBuild>,
    runs: Vec<Pane>,
}

impl OpenPane {
    /// Adds a mention. Returns whether it was new: an equal post with the same hashtag counts once.
    pub fn add(&mut self, batch: &MentionBatch, item: &Routed) -> bool {
        // Both are uniform; the rotation keeps a post whose hash equals a tag's from cancelling out.
        if !self.seen.insert(item.mention.post ^ item.tag.0.rotate_left(32)) {
            return false;
        }
        let mut store = |text: &str| {
            let at = self.strings.len() as u32;
            self.strings.push_str(text);
            at
        };
        let name = (store(batch.name(item)), item.name_len);
        let spelling = batch.spelling(item).map_or(0, |spelling| store(spelling) + 1);
        let mention = Mention { spelling, ..item.mention };
        self.listed.push(Listed { tag: item.tag.0, name, spelling_len: item.spelling_len, mention });
        if self.listed.len() >= RUN_MENTIONS {
            self.sort_into_run();
        }
        true
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.listed.capacity() * size_of::<Listed>()
            + self.strings.capacity()
            + self.seen.capacity() * 10
            + self.evictable_bytes()
    }

    /// Those of them that fewer hashtags make fewer.
    pub fn evictable_bytes(&self) -> usize {
        self.runs.iter().map(Pane::bytes).sum()
    }

    /// Closes the pane. What is left is empty and may become another pane: its memory is the right size already.
    pub fn close(&mut self) -> Pane {
        let pane = if self.runs.is_empty() {
            self.list_into_pane(Into::Tick)
        } else {
            self.sort_into_run();
            merge(&self.runs.iter().collect::<Vec<_>>(), Into::Tick)
        };
        self.runs.clear();
        self.seen.clear();
        pane
    }

    /// Lets go of the hashtags of fewer than `posts_min` posts so far; returns how many. For when memory runs out.
    pub fn evict(&mut self, posts_min: u64) -> u64 {
        self.sort_into_run();
        self.merge_runs();
        let mut evicted = 0;
        for run in &mut self.runs {
            let (kept, gone) = super::merge::without_small(run, posts_min);
            *run = kept;
            evicted += gone;
        }
        evicted
    }

    fn sort_into_run(&mut self) {
        if self.listed.is_empty() {
            return;
        }
        let run = self.list_into_pane(Into::Run);
        self.runs.push(run);
        if self.runs.len() >= RUNS_MAX {
            self.merge_runs();
        }
    }

    /// Makes a pane of the list, which is empty afterwards: a run, or the closed pane where there is no other run.
    fn list_into_pane(&mut self, into: Into) -> Pane {
        let mut order: Vec<(u64, u32)> =
            self.listed.iter().enumerate().map(|(at, found)| (found.tag, at as u32)).collect();
        // By one number, which costs half of comparing pairs; most hashtags have a few mentions to sort after it.
        order.sort_unstable_by_key(|(tag, _)| *tag);
        let mut builder = PaneBuilder::with_room(order.len(), self.strings.len());
        for same in order.chunk_by_mut(|a, b| a.0 == b.0) {
            same.sort_unstable_by_key(|(_, at)| self.listed[*at as usize].mention.post);
            if into == Into::Tick && same.len() > SAMPLE {
                let mut alone = PaneBuilder::default();
                self.write(same, &mut alone);
                merge_hashtag(&[alone.finish().view(0)], into, &mut builder);
            } else {
                self.write(same, &mut builder);
            }
        }
        self.listed.clear();
        self.strings.clear();
        builder.finish()
    }

    /// Writes the mentions of one hashtag.
    fn write(&self, same: &[(u64, u32)], builder: &mut PaneBuilder) {
        let (at, len) = self.listed[same[0].1 as usize].name;
        builder.begin(same[0].0, &self.strings[at as usize..at as usize + usize::from(len)]);
        for (_, at) in same {
            let found = &self.listed[*at as usize];
            let spelling = (found.mention.spelling as usize).checked_sub(1);
            let spelling = spelling.map(|at| &self.strings[at..at + usize::from(found.spelling_len)]);
            builder.mention(&found.mention, spelling);
        }
    }

    /// Also cuts hashtags that are small only because their run listed all they had down to their samples.
    fn merge_runs(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        let runs: Vec<&Pane> = self.runs.iter().collect();
        let merged = merge(&runs, Into::Run);
        self.runs = vec![merged];
    }
}
