//! What closes at a tick and is kept: panes, rows of hours, actions; how they become chunks and are read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CHUNK_BYTES_MAX, ChunkKey};
use crate::track::actions::Actions;
use crate::track::ladder::{DAY, HOUR, LEVEL_0_KEPT, MINUTE, floor};
use crate::track::pane::Pane;
use crate::track::rows::Row;
use crate::track::shard::{Closing, LEVEL_ACTIONS, LEVEL_ROWS};

/// What closed and is to be written.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A pane.
    Pane(Arc<Pane>),
    /// The rows of an hour.
    Rows(Vec<Row>),
    /// The actions as they stand; only the last are worth writing.
    Actions(Arc<Actions>),
}

/// A closed pane's place: shard, level, end.
pub type Place = (u32, u8, i64);

impl Payload {
    /// The bytes of a pane, of rows or of actions.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            // Numbers are written as short as they are, so no pane is longer written than held.
            Payload::Pane(pane) => postcard::to_extend(pane.as_ref(), Vec::with_capacity(pane.bytes())),
            Payload::Rows(rows) => postcard::to_stdvec(rows),
            Payload::Actions(actions) => postcard::to_stdvec(actions.as_ref()),
        }
        .expect("plain values encode")
    }
}

/// Takes out of `closing` what is to be written of a shard; the counts stay, for whoever sums them up.
pub fn keep(closed: &mut BTreeMap<Place, Payload>, shard: u32, closing: &mut Closing) {
    for (level, end, pane) in closing.panes.drain(..) {
        closed.insert((shard, level, end), Payload::Pane(pane));
    }
    if let Some((end, rows)) = closing.rows.take() {
        closed.insert((shard, LEVEL_ROWS, end), Payload::Rows(rows));
    }
    if let Some(actions) = closing.actions.take() {
        closed.insert((shard, LEVEL_ACTIONS, closing.tick.0), Payload::Actions(actions));
    }
}

/// A payload as chunks. An empty one still is one, so that its absence is noticed.
pub fn chunks(key: impl Fn(u32) -> ChunkKey, bytes: &[u8]) -> Vec<(ChunkKey, &[u8])> {
    let parts: Vec<&[u8]> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(CHUNK_BYTES_MAX).collect() };
    (0..).zip(parts).map(|(number, part)| (key(number), part)).collect()
}

/// Lets go of the places that no window and no baseline reaches after `tick`, and of all actions but the last.
pub fn retain_live<A, B>(a: &mut BTreeMap<Place, A>, b: &mut BTreeMap<Place, B>, tick: i64, baseline_days: i64) {
    let actions = a.keys().chain(b.keys()).filter(|place| place.1 == LEVEL_ACTIONS).map(|place| place.2).max();
    let is_live = |place: &Place| {
        if place.1 == LEVEL_ACTIONS { Some(place.2) == actions } else { is_live(*place, tick, baseline_days) }
    };
    a.retain(|place, _| is_live(place));
    b.retain(|place, _| is_live(place));
}

/// Whether any window, or the baseline, still reaches a pane after `tick`.
fn is_live(place: Place, tick: i64, baseline_days: i64) -> bool {
    let last_gone = match place.1 {
        0 => tick - LEVEL_0_KEPT,
        1 => floor(tick, MINUTE) - HOUR,
        LEVEL_ROWS => tick - baseline_days * DAY,
        _ => floor(tick, HOUR) - DAY,
    };
    place.2 > last_gone
}

/// Panes and rows by level and end, of any number of shards.
#[derive(Default)]
pub struct Kept {
    /// By level and end.
    pub panes: BTreeMap<(u8, i64), Vec<Pane>>,
    /// By the end of the hour.
    pub rows: BTreeMap<i64, Vec<Row>>,
    /// The actions, and the tick at which they stood so.
    pub actions: Option<(i64, Arc<Actions>)>,
    /// How many chunks each place has.
    pub written: BTreeMap<Place, u32>,
}

impl Kept {
    /// Reads chunks back, each asked for by its key.
    ///
    /// # Errors
    /// What `read` says of a chunk that it does not have, and what `corrupt` makes of one that does not read.
    pub fn read<E>(
        chunks: &[ChunkKey],
        mut read: impl FnMut(&ChunkKey) -> Result<Vec<u8>, E>,
        corrupt: impl Fn(String) -> E,
    ) -> Result<Kept, E> {
        let mut kept = Kept::default();
        let mut by_place: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
        let mut sorted = chunks.to_vec();
        sorted.sort_unstable();
        for key in &sorted {
            let place = (key.shard, key.level, key.pane);
            by_place.entry(place).or_default().extend(read(key)?);
            *kept.written.entry(place).or_default() += 1;
        }
        let fault = |what: &str, error: postcard::Error| corrupt(format!("{what} does not read: {error}"));
        for ((_, level, end), bytes) in by_place {
            if level == LEVEL_ROWS {
                let rows: Vec<Row> = postcard::from_bytes(&bytes).map_err(|error| fault("an hour's rows", error))?;
                kept.rows.entry(end).or_default().extend(rows);
            } else if level == LEVEL_ACTIONS {
                let actions: Actions = postcard::from_bytes(&bytes).map_err(|error| fault("the actions", error))?;
                kept.actions = Some((end, Arc::new(actions)));
            } else {
                let pane: Pane = postcard::from_bytes(&bytes).map_err(|error| fault("a pane", error))?;
                kept.panes.entry((level, end)).or_default().push(pane);
            }
        }
        Ok(kept)
    }
}
