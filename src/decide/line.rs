//! The alert line: what the alert log, the alerts topic, the page and the API say of one state change.
//! The field order and spelling are a contract that others script against.

use serde::{Deserialize, Serialize};

/// A score from 0 to 100, kept in hundredths so that contributions add up to it exactly. Prints as `73.25`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(pub i32);

impl Score {
    /// The score as the number that is printed.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl Serialize for Score {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_f64(self.as_f64())
        } else {
            serializer.serialize_i32(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let value = f64::deserialize(deserializer)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "scores are at most 10 000 hundredths; anything else saturates"
            )]
            let hundredths = (value * 100.0).round() as i32;
            Ok(Score(hundredths))
        } else {
            i32::deserialize(deserializer).map(Score)
        }
    }
}

/// What an alert says the hashtag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A burst that ordinary participation explains. Recorded, never pages.
    OrganicBurst,
    /// A burst with a high coordination score from only one family of signals, or without a strong one.
    SuspectedCoordination,
    /// A burst whose coordination score passes the gate with at least two families, one of them strong.
    CoordinatedBurst,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The rule began to hold; it has not held long enough to be said aloud.
    Pending,
    /// The rule holds on thin counts: the score passes, the lower bound of its interval does not yet.
    Provisional,
    /// The rule holds on firm counts.
    Firing,
    /// The burst ended or calmed down.
    Resolved,
}

/// How urgently a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Within the working day.
    Ticket,
    /// Now.
    Page,
}

/// One line of the alert log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Whether the budget or warming held back the page for this line.
    pub suppressed: bool,
    /// How far above the usual, 0 to 100.
    pub burst: Score,
    /// How much like few acting as many, 0 to 100; the sum of the contributions below.
    pub coordination: Score,
    /// Counts by window.
    pub windows: Windows,
    /// Every signal, available or not.
    pub signals: Vec<Signal>,
    /// Numbers and pseudonyms a person can check.
    pub evidence: Evidence,
    /// One sentence with numbers.
    pub explanation: String,
    /// Hash of the sections `[detect]`, `[windows]` and `[time]` of the config.
    pub config_version: String,
}

/// Counts of one hashtag in the four windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// The last minute.
    #[serde(rename = "1m")]
    pub m1: Counts,
    /// The last five minutes.
    #[serde(rename = "5m")]
    pub m5: Counts,
    /// The last hour.
    #[serde(rename = "1h")]
    pub h1: Counts,
    /// The last day.
    #[serde(rename = "24h")]
    pub h24: Counts,
}

impl Windows {
    /// The windows with their label values, shortest first.
    pub fn labelled(&self) -> [(&'static str, &Counts); 4] {
        [("1m", &self.m1), ("5m", &self.m5), ("1h", &self.h1), ("24h", &self.h24)]
    }
}

/// What one hashtag did in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Posts, exact.
    pub posts: u64,
    /// Reposts among them, exact.
    pub reposts: u64,
    /// Distinct accounts: exact while `accounts_low` and `accounts_high` equal it, else an estimate.
    pub accounts: u64,
    /// Lower end of the 95 % interval of `accounts`.
    pub accounts_low: u64,
    /// Upper end of the 95 % interval of `accounts`.
    pub accounts_high: u64,
}

/// One signal of coordination, with its arithmetic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name, as in docs and config.
    pub name: String,
    /// `concentration`, `synchrony` or `content`.
    pub family: String,
    /// The estimate; null where unavailable.
    pub value: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// What ordinary participation shows.
    pub baseline: Option<f64>,
    /// Points it adds to the coordination score.
    pub contribution: Score,
    /// Whether its input was there.
    pub available: bool,
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
}
