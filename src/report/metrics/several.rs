//! What one of several processes tells of sharing work out: rebalances, and mentions that came twice.

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::{Metrics, counter, counters};

/// Counts of sharing work out; all stay 0 in one process.
#[derive(Debug)]
pub struct Several {
    rebalances: IntCounterVec,
    mentions_duplicate: IntCounter,
}

impl Several {
    pub(super) fn new(r: &Registry) -> Several {
        let several = Several {
            rebalances: counters(
                r,
                "tagwatch_rebalances_total",
                "Times that a consumer group gave or took partitions.",
                &["group"],
            ),
            mentions_duplicate: counter(
                r,
                "tagwatch_mentions_duplicate_total",
                "Mentions that a shard was sent again after a take-over and passed over.",
            ),
        };
        for group in ["ingest", "track", "decide"] {
            several.rebalances.with_label_values(&[group]);
        }
        several
    }

    /// A group (`ingest`, `track` or `decide`) has given or taken partitions.
    pub fn rebalance(&self, group: &str) {
        self.rebalances.with_label_values(&[group]).inc();
    }

    /// Mentions were passed over because they had been applied.
    pub fn mentions_duplicate(&self, n: u64) {
        self.mentions_duplicate.inc_by(n);
    }
}

impl Metrics {
    /// A shard is no longer owned here: its watermark leaves.
    pub fn shard_removed(&self, shard: u32) {
        // It may never have been set; then there is nothing to remove.
        let _ = self.decided.shard_watermark.remove_label_values(&[&shard.to_string()]);
    }
}
