//! The metrics of actions: what was read of them, what became of it, and how many are remembered.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::{OTHER, counter, counters, int_gauge, signed};
use crate::model::Act;

/// See the file's head.
#[derive(Debug)]
pub struct ActionMetrics {
    reasons: &'static [&'static str],
    taken: IntCounterVec,
    rejected: IntCounterVec,
    late: IntCounter,
    evicted: IntCounter,
    remembered: IntGauge,
}

impl ActionMetrics {
    /// Registers them, each series at 0.
    pub(super) fn new(r: &Registry, reasons: &'static [&'static str]) -> ActionMetrics {
        let metrics = ActionMetrics {
            reasons,
            taken: counters(r, "tagwatch_actions_total", "Actions read that take effect.", &["action"]),
            rejected: counters(
                r,
                "tagwatch_actions_rejected_total",
                "Records of kafka.actions_topic rejected as no usable action.",
                &["reason"],
            ),
            late: counter(
                r,
                "tagwatch_actions_late_total",
                "Actions further behind their own partition than time.watermark_delay; they change nothing.",
            ),
            evicted: counter(
                r,
                "tagwatch_actions_evicted_total",
                "Actions forgotten because windows.actions_max was reached.",
            ),
            remembered: int_gauge(r, "tagwatch_actions_remembered", "Accounts and posts whose actions are remembered."),
        };
        Act::ALL.iter().for_each(|act| drop(metrics.taken.with_label_values(&[act.as_str()])));
        reasons.iter().for_each(|reason| drop(metrics.rejected.with_label_values(&[*reason])));
        metrics
    }

    /// So many actions were read that take effect, by the number of their act.
    pub fn taken(&self, counts: &[u64; Act::ALL.len()]) {
        for (act, n) in Act::ALL.iter().zip(counts) {
            self.taken.with_label_values(&[act.as_str()]).inc_by(*n);
        }
    }

    /// `n` actions were late.
    pub fn late(&self, n: u64) {
        self.late.inc_by(n);
    }

    /// `n` records were rejected. A reason that was not announced counts as `other`.
    pub fn rejected(&self, reason: &str, n: u64) {
        let reason = if self.reasons.contains(&reason) { reason } else { OTHER };
        self.rejected.with_label_values(&[reason]).inc_by(n);
    }

    /// `n` actions were forgotten.
    pub fn evicted(&self, n: u64) {
        self.evicted.inc_by(n);
    }

    /// The actions on `n` accounts and posts are remembered.
    pub fn remembered(&self, n: u64) {
        self.remembered.set(signed(n));
    }
}
