//! Further alerts: what is said of a hashtag beside its main alert, never in its place. At most one of a kind is open for
//! a hashtag; each has a name of its own, so a receiver keeps them apart.
//!
//! Remembered besides: which hashtags burst within the last day. What happens to a burst afterwards is said once of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alert::Holds;
use super::line::{AlertLine, Kind, Severity, State};
use crate::model::Tick;
use crate::model::keyed::further_alert_id;
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

/// An open further alert.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FurtherAlert {
    /// Since when it fires.
    since: Tick,
    /// The last tick at which its rule held.
    last: Tick,
    /// The highest severity that it has reached, paid for or held back.
    pub paid: Severity,
    /// Whether its page was held back.
    pub suppressed: bool,
    /// The line as it would read now.
    pub line: AlertLine,
}

impl FurtherAlert {
    /// The tick at which it is over if nothing more is heard.
    fn over_at(&self, holds: Holds) -> i64 {
        (self.last.0 + holds.quiet).max(self.since.0 + holds.minimum)
    }
}

/// All further alerts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Further {
    open: BTreeMap<(String, Kind), FurtherAlert>,
    bursts: BTreeMap<String, Burst>,
}

/// What the rule of a kind says of a hashtag at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It holds.
    Holds,
    /// It does not hold, and what holds already goes on.
    Between,
    /// It no longer holds.
    Over,
}

impl Further {
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
    pub fn burst_onset_ms(&self, hashtag: &str, tick: Tick) -> Option<i64> {
        self.bursts.get(hashtag).filter(|burst| tick.0 - burst.heard < DAY).map(|burst| burst.onset_ms)
    }

    /// Takes what a rule says. `line` is the hashtag's line as it would read now, with the kind's own sentence; its kind,
    /// state, name and onset are filled in here. A line comes back where one is due. Of one burst a kind is said once.
    pub fn hear(
        &mut self,
        kind: Kind,
        severity: Severity,
        rule: Rule,
        onset_ms: i64,
        tick: Tick,
        line: AlertLine,
    ) -> Option<AlertLine> {
        let key = (line.hashtag.clone(), kind);
        let line = AlertLine {
            alert_id: further_alert_id(&line.hashtag, onset_ms, kind.as_str()),
            kind,
            state: State::Firing,
            severity,
            onset: crate::model::EventTime(onset_ms).to_string(),
            ..line
        };
        if let Some(open) = self.open.get_mut(&key) {
            if rule != Rule::Over {
                open.last = tick;
            }
            let name = (open.line.alert_id.clone(), open.line.onset.clone());
            open.line = AlertLine { alert_id: name.0, onset: name.1, suppressed: open.suppressed, ..line };
            return None;
        }
        if rule != Rule::Holds {
            return None;
        }
        if let Some(burst) = self.bursts.get_mut(&key.0) {
            if burst.said.contains(&kind) {
                return None;
            }
            burst.said.push(kind);
        }
        let open =
            FurtherAlert { since: tick, last: tick, paid: Severity::Info, suppressed: false, line: line.clone() };
        self.open.insert(key, open);
        Some(line)
    }

    /// Ends what is over at `tick` and forgets old bursts.
    pub fn end_what_is_over(&mut self, tick: Tick, holds: Holds) -> Vec<AlertLine> {
        self.bursts.retain(|_, burst| tick.0 - burst.heard < DAY);
        let over: Vec<(String, Kind)> =
            self.open.iter().filter(|(_, open)| open.over_at(holds) <= tick.0).map(|(key, _)| key.clone()).collect();
        over.into_iter()
            .filter_map(|key| self.open.remove(&key))
            .map(|open| AlertLine {
                tick: tick.0,
                at: tick.end().to_string(),
                state: State::Resolved,
                severity: open.paid,
                suppressed: open.suppressed,
                ..open.line
            })
            .collect()
    }

    /// The next tick at which arithmetic alone ends one.
    pub fn next_timer(&self, holds: Holds) -> Option<Tick> {
        self.open.values().map(|open| Tick(open.over_at(holds))).min()
    }

    /// Whether an alert of that kind is open on the hashtag.
    pub fn is_open(&self, hashtag: &str, kind: Kind) -> bool {
        self.open.contains_key(&(hashtag.to_owned(), kind))
    }

    /// The open alert that a line is of.
    pub fn of_line(&mut self, line: &AlertLine) -> Option<&mut FurtherAlert> {
        self.open.get_mut(&(line.hashtag.clone(), line.kind)).filter(|open| open.line.alert_id == line.alert_id)
    }

    /// Number of open ones.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The open ones as their lines would read now.
    pub fn lines(&self) -> impl Iterator<Item = &AlertLine> {
        self.open.values().map(|open| &open.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDS: Holds = Holds { minimum: 60, quiet: 60 };
    const KIND: Kind = Kind::EphemeralAmplification;

    fn line(tick: i64) -> AlertLine {
        let text = r#"{"tick":0,"n":0,"alert_id":"main","kind":"organic_burst","state":"pending","severity":"info","hashtag":"a",
            "display":"A","at":"","onset":"","degraded":false,"warming":false,"suppressed":false,"burst":50,"coordination":0,
            "windows":{"1m":C,"5m":C,"1h":C,"24h":C},"adjusted":null,"signals":[],"evidence":{"view":"","window":"",
            "expected_posts":0,"baseline":"","top_accounts":[],"top_texts":[],"top_links":[],"top_reposts":[],
            "first_post":null,"watched_since":""},"explanation":"","config_version":""}"#;
        let counts = r#"{"posts":9,"reposts":0,"accounts":9,"accounts_low":9,"accounts_high":9}"#;
        AlertLine { tick, ..serde_json::from_str(&text.replace('C', counts)).unwrap() }
    }

    /// Plays what the rule says at ticks and writes down the lines.
    fn play(further: &mut Further, said: &[(i64, Rule)]) -> String {
        let mut told = Vec::new();
        for (tick, rule) in said {
            let ended = further.end_what_is_over(Tick(*tick), HOLDS);
            told.extend(ended.iter().map(|line| format!("{tick} {} {}", line.state.as_str(), line.onset)));
            if let Some(onset) = further.burst_onset_ms("a", Tick(*tick)) {
                let due = further.hear(KIND, Severity::Ticket, *rule, onset, Tick(*tick), line(*tick));
                told.extend(due.iter().map(|line| format!("{tick} {} {}", line.state.as_str(), line.onset)));
            }
        }
        told.join("\n")
    }

    #[test]
    fn it_is_said_once_a_burst_and_goes_on_while_the_rule_lies_between() {
        let mut further = Further::default();
        assert_eq!(play(&mut further, &[(5, Rule::Holds)]), "", "it never burst");
        further.bursting("a", 1_000, Tick(10));
        let said = [(20, Rule::Between), (30, Rule::Holds), (40, Rule::Holds), (80, Rule::Between), (140, Rule::Over)];
        assert_eq!(
            play(&mut further, &said),
            "30 firing 1970-01-01T00:00:01.000Z\n140 resolved 1970-01-01T00:00:01.000Z"
        );
        assert_eq!(play(&mut further, &[(150, Rule::Holds)]), "", "nothing new about the same burst");
        further.bursting("a", 5_000, Tick(150));
        further.bursting("a", 9_000, Tick(600));
        assert_eq!(play(&mut further, &[(601, Rule::Holds)]), "601 firing 1970-01-01T00:00:09.000Z");
        assert_eq!((further.len(), further.next_timer(HOLDS)), (1, Some(Tick(661))));
    }

    #[test]
    fn its_name_is_its_own_and_its_page_is_paid_for_apart() {
        let mut further = Further::default();
        further.bursting("a", 1_000, Tick(10));
        let fired = further.hear(KIND, Severity::Ticket, Rule::Holds, 1_000, Tick(10), line(10)).unwrap();
        assert_ne!(fired.alert_id, crate::model::keyed::alert_id("a", 1_000));
        assert!(further.of_line(&line(10)).is_none(), "the main alert's line is not its own");
        let open = further.of_line(&fired).unwrap();
        assert_eq!((open.paid, open.suppressed), (Severity::Info, false));
        assert!(further.is_open("a", KIND) && !further.is_open("a", Kind::CoordinatedBurst));
        let bytes = postcard::to_stdvec(&further).unwrap();
        let back: Further = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(postcard::to_stdvec(&back).unwrap(), bytes);
    }

    #[test]
    fn bursts_are_forgotten_after_a_day_and_bounded() {
        let mut further = Further::default();
        for number in 0..BURSTS_MAX as i64 + 10 {
            further.bursting(&format!("tag{number}"), number, Tick(number));
        }
        assert_eq!(further.bursts.len(), BURSTS_MAX);
        assert_eq!(further.burst_onset_ms("tag0", Tick(5000)), None, "the oldest made room");
        let last = BURSTS_MAX as i64 + 9;
        assert_eq!(further.burst_onset_ms(&format!("tag{last}"), Tick(last + DAY - 1)), Some(last));
        further.end_what_is_over(Tick(last + DAY), HOLDS);
        assert!(further.bursts.is_empty());
    }
}
