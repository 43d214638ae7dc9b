//! Lines of an alert log, as far as they are scored: tagwatch's own, or of any other detector that writes the hashtag,
//! the kind and the time.

use serde::Deserialize;
use serde_json::Value;

use super::episode::{TIME_FORM, time};
use crate::model::EventTime;
use crate::model::hashtag::canonical;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Canonical hashtag without '#'.
    pub hashtag: String,
    /// What it says the hashtag is.
    pub kind: String,
    /// Whether the line opens an alert.
    pub firing: bool,
    /// Event time of the line.
    pub at: EventTime,
    /// Its sentence; none where the log has none.
    pub explanation: Option<String>,
    /// Its signals, available or not; none where the log has none.
    pub signals: Vec<Reading>,
}

/// A signal as an alert line shows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Reading {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Its value; none where unavailable.
    pub value: Option<f64>,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// Not JSON, or a field is missing or of another type.
    #[error("no alert line ({0}); want the alert log of `tagwatch replay`, or lines with hashtag, kind and at")]
    Form(serde_json::Error),
    /// No time.
    #[error("at is {0}; want {TIME_FORM}")]
    Time(Value),
    /// No hashtag.
    #[error("{0:?} is no hashtag; want letters or digits")]
    Hashtag(String),
}

/// A line as written.
#[derive(Deserialize)]
struct Written {
    hashtag: String,
    kind: String,
    state: Option<String>,
    at: Value,
    explanation: Option<String>,
    #[serde(default)]
    signals: Vec<Reading>,
}

impl Alert {
    /// Reads a line. One without a state opens an alert.
    ///
    /// # Errors
    /// If it has no hashtag, kind and time.
    pub fn read(line: &[u8]) -> Result<Alert, AlertError> {
        let Written { hashtag, kind, state, at, explanation, signals } =
            serde_json::from_slice(line).map_err(AlertError::Form)?;
        Ok(Alert {
            hashtag: canonical(&hashtag).ok_or(AlertError::Hashtag(hashtag))?,
            kind,
            firing: state.is_none_or(|state| state == "firing"),
            at: time(&at).ok_or(AlertError::Time(at))?,
            explanation,
            signals,
        })
    }

    /// Whether the line says that a coordinated burst has begun.
    pub fn calls_coordinated(&self) -> bool {
        self.firing && self.kind == "coordinated_burst"
    }

    /// Whether the line says that a burst has begun, of whatever kind.
    pub fn calls_burst(&self) -> bool {
        self.firing && self.kind.ends_with("burst")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::episode::tests::{MINUTE, T};
    use super::*;

    /// A firing line of `kind`, `minute` minutes after [`T`].
    pub fn alert(hashtag: &str, kind: &str, minute: i64) -> Alert {
        Alert {
            hashtag: hashtag.to_owned(),
            kind: kind.to_owned(),
            firing: true,
            at: EventTime(T + minute * MINUTE),
            explanation: None,
            signals: Vec::new(),
        }
    }

    #[test]
    fn a_line_of_another_detector_needs_hashtag_kind_and_time_and_opens_an_alert() {
        let read = Alert::read(br##"{"hashtag":"#Vote","kind":"coordinated_burst","at":1494014400000.0}"##).unwrap();
        assert_eq!(read, alert("vote", "coordinated_burst", 0));
        assert!(read.calls_coordinated() && read.calls_burst());
    }

    #[test]
    fn only_firing_lines_call() {
        for state in ["pending", "provisional", "resolved"] {
            let line = format!(r#"{{"hashtag":"a","kind":"coordinated_burst","state":"{state}","at":1494014400000}}"#);
            let read = Alert::read(line.as_bytes()).unwrap();
            assert!(!read.calls_coordinated() && !read.calls_burst(), "{state}");
        }
        assert!(alert("a", "organic_burst", 0).calls_burst() && !alert("a", "organic_burst", 0).calls_coordinated());
        assert!(!alert("a", "suspected_coordination", 0).calls_burst());
    }

    #[test]
    fn faults_say_what_is_wanted() {
        let fault = |line: &str| Alert::read(line.as_bytes()).unwrap_err().to_string();
        let missing = fault(r#"{"kind":"organic_burst","at":1}"#);
        assert!(missing.starts_with("no alert line (missing field `hashtag`"), "{missing}");
        let early = fault(r#"{"hashtag":"a","kind":"organic_burst","at":1}"#);
        assert_eq!(early, format!("at is 1; want {TIME_FORM}"));
        assert!(fault(r##"{"hashtag":"#","kind":"organic_burst","at":1}"##).starts_with("\"#\" is no hashtag"));
    }
}
