//! What the shadow would have said, counted apart: nothing of it stands in the metrics that people are called by.

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::{counter, counters};
use crate::decide::line::{AlertLine, State};
use crate::report::words;

/// Metrics of the shadow; all stay at nothing where there is none.
#[derive(Debug)]
pub struct Shadow {
    alerts: IntCounterVec,
    lost: IntCounter,
}

impl Shadow {
    pub(super) fn new(r: &Registry) -> Shadow {
        Shadow {
            alerts: counters(
                r,
                "tagwatch_shadow_alerts_total",
                "Alerts that would have begun to fire under the rules of --shadow; nobody is told of them.",
                &["kind", "severity"],
            ),
            lost: counter(r, "tagwatch_shadow_alert_lines_lost_total", "Lines of the shadow that its log did not get."),
        }
    }

    /// There is a shadow: its series begin at 0, so that rates see the first step.
    pub fn begin(&self) {
        for kind in words::KINDS {
            for severity in words::SEVERITIES {
                self.alerts.with_label_values(&[words::kind(kind), words::severity(severity)]);
            }
        }
    }

    /// The shadow decided a line. Counts it where it fires.
    pub fn line(&self, line: &AlertLine) {
        if line.state == State::Firing {
            self.alerts.with_label_values(&[words::kind(line.kind), words::severity(line.severity)]).inc();
        }
    }

    /// `n` lines could not be written.
    pub fn lost(&self, n: u64) {
        self.lost.inc_by(n);
    }
}
