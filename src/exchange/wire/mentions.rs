//! One record of `<id>-mentions`: what one source partition has for one shard between two of its offsets.

use serde::{Deserialize, Serialize};

use super::columns::Packed;
use super::frame::{Flaw, Kind, seal, unseal};
pub use crate::model::mention::ROUTING;
use crate::model::{EventTime, Keyed, MentionBatch, Taken};

/// Mentions of one source partition for one shard, also where there are none: then only time passes.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    /// See [`ROUTING`].
    pub routing: u16,
    /// Source partition, numbered as in [`crate::source::partition`]: those of actions are negative.
    pub source: i32,
    /// Partitions of posts and of actions that the sender knows of: a shard waits for all of them.
    pub partitions: (u32, u32),
    /// The records of the source partition that are told of here: from this offset on …
    pub from: i64,
    /// … and before this one. Where both are the same, only time passes.
    pub to: i64,
    /// Every further post or action of the source partition below it is late; [`EventTime::MIN`] before the first.
    pub watermark: EventTime,
    /// Earliest event time that the source partition has shown.
    pub watched_since: Option<EventTime>,
    /// The mentions, in the order of their offsets.
    pub batch: MentionBatch,
    /// Offset of each mention's post, in `from..to`, never descending.
    pub offsets: Vec<i64>,
    /// Actions with their offsets, never descending.
    pub actions: Vec<(i64, Taken)>,
}

/// The record's fields, mentions packed.
#[derive(Serialize, Deserialize)]
struct Fields<'a> {
    routing: u16,
    source: i32,
    partitions: (u32, u32),
    from: i64,
    length: u64,
    watermark: EventTime,
    watched_since: Option<EventTime>,
    #[serde(borrow)]
    mentions: Packed<'a>,
    actions: Vec<(i64, Taken)>,
}

impl Mentions {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let columns = super::columns::pack(&self.batch, &self.offsets, self.from);
        let fields = Fields {
            routing: self.routing,
            source: self.source,
            partitions: self.partitions,
            from: self.from,
            length: self.to.wrapping_sub(self.from).cast_unsigned(),
            watermark: self.watermark,
            watched_since: self.watched_since,
            mentions: columns.packed(),
            actions: self.actions.clone(),
        };
        seal(Kind::Mentions, &postcard::to_stdvec(&fields).expect("plain values encode"))
    }

    /// A record from its bytes, under the sketch key that it was written under: identities of hashtags do not travel, as
    /// their names do.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn decode(record: &[u8], keyed: &Keyed) -> Result<Mentions, Flaw> {
        let payload = unseal(Kind::Mentions, record)?;
        let fields: Fields<'_> = postcard::from_bytes(payload)
            .map_err(|error| Flaw::Corrupt(format!("a batch of mentions does not read: {error}")))?;
        let (batch, offsets) = super::columns::unpack(&fields.mentions, fields.from, keyed)
            .ok_or_else(|| Flaw::Corrupt("the columns of a batch of mentions do not fit".to_owned()))?;
        Ok(Mentions {
            routing: fields.routing,
            source: fields.source,
            partitions: fields.partitions,
            from: fields.from,
            to: fields.from.wrapping_add(fields.length.cast_signed()),
            watermark: fields.watermark,
            watched_since: fields.watched_since,
            batch,
            offsets,
            actions: fields.actions,
        })
    }
}
