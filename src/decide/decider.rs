//! The decider: folds the reports of all shards for one tick into alert lines. A pure fold; its state is what a
//! checkpoint holds of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Change, Holds, Verdict};
use super::birth_curve::BirthCurve;
use super::budget::{Budget, Paid};
use super::burst::{Burst, bursts};
use super::campaign::{Campaigns, carries};
use super::crowds::{Crowds, Nature, core};
use super::explain::{basis, ended, sentence};
use super::further::Furthers;
use super::line::{AlertLine, Evidence, Kind, Severity, State};
use super::score::{Coordination, Remembered, coordination};
use super::slow;
use super::view::HashtagView;
use crate::assess::crowd::View;
use crate::assess::values::Score;
use crate::assess::{HashtagReport, Report};
use crate::config::Detect;
use crate::model::keyed::alert_id;
use crate::model::time::TICK_MS;
use crate::model::{EventTime, Tick};
use crate::track::ladder::DAY;

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
    memory: Memory,
}

impl Decider {
    /// A decider that has seen nothing.
    pub fn new(detect: Detect, config_version: String) -> Decider {
        Decider { detect, config_version, memory: Memory::default() }
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
        Ok(Decider { detect, config_version, memory })
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

    /// The next tick at which arithmetic alone ends an alert.
    pub fn next_timer(&self) -> Option<Tick> {
        let holds = self.holds();
        let main = self.memory.open.values().map(|open| open.alert.over_at(holds)).min();
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
        let warming = self.is_warming(tick);
        let mut candidates: Vec<&HashtagReport> = reports.iter().flat_map(|report| &report.hashtags).collect();
        candidates.sort_unstable_by(|a, b| a.hashtag.cmp(&b.hashtag));
        let bursts = bursts(tick, &candidates, &self.memory.births);
        let mut decided = Decided::default();
        for (report, burst) in candidates.iter().zip(bursts) {
            let coordination = self.coordination(report);
            self.hear(tick, report, burst, &coordination, warming, &mut decided.lines);
            self.remember(tick, report, &coordination);
            self.join(tick, report, warming, &mut decided.lines);
            let open = self.memory.open.get(&report.hashtag);
            decided.assessed.push(HashtagView {
                hashtag: report.hashtag.clone(),
                display: report.display.clone(),
                windows: report.windows.clone(),
                burst: burst.score,
                coordination: coordination.score,
                signals: coordination.signals,
                alert_id: open.map(|open| open.alert.id.clone()),
            });
        }
        let mut slow: Vec<&HashtagReport> = reports.iter().flat_map(|report| &report.slow).collect();
        slow.sort_unstable_by(|a, b| a.hashtag.cmp(&b.hashtag));
        slow.into_iter().for_each(|report| self.hear_slow(tick, report, warming, &mut decided.lines));
        self.speak_of_campaigns(tick, warming, &mut decided.lines);
        self.end_what_is_over(tick, warming, &mut decided.lines);
        self.end_furthers(tick, warming, &mut decided.lines);
        self.spend(tick, warming, &mut decided.lines);
        decided.lines.sort_by(|a, b| (&a.hashtag, a.kind, &a.alert_id).cmp(&(&b.hashtag, b.kind, &b.alert_id)));
        for (n, line) in decided.lines.iter_mut().enumerate() {
            line.n = n as u32;
        }
        decided
    }

    fn coordination(&mut self, report: &HashtagReport) -> Coordination {
        let mut overlap = |view| self.memory.crowds.overlap(report.tag, &report.crowd, view);
        let remembered = Remembered { all: overlap(View::All), core: overlap(View::Core) };
        coordination(report, &remembered, &self.detect)
    }

    /// Joins a hashtag whose alert fires into the campaign of its crowd.
    fn join(&mut self, tick: Tick, report: &HashtagReport, warming: bool, lines: &mut Vec<AlertLine>) {
        let Memory { open, furthers, campaigns, .. } = &mut self.memory;
        let main = open.get(&report.hashtag).map(|open| &open.line);
        let slow = report.slow.and_then(|_| furthers.get(&report.hashtag, Kind::LowAndSlow));
        let firing = |line: &&AlertLine| carries(line.kind) && line.state == State::Firing;
        let Some(line) = slow.or(main).filter(firing) else { return };
        let share_min = self.detect.kinds.campaign_share;
        for leader in campaigns.see(tick, line, &report.crowd, report.crowd_cut, share_min) {
            let why = format!("#{leader}: its campaign and an earlier one turn out to be the same");
            furthers.close(&(leader, Kind::Campaign), tick, warming, Some(why), lines);
        }
    }

    /// Takes a hashtag that was read over a day.
    fn hear_slow(&mut self, tick: Tick, report: &HashtagReport, warming: bool, lines: &mut Vec<AlertLine>) {
        let coordination = self.coordination(report);
        let bursts = self.memory.open.get(&report.hashtag).is_some_and(|open| carries(open.alert.kind));
        let none = Burst { score: Score::default(), q: 1.0, expected_posts: report.history.posts };
        let line = self.line(tick, report, none, &coordination, warming);
        if let Some(further) = slow::further(report, &coordination, &self.detect, bursts, line) {
            self.memory.furthers.hear(tick, further, lines);
        }
        self.join(tick, report, warming, lines);
    }

    fn speak_of_campaigns(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
        let Memory { open, furthers, campaigns, .. } = &self.memory;
        let is_open = |hashtag: &str| {
            let main = open.get(hashtag).is_some_and(|open| carries(open.alert.kind));
            main || furthers.get(hashtag, Kind::LowAndSlow).is_some()
        };
        for mut further in campaigns.speak(is_open, self.holds().quiet) {
            further.line.warming = warming;
            self.memory.furthers.hear(tick, further, lines);
        }
    }

    fn end_furthers(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
        self.memory.campaigns.mark(lines);
        for (hashtag, kind) in self.memory.furthers.end(tick, self.holds().minimum, warming, lines) {
            if kind == Kind::Campaign {
                self.memory.campaigns.ended(&hashtag);
            }
        }
    }

    /// Remembers who carries an alert that fires without the memory's help.
    fn remember(&mut self, tick: Tick, report: &HashtagReport, coordination: &Coordination) {
        let Some(open) = self.memory.open.get_mut(&report.hashtag) else { return };
        let core = core(&report.crowd);
        match (open.alert.kind, open.alert.state) {
            (Kind::OrganicBurst, _) => open.organic = core,
            (Kind::CoordinatedBurst, State::Firing)
                if coordination.unaided >= Score::of_points(self.detect.coordination_enter) =>
            {
                self.memory.crowds.remember(Nature::Coordinated, report.tag, tick, &core);
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
                        lines.push(AlertLine {
                            severity: open.paid.severity,
                            suppressed: open.paid.suppressed,
                            ..resolved
                        });
                        calmed = true;
                    }
                    None => {}
                }
                let now = line(&alert, alert.kind, alert.state);
                replaced = Some(Open { alert, line: now, organic: Vec::new(), ..*open });
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
            replaced = Some(Open { alert, paid: Paid::default(), tag: report.tag, organic: Vec::new(), line: now });
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
            first_post: Some(EventTime(i64::from(report.first_second) * 1000).to_string()),
            watched_since: self.memory.watched_since.map(|since| since.to_string()).unwrap_or_default(),
            basis: basis(report),
        }
    }

    fn end_what_is_over(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
        let holds = self.holds();
        let over = |open: &Open| open.alert.over_at(holds) <= tick.0;
        let ended_tags: Vec<String> =
            self.memory.open.iter().filter(|(_, open)| over(open)).map(|(hashtag, _)| hashtag.clone()).collect();
        for hashtag in ended_tags {
            let Some(open) = self.memory.open.remove(&hashtag) else { continue };
            if (open.alert.kind, open.alert.state) == (Kind::OrganicBurst, State::Firing) {
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

/// How urgent a kind is in a state. What resolves does so at the severity that it had reached.
fn severity(kind: Kind, state: State) -> Severity {
    match (kind, state) {
        (Kind::OrganicBurst | Kind::AutomatedFeed, _) | (_, State::Pending) => Severity::Info,
        (Kind::CoordinatedBurst, State::Firing) => Severity::Page,
        _ => Severity::Ticket,
    }
}
