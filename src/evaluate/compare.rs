//! Two alert logs of the same posts, held against each other: which alerts would newly page, which no longer, and what
//! became another kind, severity or time. An alert of one log answers to one of the other on the same hashtag that was
//! open at the same time; ids are not asked, because another threshold moves the onset and with it the id.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::episode::{TIME_FORM, shown, time};
use crate::decide::line::{Severity, State};
use crate::model::EventTime;
use crate::model::hashtag::canonical;

/// What of an alert line is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    hashtag: String,
    alert_id: String,
    kind: String,
    state: State,
    severity: Severity,
    suppressed: bool,
    at: EventTime,
    /// Number within the tick.
    n: u32,
    explanation: String,
    config_version: Option<String>,
}

/// A line as written.
#[derive(Deserialize)]
struct Written {
    hashtag: String,
    alert_id: String,
    kind: String,
    state: State,
    severity: Severity,
    #[serde(default)]
    suppressed: bool,
    at: Value,
    #[serde(default)]
    n: u32,
    #[serde(default)]
    explanation: String,
    config_version: Option<String>,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not JSON, or a field is missing or of another type.
    #[error("no alert line of tagwatch ({0}); want hashtag, alert_id, kind, state, severity and at")]
    Form(serde_json::Error),
    /// No time.
    #[error("at is {0}; want {TIME_FORM}")]
    Time(Value),
    /// No hashtag.
    #[error("{0:?} is no hashtag; want letters or digits")]
    Hashtag(String),
}

impl LogLine {
    /// Reads a line.
    ///
    /// # Errors
    /// If it is none of tagwatch's.
    pub fn read(line: &[u8]) -> Result<LogLine, LogError> {
        let written: Written = serde_json::from_slice(line).map_err(LogError::Form)?;
        Ok(LogLine {
            hashtag: canonical(&written.hashtag).ok_or(LogError::Hashtag(written.hashtag))?,
            alert_id: written.alert_id,
            kind: written.kind,
            state: written.state,
            severity: written.severity,
            suppressed: written.suppressed,
            at: time(&written.at).ok_or(LogError::Time(written.at))?,
            n: written.n,
            explanation: written.explanation,
            config_version: written.config_version,
        })
    }

    /// How loud the line is: one that was held back calls nobody.
    fn loudness(&self) -> (Severity, bool) {
        (self.severity, !self.suppressed)
    }
}

/// One alert of a log, from its first line to its last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogAlert {
    /// Its id, which the other log may have changed.
    pub alert_id: String,
    /// The kind that it was raised to.
    pub kind: String,
    /// The highest severity that it reached.
    pub severity: Severity,
    /// Whether the budget or warming held it back at that severity.
    pub suppressed: bool,
    /// When it reached that severity.
    #[serde(serialize_with = "shown")]
    pub at: EventTime,
    /// Its first line.
    #[serde(serialize_with = "shown")]
    pub opened: EventTime,
    /// When it resolved; null where the log ends before.
    #[serde(serialize_with = "shown_option")]
    pub resolved: Option<EventTime>,
    /// What it said when it reached that severity.
    pub explanation: String,
}

fn shown_option<S: serde::Serializer>(at: &Option<EventTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

impl LogAlert {
    /// Whether it called somebody.
    pub fn pages(&self) -> bool {
        self.severity == Severity::Page && !self.suppressed
    }

    fn end(&self) -> EventTime {
        self.resolved.unwrap_or(EventTime(i64::MAX))
    }

    /// Milliseconds that both were open at once.
    fn overlap(&self, other: &LogAlert) -> i64 {
        self.end().min(other.end()).0.saturating_sub(self.opened.max(other.opened).0)
    }
}

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Log {
    /// Its lines.
    pub lines: usize,
    /// Alerts that page.
    pub pages: usize,
    /// Alerts whose page was held back.
    pub pages_suppressed: usize,
    /// Alerts that reached a ticket.
    pub tickets: usize,
    /// Alerts for the record.
    pub infos: usize,
    /// The versions of the detection config that wrote it.
    pub config_versions: BTreeSet<String>,
    /// Its first line; null where there is none.
    #[serde(serialize_with = "shown_option")]
    pub from: Option<EventTime>,
    /// Its last line; null where there is none.
    #[serde(serialize_with = "shown_option")]
    pub to: Option<EventTime>,
    /// By canonical hashtag, in the order in which they opened.
    #[serde(skip)]
    alerts: BTreeMap<String, Vec<LogAlert>>,
}

impl Log {
    /// Puts the lines of a log, in any order, together into alerts. Those that never got beyond `pending` are none.
    pub fn of(mut lines: Vec<LogLine>) -> Log {
        lines.sort_by_key(|line| (line.at, line.n));
        let mut log = Log {
            lines: lines.len(),
            from: lines.first().map(|line| line.at),
            to: lines.last().map(|line| line.at),
            ..Log::default()
        };
        let mut open: BTreeMap<(String, String), (LogAlert, bool)> = BTreeMap::new();
        for line in lines {
            log.config_versions.extend(line.config_version.clone());
            let key = (line.hashtag.clone(), line.alert_id.clone());
            if line.state == State::Resolved {
                // An id may come again: a hashtag that is still new has the same onset.
                if let Some((alert, true)) = open.remove(&key) {
                    log.add(line.hashtag, LogAlert { resolved: Some(line.at), ..alert });
                }
            } else {
                let (alert, said) = open.entry(key).or_insert_with(|| (begun(&line), false));
                *said |= hear(alert, line, !*said);
            }
        }
        for ((hashtag, _), (alert, _)) in open.into_iter().filter(|(_, (_, said))| *said) {
            log.add(hashtag, alert);
        }
        log.alerts.values_mut().for_each(|alerts| alerts.sort_by_key(|alert| (alert.opened, alert.resolved)));
        log
    }

    fn add(&mut self, hashtag: String, alert: LogAlert) {
        *match (alert.severity, alert.suppressed) {
            (Severity::Page, false) => &mut self.pages,
            (Severity::Page, true) => &mut self.pages_suppressed,
            (Severity::Ticket, _) => &mut self.tickets,
            (Severity::Info, _) => &mut self.infos,
        } += 1;
        self.alerts.entry(hashtag).or_default().push(alert);
    }
}

/// An alert as its first line has it.
fn begun(line: &LogLine) -> LogAlert {
    LogAlert {
        alert_id: line.alert_id.clone(),
        kind: line.kind.clone(),
        severity: line.severity,
        suppressed: line.suppressed,
        at: line.at,
        opened: line.at,
        resolved: None,
        explanation: line.explanation.clone(),
    }
}

/// Takes a further line of an open alert; whether the alert is said aloud by it. `first` is true until it was.
fn hear(alert: &mut LogAlert, line: LogLine, first: bool) -> bool {
    if line.state == State::Pending {
        return false;
    }
    if first || line.loudness() > (alert.severity, !alert.suppressed) {
        (alert.severity, alert.suppressed, alert.at) = (line.severity, line.suppressed, line.at);
        alert.explanation = line.explanation;
    }
    alert.kind = line.kind;
    true
}

/// What became of an alert from the first log to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It pages in the second log alone.
    NewlyPages,
    /// It pages in the first log alone.
    NoLongerPages,
    /// Both have it, with another kind, severity or time.
    Changed,
    /// The second log alone has it, and it does not page.
    OnlyInB,
    /// The first log alone has it, and it did not page.
    OnlyInA,
}

impl Became {
    /// In the order in which they are read at night: first what would call somebody.
    pub const ALL: [Became; 5] =
        [Became::NewlyPages, Became::NoLongerPages, Became::Changed, Became::OnlyInB, Became::OnlyInA];

    /// What tables say of it.
    pub fn heading(self) -> &'static str {
        match self {
            Became::NewlyPages => "newly pages",
            Became::NoLongerPages => "no longer pages",
            Became::Changed => "changed",
            Became::OnlyInB => "only in B",
            Became::OnlyInA => "only in A",
        }
    }
}

/// One alert that the logs do not agree on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What became of it.
    pub became: Became,
    /// Canonical hashtag.
    pub hashtag: String,
    /// The alert in the first log.
    pub a: Option<LogAlert>,
    /// The alert in the second log.
    pub b: Option<LogAlert>,
}

impl Difference {
    /// The difference between two alerts that answer to each other, or an alert that has no answer; none where they
    /// agree in kind, severity and time.
    fn of(hashtag: &str, a: Option<&LogAlert>, b: Option<&LogAlert>) -> Option<Difference> {
        let said = |alert: &LogAlert| (alert.kind.clone(), alert.severity, alert.suppressed, alert.at);
        let became = match (a.is_some_and(LogAlert::pages), b.is_some_and(LogAlert::pages)) {
            (false, true) => Became::NewlyPages,
            (true, false) => Became::NoLongerPages,
            _ if a.is_none() => Became::OnlyInB,
            _ if b.is_none() => Became::OnlyInA,
            _ if a.map(said) == b.map(said) => return None,
            _ => Became::Changed,
        };
        Some(Difference { became, hashtag: hashtag.to_owned(), a: a.cloned(), b: b.cloned() })
    }

    /// Whether no log has more than a record of it.
    pub fn is_for_the_record(&self) -> bool {
        [&self.a, &self.b].into_iter().flatten().all(|alert| alert.severity == Severity::Info)
    }

    fn at(&self) -> EventTime {
        let at = |alert: &Option<LogAlert>| alert.as_ref().map(|alert| alert.at);
        at(&self.b).or(at(&self.a)).unwrap_or(EventTime::MIN)
    }
}

/// Two logs and what they do not agree on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first log.
    pub a: Log,
    /// The second log.
    pub b: Log,
    /// Alerts that both have, of the same kind, severity and time.
    pub same: usize,
    /// How many differences there are of each sort, with those that are not listed.
    pub counts: BTreeMap<Became, usize>,
    /// By sort, then time, then hashtag.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Holds two logs against each other.
    pub fn of(a: Log, b: Log) -> Comparison {
        let mut differences = Vec::new();
        let mut same = 0;
        let hashtags: BTreeSet<&String> = a.alerts.keys().chain(b.alerts.keys()).collect();
        for hashtag in hashtags {
            let of = |log: &'_ Log| log.alerts.get(hashtag).cloned().unwrap_or_default();
            for (a, b) in paired(&of(&a), &of(&b)) {
                match Difference::of(hashtag, a, b) {
                    Some(difference) => differences.push(difference),
                    None => same += 1,
                }
            }
        }
        differences.sort_by(|x, y| (x.became, x.at(), &x.hashtag).cmp(&(y.became, y.at(), &y.hashtag)));
        let mut counts = BTreeMap::from(Became::ALL.map(|became| (became, 0)));
        for difference in &differences {
            *counts.entry(difference.became).or_default() += 1;
        }
        Comparison { a, b, same, counts, differences }
    }

    /// Leaves out of the list what is for the record in both logs; the counts keep it.
    pub fn without_records(mut self) -> Comparison {
        self.differences.retain(|difference| !difference.is_for_the_record());
        self
    }
}

/// The alerts of one hashtag in pairs that were open at once, each in one pair: those that both page first, then those
/// that were open together longest; then the alerts without an answer. O(n·m) in the alerts of one hashtag.
fn paired<'l>(a: &'l [LogAlert], b: &'l [LogAlert]) -> Vec<(Option<&'l LogAlert>, Option<&'l LogAlert>)> {
    let every = a.iter().enumerate().flat_map(|(i, one)| b.iter().enumerate().map(move |(j, two)| (i, j, one, two)));
    let mut candidates: Vec<_> = every
        .filter(|(_, _, one, two)| one.overlap(two) > 0)
        .map(|(i, j, one, two)| (Reverse((one.pages() && two.pages(), one.overlap(two))), i, j))
        .collect();
    candidates.sort_unstable();
    let (mut of_a, mut of_b) = (vec![None; a.len()], vec![None; b.len()]);
    for (_, i, j) in candidates {
        if of_a[i].is_none() && of_b[j].is_none() {
            (of_a[i], of_b[j]) = (Some(j), Some(i));
        }
    }
    let with_a = of_a.iter().enumerate().map(|(i, j)| (Some(&a[i]), j.map(|j: usize| &b[j])));
    let b_alone = of_b.iter().enumerate().filter(|(_, i)| i.is_none()).map(|(j, _)| (None, Some(&b[j])));
    with_a.chain(b_alone).collect()
}

#[cfg(test)]
mod tests;
