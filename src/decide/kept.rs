//! How an alert line is kept in a checkpoint: as its JSON. Some of its fields are left out where they have nothing to say,
//! which only a format that names its fields can read again. Every number of a line is rounded, so it reads as written.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::line::AlertLine;

/// For `#[serde(with = "…")]`.
pub(super) fn serialize<S: Serializer>(line: &AlertLine, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::to_string(line).map_err(S::Error::custom)?.serialize(serializer)
}

/// For `#[serde(with = "…")]`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AlertLine, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
