//! Report: what readers see. The decider hands over one [`TickView`] a tick; Prometheus, the page and the API read from
//! the board whenever they like, and none of them can make ingest wait.

pub mod board;
pub mod health;
pub mod metrics;

mod safe;
mod words;

mod api;
mod openapi;
mod page;
mod page_alert;
mod page_parts;
mod problem;

pub mod http;
mod http_auth;
mod http_listen;

use std::sync::Arc;

use crate::decide::line::AlertLine;
use crate::decide::view::TickView;

/// The two places that readers look at, fed together so that they never disagree.
#[derive(Clone, Debug)]
pub struct Report {
    /// Hashtags, alerts and the decided tick.
    pub board: Arc<board::Board>,
    /// Counters and gauges.
    pub metrics: Arc<metrics::Metrics>,
}

impl Report {
    /// Shows a decided tick. Called by the decider's thread once a tick, in order; takes no lock that a reader holds
    /// for longer than one pointer copy.
    pub fn publish(&self, view: TickView) {
        let open = Arc::clone(&self.board.face().open);
        for line in view.lines.iter().filter(|line| !is_told(open.get(&line.alert_id).map(|before| &**before), line)) {
            self.metrics.alert_line(line);
        }
        self.metrics.decided(view.watermark, view.warming);
        let published = self.board.publish(view);
        self.metrics.published(&published);
    }
}

/// Whether a line says again what its last one said: a campaign fires once more when it grows, and is counted once.
fn is_told(before: Option<&AlertLine>, line: &AlertLine) -> bool {
    let of = |line: &AlertLine| (line.kind, line.state, line.severity);
    before.is_some_and(|before| of(before) == of(line))
}
