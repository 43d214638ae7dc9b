//! Further alerts: what is said of a hashtag beside its main alert, never in its place. Each is an entry of its own, by
//! hashtag and kind, with an id of its own, a hold, hysteresis and an end by arithmetic. A kind's file judges; this one
//! keeps the alerts and knows nothing of what they mean.
//!
//! A further alert fires at once when its rule begins to hold. It fires again, under the same id, when its severity rises
//! or its list of members grows. It is over when it did not go on for its own `quiet`, but not before the minimum hold.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::budget::Paid;
use super::expected::Standing;
use super::line::{AlertLine, Kind, Severity, State};
use crate::config::Expected;
use crate::model::Tick;
use crate::model::keyed::alert_id;

/// What a tick says of one further alert.
#[derive(Clone, Debug)]
pub struct Further {
    /// Its kind.
    pub kind: Kind,
    /// Whether the rule holds that begins it.
    pub holds: bool,
    /// Whether the weaker rule holds that keeps it open.
    pub goes_on: bool,
    /// How urgent it is.
    pub severity: Severity,
    /// When it began, as lines write it, if it opens now; part of its id.
    pub onset: String,
    /// Ticks without going on after which it is over.
    pub quiet: i64,
    /// Its line as it reads now; kind, state, severity, id and onset are filled in here.
    pub line: AlertLine,
    /// The sentence of its last line.
    pub ended: String,
}

/// An open further alert.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    /// When it fired last.
    since: Tick,
    /// When it went on last.
    last: Tick,
    quiet: i64,
    ended: String,
    paid: Paid,
    /// How urgent it is by itself, expected or not.
    own: Severity,
    /// How it stands to the expected events.
    standing: Standing,
    #[serde(with = "super::kept")]
    line: AlertLine,
}

impl Open {
    fn over_at(&self, minimum_hold: i64) -> i64 {
        (self.last.0 + self.quiet).max(self.since.0 + minimum_hold)
    }
}

/// The open further alerts, by hashtag and kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Furthers {
    open: BTreeMap<(String, Kind), Open>,
}

impl Furthers {
    /// Takes what a tick says; a line that is due goes to `lines`.
    pub fn hear(&mut self, tick: Tick, further: Further, lines: &mut Vec<AlertLine>) {
        let key = (further.line.hashtag.clone(), further.kind);
        let mut line = AlertLine {
            tick: tick.0,
            kind: further.kind,
            state: State::Firing,
            severity: further.severity,
            at: tick.end().to_string(),
            ..further.line
        };
        if let Some(open) = self.open.get_mut(&key) {
            (line.alert_id, line.onset) = (open.line.alert_id.clone(), open.line.onset.clone());
            if further.goes_on || further.holds {
                open.last = tick;
            }
            // What it once was stays part of it: nothing is taken back before the end.
            line.severity = line.severity.max(open.own);
            if line.severity > open.own || line.members.len() > open.line.members.len() {
                open.since = tick;
                lines.push(line.clone());
            }
            line.suppressed = open.paid.suppressed;
            open.own = line.severity;
            (open.quiet, open.ended, open.line) = (further.quiet, further.ended, line);
        } else if further.holds {
            line.alert_id = id(&key.0, further.kind, &further.onset);
            line.onset = further.onset;
            lines.push(line.clone());
            let (quiet, ended) = (further.quiet, further.ended);
            self.open.insert(
                key,
                Open {
                    since: tick,
                    last: tick,
                    quiet,
                    ended,
                    paid: Paid::default(),
                    own: further.severity,
                    standing: Standing::default(),
                    line,
                },
            );
        }
    }

    /// Lowers what is expected, and raises back what no longer is; `told` names the alerts that a line of this tick is of.
    pub fn expect(
        &mut self,
        list: &[Expected],
        tick: Tick,
        warming: bool,
        told: &BTreeSet<String>,
        lines: &mut Vec<AlertLine>,
    ) {
        for open in self.open.values_mut() {
            let told = told.contains(&open.line.alert_id);
            let line = open.standing.renew(list, tick, open.own, &mut open.line, told);
            lines.extend(line.map(|line| AlertLine { warming, ..line }));
        }
    }

    /// Ends what is over, and says which.
    pub fn end(
        &mut self,
        tick: Tick,
        minimum_hold: i64,
        warming: bool,
        lines: &mut Vec<AlertLine>,
    ) -> Vec<(String, Kind)> {
        let over = |open: &Open| open.over_at(minimum_hold) <= tick.0;
        let keys: Vec<_> = self.open.iter().filter(|(_, open)| over(open)).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| self.close(key, tick, warming, None, lines));
        keys
    }

    /// Ends an alert at once, with another sentence than its own where there is one.
    pub fn close(
        &mut self,
        key: &(String, Kind),
        tick: Tick,
        warming: bool,
        why: Option<String>,
        lines: &mut Vec<AlertLine>,
    ) {
        if let Some(open) = self.open.remove(key) {
            lines.push(AlertLine {
                tick: tick.0,
                at: tick.end().to_string(),
                state: State::Resolved,
                severity: open.paid.severity,
                suppressed: open.paid.suppressed,
                warming,
                explanation: why.unwrap_or(open.ended),
                ..open.line
            });
        }
    }

    /// What the alert of a line has cost, and its line as it stands.
    pub fn paying(&mut self, line: &AlertLine) -> Option<(&mut Paid, &mut AlertLine)> {
        let open = self.open.get_mut(&(line.hashtag.clone(), line.kind))?;
        (open.line.alert_id == line.alert_id).then_some((&mut open.paid, &mut open.line))
    }

    /// The next tick at which one is over by arithmetic.
    pub fn next_timer(&self, minimum_hold: i64) -> Option<i64> {
        let next = |open: &Open| open.over_at(minimum_hold).min(open.standing.next_timer());
        self.open.values().map(next).min()
    }

    /// Looks into the list of expected events again at the next tick: it may be another one.
    pub fn forget_expected(&mut self) {
        self.open.values_mut().for_each(|open| open.standing.forget());
    }

    /// The open alert of a hashtag and kind, as its line reads now.
    pub fn get(&self, hashtag: &str, kind: Kind) -> Option<&AlertLine> {
        self.open.get(&(hashtag.to_owned(), kind)).map(|open| &open.line)
    }

    /// All open alerts as their lines read now.
    pub fn lines(&self) -> impl Iterator<Item = &AlertLine> {
        self.open.values().map(|open| &open.line)
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// The stable name of a further alert. No canonical hashtag holds a control character, so it is never a main alert's.
pub fn id(hashtag: &str, kind: Kind, onset: &str) -> String {
    alert_id(&format!("{hashtag}\0{}\0{onset}", kind.as_str()), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a hashtag at a tick: whether the rule holds, and the weaker one.
    fn further(holds: bool, goes_on: bool, severity: Severity, members: &[&str]) -> Further {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        let line = AlertLine { hashtag: "vote".to_owned(), members, ..AlertLine::default() };
        Further {
            kind: Kind::Campaign,
            holds,
            goes_on,
            severity,
            onset: String::new(),
            quiet: 60,
            line,
            ended: "over".to_owned(),
        }
    }

    /// Plays a story of ticks and writes down the lines.
    fn check(story: &[(i64, Option<Further>)], expected: &str) {
        let (mut furthers, mut told) = (Furthers::default(), Vec::new());
        for (tick, further) in story {
            let mut lines = Vec::new();
            further.clone().into_iter().for_each(|further| furthers.hear(Tick(*tick), further, &mut lines));
            furthers.end(Tick(*tick), 30, false, &mut lines);
            for line in lines {
                told.push(format!("{tick}: {} {} {:?}", line.state.as_str(), line.severity.as_str(), line.members));
            }
            let bytes = postcard::to_stdvec(&furthers).unwrap();
            furthers = postcard::from_bytes(&bytes).unwrap();
        }
        assert_eq!(told.join("\n"), expected);
    }

    #[test]
    fn it_begins_by_one_rule_goes_on_by_another_and_ends_by_arithmetic() {
        let of = |holds, goes_on| Some(further(holds, goes_on, Severity::Ticket, &[]));
        check(
            &[
                (1, of(false, true)),
                (2, of(true, true)),
                (40, of(false, true)),
                (90, of(false, false)),
                (99, None),
                (100, None),
            ],
            "2: firing ticket []\n100: resolved info []",
        );
    }

    #[test]
    fn it_fires_again_when_it_grows_and_takes_nothing_back() {
        let of = |severity, members: &[&str]| Some(further(true, true, severity, members));
        check(
            &[
                (1, of(Severity::Ticket, &["a", "b"])),
                (2, of(Severity::Page, &["a", "b"])),
                (3, of(Severity::Ticket, &["a", "b"])),
                (4, of(Severity::Ticket, &["a", "b", "c"])),
            ],
            "1: firing ticket [\"a\", \"b\"]\n2: firing page [\"a\", \"b\"]\n4: firing page [\"a\", \"b\", \"c\"]",
        );
    }

    #[test]
    fn its_id_is_its_own() {
        assert_ne!(id("vote", Kind::Campaign, ""), alert_id("vote", 0));
        assert_ne!(id("vote", Kind::Campaign, ""), id("vote", Kind::LowAndSlow, ""));
        assert_ne!(id("vote", Kind::Campaign, "1"), id("vote", Kind::Campaign, "2"));
    }
}
