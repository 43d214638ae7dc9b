//! The decider: folds the reports of all shards for one tick into alert lines. A pure fold; its state is what a
//! checkpoint holds of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Change, Holds, Verdict};
use super::birth_curve::BirthCurve;
use super::budget::{Budget, Paid};
use super::burst::{Burst, Hour, bursts};
use super::campaign::Campaigns;
use super::crew::crew;
use super::crowds::{Crowds, Nature, accounts};
use super::expected::{Standing, say};
use super::explain::{basis, ended, sentence};
use super::further::Furthers;
use super::line::{AlertLine, Evidence, Kind, Severity, State};
use super::recent::Recent;
use super::score::{Coordination, Remembered, coordination};
use super::view::HashtagView;
use crate::assess::crowd::View;
use crate::assess::report::{Member, Reading};
use crate::assess::values::{Adjusted, Score};
use crate::assess::{HashtagReport, Report};
use crate::config::{Detect, Expected};
use crate::model::keyed::alert_id;
use crate::model::time::TICK_MS;
use crate::model::{EventTime, Tick};
use crate::track::ladder::DAY;

mod beside;

/// Posts and accounts of the crowd from which anything is said of coordination.
const FIRM_POSTS: u64 = 25;
/// See [`FIRM_POSTS`].
const FIRM_ACCOUNTS: u64 = 8;
/// A burst goes on while the last five minutes hold at least this part of the last hour: a quarter of its average.
const BURSTING_PART: u64 = 48;

/// An open alert with what was last said of its hashtag.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    alert: Alert,
    paid: Paid,
    /// Identity of the hashtag.
    tag: u64,
    /// The core of its crowd while the burst is organic, to be remembered as such at its end.
    organic: Vec<u64>,
    /// Whether the score ever reached the exit: a burst in doubt teaches nobody that its crowd is organic.
    doubted: bool,
    /// How it stands to the expected events.
    standing: Standing,
    /// The line as it would read now.
    #[serde(with = "super::kept")]
    line: AlertLine,
}

/// What a checkpoint holds of the decider.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// By canonical hashtag.
    open: BTreeMap<String, Open>,
    furthers: Furthers,
    recent: Recent,
    campaigns: Campaigns,
    births: BirthCurve,
    budget: Budget,
    crowds: Crowds,
    watched_since: Option<EventTime>,
    /// Whether state was lost behind a committed offset, so that the windows are full only a day after `watched_since`.
    lost: bool,
}

/// What a tick decided.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// Alert lines in the order of the alert log.
    pub lines: Vec<AlertLine>,
    /// The hashtags that were assessed.
    pub assessed: Vec<HashtagView>,
}

/// The only place that sees the whole.
#[derive(Clone, Debug)]
pub struct Decider {
    detect: Detect,
    config_version: String,
    expected: Vec<Expected>,
    memory: Memory,
}

impl Decider {
    /// A decider that has seen nothing.
    pub fn new(detect: Detect, config_version: String) -> Decider {
        Decider { detect, config_version, expected: Vec::new(), memory: Memory::default() }
    }

    /// The same, told what is expected. A restored alert is looked up in the list anew: it may be another one.
    pub fn expecting(mut self, expected: Vec<Expected>) -> Decider {
        self.memory.open.values_mut().for_each(|open| open.standing.forget());
        self.memory.furthers.forget_expected();
        Decider { expected, ..self }
    }

    /// A decider under other rules that begins now beside this one: no alert is open, no crowd remembered, nothing spent;
    /// what the stream itself has shown holds for both.
    pub fn beside(&self, detect: Detect, config_version: String) -> Decider {
        let Memory { births, watched_since, lost, .. } = self.memory.clone();
        let memory = Memory { births, watched_since, lost, ..Memory::default() };
        Decider { detect, config_version, expected: Vec::new(), memory }
    }

    /// Hash of the rules that it decides by.
    pub fn config_version(&self) -> &str {
        &self.config_version
    }

    /// Says that state was lost behind a committed offset: nothing pages until the longest window is full.
    pub fn state_was_lost(&mut self) {
        self.memory.lost = true;
    }

    /// Whether the windows are still filling after lost state.
    pub fn is_warming(&self, tick: Tick) -> bool {
        self.memory.lost && self.memory.watched_since.is_none_or(|since| tick.end() < since.plus_ms(DAY * TICK_MS))
    }

    /// A decider as [`encode`](Self::encode) wrote it.
    ///
    /// # Errors
    /// Says what does not read.
    pub fn restore(detect: Detect, config_version: String, bytes: &[u8]) -> Result<Decider, String> {
        let memory = postcard::from_bytes(bytes).map_err(|error| format!("decider state does not read: {error}"))?;
        Ok(Decider { detect, config_version, expected: Vec::new(), memory })
    }

    /// Its state for a checkpoint.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.memory).expect("plain values encode")
    }

    /// Number of open alerts.
    pub fn open_alerts(&self) -> usize {
        self.memory.open.len() + self.memory.furthers.len()
    }

    /// Earliest event time of the stream, as far as reports have said.
    pub fn watched_since(&self) -> Option<EventTime> {
        self.memory.watched_since
    }

    /// The open alerts as their lines would read now.
    pub fn open_lines(&self) -> impl Iterator<Item = &AlertLine> {
        self.memory.open.values().map(|open| &open.line).chain(self.memory.furthers.lines())
    }

    /// The next tick at which arithmetic alone ends an alert, or begins or ends an expected event of one.
    pub fn next_timer(&self) -> Option<Tick> {
        let holds = self.holds();
        let next = |open: &Open| open.alert.over_at(holds).min(open.standing.next_timer());
        let main = self.memory.open.values().map(next).min();
        main.into_iter().chain(self.memory.furthers.next_timer(holds.minimum)).min().map(Tick)
    }

    /// Decides a tick. `reports` are those of all shards, in any order; none for a tick that only a timer asked for.
    pub fn decide(&mut self, tick: Tick, reports: Vec<Report>) -> Decided {
        for report in &reports {
            if let Some(births) = &report.births {
                self.memory.births.add(tick, births);
            }
            let since = [self.memory.watched_since, report.watched_since].into_iter().flatten().min();
            self.memory.watched_since = since;
        }
        self.memory.crowds.forget(tick);
        self.memory.recent.forget(tick);
        let warming = self.is_warming(tick);
        let candidates = sorted(reports.iter().flat_map(|report| &report.hashtags));
        let mut decided = Decided::default();
        for (report, (burst, adjusted)) in candidates.iter().zip(self.bursts(tick, &candidates)) {
            let coordination = self.coordination(report, adjusted);
            self.hear(tick, report, burst, &coordination, warming, &mut decided.lines);
            self.remember(tick, report, &coordination);
            self.join(tick, report, warming, &mut decided.lines);
            self.hear_vanished(tick, report, burst, &coordination, warming, &mut decided.lines);
            decided.assessed.push(self.shown(report, burst, coordination));
        }
        // What only actions touched is no candidate: it weighs in no other hashtag's test and moves no main alert.
        for report in sorted(reports.iter().flat_map(|report| &report.touched)) {
            let Some((burst, adjusted)) = self.bursts(tick, &[report]).pop() else { continue };
            let coordination = self.coordination(report, adjusted);
            self.hear_vanished(tick, report, burst, &coordination, warming, &mut decided.lines);
            decided.assessed.push(self.shown(report, burst, coordination));
        }
        let slow = sorted(reports.iter().flat_map(|report| &report.slow));
        slow.into_iter().for_each(|report| self.hear_slow(tick, report, warming, &mut decided.lines));
        self.speak_of_campaigns(tick, warming, &mut decided.lines);
        self.end_what_is_over(tick, warming, &mut decided.lines);
        self.end_furthers(tick, warming, &mut decided.lines);
        self.expect(tick, warming, &mut decided.lines);
        self.spend(tick, warming, &mut decided.lines);
        decided.lines.sort_by(|a, b| (&a.hashtag, a.kind, &a.alert_id).cmp(&(&b.hashtag, b.kind, &b.alert_id)));
        for (n, line) in decided.lines.iter_mut().enumerate() {
            line.n = n as u32;
        }
        decided
    }

    /// The bursts of a tick's candidates, each as counted and without what actions took out.
    fn bursts(&self, tick: Tick, candidates: &[&HashtagReport]) -> Vec<(Burst, Burst)> {
        let of = |hours: Vec<Hour>| bursts(tick, &hours, &self.memory.births);
        let counted = of(candidates.iter().map(|report| Hour::of(report)).collect());
        let adjusted = match candidates.iter().any(|report| report.adjusted.is_some()) {
            true => of(candidates.iter().map(|report| Hour::adjusted(report)).collect()),
            false => counted.clone(),
        };
        counted.into_iter().zip(adjusted).collect()
    }

    fn coordination(&mut self, report: &HashtagReport, adjusted_burst: Burst) -> Coordination {
        let mut scored = |crowd: &[Member], readings: &[Reading]| {
            let mut overlap = |view| self.memory.crowds.overlap(report.tag, crowd, view);
            let (all, core) = (overlap(View::All), overlap(View::Core));
            let crew = crew(&mut self.memory.crowds, report.tag, crowd, &self.detect);
            let remembered = Remembered { all, core, crew };
            coordination(readings, &remembered, &self.detect)
        };
        let counted = scored(&report.crowd, &report.readings);
        let adjusted = report.adjusted.as_ref().map(|left| Adjusted {
            windows: left.windows,
            burst: adjusted_burst.score,
            coordination: scored(&left.crowd, &left.readings).score,
        });
        Coordination { adjusted, ..counted }
    }

    fn shown(&self, report: &HashtagReport, burst: Burst, coordination: Coordination) -> HashtagView {
        HashtagView {
            hashtag: report.hashtag.clone(),
            display: report.display.clone(),
            windows: report.windows.clone(),
            adjusted: coordination.adjusted,
            burst: burst.score,
            coordination: coordination.score,
            signals: coordination.signals,
            alert_id: self.memory.open.get(&report.hashtag).map(|open| open.alert.id.clone()),
        }
    }

    /// Remembers who carries an alert that fires without the memory's help.
    fn remember(&mut self, tick: Tick, report: &HashtagReport, coordination: &Coordination) {
        let Some(open) = self.memory.open.get_mut(&report.hashtag) else { return };
        match (open.alert.kind, open.alert.state) {
            (Kind::OrganicBurst, _) => {
                open.doubted |= coordination.score >= Score::of_points(self.detect.coordination_exit);
                open.organic = accounts(Nature::Organic, &report.crowd);
            }
            (Kind::CoordinatedBurst, State::Firing)
                if coordination.unaided >= Score::of_points(self.detect.coordination_enter) =>
            {
                for nature in [Nature::Coordinated, Nature::Talking] {
                    self.memory.crowds.remember(nature, report.tag, tick, &accounts(nature, &report.crowd));
                }
            }
            _ => {}
        }
    }

    fn hear(
        &mut self,
        tick: Tick,
        report: &HashtagReport,
        burst: Burst,
        coordination: &Coordination,
        warming: bool,
        lines: &mut Vec<AlertLine>,
    ) {
        let verdict = self.verdict(report, burst, coordination);
        let holds = self.holds();
        let line = |alert: &Alert, kind, state| AlertLine {
            alert_id: alert.id.clone(),
            onset: EventTime(alert.onset_ms).to_string(),
            kind,
            state,
            severity: severity(kind, state),
            explanation: sentence(kind, state, report, coordination),
            ..self.line(tick, report, burst, coordination, warming)
        };
        let mut calmed = false;
        let mut replaced = None;
        match self.memory.open.get(&report.hashtag) {
            Some(open) => {
                let mut alert = open.alert.clone();
                match alert.hear(tick, &verdict, holds) {
                    Some(Change::Now(kind, state)) => lines.push(line(&alert, kind, state)),
                    Some(Change::Calmed) => {
                        let resolved = line(&alert, alert.kind, State::Resolved);
                        let Paid { severity, suppressed } = open.paid;
                        lines.push(AlertLine { severity, suppressed, ..resolved });
                        calmed = true;
                    }
                    None => {}
                }
                let now = line(&alert, alert.kind, alert.state);
                let standing = open.standing.clone();
                replaced = Some(Open { alert, line: now, organic: Vec::new(), standing, ..*open });
            }
            None if verdict.burst || verdict.kind.is_some() => {}
            None => return,
        }
        if replaced.is_none() || calmed {
            // A calmed burst goes on from here: its onset is now, so its name is another.
            let onset = if calmed { tick.end().0 } else { self.onset_ms(tick, report) };
            let id = alert_id(&report.hashtag, onset);
            let (alert, change) =
                Alert::open(id, onset, tick, &Verdict { kind: if calmed { None } else { verdict.kind }, ..verdict });
            if let Change::Now(kind, state) = change {
                lines.push(line(&alert, kind, state));
            }
            let now = line(&alert, alert.kind, alert.state);
            let (tag, standing) = (report.tag, Standing::default());
            let paid = Paid::default();
            replaced = Some(Open { alert, paid, tag, organic: Vec::new(), doubted: false, standing, line: now });
        }
        if let Some(open) = replaced {
            self.memory.open.insert(report.hashtag.clone(), open);
        }
    }

    fn verdict(&self, report: &HashtagReport, burst: Burst, coordination: &Coordination) -> Verdict {
        let (hour, five) = (report.windows.h1, report.windows.m5);
        let begins =
            burst.score >= Score::of_points(self.detect.burst_enter) && burst.q <= self.detect.false_discovery_rate;
        let bursting =
            burst.score >= Score::of_points(self.detect.burst_exit) && five.posts * BURSTING_PART >= hour.posts;
        let enter = Score::of_points(self.detect.coordination_enter);
        let enough = report.crowd_posts >= FIRM_POSTS && report.crowd_accounts >= FIRM_ACCOUNTS;
        let firm = enough && coordination.score >= enter;
        // Early is not at random: what is certain already has to reach the exit.
        let exit = Score::of_points(self.detect.coordination_exit);
        let likely = coordination.estimate >= enter && coordination.score >= exit;
        let thin = enough && likely && coordination.two_families_estimate;
        let feed = report.feed;
        let kind = match (bursting, firm) {
            (true, _) if feed.is_some() && (firm || thin) => {
                Some((Kind::AutomatedFeed, feed.is_some_and(|feed| feed.clock.is_some())))
            }
            (true, true) if coordination.two_families => Some((Kind::CoordinatedBurst, true)),
            (true, true) => Some((Kind::SuspectedCoordination, true)),
            (true, false) if thin => Some((Kind::CoordinatedBurst, false)),
            _ => None,
        };
        // It takes evidence to begin and evidence to end: what is merely uncertain goes on.
        let coordinated = coordination.estimate >= exit;
        Verdict { burst: begins && bursting, bursting, kind, coordinated, feed: feed.is_some() }
    }

    fn onset_ms(&self, tick: Tick, report: &HashtagReport) -> i64 {
        if report.is_new { i64::from(report.first_second) * 1000 } else { tick.end().0 - TICK_MS }
    }

    /// What a line says of the hashtag, whatever the alert.
    fn line(
        &self,
        tick: Tick,
        report: &HashtagReport,
        burst: Burst,
        coordination: &Coordination,
        warming: bool,
    ) -> AlertLine {
        AlertLine {
            tick: tick.0,
            hashtag: report.hashtag.clone(),
            display: report.display.clone(),
            at: tick.end().to_string(),
            degraded: report.degraded,
            warming,
            burst: burst.score,
            coordination: coordination.score,
            windows: report.windows.clone(),
            adjusted: coordination.adjusted.clone(),
            signals: coordination.signals.clone(),
            evidence: self.evidence(report, burst, coordination),
            config_version: self.config_version.clone(),
            ..AlertLine::default()
        }
    }

    fn evidence(&self, report: &HashtagReport, burst: Burst, coordination: &Coordination) -> Evidence {
        let short = |list: &[(u32, u64)]| list.iter().map(|(hash, n)| (format!("{hash:08x}"), *n)).collect();
        Evidence {
            view: coordination.view.as_str().to_owned(),
            window: format!("{}h", coordination.hours),
            expected_posts: libm::round(burst.expected_posts * 100.0) / 100.0,
            baseline: report.history.baseline.as_str().to_owned(),
            top_accounts: report.tops.accounts.iter().map(|(account, n)| (format!("{account:016x}"), *n)).collect(),
            top_texts: short(&report.tops.texts),
            top_links: short(&report.tops.links),
            top_reposts: short(&report.tops.reposts),
            expected: None,
            first_post: Some(EventTime(i64::from(report.first_second) * 1000).to_string()),
            watched_since: self.memory.watched_since.map(|since| since.to_string()).unwrap_or_default(),
            basis: basis(report, coordination),
        }
    }

    fn end_what_is_over(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
        let holds = self.holds();
        let over = |open: &Open| open.alert.over_at(holds) <= tick.0;
        let ended_tags: Vec<String> =
            self.memory.open.iter().filter(|(_, open)| over(open)).map(|(hashtag, _)| hashtag.clone()).collect();
        for hashtag in ended_tags {
            let Some(open) = self.memory.open.remove(&hashtag) else { continue };
            if (open.alert.kind, open.alert.state, open.doubted) == (Kind::OrganicBurst, State::Firing, false) {
                self.memory.crowds.remember(Nature::Organic, open.tag, tick, &open.organic);
            }
            lines.push(AlertLine {
                tick: tick.0,
                at: tick.end().to_string(),
                state: State::Resolved,
                severity: open.paid.severity,
                suppressed: open.paid.suppressed,
                warming,
                explanation: ended(&open.line.display, open.alert.kind),
                ..open.line
            });
        }
    }

    /// Lowers what is expected, and raises back what no longer is.
    fn expect(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
        lines.iter_mut().for_each(|line| say(&self.expected, tick, line));
        let told: BTreeSet<String> = lines.iter().map(|line| line.alert_id.clone()).collect();
        for open in self.memory.open.values_mut() {
            let own = severity(open.alert.kind, open.alert.state);
            let told = told.contains(&open.alert.id);
            let line = open.standing.renew(&self.expected, tick, own, &mut open.line, told);
            lines.extend(line.map(|line| AlertLine { warming, ..line }));
        }
        self.memory.furthers.expect(&self.expected, tick, warming, &told, lines);
    }

    /// Spends the budget by severity, then score, then hashtag.
    fn spend(&mut self, tick: Tick, warming: bool, lines: &mut [AlertLine]) {
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by_key(|index| {
            let line = &lines[*index];
            (Reverse(line.severity), Reverse(line.coordination), line.hashtag.clone())
        });
        for index in order {
            let line = &mut lines[index];
            let Memory { open, furthers, budget, .. } = &mut self.memory;
            let main = open.get_mut(&line.hashtag).filter(|open| open.alert.id == line.alert_id);
            let main = main.map(|open| (&mut open.paid, &mut open.line));
            let Some((paid, now)) = main.or_else(|| furthers.paying(line)) else { continue };
            if matches!(line.state, State::Firing | State::Provisional) && line.severity > paid.severity {
                let (pages, tickets) = (self.detect.pages_per_hour, self.detect.tickets_per_hour);
                // One incident, one page: a member's campaign calls for it.
                let called = line.campaign.is_some();
                paid.suppressed = warming || called || !budget.spend(tick, line.severity, pages, tickets);
                paid.severity = line.severity;
            }
            line.suppressed = paid.suppressed;
            now.suppressed = paid.suppressed;
        }
    }

    fn holds(&self) -> Holds {
        let ticks = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX) / TICK_MS;
        Holds { minimum: ticks(self.detect.minimum_hold), quiet: ticks(self.detect.quiet).max(1) }
    }
}

/// In the order of their names, whatever shard each comes from.
fn sorted<'a>(reports: impl Iterator<Item = &'a HashtagReport>) -> Vec<&'a HashtagReport> {
    let mut reports: Vec<&HashtagReport> = reports.collect();
    reports.sort_unstable_by(|a, b| a.hashtag.cmp(&b.hashtag));
    reports
}

/// How urgent a kind is in a state. What resolves does so at the severity that it had reached.
fn severity(kind: Kind, state: State) -> Severity {
    match (kind, state) {
        (Kind::OrganicBurst | Kind::AutomatedFeed, _) | (_, State::Pending) => Severity::Info,
        (Kind::CoordinatedBurst, State::Firing) => Severity::Page,
        _ => Severity::Ticket,
    }
}
