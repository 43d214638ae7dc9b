//! The config as meant, written out again: every key with the text that `--set` would take. `check` shows it, and its
//! detection part is what the config's version is a hash of.

use std::collections::BTreeMap;
use std::hash::Hasher;

use crate::model::keyed::SipHasher24;

use super::value::{show_duration, show_size};
use super::{
    Config, Detect, Exchange, Http, Kafka, Kinds, Limits, Memory, Metrics, Privacy, Ramp, Start, State, Time, Track,
    Windows,
};

impl Config {
    /// Every key and its value, as text that `--set key=value` reads back; secrets in clear. No struct is taken apart with
    /// `..`, so a field that is added must be written out here.
    pub fn entries(&self) -> BTreeMap<String, String> {
        let Config {
            id,
            exchange,
            kafka,
            http,
            state,
            privacy,
            memory,
            metrics,
            track,
            time,
            limits,
            windows,
            detect,
            // A list that no flag can set; see `expected`.
            expected: _,
            version: _,
        } = self;
        let Http { listen, token_file } = http;
        let State { dir, checkpoint_interval } = state;
        let Privacy { key_file } = privacy;
        let Memory { budget_bytes } = memory;
        let Metrics { top_k, alerts_max } = metrics;
        let Track { shards, routing } = track;
        let Limits { post_bytes_max, hashtags_max, hashtag_chars_max, id_bytes_max } = limits;
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        let mut entries = BTreeMap::new();
        let mut put = |key: &str, value: String| drop(entries.insert(key.to_string(), value));
        put("id", id.clone());
        put(
            "exchange",
            match exchange {
                Exchange::InProcess => "in-process".to_string(),
                Exchange::Kafka => "kafka".to_string(),
            },
        );
        put("http.listen", listen.to_string());
        put("http.token_file", path(token_file));
        put("state.dir", dir.display().to_string());
        put("state.checkpoint_interval", show_duration(*checkpoint_interval));
        put("privacy.key_file", path(key_file));
        put("memory.budget", show_size(*budget_bytes));
        put("metrics.top_k", top_k.to_string());
        put("metrics.alerts_max", alerts_max.to_string());
        put("track.shards", shards.to_string());
        put("track.routing", routing.to_string());
        put("limits.post_bytes_max", show_size(*post_bytes_max as u64));
        put("limits.hashtags_max", hashtags_max.to_string());
        put("limits.hashtag_chars_max", hashtag_chars_max.to_string());
        put("limits.id_bytes_max", id_bytes_max.to_string());
        put_kafka(kafka, &mut put);
        put_time(time, &mut put);
        put_windows(windows, &mut put);
        put_detect(detect, &mut put);
        entries
    }
}

fn put_kafka(kafka: &Kafka, put: &mut impl FnMut(&str, String)) {
    let Kafka { brokers, posts_topic, actions_topic, alerts_topic, rejected_topic, start, client } = kafka;
    put("kafka.brokers", brokers.clone());
    put("kafka.posts_topic", posts_topic.clone());
    put("kafka.actions_topic", actions_topic.clone().unwrap_or_default());
    put("kafka.alerts_topic", alerts_topic.clone().unwrap_or_default());
    put("kafka.rejected_topic", rejected_topic.clone().unwrap_or_default());
    put(
        "kafka.start",
        match start {
            Start::Earliest => "earliest".to_string(),
            Start::Latest => "latest".to_string(),
            Start::At(time) => time.to_string(),
        },
    );
    for (name, value) in client {
        put(&format!("kafka.client.{name}"), value.clone());
    }
}

fn put_time(time: &Time, put: &mut impl FnMut(&str, String)) {
    let Time { watermark_delay, idle_timeout, actions_idle_timeout, max_future } = time;
    put("time.watermark_delay", show_duration(*watermark_delay));
    put("time.idle_timeout", show_duration(*idle_timeout));
    put("time.actions_idle_timeout", show_duration(*actions_idle_timeout));
    put("time.max_future", show_duration(*max_future));
}

fn put_windows(windows: &Windows, put: &mut impl FnMut(&str, String)) {
    let Windows { baseline_days, row_posts_min, hour_sample_accounts_min, hour_total_accounts_below, actions_max } =
        windows;
    put("windows.baseline_days", baseline_days.to_string());
    put("windows.row_posts_min", row_posts_min.to_string());
    put("windows.hour_sample_accounts_min", hour_sample_accounts_min.to_string());
    put("windows.hour_total_accounts_below", hour_total_accounts_below.to_string());
    put("windows.actions_max", actions_max.to_string());
}

fn put_detect(detect: &Detect, put: &mut impl FnMut(&str, String)) {
    let Detect {
        candidate_posts,
        candidate_accounts,
        false_discovery_rate,
        burst_enter,
        burst_exit,
        coordination_enter,
        coordination_exit,
        family_points_min,
        strong_points_min,
        minimum_hold,
        quiet,
        pages_per_hour,
        tickets_per_hour,
        kinds,
        ephemeral_enter,
        ephemeral_exit,
        family_points_max,
        signals,
    } = detect;
    put("detect.candidate_posts", candidate_posts.to_string());
    put("detect.candidate_accounts", candidate_accounts.to_string());
    put("detect.false_discovery_rate", false_discovery_rate.to_string());
    put("detect.burst_enter", burst_enter.to_string());
    put("detect.burst_exit", burst_exit.to_string());
    put("detect.coordination_enter", coordination_enter.to_string());
    put("detect.coordination_exit", coordination_exit.to_string());
    put("detect.family_points_min", family_points_min.to_string());
    put("detect.strong_points_min", strong_points_min.to_string());
    put("detect.minimum_hold", show_duration(*minimum_hold));
    put("detect.quiet", show_duration(*quiet));
    put("detect.pages_per_hour", pages_per_hour.to_string());
    put("detect.tickets_per_hour", tickets_per_hour.to_string());
    put_kinds(kinds, put);
    put("detect.ephemeral_enter", ephemeral_enter.to_string());
    put("detect.ephemeral_exit", ephemeral_exit.to_string());
    for (family, points) in family_points_max {
        put(&format!("detect.family_points_max.{family}"), points.to_string());
    }
    for (name, Ramp { points, from, to }) in signals {
        put(&format!("detect.signals.{name}.points"), points.to_string());
        put(&format!("detect.signals.{name}.from"), from.to_string());
        put(&format!("detect.signals.{name}.to"), to.to_string());
    }
}

fn put_kinds(kinds: &Kinds, put: &mut impl FnMut(&str, String)) {
    let Kinds { feed_share, campaign_share, slow_posts, slow_accounts, slow_rhythm } = kinds;
    put("detect.kinds.feed_share", feed_share.to_string());
    put("detect.kinds.campaign_share", campaign_share.to_string());
    put("detect.kinds.slow_posts", slow_posts.to_string());
    put("detect.kinds.slow_accounts", slow_accounts.to_string());
    put("detect.kinds.slow_rhythm", slow_rhythm.to_string());
}

/// 16 hex digits: SipHash-2-4 under the zero key over `key=value` lines of `[detect]`, `[windows]` and `[time]`, sorted.
/// What does not change an alert line is not part of it.
pub(super) fn version(config: &Config) -> String {
    let mut hasher = SipHasher24::new_with_keys(0, 0);
    for (key, value) in config.entries() {
        if ["detect.", "windows.", "time."].iter().any(|table| key.starts_with(table)) {
            hasher.write(format!("{key}={value}\n").as_bytes());
        }
    }
    format!("{:016x}", hasher.finish())
}
