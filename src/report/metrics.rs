//! Every metric of tagwatch: name, help, unit and labels beside each. Label values come from sets that are bounded by
//! the code or the config, never from an account, a text, a link or an alert id. Series of hashtags are made at scrape
//! time from the board's top, so a hashtag that leaves the top leaves no series behind.

mod actions;
mod make;
mod series;
mod several;
mod shadow;

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

pub use actions::ActionMetrics;

use super::board::{Board, Published};
use super::words;
use crate::decide::line::{AlertLine, State};
use crate::model::EventTime;
use make::{counter, counters, gauge, gauges, int_gauge, int_gauges, register};

/// Content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;
/// Why an alert is not said aloud.
const SUPPRESSED_REASONS: [&str; 4] = ["budget", "warming", "campaign", "alerts_max"];
/// Label value of a reason that was not announced to [`Metrics::new`].
const OTHER: &str = "other";

/// All metrics of the process. Fed from any thread; every method is a few atomic operations.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reasons: &'static [&'static str],
    input: Input,
    actions: ActionMetrics,
    decided: Decided,
    process: Process,
    /// What the shadow would have said.
    pub shadow: shadow::Shadow,
    /// What one of several processes tells of sharing work out.
    pub several: several::Several,
}

/// What comes in.
#[derive(Debug)]
struct Input {
    posts: IntCounter,
    posts_rejected: IntCounterVec,
    dead_letters_lost: IntCounter,
    posts_late: IntCounter,
    partition_posts_late: IntCounterVec,
    posts_duplicate: IntCounter,
    mentions: IntCounter,
    partition_watermark: GaugeVec,
    partition_position: IntGaugeVec,
    kafka_lag: IntGaugeVec,
    kafka_up: IntGauge,
}

/// What becomes of it.
#[derive(Debug)]
struct Decided {
    watermark: Gauge,
    shard_watermark: GaugeVec,
    decider_waiting_shard: IntGauge,
    ticks_decided: IntCounter,
    hashtags_tracked: IntGauge,
    hashtags_evicted: IntCounter,
    warming: IntGauge,
    alerts: IntCounterVec,
    alerts_suppressed: IntCounterVec,
    alerts_open: IntGauge,
}

/// What the process holds and writes.
#[derive(Debug)]
struct Process {
    memory: IntGaugeVec,
    checkpoints: IntCounter,
    checkpoint_errors: IntCounter,
    checkpoint_bytes: IntGauge,
    checkpoint_last_success: Gauge,
    restore_duration: Gauge,
    board_hashtags: IntGauge,
    board_hashtags_evicted: IntCounter,
    http_requests: IntCounterVec,
}

/// What has been counted since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Posts read.
    pub posts: u64,
    /// Posts rejected, all reasons together.
    pub rejected: u64,
    /// Posts late.
    pub late: u64,
    /// Posts duplicate.
    pub duplicate: u64,
    /// Mentions handed to shards.
    pub mentions: u64,
    /// Hashtags tracked now.
    pub hashtags_tracked: u64,
    /// Hashtags evicted.
    pub hashtags_evicted: u64,
}

impl Input {
    fn new(r: &Registry) -> Input {
        Input {
            posts: counter(r, "tagwatch_posts_total", "Posts read from the input, whatever became of them."),
            posts_rejected: counters(r, "tagwatch_posts_rejected_total", "Posts rejected as unusable.", &["reason"]),
            dead_letters_lost: counter(
                r,
                "tagwatch_dead_letters_lost_total",
                "Rejected posts that kafka.rejected_topic did not get.",
            ),
            posts_late: counter(
                r,
                "tagwatch_posts_late_total",
                "Posts further behind the greatest event time of their own partition than time.watermark_delay.",
            ),
            partition_posts_late: counters(
                r,
                "tagwatch_partition_posts_late_total",
                "Late posts by the partition they came from.",
                &["topic", "partition"],
            ),
            posts_duplicate: counter(r, "tagwatch_posts_duplicate_total", "Posts that an open pane already holds."),
            mentions: counter(r, "tagwatch_mentions_total", "Mentions applied: one for each hashtag of a post."),
            partition_watermark: gauges(
                r,
                "tagwatch_partition_watermark_timestamp_seconds",
                "Watermark of an input partition; the lowest holds back all.",
                &["topic", "partition"],
            ),
            partition_position: int_gauges(
                r,
                "tagwatch_partition_position",
                "Offset of the next record to be applied of a partition that this process reads.",
                &["topic", "partition"],
            ),
            kafka_lag: int_gauges(
                r,
                "tagwatch_kafka_lag",
                "Records between the end of a partition and what has been applied of it.",
                &["topic", "partition"],
            ),
            kafka_up: int_gauge(r, "tagwatch_kafka_up", "1 where a broker answered lately, else 0."),
        }
    }
}

impl Decided {
    fn new(r: &Registry) -> Decided {
        Decided {
            watermark: gauge(
                r,
                "tagwatch_watermark_timestamp_seconds",
                "Decided watermark: every post below this event time is counted. 0 before the first tick.",
            ),
            shard_watermark: gauges(
                r,
                "tagwatch_shard_watermark_timestamp_seconds",
                "Watermark up to which a shard has assessed.",
                &["shard"],
            ),
            decider_waiting_shard: int_gauge(
                r,
                "tagwatch_decider_waiting_shard",
                "Shard whose report the decider waits for although others have gone on; -1 where there is none.",
            ),
            ticks_decided: counter(r, "tagwatch_ticks_decided_total", "Ticks decided and shown."),
            hashtags_tracked: int_gauge(r, "tagwatch_hashtags_tracked", "Distinct hashtags held in panes."),
            hashtags_evicted: counter(
                r,
                "tagwatch_hashtags_evicted_total",
                "Hashtags given up because memory.budget was reached.",
            ),
            warming: int_gauge(
                r,
                "tagwatch_warming",
                "1 while windows fill again after lost state; nothing pages meanwhile.",
            ),
            alerts: counters(
                r,
                "tagwatch_alerts_total",
                "Alerts that began to fire, once more for each other kind or severity they fire with.",
                &["kind", "severity"],
            ),
            alerts_suppressed: counters(
                r,
                "tagwatch_alerts_suppressed_total",
                "Alerts written to the log but not said aloud.",
                &["reason"],
            ),
            alerts_open: int_gauge(r, "tagwatch_alerts_open", "Alerts that are pending, provisional or firing."),
        }
    }
}

impl Process {
    fn new(r: &Registry) -> Process {
        Process {
            memory: int_gauges(r, "tagwatch_memory_bytes", "Memory held, as accounted by its holder.", &["component"]),
            checkpoints: counter(r, "tagwatch_checkpoints_total", "Checkpoints written."),
            checkpoint_errors: counter(r, "tagwatch_checkpoint_errors_total", "Checkpoints that failed."),
            checkpoint_bytes: int_gauge(r, "tagwatch_checkpoint_bytes", "Size of the last checkpoint written."),
            checkpoint_last_success: gauge(
                r,
                "tagwatch_checkpoint_last_success_timestamp_seconds",
                "When the last checkpoint was written, by the wall clock. 0 before the first.",
            ),
            restore_duration: gauge(
                r,
                "tagwatch_restore_duration_seconds",
                "How long restoring took last: everything at start, or a shard taken over.",
            ),
            board_hashtags: int_gauge(r, "tagwatch_board_hashtags", "Hashtags that the page and the API can show."),
            board_hashtags_evicted: counter(
                r,
                "tagwatch_board_hashtags_evicted_total",
                "Hashtags that left the board because it was full; detection is not affected.",
            ),
            http_requests: counters(r, "tagwatch_http_requests_total", "Requests answered.", &["route", "code"]),
        }
    }
}

impl Metrics {
    /// Registers everything. `reasons` are all reasons a post can be rejected for; each starts at 0, so that the first
    /// one shows as a rate.
    pub fn new(board: Arc<Board>, reasons: &'static [&'static str]) -> Metrics {
        let registry = Registry::new();
        let r = &registry;
        let build = int_gauges(r, "tagwatch_build_info", "1, with the version as label.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        register(r, series::HashtagSeries::new(board));
        #[cfg(target_os = "linux")]
        register(r, prometheus::process_collector::ProcessCollector::for_self());
        let (input, decided, process) = (Input::new(r), Decided::new(r), Process::new(r));
        let actions = ActionMetrics::new(r, reasons);
        let metrics = Metrics {
            reasons,
            input,
            actions,
            decided,
            process,
            shadow: shadow::Shadow::new(r),
            several: several::Several::new(r),
            registry,
        };
        metrics.begin_at_zero();
        metrics
    }

    /// Makes every series of a set known beforehand, so that rates see the step from 0 to 1.
    fn begin_at_zero(&self) {
        for reason in self.reasons {
            self.input.posts_rejected.with_label_values(&[*reason]);
        }
        for reason in SUPPRESSED_REASONS {
            self.decided.alerts_suppressed.with_label_values(&[reason]);
        }
        for kind in words::KINDS {
            for severity in words::SEVERITIES {
                self.decided.alerts.with_label_values(&[words::kind(kind), words::severity(severity)]);
            }
        }
        self.decided.decider_waiting_shard.set(-1);
    }

    /// `n` posts were read.
    pub fn posts(&self, n: u64) {
        self.input.posts.inc_by(n);
    }

    /// `n` posts were rejected. A reason that was not announced counts as `other`.
    pub fn rejected(&self, reason: &str, n: u64) {
        let reason = if self.reasons.contains(&reason) { reason } else { OTHER };
        self.input.posts_rejected.with_label_values(&[reason]).inc_by(n);
    }

    /// The metrics of actions.
    pub fn actions(&self) -> &ActionMetrics {
        &self.actions
    }

    /// So many dead letters were lost since the process started.
    pub fn dead_letters_lost(&self, n: u64) {
        self.input.dead_letters_lost.inc_by(n.saturating_sub(self.input.dead_letters_lost.get()));
    }

    /// `n` posts of a partition were late.
    pub fn late(&self, topic: &str, partition: i32, n: u64) {
        self.input.posts_late.inc_by(n);
        self.input.partition_posts_late.with_label_values(&[topic, &partition.to_string()]).inc_by(n);
    }

    /// `n` posts were duplicates.
    pub fn duplicate(&self, n: u64) {
        self.input.posts_duplicate.inc_by(n);
    }

    /// `n` mentions were applied.
    pub fn mentions(&self, n: u64) {
        self.input.mentions.inc_by(n);
    }

    /// The shards hold `n` distinct hashtags.
    pub fn tracked(&self, n: u64) {
        self.decided.hashtags_tracked.set(signed(n));
    }

    /// `n` hashtags were evicted.
    pub fn evicted(&self, n: u64) {
        self.decided.hashtags_evicted.inc_by(n);
    }

    /// A partition's watermark moved.
    pub fn partition_watermark(&self, topic: &str, partition: i32, watermark: EventTime) {
        self.input.partition_watermark.with_label_values(&[topic, &partition.to_string()]).set(seconds(watermark));
    }

    /// A shard has assessed up to `watermark`.
    pub fn shard_watermark(&self, shard: usize, watermark: EventTime) {
        self.decided.shard_watermark.with_label_values(&[&shard.to_string()]).set(seconds(watermark));
    }

    /// The decider waits for a shard, or for none.
    pub fn waiting_for(&self, shard: Option<usize>) {
        self.decided.decider_waiting_shard.set(shard.map_or(-1, |shard| signed(shard as u64)));
    }

    /// The next record of a partition lies at `offset`; its end, where it is known.
    pub fn position(&self, topic: &str, partition: i32, (offset, end): (i64, Option<i64>)) {
        let partition = partition.to_string();
        let labels = [topic, partition.as_str()];
        self.input.partition_position.with_label_values(&labels).set(offset);
        if let Some(end) = end {
            self.input.kafka_lag.with_label_values(&labels).set((end - offset).max(0));
        }
    }

    /// A partition is no longer read here: its position, lag and watermark leave.
    pub fn partition_removed(&self, topic: &str, partition: i32) {
        let partition = partition.to_string();
        let labels = [topic, partition.as_str()];
        // Any may never have been set; then there is nothing to remove.
        let _ = self.input.partition_position.remove_label_values(&labels);
        let _ = self.input.kafka_lag.remove_label_values(&labels);
        let _ = self.input.partition_watermark.remove_label_values(&labels);
    }

    /// Whether a broker answered lately.
    pub fn kafka_up(&self, up: bool) {
        self.input.kafka_up.set(i64::from(up));
    }

    /// What `component` holds now.
    pub fn memory(&self, component: &'static str, bytes: u64) {
        self.process.memory.with_label_values(&[component]).set(signed(bytes));
    }

    /// A checkpoint of `bytes` was written at `wall_ms`.
    pub fn checkpoint(&self, bytes: u64, wall_ms: i64) {
        self.process.checkpoints.inc();
        self.process.checkpoint_bytes.set(signed(bytes));
        self.process.checkpoint_last_success.set(wall_ms as f64 / 1000.0);
    }

    /// A checkpoint failed.
    pub fn checkpoint_error(&self) {
        self.process.checkpoint_errors.inc();
    }

    /// Restoring took this long.
    pub fn restored(&self, took: std::time::Duration) {
        self.process.restore_duration.set(took.as_secs_f64());
    }

    /// `n` alerts were held back for a reason: `budget`, `warming`, `campaign` or `alerts_max`.
    pub fn suppressed(&self, reason: &str, n: u64) {
        let reason = if SUPPRESSED_REASONS.contains(&reason) { reason } else { OTHER };
        self.decided.alerts_suppressed.with_label_values(&[reason]).inc_by(n);
    }

    /// An alert line was written. Counts it where it fires or was held back.
    pub fn alert_line(&self, line: &AlertLine) {
        if line.state == State::Firing {
            self.decided.alerts.with_label_values(&[words::kind(line.kind), words::severity(line.severity)]).inc();
            if line.suppressed {
                self.suppressed(held_by(line), 1);
            }
        }
    }

    /// A request was answered. `route` is the route's pattern, never the path as sent.
    pub fn http_request(&self, route: &str, code: u16) {
        self.process.http_requests.with_label_values(&[route, &code.to_string()]).inc();
    }

    pub(super) fn decided(&self, watermark: EventTime, warming: bool) {
        self.decided.ticks_decided.inc();
        self.decided.watermark.set(seconds(watermark));
        self.decided.warming.set(i64::from(warming));
    }

    pub(super) fn published(&self, published: &Published) {
        self.process.board_hashtags.set(signed(published.hashtags as u64));
        self.process.board_hashtags_evicted.inc_by(published.hashtags_evicted);
        self.decided.alerts_open.set(signed(published.open as u64));
        self.suppressed("alerts_max", published.alerts_over);
    }

    /// What has been counted so far.
    pub fn counted(&self) -> Counted {
        let rejected = series(&self.input.posts_rejected).iter().map(|(_, value)| *value as u64).sum();
        Counted {
            posts: self.input.posts.get(),
            rejected,
            late: self.input.posts_late.get(),
            duplicate: self.input.posts_duplicate.get(),
            mentions: self.input.mentions.get(),
            hashtags_tracked: u64::try_from(self.decided.hashtags_tracked.get()).unwrap_or(0),
            hashtags_evicted: self.decided.hashtags_evicted.get(),
        }
    }

    /// Records not yet applied, all partitions together.
    pub fn lag_records(&self) -> u64 {
        series(&self.input.kafka_lag).iter().map(|(_, value)| *value as u64).sum()
    }

    /// Whether a broker answered lately.
    pub fn is_kafka_up(&self) -> bool {
        self.input.kafka_up.get() == 1
    }

    /// Memory by component, sorted by name.
    pub fn memory_bytes(&self) -> Vec<(String, u64)> {
        let mut parts: Vec<_> =
            series(&self.process.memory).into_iter().map(|(name, value)| (name, value as u64)).collect();
        parts.sort();
        parts
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(64 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("writing to memory does not fail");
        text
    }
}

/// Why nobody is called for a line that is held back.
fn held_by(line: &AlertLine) -> &'static str {
    match &line.campaign {
        _ if line.warming => "warming",
        Some(_) => "campaign",
        None => "budget",
    }
}

/// The series of a family as (first label's value, value).
fn series(family: &impl Collector) -> Vec<(String, f64)> {
    let families = family.collect();
    let metrics = families.iter().flat_map(MetricFamily::get_metric);
    metrics
        .map(|metric| {
            let label = metric.get_label().first().map(|label| label.value().to_owned()).unwrap_or_default();
            (label, metric.get_gauge().get_value() + metric.get_counter().get_value())
        })
        .collect()
}

/// Gauges hold signed numbers; what does not fit is shown as the greatest that does.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Seconds since the epoch; 0 for the stand-ins before and after every post.
fn seconds(at: EventTime) -> f64 {
    if at.is_plausible() { at.0 as f64 / 1000.0 } else { 0.0 }
}

#[cfg(test)]
mod tests;
