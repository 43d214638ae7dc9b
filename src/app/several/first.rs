//! Where a source partition is read from by its next owner: where the one before committed, else, where nobody has owned
//! it, as configured; a partition that came after the others had begun from its oldest record, and from their watermark.

use std::collections::BTreeMap;

use crate::config::{Config, Start};
use crate::exchange::note::{Note, is_new, others};
use crate::source::partition::{in_topic, is_of_actions};
use crate::source::topic::{Error, Topic};

/// What is known when partitions are taken over.
pub struct Beginnings<'a> {
    /// That of posts, then that of actions.
    pub topics: &'a [Topic],
    /// The config.
    pub config: &'a Config,
    /// What is committed, by partition.
    pub known: &'a BTreeMap<i32, (i64, Note)>,
    /// All partitions that there are.
    pub all: &'a [i32],
    /// How many of posts and of actions.
    pub counts: (u32, u32),
}

impl Beginnings<'_> {
    /// Offset and note of one partition, and whether it is owned for the first time.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] where the topic no longer holds what is to be read next.
    pub fn of(&self, number: i32) -> Result<((i64, Note), bool), Error> {
        let topic = &self.topics[usize::from(is_of_actions(number))];
        let (low, high) = topic.range(number)?;
        if let Some((offset, note)) = self.known.get(&number) {
            if !(low..=high).contains(offset) {
                let (topic, partition, wanted) = (topic.name().to_owned(), in_topic(number), *offset);
                return Err(Error::OutOfRange { topic, partition, wanted, low, high });
            }
            return Ok(((*offset, *note), false));
        }
        let notes: BTreeMap<i32, Note> = self.known.iter().map(|(number, (_, note))| (*number, *note)).collect();
        let born = Note::new(if is_of_actions(number) { self.counts.1 } else { self.counts.0 });
        if is_new(&notes, number) {
            let delay_ms = self.config.time.watermark_delay.as_millis() as i64;
            let owned = self.all.iter().copied().filter(|other| notes.contains_key(other));
            let greatest = others(&notes, owned, number, delay_ms).map(|watermark| watermark.plus_ms(delay_ms).0);
            return Ok(((low, Note { greatest, ..born }), true));
        }
        let partition = in_topic(number);
        let offset = match self.config.kafka.start {
            Start::Earliest => low,
            Start::Latest => high,
            Start::At(time) => topic.reader().offsets_at(time, &[partition])?.get(&partition).copied().unwrap_or(high),
        };
        Ok(((offset, born), true))
    }
}
