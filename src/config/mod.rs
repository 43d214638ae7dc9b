//! The config as meant: checked, typed, with every default filled in. The file as written is `file`; the step between,
//! which reports every fault at once, is `check`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::EventTime;

mod check;
mod client;
mod entries;
mod expected;
mod fault;
mod file;
mod key;
mod layer;
mod reader;
mod shadow;
mod unknown;
mod value;
mod warning;

pub use expected::{Expected, Glob};
pub use fault::Faults;
pub use file::is_secret;
pub use key::{KeyUse, SecretError, SketchKey, find_sketch_key, http_token, sketch_key, sketch_key_with};
pub use layer::{DEFAULTS, Sources};
pub use shadow::load_shadow;
pub use value::{parse_duration, parse_size, parse_time, show_duration, show_size};

/// The signals that have a ramp in `[detect.signals]`. The file must have each of them and no other.
pub const KNOWN_SIGNALS: [&str; 31] = [
    "repeat_share",
    "posts_per_account",
    "evenness",
    "core_share",
    "top_share",
    "silent_core",
    "salvos",
    "traffic_manipulation",
    "past",
    "birth_speed",
    "dispersion_10s",
    "dispersion_1s",
    "regular_gaps",
    "started_together",
    "repost_volleys",
    "co_reposts",
    "overlap",
    "crew_contrast",
    "silent_accounts",
    "conversation",
    "talk",
    "alone",
    "repeated_text",
    "repeated_link",
    "repeated_repost",
    "bare",
    "same_set",
    "created_together",
    "young_accounts",
    "client_share",
    "ephemerality",
];

/// The families that have a bound in `[detect.family_points_max]`.
pub const FAMILIES: [&str; 6] = ["concentration", "synchrony", "overlap", "content", "provenance", "ephemerality"];

/// Reads all layers: defaults, file, environment, flags; the later overrides the earlier.
///
/// # Errors
/// Everything that is wrong in any layer, at once.
pub fn load(sources: Sources) -> Result<Config, Faults> {
    Ok(load_with_origins(&sources)?.0)
}

/// As [`load`], and where each key that is not left at its default was written, such as `tagwatch.toml:3`.
///
/// # Errors
/// As [`load`].
pub fn load_with_origins(sources: &Sources) -> Result<(Config, BTreeMap<String, String>), Faults> {
    let mut faults = Vec::new();
    let settings = layer::read(sources, &mut faults);
    let config = check::check(&settings, faults).map_err(Faults::new)?;
    // Settings stand weakest layer first, so the strongest origin of a key stays.
    let origins = settings.iter().filter_map(|setting| Some((setting.key.clone(), setting.origin()?))).collect();
    Ok((config, origins))
}

/// The defaults alone, as `config/tagwatch.toml` has them.
pub fn defaults() -> Config {
    load(Sources::default()).expect("the built-in defaults are checked by a test")
}

/// Everything tagwatch can be told. Built only by checking a [`file`](self); `config/tagwatch.toml` holds the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of this deployment: prefix of its topics, group and transactional ids.
    pub id: String,
    /// How mentions get from ingest to shards.
    pub exchange: Exchange,
    /// `[kafka]`
    pub kafka: Kafka,
    /// `[http]`
    pub http: Http,
    /// `[state]`
    pub state: State,
    /// `[privacy]`
    pub privacy: Privacy,
    /// `[memory]`
    pub memory: Memory,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[track]`
    pub track: Track,
    /// `[time]`
    pub time: Time,
    /// `[limits]`
    pub limits: Limits,
    /// `[windows]`
    pub windows: Windows,
    /// `[detect]`
    pub detect: Detect,
    /// `[[expected]]`, in the order of the file: the first that fits explains an alert.
    pub expected: Vec<Expected>,
    /// Hash of `[detect]`, `[windows]` and `[time]` as meant: 16 hex digits, printed in every alert line.
    pub version: String,
}

/// How mentions get from ingest to shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// All partitions are read by this process; shards are threads.
    InProcess,
    /// Partitions and shards are shared out among processes by Kafka's consumer groups.
    Kafka,
}

/// Where posts come from and alerts go.
#[derive(Clone, PartialEq)]
pub struct Kafka {
    /// Bootstrap brokers, `host:port,host:port`.
    pub brokers: String,
    /// Topic of posts.
    pub posts_topic: String,
    /// Topic of actions; none where empty.
    pub actions_topic: Option<String>,
    /// Topic of alert lines; none where empty.
    pub alerts_topic: Option<String>,
    /// Dead-letter topic; none where empty.
    pub rejected_topic: Option<String>,
    /// Where to begin where neither state nor a committed offset says.
    pub start: Start,
    /// librdkafka properties passed through, deny-list already applied.
    pub client: BTreeMap<String, String>,
}

/// Where to begin reading a partition that was never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The oldest record.
    Earliest,
    /// Only records that arrive from now on.
    Latest,
    /// The first record whose Kafka timestamp is not before this time.
    At(EventTime),
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Address to listen on. Not loopback only together with `token_file`.
    pub listen: SocketAddr,
    /// File with the bearer token that every request but `/live` and `/ready` must show; none where empty.
    pub token_file: Option<PathBuf>,
}

/// Checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Folder of chunks and manifests.
    pub dir: PathBuf,
    /// Least time between two checkpoints, by the wall clock.
    pub checkpoint_interval: Duration,
}

/// Pseudonyms.
#[derive(Clone, Debug, PartialEq)]
pub struct Privacy {
    /// File with the sketch key, 32 hex digits; `<state.dir>/key` where empty.
    pub key_file: Option<PathBuf>,
}

/// Bounds on memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Bytes that panes may take, all shards together.
    pub budget_bytes: u64,
}

/// What `/metrics` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// How many hashtags have series of their own.
    pub top_k: usize,
    /// How many open alerts have a series of their own.
    pub alerts_max: usize,
}

/// Shards.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Number of shards, each a thread. Results do not depend on it.
    pub shards: usize,
    /// How posts become mentions, where several processes share the work.
    pub routing: u16,
}

/// Event time.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// How far a post may lie behind the greatest event time of its partition before it is late.
    pub watermark_delay: Duration,
    /// How long a partition's position must equal its end before it is set aside.
    pub idle_timeout: Duration,
    /// The same for partitions of actions.
    pub actions_idle_timeout: Duration,
    /// How far a post may lie ahead of its record's Kafka timestamp.
    pub max_future: Duration,
}

/// Bounds on one post.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Longest record in bytes, checked before parsing.
    pub post_bytes_max: usize,
    /// Most hashtags a post may carry.
    pub hashtags_max: usize,
    /// Longest hashtag, in characters of its canonical form.
    pub hashtag_chars_max: usize,
    /// Longest id of a post or account, in bytes.
    pub id_bytes_max: usize,
}

/// What is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Days that rows of (hashtag, hour) are kept.
    pub baseline_days: u32,
    /// Posts in an hour from which a hashtag gets a row.
    pub row_posts_min: u32,
    /// Accounts in an hour from which an hour pane keeps a hashtag's mention sample.
    pub hour_sample_accounts_min: u32,
    /// Accounts in an hour below which a hashtag becomes part of the hour's total.
    pub hour_total_accounts_below: u32,
    /// Accounts and posts whose actions are remembered.
    pub actions_max: u32,
}

/// The rules of detection. Scores are points from 0 to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct Detect {
    /// Posts in the last hour from which a hashtag is assessed.
    pub candidate_posts: u32,
    /// Distinct accounts in the last hour from which a hashtag is assessed.
    pub candidate_accounts: u32,
    /// Share of false discoveries accepted among the bursts of one tick.
    pub false_discovery_rate: f64,
    /// Burst score at which a burst begins.
    pub burst_enter: f64,
    /// Burst score below which it ends.
    pub burst_exit: f64,
    /// Coordination score at which an alert is raised.
    pub coordination_enter: f64,
    /// Coordination score, at the estimates themselves, below which it calms down.
    pub coordination_exit: f64,
    /// Points of a family from which it counts as one of the two that a coordinated burst needs.
    pub family_points_min: f64,
    /// Points of a family from which it counts as strong.
    pub strong_points_min: f64,
    /// Least time an alert stays open.
    pub minimum_hold: Duration,
    /// Time without a mention after which a burst has ended.
    pub quiet: Duration,
    /// Pages an hour before the budget holds further ones back.
    pub pages_per_hour: u32,
    /// Tickets an hour before the budget holds further ones back.
    pub tickets_per_hour: u32,
    /// What the kinds beside bursts of a crowd go by.
    pub kinds: Kinds,
    /// Share of a day's posts that must be gone for `ephemeral_amplification`, at the lower end of its interval.
    pub ephemeral_enter: f64,
    /// Share below which it is over, taken at the estimate.
    pub ephemeral_exit: f64,
    /// Most points a family can add, by its name.
    pub family_points_max: BTreeMap<String, f64>,
    /// Ramp of every signal, by its name.
    pub signals: BTreeMap<String, Ramp>,
}

/// The rules of the kinds beside bursts of a crowd.
#[derive(Clone, Debug, PartialEq)]
pub struct Kinds {
    /// Share of the last hour's posts that a single source has to write to be a feed.
    pub feed_share: f64,
    /// Share of the smaller crowd that two hashtags have to have in common to be of one campaign.
    pub campaign_share: f64,
    /// Posts of the last day from which a hashtag is looked at for a push without a burst.
    pub slow_posts: u32,
    /// Distinct accounts of the last day from which it is.
    pub slow_accounts: u32,
    /// Daily rhythm of its accounts, 0 to 1, from which they sleep as people do.
    pub slow_rhythm: f64,
}

/// How a signal's value becomes points: none at `from`, all of `points` at `to`, linear between; `from` may exceed `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Most points the signal can add.
    pub points: f64,
    /// Value at which it begins to count.
    pub from: f64,
    /// Value from which it counts in full.
    pub to: f64,
}
