//! What is committed beside the offset of a source partition, so that whoever owns it next judges its posts as the owner
//! before would have, and so that owners of other partitions learn how far it is without asking anybody but Kafka.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::mentions::ROUTING;
use crate::model::EventTime;

/// Format of notes; a note of a later one is refused.
const FORMAT: u16 = 1;

/// A partition's note, as JSON: people read it with Kafka's own tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Layout of the fields below.
    pub v: u16,
    /// Greatest event time before the offset, in milliseconds since the epoch; none before the first post.
    pub greatest: Option<i64>,
    /// Earliest event time before the offset.
    pub since: Option<i64>,
    /// How many partitions its topic had when the partition was first owned: whether another one is newer.
    pub born: u32,
    /// Whether nothing came for so long that nobody needs to wait for it.
    pub idle: bool,
    /// How posts from the offset on become mentions, see [`ROUTING`]: the switch to another way lies at an offset that all
    /// owners agree on, and no owner goes back. The first notes do not name it.
    #[serde(default = "first_routing")]
    pub routing: u16,
}

fn first_routing() -> u16 {
    1
}

impl Note {
    /// A note of a partition that was never owned.
    pub fn new(born: u32) -> Note {
        Note { v: FORMAT, greatest: None, since: None, born, idle: false, routing: first_routing() }
    }

    /// The note as it is committed.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("numbers and flags are JSON")
    }

    /// A note from its text.
    ///
    /// # Errors
    /// Says what does not read, and what to do about a later format.
    pub fn decode(text: &str) -> Result<Note, String> {
        if text.is_empty() {
            return Err("there is no note beside a committed offset: a process with exchange = \"in-process\", a reset of \
                        offsets or another program of the same group has committed it. Stop all processes, delete the \
                        group's offsets of this topic (kafka-consumer-groups.sh --delete-offsets) and start again, or set \
                        another id"
                .to_owned());
        }
        let note: Note = serde_json::from_str(text)
            .map_err(|error| format!("the note beside a committed offset does not read ({error}): {text:?}"))?;
        if note.v > FORMAT {
            let v = note.v;
            return Err(format!(
                "the note beside a committed offset is of a newer tagwatch (format {v}, this one knows {FORMAT}): upgrade"
            ));
        }
        if note.routing > ROUTING {
            let routing = note.routing;
            return Err(format!(
                "posts are routed by version {routing} already and this tagwatch knows up to {ROUTING}: upgrade this process"
            ));
        }
        Ok(note)
    }

    /// The partition's own watermark.
    fn watermark(&self, delay_ms: i64) -> EventTime {
        self.greatest.map_or(EventTime::MIN, |at| EventTime(at).minus_ms(delay_ms))
    }
}

/// The watermark that an idle partition may take over from the others: the least of those that are not idle or, where all
/// are, the greatest of all, as the end of a live topic closes nothing that its last posts did not close. None while a
/// partition that nobody has owned yet may hold it back.
pub fn others(
    notes: &BTreeMap<i32, Note>,
    known: impl IntoIterator<Item = i32>,
    own: i32,
    delay_ms: i64,
) -> Option<EventTime> {
    let mut least: Option<EventTime> = None;
    let mut furthest = EventTime::MIN;
    for partition in known {
        let note = notes.get(&partition)?;
        let watermark = note.watermark(delay_ms);
        furthest = furthest.max(watermark);
        if partition != own && !note.idle {
            least = Some(least.map_or(watermark, |least| least.min(watermark)));
        }
    }
    Some(least.unwrap_or(furthest))
}

/// Whether a partition that nobody has owned came after the others had begun: then it takes over their watermark, and
/// holds nobody back.
pub fn is_new(notes: &BTreeMap<i32, Note>, partition: i32) -> bool {
    let same_topic = |other: &i32| (*other < 0) == (partition < 0);
    let index = if partition < 0 { (-1 - partition).cast_unsigned() } else { partition.cast_unsigned() };
    notes.iter().any(|(other, note)| same_topic(other) && note.born <= index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_without_a_note_says_the_way_out() {
        let error = Note::decode("").unwrap_err();
        assert!(error.contains("--delete-offsets") && error.contains("another id"), "{error}");
        assert!(Note::decode("{").unwrap_err().contains("does not read"));
        assert_eq!(Note::decode(&Note::new(3).encode()), Ok(Note::new(3)));
    }
}
