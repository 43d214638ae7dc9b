//! The topics that processes of one deployment talk through, and how they must be set.

use super::admin::{Need, Rule, Setting};

/// Their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Mentions: a partition a shard.
    pub mentions: String,
    /// Checkpoints, compacted: a partition a shard, and one more for the decider.
    pub state: String,
    /// What shards say to the decider: one partition.
    pub reports: String,
    /// What the decider shows, compacted: one partition.
    pub board: String,
}

impl Names {
    /// Those of a deployment.
    pub fn of(id: &str) -> Names {
        let name = |what: &str| format!("{id}-{what}");
        Names { mentions: name("mentions"), state: name("state"), reports: name("reports"), board: name("board") }
    }
}

const fn setting(key: &'static str, value: &'static str, rule: Rule, why: &'static str) -> Setting {
    Setting { key, value, rule, why }
}

/// Event times of years ago would be past any retention at once.
const APPEND_TIME: Setting =
    setting("message.timestamp.type", "LogAppendTime", Rule::Is, "event times of old posts would be deleted at once");
const DELETE: Setting =
    setting("cleanup.policy", "delete", Rule::Is, "records have no keys, and compaction refuses them");
const COMPACT: Setting = setting("cleanup.policy", "compact", Rule::Is, "the last record of each key is what counts");
const THREE_DAYS: Setting = setting(
    "retention.ms",
    "259200000",
    Rule::AtLeast,
    "three days: a restore reads back a day, and people need time to mend",
);
/// Twice the largest part.
const MESSAGE: Setting =
    setting("max.message.bytes", "1048588", Rule::AtLeast, "parts of reports and chunks are up to 512 KiB");
/// As its writer has compressed it.
const COMPRESSION: Setting =
    setting("compression.type", "producer", Rule::Is, "brokers keep what the writer has compressed");
const SEGMENT: Setting =
    setting("segment.bytes", "67108864", Rule::AtMost, "compaction leaves the newest segment alone: 64 MiB");
const TOMBSTONES: Setting = setting(
    "delete.retention.ms",
    "86400000",
    Rule::AtLeast,
    "a day in which a slow reader still sees what was removed",
);
const LAG: Setting =
    setting("max.compaction.lag.ms", "86400000", Rule::AtMost, "what is replaced or removed is gone after a day");

const LOG: &[Setting] = &[DELETE, THREE_DAYS, APPEND_TIME, MESSAGE, COMPRESSION];
const TABLE: &[Setting] = &[COMPACT, SEGMENT, TOMBSTONES, LAG, APPEND_TIME, MESSAGE, COMPRESSION];

/// What the topic of alert lines has beside its policy. How long lines are kept is for their readers to say.
pub const ALERTS: [Setting; 2] = [APPEND_TIME, COMPRESSION];

/// The topics that a deployment with so many shards needs beside those of the config, on so many brokers each.
pub fn internal(id: &str, shards: usize, replicas: i32) -> Vec<Need> {
    let Names { mentions, state, reports, board } = Names::of(id);
    let shards = i32::try_from(shards).unwrap_or(i32::MAX);
    let need = |topic, role, partitions, settings: &[Setting]| {
        let settings = settings.to_vec();
        Need { topic, role, partitions: Some(partitions), replicas: Some(replicas), settings }
    };
    vec![
        need(mentions, "mentions, a partition a shard", shards, LOG),
        need(state, "checkpoints, a partition a shard and one for the decider", shards + 1, TABLE),
        need(reports, "reports of shards to the decider", 1, LOG),
        need(board, "what every process shows", 1, TABLE),
    ]
}
