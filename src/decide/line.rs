//! The alert line: what the alert log, the alerts topic, the page and the API say of one state change.
//! The field order and spelling are a contract that others script against.

use serde::{Deserialize, Serialize};

pub use crate::assess::values::{Adjusted, Counts, Score, Signal, Windows};

/// What an alert says the hashtag is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A burst that ordinary participation explains. Recorded, never pages.
    #[default]
    OrganicBurst,
    /// A burst of a single source that writes by the clock. Recorded, never pages.
    AutomatedFeed,
    /// A burst with a high coordination score from only one family of signals, or without a strong one.
    SuspectedCoordination,
    /// A burst whose coordination score passes the gate with at least two families, one of them strong.
    CoordinatedBurst,
    /// Beside the main alert: the same accounts write it day and night, without a burst.
    LowAndSlow,
    /// Beside the main alerts: several hashtags that one crowd carries, or that differ in spelling alone.
    Campaign,
    /// A hashtag that burst and most of whose posts are gone soon after. Stands beside the burst's own alert.
    EphemeralAmplification,
}

impl Kind {
    /// Its name in alert lines, metrics and config.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::OrganicBurst => "organic_burst",
            Kind::SuspectedCoordination => "suspected_coordination",
            Kind::CoordinatedBurst => "coordinated_burst",
            Kind::AutomatedFeed => "automated_feed",
            Kind::LowAndSlow => "low_and_slow",
            Kind::Campaign => "campaign",
            Kind::EphemeralAmplification => "ephemeral_amplification",
        }
    }
}

impl State {
    /// Its name in alert lines.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Provisional => "provisional",
            State::Firing => "firing",
            State::Resolved => "resolved",
        }
    }
}

impl Severity {
    /// Its name in alert lines and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Ticket => "ticket",
            Severity::Page => "page",
        }
    }
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The rule began to hold; it has not held long enough to be said aloud.
    #[default]
    Pending,
    /// The rule holds on thin counts: the score passes, the lower bound of its interval does not yet.
    Provisional,
    /// The rule holds on firm counts.
    Firing,
    /// The burst ended or calmed down.
    Resolved,
}

/// How urgently a person should look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    #[default]
    Info,
    /// Within the working day.
    Ticket,
    /// Now.
    Page,
}

/// One line of the alert log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertLine {
    /// The tick that decided it: end of the pane in ms / 10 000.
    pub tick: i64,
    /// Number of the line within its tick, from 0.
    pub n: u32,
    /// Stable name of the alert: 16 hex digits from the hashtag and the onset.
    pub alert_id: String,
    /// What the hashtag is.
    pub kind: Kind,
    /// Where the alert stands.
    pub state: State,
    /// How urgently a person should look.
    pub severity: Severity,
    /// Canonical hashtag without '#'.
    pub hashtag: String,
    /// The spelling seen most.
    pub display: String,
    /// End of the tick's pane, RFC 3339 with milliseconds.
    pub at: String,
    /// When the burst began, RFC 3339 with milliseconds.
    pub onset: String,
    /// Whether the pipeline was impaired so that the verdict may be off.
    pub degraded: bool,
    /// Whether the windows are still filling after lost state; such an alert never pages.
    pub warming: bool,
    /// Whether nobody is called for this line: the budget or warming held it back, or its campaign calls for it.
    pub suppressed: bool,
    /// How far above the usual, 0 to 100.
    pub burst: Score,
    /// How much like few acting as many, 0 to 100; the sum of the contributions below.
    pub coordination: Score,
    /// Counts by window.
    pub windows: Windows,
    /// What stands without the posts and accounts that actions took out; null where they took out none. Kind, state and
    /// severity follow the numbers above, which no action changes.
    pub adjusted: Option<Adjusted>,
    /// Every signal, available or not.
    pub signals: Vec<Signal>,
    /// Numbers and pseudonyms a person can check.
    pub evidence: Evidence,
    /// One sentence with numbers.
    pub explanation: String,
    /// Hash of the sections `[detect]`, `[windows]` and `[time]` of the config.
    pub config_version: String,
    /// Id of the campaign that the hashtag is a member of; absent where it is of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Hashtags of a campaign, by name; absent from every other line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// Numbers and pseudonyms behind an alert. Accounts, texts and links are keyed hashes in hex; no text is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which crowd the stronger reading was of: `all` accounts, or the `core` of accounts with three posts or more.
    pub view: String,
    /// Over which window the signals were read.
    pub window: String,
    /// Expected posts in that window, by the hashtag's own history or the birth curve.
    pub expected_posts: f64,
    /// Where the expectation comes from: `hour_of_week`, `recent`, `birth_curve` or `none`.
    pub baseline: String,
    /// The most active accounts of the sample: pseudonym and posts.
    pub top_accounts: Vec<(String, u64)>,
    /// The most repeated originals of the sample: text pseudonym and posts.
    pub top_texts: Vec<(String, u64)>,
    /// The most repeated links of the sample: link pseudonym and posts.
    pub top_links: Vec<(String, u64)>,
    /// The most repeated repost targets of the sample: pseudonym and posts.
    pub top_reposts: Vec<(String, u64)>,
    /// Event time of the first post of the burst, RFC 3339 with milliseconds; null where unknown.
    pub first_post: Option<String>,
    /// The longest-watched time before this line: the earliest event time, RFC 3339 with milliseconds.
    pub watched_since: String,
    /// Why an alert of this hashtag is expected at this time, as `[[expected]]` in the config says: its severity is one
    /// step lower for it. Null where it is not expected.
    pub expected: Option<String>,
    /// Further numbers, by name: how the hashtag grows, and what a kind rests on beside the signals. Absent where none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub basis: Vec<(String, f64)>,
}
