//! Bursts of the last day: what becomes of a burst afterwards is said once of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::line::Kind;
use crate::model::Tick;
use crate::track::ladder::{DAY, HOUR};

/// Bursts remembered; beyond, the one heard of longest ago is forgotten.
const BURSTS_MAX: usize = 4096;

/// A burst of the last day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Burst {
    /// Event time of its onset in ms.
    onset_ms: i64,
    /// The last tick at which it was heard of.
    heard: i64,
    /// What was said of it already.
    said: Vec<Kind>,
}

/// The bursts, by hashtag.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recent {
    bursts: BTreeMap<String, Burst>,
}

impl Recent {
    /// A hashtag bursts, since `onset_ms`.
    pub fn bursting(&mut self, hashtag: &str, onset_ms: i64, tick: Tick) {
        match self.bursts.get_mut(hashtag) {
            // A burst that calms down, or pauses for a while, goes on under another name and is still the same one.
            Some(burst) if tick.0 - burst.heard < HOUR => burst.heard = tick.0,
            _ => {
                let burst = Burst { onset_ms, heard: tick.0, said: Vec::new() };
                self.bursts.insert(hashtag.to_owned(), burst);
            }
        }
        if self.bursts.len() > BURSTS_MAX {
            let oldest = self.bursts.iter().min_by_key(|(hashtag, burst)| (burst.heard, hashtag.as_str()));
            let oldest = oldest.map(|(hashtag, _)| hashtag.clone());
            oldest.and_then(|hashtag| self.bursts.remove(&hashtag));
        }
    }

    /// The onset of the hashtag's burst of the last day, in ms.
    pub fn onset_ms(&self, hashtag: &str, tick: Tick) -> Option<i64> {
        self.bursts.get(hashtag).filter(|burst| tick.0 - burst.heard < DAY).map(|burst| burst.onset_ms)
    }

    /// Whether a kind was not yet said of the hashtag's burst; it is now.
    pub fn say(&mut self, hashtag: &str, kind: Kind) -> bool {
        let Some(burst) = self.bursts.get_mut(hashtag) else { return false };
        let new = !burst.said.contains(&kind);
        if new {
            burst.said.push(kind);
        }
        new
    }

    /// Forgets the bursts of more than a day ago.
    pub fn forget(&mut self, tick: Tick) {
        self.bursts.retain(|_, burst| tick.0 - burst.heard < DAY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_said_once_a_burst() {
        let kind = Kind::EphemeralAmplification;
        let mut recent = Recent::default();
        assert!(!recent.say("a", kind), "it never burst");
        recent.bursting("a", 1_000, Tick(10));
        assert!(recent.say("a", kind) && !recent.say("a", kind));
        recent.bursting("a", 5_000, Tick(150));
        assert!(!recent.say("a", kind), "the same burst goes on");
        recent.bursting("a", 9_000, Tick(600));
        assert_eq!(recent.onset_ms("a", Tick(601)), Some(9_000));
        assert!(recent.say("a", kind));
    }

    #[test]
    fn bursts_are_forgotten_after_a_day_and_bounded() {
        let mut recent = Recent::default();
        for number in 0..BURSTS_MAX as i64 + 10 {
            recent.bursting(&format!("tag{number}"), number, Tick(number));
        }
        assert_eq!(recent.bursts.len(), BURSTS_MAX);
        assert_eq!(recent.onset_ms("tag0", Tick(5000)), None, "the oldest made room");
        let last = BURSTS_MAX as i64 + 9;
        assert_eq!(recent.onset_ms(&format!("tag{last}"), Tick(last + DAY - 1)), Some(last));
        recent.forget(Tick(last + DAY));
        assert!(recent.bursts.is_empty());
    }
}
