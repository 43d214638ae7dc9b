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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::assess::values::{Score, Signal};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept(#[serde(with = "super")] AlertLine);

    proptest! {
        #[test]
        fn a_line_comes_back_to_the_last_bit(value in 0_u64..1 << 40, points in -3000_i32..10_000, member: bool) {
            // Four decimals, as every number of a line.
            let value = value as f64 / 10_000.0;
            let signal = Signal {
                name: "evenness".to_owned(),
                family: "concentration".to_owned(),
                value: Some(value),
                low: None,
                high: Some(-value),
                baseline: Some(0.35),
                contribution: Score(points),
                available: true,
            };
            let mut line = AlertLine { signals: vec![signal], coordination: Score(points), ..AlertLine::default() };
            line.campaign = member.then(|| "0123456789abcdef".to_owned());
            line.evidence.basis = vec![("slow_rhythm".to_owned(), -value)];
            let kept = Kept(line);
            let back: Kept = postcard::from_bytes(&postcard::to_stdvec(&kept).unwrap()).unwrap();
            prop_assert_eq!(back, kept);
        }
    }
}
