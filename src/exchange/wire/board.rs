//! Records of `<id>-board`: what every process shows, written by the decider, compacted by key.

use serde::{Deserialize, Serialize};

use super::frame::{Flaw, Kind, seal, unseal};
use crate::decide::line::AlertLine;
use crate::decide::view::{HashtagView, TickView};
use crate::model::Tick;

/// Slots of hashtags: the topic keeps the last view of each slot.
pub const TAG_SLOTS: u64 = 8192;
/// Slots of alert lines, taken in turn.
pub const LINE_SLOTS: u64 = 2048;

/// Rows of the top in one record: at about 3 KB each well below what a record takes.
const ROWS_MAX: usize = 100;

/// What the board shows, as JSON: people read it with Kafka's own tools.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// A hashtag, assessed at a tick.
    Hashtag(Tick, Box<HashtagView>),
    /// The n-th alert line of all.
    Line(u64, Box<AlertLine>),
    /// The tick, the watermark and the top; `assessed` and `lines` are empty: they came before it, one by one.
    Tick(Box<TickView>),
}

/// A record: rows of the top that come before the tick that they belong to, or a whole thing.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Rows(Tick, Vec<HashtagView>),
    Whole(Shown),
}

impl Shown {
    /// Key and bytes of its records, in order.
    pub fn encode(&self) -> Vec<(String, Vec<u8>)> {
        let bytes = |record: &Record| seal(Kind::Board, &serde_json::to_vec(record).expect("plain values are JSON"));
        match self {
            Shown::Hashtag(_, view) => {
                let slot = u64::from(crc32fast::hash(view.hashtag.as_bytes())) % TAG_SLOTS;
                vec![(format!("tag/{slot:04}"), bytes(&Record::Whole(self.clone())))]
            }
            Shown::Line(n, _) => vec![(format!("line/{:04}", n % LINE_SLOTS), bytes(&Record::Whole(self.clone())))],
            Shown::Tick(view) => {
                let mut rest = TickView::clone(view);
                let rows = rest.top.split_off(rest.top.len().min(ROWS_MAX));
                let mut records: Vec<(String, Vec<u8>)> = (0..)
                    .zip(rows.chunks(ROWS_MAX))
                    .map(|(n, rows)| (format!("rows/{n}"), bytes(&Record::Rows(view.tick, rows.to_vec()))))
                    .collect();
                records.push(("top".to_owned(), bytes(&Record::Whole(Shown::Tick(Box::new(rest))))));
                records
            }
        }
    }
}

/// Puts together what the board's records show.
#[derive(Debug, Default)]
pub struct Showing {
    rows: Vec<HashtagView>,
    of: Tick,
}

impl Showing {
    /// Takes a record; gives what it completes.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn take(&mut self, record: &[u8]) -> Result<Option<Shown>, Flaw> {
        let payload = unseal(Kind::Board, record)?;
        let record: Record = serde_json::from_slice(payload)
            .map_err(|error| Flaw::Corrupt(format!("a record of the board does not read: {error}")))?;
        match record {
            Record::Rows(tick, rows) => {
                if tick != self.of {
                    self.rows.clear();
                    self.of = tick;
                }
                self.rows.extend(rows);
                Ok(None)
            }
            Record::Whole(Shown::Tick(mut view)) => {
                let rows = std::mem::take(&mut self.rows);
                view.top.extend(rows.into_iter().filter(|_| self.of == view.tick));
                Ok(Some(Shown::Tick(view)))
            }
            Record::Whole(shown) => Ok(Some(shown)),
        }
    }
}
