//! The alert of one hashtag: a state machine moved by verdicts and by arithmetic on ticks, never by a clock.
//!
//! A burst is `pending` for a minute, then fires as `organic_burst`. A coordination rule that holds fires at once as what
//! it is; on thin counts it is `provisional` first. Raising keeps the id. A coordinated alert whose score stays below the
//! exit resolves while the burst goes on, and the burst continues under a new id. A burst is over when nothing above the
//! exit was heard for `detect.quiet`; nothing ends before `detect.minimum_hold`.

use serde::{Deserialize, Serialize};

use super::line::{Kind, State};
use crate::model::Tick;
use crate::track::ladder::MINUTE;

/// What a tick's report says of the hashtag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The burst score passes the entry.
    pub burst: bool,
    /// The burst goes on: above the exit, and posts still come.
    pub bursting: bool,
    /// The strongest kind whose rule holds, with whether it holds on firm counts.
    pub kind: Option<(Kind, bool)>,
    /// The coordination score at the estimates is at least the exit.
    pub coordinated: bool,
    /// A single source writes by the clock, whatever the score.
    pub feed: bool,
}

/// An open alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its name.
    pub id: String,
    /// Event time of its onset, in ms.
    pub onset_ms: i64,
    /// What it says.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// When it opened.
    pub opened: Tick,
    /// When it began to fire as what it is now.
    pub since: Tick,
    /// The last tick at which the burst went on.
    pub last_burst: Tick,
    /// The last tick at which coordination was above its exit; of a feed, at which it was one.
    pub last_coordinated: Tick,
}

/// How long things last, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// `detect.minimum_hold`
    pub minimum: i64,
    /// `detect.quiet`
    pub quiet: i64,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A line with this kind and state is due.
    Now(Kind, State),
    /// The coordination calmed down while the burst goes on: resolve it, and go on under a new id.
    Calmed,
}

impl Alert {
    /// A new alert for a burst or a rule that just began to hold.
    pub fn open(id: String, onset_ms: i64, tick: Tick, verdict: &Verdict) -> (Alert, Change) {
        let (kind, state) = match verdict.kind {
            Some((kind, true)) => (kind, State::Firing),
            Some((kind, false)) => (kind, State::Provisional),
            None => (Kind::OrganicBurst, State::Pending),
        };
        let alert =
            Alert { id, onset_ms, kind, state, opened: tick, since: tick, last_burst: tick, last_coordinated: tick };
        (alert, Change::Now(kind, state))
    }

    /// Takes a tick's verdict.
    pub fn hear(&mut self, tick: Tick, verdict: &Verdict, holds: Holds) -> Option<Change> {
        if verdict.bursting {
            self.last_burst = tick;
        }
        if if self.kind == Kind::AutomatedFeed { verdict.feed } else { verdict.coordinated && !verdict.feed } {
            self.last_coordinated = tick;
        }
        if let Some((kind, firm)) = verdict.kind {
            let state = if firm { State::Firing } else { State::Provisional };
            // A firm verdict is not taken back by a thinner one of the same kind.
            let raised = kind > self.kind || (kind == self.kind && firm && self.state != State::Firing);
            if raised {
                return Some(self.become_(kind, state, tick));
            }
        }
        if self.kind != Kind::OrganicBurst && tick.0 >= self.calm_at(holds) {
            return Some(Change::Calmed);
        }
        if self.state == State::Pending && verdict.burst && tick.0 - self.opened.0 >= MINUTE {
            return Some(self.become_(self.kind, State::Firing, tick));
        }
        None
    }

    fn become_(&mut self, kind: Kind, state: State, tick: Tick) -> Change {
        (self.kind, self.state, self.since) = (kind, state, tick);
        Change::Now(kind, state)
    }

    /// The tick at which the alert is over if nothing more is heard.
    pub fn over_at(&self, holds: Holds) -> i64 {
        let hold = if self.state == State::Pending { 0 } else { holds.minimum };
        (self.last_burst.0 + holds.quiet).max(self.since.0 + hold)
    }

    fn calm_at(&self, holds: Holds) -> i64 {
        (self.last_coordinated.0 + holds.quiet).max(self.since.0 + holds.minimum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDS: Holds = Holds { minimum: 60, quiet: 60 };
    const ORGANIC: Verdict = Verdict { burst: true, bursting: true, kind: None, coordinated: false, feed: false };
    const FIRM: Verdict = Verdict {
        burst: true,
        bursting: true,
        kind: Some((Kind::CoordinatedBurst, true)),
        coordinated: true,
        ..ORGANIC
    };
    const THIN: Verdict = Verdict { kind: Some((Kind::CoordinatedBurst, false)), ..FIRM };

    /// Plays verdicts at ticks and writes down what changed.
    fn check(story: &[(i64, Verdict)], expected: &str) {
        let (mut alert, first) = Alert::open("id".to_owned(), 0, Tick(story[0].0), &story[0].1);
        let mut told = vec![format!("{}: {first:?}", story[0].0)];
        for (tick, verdict) in &story[1..] {
            if let Some(change) = alert.hear(Tick(*tick), verdict, HOLDS) {
                told.push(format!("{tick}: {change:?}"));
            }
        }
        told.push(format!("over at {}", alert.over_at(HOLDS)));
        assert_eq!(told.join("\n"), expected);
    }

    #[test]
    fn a_crowd_fires_as_organic_after_a_minute() {
        check(
            &[(10, ORGANIC), (12, ORGANIC), (16, ORGANIC), (18, ORGANIC)],
            "10: Now(OrganicBurst, Pending)\n16: Now(OrganicBurst, Firing)\nover at 78",
        );
    }

    #[test]
    fn early_is_provisional_and_raised_by_evidence() {
        check(
            &[(10, THIN), (11, THIN), (12, FIRM), (13, THIN)],
            "10: Now(CoordinatedBurst, Provisional)\n12: Now(CoordinatedBurst, Firing)\nover at 73",
        );
    }

    #[test]
    fn it_calms_down_while_the_burst_goes_on() {
        let story: Vec<(i64, Verdict)> = std::iter::once((10, FIRM)).chain((11..90).map(|t| (t, ORGANIC))).collect();
        let (mut alert, _) = Alert::open("id".to_owned(), 0, Tick(10), &FIRM);
        let calmed = story[1..].iter().find(|(t, v)| alert.hear(Tick(*t), v, HOLDS) == Some(Change::Calmed));
        assert_eq!(calmed.map(|(t, _)| *t), Some(70));
    }

    #[test]
    fn an_organic_burst_that_turns_is_raised_at_once() {
        check(
            &[(10, ORGANIC), (16, ORGANIC), (20, FIRM)],
            "10: Now(OrganicBurst, Pending)\n16: Now(OrganicBurst, Firing)\n20: Now(CoordinatedBurst, Firing)\nover at 80",
        );
    }
}
