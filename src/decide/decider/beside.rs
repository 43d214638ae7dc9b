//! What the decider says of hashtags beside their main alerts: campaigns, slow pushes, and bursts of which little is left.

use super::{Decider, Memory};
use crate::assess::HashtagReport;
use crate::assess::values::Score;
use crate::decide::burst::Burst;
use crate::decide::campaign::carries;
use crate::decide::line::{AlertLine, Kind, State};
use crate::decide::score::Coordination;
use crate::decide::{ephemeral, slow};
use crate::model::Tick;

impl Decider {
    /// Says of a hashtag that burst within the last day that its posts go, once a burst.
    pub(super) fn hear_vanished(
        &mut self,
        tick: Tick,
        report: &HashtagReport,
        burst: Burst,
        coordination: &Coordination,
        warming: bool,
        lines: &mut Vec<AlertLine>,
    ) {
        if let Some(open) = self.memory.open.get(&report.hashtag) {
            self.memory.recent.bursting(&report.hashtag, open.alert.onset_ms, tick);
        }
        let Some(onset_ms) = self.memory.recent.onset_ms(&report.hashtag, tick) else { return };
        let is_open = self.memory.furthers.get(&report.hashtag, Kind::EphemeralAmplification).is_some();
        let line = self.line(tick, report, burst, coordination, warming);
        let Some(further) = ephemeral::further(report, &self.detect, onset_ms, self.holds().quiet, line) else {
            return;
        };
        if is_open || (further.holds && self.memory.recent.say(&report.hashtag, further.kind)) {
            self.memory.furthers.hear(tick, further, lines);
        }
    }

    /// Joins a hashtag whose alert fires into the campaign of its crowd.
    pub(super) fn join(&mut self, tick: Tick, report: &HashtagReport, warming: bool, lines: &mut Vec<AlertLine>) {
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
    pub(super) fn hear_slow(&mut self, tick: Tick, report: &HashtagReport, warming: bool, lines: &mut Vec<AlertLine>) {
        let none = Burst { score: Score::default(), q: 1.0, expected_posts: report.history.posts };
        let coordination = self.coordination(report, none);
        let bursts = self.memory.open.get(&report.hashtag).is_some_and(|open| carries(open.alert.kind));
        let line = self.line(tick, report, none, &coordination, warming);
        if let Some(further) = slow::further(report, &coordination, &self.detect, bursts, line) {
            self.memory.furthers.hear(tick, further, lines);
        }
        self.join(tick, report, warming, lines);
    }

    pub(super) fn speak_of_campaigns(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
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

    pub(super) fn end_furthers(&mut self, tick: Tick, warming: bool, lines: &mut Vec<AlertLine>) {
        self.memory.campaigns.mark(lines);
        for (hashtag, kind) in self.memory.furthers.end(tick, self.holds().minimum, warming, lines) {
            if kind == Kind::Campaign {
                self.memory.campaigns.ended(&hashtag);
            }
        }
    }
}
