//! The board as a thread: every process reads what the decider shows, so every process answers every query.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use tracing::{debug, warn};

use super::refused;
use crate::config::Config;
use crate::decide::line::AlertLine;
use crate::decide::view::{HashtagView, TickView};
use crate::exchange::wire::board::{Showing, Shown};
use crate::kafka;
use crate::kafka::reader::Reader;
use crate::kafka::topics::Names;
use crate::report::Report;
use crate::report::health::Health;
use crate::source::kafka::Shared;

/// Longest a look at the board takes where nothing is there.
const POLL: Duration = Duration::from_millis(100);

/// The thread's state.
pub struct Boarding {
    reader: Reader,
    shared: Arc<Shared>,
    report: Report,
    health: Arc<Health>,
    decided: Arc<AtomicI64>,
    showing: Showing,
    /// Seen since the last tick was shown.
    assessed: Vec<HashtagView>,
    lines: Vec<AlertLine>,
    /// The last line that was shown; a new decider may show some again.
    last: Option<(i64, u32)>,
}

impl Boarding {
    /// Connects; waits for no broker.
    pub fn connect(
        config: &Config,
        (shared, report, health): (Arc<Shared>, Report, Arc<Health>),
        decided: Arc<AtomicI64>,
    ) -> anyhow::Result<Boarding> {
        let names = Names::of(&config.id);
        Ok(Boarding {
            reader: Reader::connect(&config.kafka, &format!("{}-read", config.id), &names.board)?,
            shared,
            report,
            health,
            decided,
            showing: Showing::default(),
            assessed: Vec::new(),
            lines: Vec::new(),
            last: None,
        })
    }

    /// Works until told to stop.
    ///
    /// # Errors
    /// What only a person can mend. Brokers that are away are waited for.
    pub fn run(mut self, beat: &dyn Fn()) -> anyhow::Result<()> {
        let stopped = || self.shared.stopped();
        let (low, high) = loop {
            if let Err(error) = self.reader.partitions(&stopped) {
                return if stopped() { Ok(()) } else { Err(error.into()) };
            }
            match self.reader.range(0) {
                Err(error) if error.is_passing() && !stopped() => warn!(%error, "waiting for the board"),
                other => break other?,
            }
        };
        self.reader.assign(&BTreeMap::from([(0, low)]))?;
        let mut recalled = low >= high;
        while !self.shared.stopped() {
            beat();
            let views = self.read()?;
            if !recalled {
                recalled = self.reader.positions().get(&0).is_some_and(|position| *position >= high);
                if recalled {
                    // What was said before this process came is not counted again.
                    self.report.board.recall(std::mem::take(&mut self.lines));
                }
                views.last().cloned().into_iter().filter(|_| recalled).for_each(|view| self.publish(view));
            } else {
                views.into_iter().for_each(|view| self.publish(view));
            }
            if recalled {
                self.health.set_restored();
            }
        }
        Ok(())
    }

    /// Reads what is there; the ticks that it shows, each with what came before it.
    fn read(&mut self) -> anyhow::Result<Vec<TickView>> {
        let (mut records, mut failed) = (Vec::new(), Ok(()));
        self.reader.poll_batch(POLL, |polled| match polled {
            Ok(record) => records.push(record.payload().to_vec()),
            Err(error) if error.is_passing() => debug!(%error, "waiting for brokers"),
            Err(error) => failed = Err(error),
        });
        match failed {
            // Compaction or retention has passed us by: the board is a picture, and the next one is whole.
            Err(kafka::Error::OffsetOutOfRange { .. }) => {
                let (low, _) = self.reader.range(0)?;
                self.reader.assign(&BTreeMap::from([(0, low)]))?;
            }
            other => other?,
        }
        let mut views = Vec::new();
        for record in records {
            match self.showing.take(&record).map_err(|why| refused(&why, anyhow!("a record of the board: {why}")))? {
                None => {}
                Some(Shown::Hashtag(_, view)) => self.assessed.push(*view),
                Some(Shown::Line(_, line)) => {
                    let place = Some((line.tick, line.n));
                    if place > self.last {
                        self.last = place;
                        self.lines.push(*line);
                    }
                }
                Some(Shown::Tick(view)) => views.push(*view),
            }
        }
        Ok(views)
    }

    fn publish(&mut self, view: TickView) {
        self.decided.fetch_max(view.watermark.0, Ordering::Relaxed);
        let (assessed, lines) = (std::mem::take(&mut self.assessed), std::mem::take(&mut self.lines));
        self.report.publish(TickView { assessed, lines, ..view });
    }
}
