//! Expected events at work: an alert that one of them explains is written at a lower severity, with the reason. Nothing
//! else changes, so it stands in the log, and when the event is over a line of its own raises it back.

use serde::{Deserialize, Serialize};

use super::line::{AlertLine, Severity, State};
use crate::config::Expected;
use crate::model::time::TICK_MS;
use crate::model::{EventTime, Tick};

/// How an open alert stands to the list. Kept with the alert, so that a restart knows what was said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Severity of the last line of it.
    said: Severity,
    /// Why it is expected.
    reason: Option<String>,
    /// The tick from which the list says something else of its hashtag.
    until: i64,
}

impl Standing {
    /// Looks into the list again at the next tick: it may be another one.
    pub fn forget(&mut self) {
        self.until = i64::MIN;
    }

    /// The tick at which arithmetic alone changes what is expected.
    pub fn next_timer(&self) -> i64 {
        self.until
    }

    /// Brings `line`, which is how an open alert would read now, up to the tick. `own` is the severity that the alert has
    /// by itself; `told` says whether a line of it was written at this tick. A line that is due is returned: the severity
    /// is another one than was said last, and nobody has said so.
    pub fn renew(
        &mut self,
        list: &[Expected],
        tick: Tick,
        own: Severity,
        line: &mut AlertLine,
        told: bool,
    ) -> Option<AlertLine> {
        if tick.0 >= self.until {
            self.until = changes_after(list, &line.hashtag, tick);
            self.reason = reason(list, &line.hashtag, tick).map(str::to_owned);
        }
        mark(line, self.reason.as_deref());
        line.severity = if self.reason.is_some() { lowered(own) } else { own };
        let due = !told && line.severity != self.said && line.state != State::Pending;
        self.said = line.severity;
        due.then(|| {
            let ends = if self.reason.is_none() { "; no longer expected" } else { "" };
            let explanation = format!("{}{ends}", line.explanation);
            AlertLine { tick: tick.0, at: tick.end().to_string(), explanation, ..line.clone() }
        })
    }
}

impl Default for Standing {
    /// Of an alert of which nothing was said yet.
    fn default() -> Standing {
        Standing { said: Severity::Info, reason: None, until: i64::MIN }
    }
}

/// Says in a line of this tick what is expected. What resolves does so at the severity that it had reached.
pub fn say(list: &[Expected], tick: Tick, line: &mut AlertLine) {
    let reason = reason(list, &line.hashtag, tick);
    mark(line, reason);
    if reason.is_some() && line.state != State::Resolved {
        line.severity = lowered(line.severity);
    }
}

/// One step less urgent.
fn lowered(severity: Severity) -> Severity {
    match severity {
        Severity::Page => Severity::Ticket,
        Severity::Ticket | Severity::Info => Severity::Info,
    }
}

/// The reason of the first entry that explains a hashtag at a tick.
fn reason<'l>(list: &'l [Expected], hashtag: &str, tick: Tick) -> Option<&'l str> {
    list.iter().find(|entry| entry.covers(hashtag, tick.end())).map(|entry| entry.reason.as_str())
}

/// The first tick after `tick` at which an entry about the hashtag begins or ends; after every tick where none does.
fn changes_after(list: &[Expected], hashtag: &str, tick: Tick) -> i64 {
    let first_at = |at: EventTime| at.minus_ms(1).0.div_euclid(TICK_MS) + 1;
    let about = list.iter().filter(|entry| entry.to > tick.end() && entry.hashtags.fits(hashtag));
    let changes = about.flat_map(|entry| [first_at(entry.from), first_at(entry.to)]);
    changes.filter(|change| *change > tick.0).min().unwrap_or(i64::MAX / 4)
}

/// Leaves `reason` as the line's reason, in its evidence and at the end of its sentence.
fn mark(line: &mut AlertLine, reason: Option<&str>) {
    if let Some(before) = line.evidence.expected.take() {
        let bare = line.explanation.strip_suffix(&suffix(&before)).map(str::to_owned);
        line.explanation = bare.unwrap_or_else(|| std::mem::take(&mut line.explanation));
    }
    if let Some(reason) = reason {
        line.explanation.push_str(&suffix(reason));
        line.evidence.expected = Some(reason.to_owned());
    }
}

fn suffix(reason: &str) -> String {
    format!("; expected: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Glob;
    use crate::decide::line::Kind;

    fn entry(pattern: &str, from_ms: i64, to_ms: i64, reason: &str) -> Expected {
        let hashtags = Glob::read(pattern).unwrap();
        Expected { hashtags, from: EventTime(from_ms), to: EventTime(to_ms), reason: reason.to_owned() }
    }

    fn line(state: State, severity: Severity) -> AlertLine {
        AlertLine {
            tick: 1,
            alert_id: "x".to_owned(),
            kind: Kind::CoordinatedBurst,
            state,
            severity,
            hashtag: "vote".to_owned(),
            display: "Vote".to_owned(),
            at: Tick(1).end().to_string(),
            onset: Tick(0).end().to_string(),
            explanation: "#Vote: 9 posts".to_owned(),
            ..AlertLine::default()
        }
    }

    /// Asks at each tick and writes down what is due, then the next timer.
    fn check(list: &[Expected], ticks: &[i64], expected: &str) {
        let mut standing = Standing::default();
        let mut open = line(State::Firing, Severity::Page);
        let mut told = Vec::new();
        for (asked, tick) in ticks.iter().enumerate() {
            // A restart at every step changes nothing.
            standing = postcard::from_bytes(&postcard::to_stdvec(&standing).unwrap()).unwrap();
            open = serde_json::from_str(&serde_json::to_string(&open).unwrap()).unwrap();
            let due = standing.renew(list, Tick(*tick), Severity::Page, &mut open, asked == 0);
            told.extend(due.map(|line| format!("{}: {} {}", line.tick, line.severity.as_str(), line.explanation)));
            let before = (standing.clone(), open.clone());
            standing.forget();
            assert_eq!(standing.renew(list, Tick(*tick), Severity::Page, &mut open, false), None, "said once");
            assert_eq!((&standing, &open), (&before.0, &before.1));
        }
        let (reason, next) = (open.evidence.expected.as_deref().unwrap_or("none"), standing.next_timer());
        told.push(format!("{reason}, next {}", if next > 1000 { "none".to_owned() } else { next.to_string() }));
        assert_eq!(told.join("\n"), expected);
    }

    #[test]
    fn a_page_is_a_ticket_for_the_time_of_the_event_and_a_page_again_after() {
        let list = [entry("vote", 95_000, 200_001, "final")];
        check(&list, &[5], "none, next 10");
        check(&list, &[5, 10], "10: ticket #Vote: 9 posts; expected: final\nfinal, next 21");
        check(
            &list,
            &[5, 10, 15, 20, 21, 30],
            "10: ticket #Vote: 9 posts; expected: final\n21: page #Vote: 9 posts; no longer expected\nnone, next none",
        );
        check(&[], &[5, 6], "none, next none");
        check(&[entry("other", 0, 200_000, "x")], &[5, 10], "none, next none");
    }

    #[test]
    fn one_event_after_another_is_no_change_of_severity_and_the_first_in_the_list_gives_the_reason() {
        let list = [entry("vo*", 0, 100_000, "first"), entry("vote", 50_000, 200_000, "second")];
        check(&list, &[5, 10], "second, next 20");
        check(&list, &[5, 6], "first, next 10");
        // The first line was written at its lowered severity, so only the end is news.
        check(&list, &[5, 20], "20: page #Vote: 9 posts; no longer expected\nnone, next none");
    }

    #[test]
    fn a_line_of_the_tick_says_it_and_what_resolves_keeps_what_it_had_reached() {
        let list = [entry("*ote", 0, 100_000, "final")];
        for (state, severity, expected) in [
            (State::Firing, Severity::Page, Severity::Ticket),
            (State::Provisional, Severity::Ticket, Severity::Info),
            (State::Pending, Severity::Info, Severity::Info),
            (State::Resolved, Severity::Page, Severity::Page),
        ] {
            let mut line = line(state, severity);
            say(&list, Tick(5), &mut line);
            assert_eq!((line.severity, line.evidence.expected.as_deref()), (expected, Some("final")));
            assert!(line.explanation.ends_with("; expected: final"), "{}", line.explanation);
        }
        let mut late = line(State::Firing, Severity::Page);
        let before = late.clone();
        say(&list, Tick(10), &mut late);
        assert_eq!(late, before, "it is over at its end");
    }

    #[test]
    fn what_is_pending_is_raised_by_its_next_line() {
        let mut standing = Standing::default();
        let mut pending = line(State::Pending, Severity::Info);
        assert_eq!(standing.renew(&[], Tick(1), Severity::Info, &mut pending, true), None);
        assert_eq!(standing.renew(&[], Tick(2), Severity::Info, &mut pending, false), None);
    }
}
