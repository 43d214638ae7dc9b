//! Labelled episodes: what was going on with one hashtag from when to when, as somebody who knows has written it down.

use serde::Serialize;
use serde_json::Value;

use crate::model::EventTime;
use crate::model::hashtag::canonical;

/// How long past its end an episode is still answered for, in ms: an alert may come late and be right.
const AFTER_MS: i64 = 30 * 60_000;

/// What an episode is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// A known operation pushed the hashtag.
    Coordinated,
    /// Ordinary people made the burst.
    Organic,
    /// Nobody can tell; alerts inside are not scored.
    Ambiguous,
}

/// One labelled episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Episode {
    /// What the file calls it; null where it does not.
    pub id: Option<String>,
    /// Canonical hashtag without '#'.
    pub hashtag: String,
    /// What it is known to be.
    #[serde(rename = "kind")]
    pub label: Label,
    /// Which sort of it; `other` where the file does not say.
    pub subkind: String,
    /// Its beginning.
    #[serde(serialize_with = "shown")]
    pub start: EventTime,
    /// Its end.
    #[serde(serialize_with = "shown")]
    pub end: EventTime,
    /// Posts in it, as the file says.
    pub posts: Option<u64>,
    /// Accounts in it, as the file says.
    pub accounts: Option<u64>,
}

/// Prints a time as alert lines do.
pub(super) fn shown<S: serde::Serializer>(at: &EventTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// What is wrong with a list of episodes. Entries are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum EpisodesError {
    /// Not JSON.
    #[error("not JSON ({0}); want {FORM}")]
    Syntax(serde_json::Error),
    /// JSON, but no list.
    #[error("not a list; want {FORM}")]
    NoList,
    /// An entry is no episode.
    #[error("episode {entry}{name}: {fault}")]
    Entry {
        /// Number of the entry, from 1.
        entry: usize,
        /// Its id in brackets, where it has one.
        name: String,
        /// What is wrong, and what is wanted.
        fault: String,
    },
}

/// What a file of episodes looks like.
const FORM: &str = r#"[{"hashtag": "…", "kind": "coordinated", "start": "2017-05-05T20:00:00Z", "end": "…"}, …]"#;

impl Episode {
    /// Reads a list of episodes.
    ///
    /// # Errors
    /// If it is no list of episodes; the message names the first faulty entry.
    pub fn read_all(json: &[u8]) -> Result<Vec<Episode>, EpisodesError> {
        let read = serde_json::from_slice(json).map_err(EpisodesError::Syntax)?;
        let Value::Array(entries) = read else { return Err(EpisodesError::NoList) };
        let named = |(index, entry): (usize, &Value)| {
            Episode::read(entry).map_err(|fault| {
                let name = entry["id"].as_str().map_or(String::new(), |id| format!(" ({id})"));
                EpisodesError::Entry { entry: index + 1, name, fault }
            })
        };
        entries.iter().enumerate().map(named).collect()
    }

    fn read(entry: &Value) -> Result<Episode, String> {
        let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty());
        let hashtag = text("hashtag").ok_or_else(|| "no hashtag; name the one that it is about".to_owned())?;
        let label = match text("kind") {
            Some("coordinated") => Label::Coordinated,
            Some("organic") => Label::Organic,
            Some("ambiguous") => Label::Ambiguous,
            _ => return Err(format!("kind is {}; want coordinated, organic or ambiguous", entry["kind"])),
        };
        let time_of = |key: &str| {
            let fault = || format!("{key} is {}; want {TIME_FORM}", entry[key]);
            time(&entry[key]).ok_or_else(fault)
        };
        let (start, end) = (time_of("start")?, time_of("end")?);
        if end < start {
            return Err(format!("end ({end}) is before start ({start}); swap them"));
        }
        Ok(Episode {
            id: text("id").map(str::to_owned),
            hashtag: canonical(hashtag).ok_or_else(|| format!("{hashtag:?} is no hashtag; want letters or digits"))?,
            label,
            subkind: text("subkind").unwrap_or("other").to_owned(),
            start,
            end,
            posts: entry["n_posts"].as_u64(),
            accounts: entry["n_accounts"].as_u64(),
        })
    }

    /// Whether `at` lies between the start and 30 minutes past the end, both included.
    pub fn answers_for(&self, at: EventTime) -> bool {
        self.answers_for_early(at, 0)
    }

    /// The same, from `early_ms` before the start.
    pub fn answers_for_early(&self, at: EventTime, early_ms: i64) -> bool {
        self.start.minus_ms(early_ms) <= at && at <= self.end.plus_ms(AFTER_MS)
    }
}

/// How times are written in labels and alert logs.
pub(super) const TIME_FORM: &str = "a time from 2000 to 2099 such as 2017-05-05T20:00:00Z, or milliseconds";

/// Reads a time: RFC 3339 with a zone, or milliseconds since the epoch.
pub(super) fn time(value: &Value) -> Option<EventTime> {
    let ms = match value {
        Value::String(text) => text.parse::<jiff::Timestamp>().ok()?.as_millisecond(),
        _ => whole(value)?,
    };
    Some(EventTime(ms)).filter(|at| at.is_plausible())
}

/// A number without its fraction; other programs write milliseconds as `1.5e12`.
fn whole(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go; the ends of the range saturate")]
    let cut = |number: f64| number as i64;
    value.as_i64().or_else(|| value.as_f64().map(cut))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const T: i64 = 1_494_014_400_000;
    pub const MINUTE: i64 = 60_000;

    /// An episode of `#tag` from `start` to `end`, in minutes after [`T`].
    pub fn episode(hashtag: &str, label: Label, start: i64, end: i64) -> Episode {
        Episode {
            id: None,
            hashtag: hashtag.to_owned(),
            label,
            subkind: "push".to_owned(),
            start: EventTime(T + start * MINUTE),
            end: EventTime(T + end * MINUTE),
            posts: None,
            accounts: None,
        }
    }

    #[test]
    fn an_alert_exactly_30_minutes_past_the_end_still_counts_and_a_millisecond_later_does_not() {
        let episode = episode("a", Label::Coordinated, 0, 60);
        assert!(episode.answers_for(EventTime(T)));
        assert!(!episode.answers_for(EventTime(T - 1)));
        assert!(episode.answers_for(EventTime(T + 90 * MINUTE)));
        assert!(!episode.answers_for(EventTime(T + 90 * MINUTE + 1)));
        assert!(episode.answers_for_early(EventTime(T - 10 * MINUTE), 10 * MINUTE));
        assert!(!episode.answers_for_early(EventTime(T - 10 * MINUTE - 1), 10 * MINUTE));
    }

    #[test]
    fn times_are_milliseconds_or_rfc_3339_and_hashtags_become_canonical() {
        let json = r##"[{"hashtag":"#MacronLeaks","kind":"organic","start":1494014400000,"end":"2017-05-05T22:00:00.5+02:00",
            "n_posts":7,"unknown":{}}]"##;
        let read = Episode::read_all(json.as_bytes()).unwrap();
        let wanted = Episode {
            subkind: "other".to_owned(),
            end: EventTime(T + 500),
            posts: Some(7),
            ..episode("macronleaks", Label::Organic, 0, 0)
        };
        assert_eq!(read, [wanted]);
    }

    fn fault(json: &str) -> String {
        Episode::read_all(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn faults_name_the_entry_and_the_way_out() {
        assert!(fault("[{").starts_with("not JSON ("), "{}", fault("[{"));
        assert!(fault("{}").starts_with("not a list; want [{"), "{}", fault("{}"));
        let good = r#"{"hashtag":"a","kind":"organic","start":1494014400000,"end":1494014400000}"#;
        let second = |entry: &str| fault(&format!("[{good},{entry}]"));
        assert_eq!(second(r#"{"id":"x-1","kind":"organic"}"#), {
            "episode 2 (x-1): no hashtag; name the one that it is about"
        });
        assert_eq!(second("7"), "episode 2: no hashtag; name the one that it is about");
        assert_eq!(second(r#"{"hashtag":"1 2","kind":"organic","start":1494014400000,"end":1494014400000}"#), {
            "episode 2: \"1 2\" is no hashtag; want letters or digits"
        });
        assert_eq!(second(r#"{"hashtag":"a","kind":"odd"}"#), {
            "episode 2: kind is \"odd\"; want coordinated, organic or ambiguous"
        });
        // Seconds by mistake.
        assert_eq!(second(r#"{"hashtag":"a","kind":"organic","start":1494014400}"#), {
            format!("episode 2: start is 1494014400; want {TIME_FORM}")
        });
        assert_eq!(second(r#"{"hashtag":"a","kind":"organic","start":1494014400000}"#), {
            format!("episode 2: end is null; want {TIME_FORM}")
        });
        let swapped = second(r#"{"hashtag":"a","kind":"organic","start":1494014400000,"end":1494014000000}"#);
        assert!(swapped.ends_with("is before start (2017-05-05T20:00:00.000Z); swap them"), "{swapped}");
    }
}
