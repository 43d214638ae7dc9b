//! The numbers that a report and an alert line are made of.

use serde::{Deserialize, Serialize};

/// A score from 0 to 100, kept in hundredths so that contributions add up to it exactly. Prints as `73.25`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(pub i32);

impl Score {
    /// The score of so many points, such as a threshold of the config.
    pub fn of_points(points: f64) -> Score {
        Score(libm::round(points * 100.0) as i32)
    }

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

/// What stands of a hashtag without the posts and accounts that actions took out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Adjusted {
    /// Counts by window.
    pub windows: AdjustedWindows,
    /// How far above the usual, 0 to 100.
    pub burst: Score,
    /// How much like few acting as many, 0 to 100.
    pub coordination: Score,
}

/// Adjusted counts of one hashtag in the four windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AdjustedWindows {
    /// The last minute.
    #[serde(rename = "1m")]
    pub m1: AdjustedCounts,
    /// The last five minutes.
    #[serde(rename = "5m")]
    pub m5: AdjustedCounts,
    /// The last hour.
    #[serde(rename = "1h")]
    pub h1: AdjustedCounts,
    /// The last day.
    #[serde(rename = "24h")]
    pub h24: AdjustedCounts,
}

impl AdjustedWindows {
    /// The windows, shortest first.
    pub fn all(&self) -> [&AdjustedCounts; 4] {
        [&self.m1, &self.m5, &self.h1, &self.h24]
    }
}

/// What is left of one hashtag in one window: exact where both ends of an interval equal the number, else scaled from
/// samples, with 95 % intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustedCounts {
    /// Posts.
    pub posts: u64,
    /// Lower end of the interval of `posts`.
    pub posts_low: u64,
    /// Upper end of the interval of `posts`.
    pub posts_high: u64,
    /// Reposts among them.
    pub reposts: u64,
    /// Distinct accounts.
    pub accounts: u64,
    /// Lower end of the interval of `accounts`.
    pub accounts_low: u64,
    /// Upper end of the interval of `accounts`.
    pub accounts_high: u64,
}

/// One signal of coordination, with its arithmetic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name, as in docs and config.
    pub name: String,
    /// `concentration`, `synchrony`, `overlap`, `content`, `provenance` or `ephemerality`.
    pub family: String,
    /// The estimate; null where unavailable.
    pub value: Option<f64>,
    /// Lower end of its 50 % interval.
    pub low: Option<f64>,
    /// Upper end of its 50 % interval.
    pub high: Option<f64>,
    /// What ordinary participation shows.
    pub baseline: Option<f64>,
    /// Points it adds to the coordination score.
    pub contribution: Score,
    /// Whether its input was there.
    pub available: bool,
}
