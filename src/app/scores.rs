//! The scores that hashtags were last assessed with, beside the counts that shards give for the board.

use std::collections::BTreeMap;

use crate::assess::top::TopRow;
use crate::assess::values::Adjusted;
use crate::decide::view::HashtagView;
use crate::model::Tick;
use crate::track::ladder::MINUTE;

/// Ticks that a hashtag's scores are shown after it was assessed last.
const SCORES_SHOWN: i64 = 5 * MINUTE;

/// Last assessment by hashtag.
#[derive(Debug, Default)]
pub struct Scores(BTreeMap<String, (Tick, HashtagView)>);

impl Scores {
    /// Takes what a tick assessed.
    pub fn assessed(&mut self, tick: Tick, assessed: &[HashtagView]) {
        for view in assessed {
            self.0.insert(view.hashtag.clone(), (tick, view.clone()));
        }
    }

    /// Forgets scores that are too old to be shown at `tick`.
    pub fn forget(&mut self, tick: Tick) {
        self.0.retain(|_, (assessed, _)| assessed.0 > tick.0 - SCORES_SHOWN);
    }

    /// The busiest hashtags of all shards, with the scores they were last assessed with.
    pub fn top<'a>(&self, rows: impl Iterator<Item = &'a TopRow>) -> Vec<HashtagView> {
        let mut rows: Vec<&TopRow> = rows.collect();
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.posts()), row.hashtag.as_str()));
        rows.into_iter().map(|row| self.seen(row)).collect()
    }

    fn seen(&self, row: &TopRow) -> HashtagView {
        let TopRow { hashtag, display, windows, adjusted } = row;
        let scored = self.0.get(hashtag).map(|(_, view)| view.clone()).unwrap_or_default();
        // Scores are of the last assessment, counts of now; not assessed since it was touched, it has those of all of it.
        let adjusted = adjusted.map(|windows| match &scored.adjusted {
            Some(known) => Adjusted { windows, ..known.clone() },
            None => Adjusted { windows, burst: scored.burst, coordination: scored.coordination },
        });
        let (hashtag, display) = (hashtag.clone(), display.clone());
        HashtagView { hashtag, display, windows: windows.clone(), adjusted, ..scored }
    }
}
