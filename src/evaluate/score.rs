//! The score of an alert log: what it found of the coordinated episodes and when, what it called coordinated that is not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::alert::Alert;
use super::episode::{Episode, Label, shown};
use super::posts::Posts;
use super::round::{median, p90, round, share};
use super::separation::{Separation, separations};
use crate::model::EventTime;

/// Alerts of a hashtag less than this after the one before count as one, in ms.
const SAME_ALERT_MS: i64 = 60 * 60_000;
/// Coordinated share of the posts before an alert from which it is true.
const TRUE_SHARE: f64 = 0.5;
/// How long before its start a burst of an organic episode may be seen, in ms: the label waits for a crowd.
const ORGANIC_EARLY_MS: i64 = 10 * 60_000;

const MINUTE_MS: f64 = 60_000.0;
const DAY_MS: f64 = 86_400_000.0;

/// How good an alert log is. Shares have four decimals, minutes two; null where there is nothing to divide by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Posts of the stream.
    pub posts: u64,
    /// Lines of it that are no usable post.
    pub rejected: u64,
    /// From its first post to its last.
    pub days: f64,
    /// What its alerts are worth.
    pub alerts: Alerts,
    /// What was found of the coordinated episodes.
    pub coordinated: Coordinated,
    /// What was made of the organic ones.
    pub organic: Organic,
    /// How far each signal tells coordinated from organic episodes.
    pub signals: Vec<Separation>,
    /// Coordinated episodes not detected.
    pub missed: Vec<Missed>,
    /// False alerts.
    pub false_alerts: Vec<FalseAlert>,
    /// Organic episodes called coordinated.
    pub organic_called_coordinated: Vec<CalledCoordinated>,
}

/// Alerts of coordinated bursts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Alerts {
    /// At least half of the hashtag's posts of the last 30 minutes were coordinated.
    #[serde(rename = "true")]
    pub right: usize,
    /// They were not.
    #[serde(rename = "false")]
    pub wrong: usize,
    /// Inside ambiguous episodes; not scored.
    pub ambiguous: usize,
    /// True ones of true and false ones.
    pub precision: Option<f64>,
    /// False ones a day of the stream.
    pub false_per_day: Option<f64>,
    /// False ones in 100 000 posts.
    pub false_per_100k_posts: Option<f64>,
}

/// Coordinated episodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coordinated {
    /// All of them.
    pub all: Found,
    /// By subkind.
    pub by_subkind: BTreeMap<String, Found>,
}

/// What was found of some coordinated episodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Found {
    /// Episodes.
    pub episodes: usize,
    /// Those with an alert of a coordinated burst.
    pub detected: usize,
    /// Their share.
    pub recall: Option<f64>,
    /// Those with an alert of any burst.
    pub seen_as_burst: usize,
    /// Their share.
    pub volume_recall: Option<f64>,
    /// From the 20th post of the episode to the first alert; null where none was detected.
    pub minutes_to_detect: Option<Minutes>,
    /// Share of the episode that was still to come at the first alert, median; null where none was detected.
    pub episode_left_median: Option<f64>,
}

/// Minutes of some episodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Minutes {
    /// The middle one.
    pub median: f64,
    /// Nine tenths up.
    pub p90: f64,
}

/// Organic episodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Organic {
    /// All of them.
    pub episodes: usize,
    /// Those with an alert of a coordinated burst.
    pub called_coordinated: usize,
    /// Their share.
    pub called_coordinated_share: Option<f64>,
    /// Those with an alert of any burst, up to 10 minutes before their start.
    pub seen_as_burst: usize,
}

/// A coordinated episode not detected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missed {
    /// The episode.
    #[serde(flatten)]
    pub episode: Episode,
    /// Whether there was an alert of another kind of burst.
    pub seen_as_burst: bool,
}

/// A false alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FalseAlert {
    /// Event time of the line.
    #[serde(serialize_with = "shown")]
    pub at: EventTime,
    /// Canonical hashtag without '#'.
    pub hashtag: String,
    /// Coordinated share of the hashtag's posts of the last 30 minutes.
    pub coordinated_share: f64,
    /// The sentence of the line.
    pub explanation: Option<String>,
}

/// An organic episode called coordinated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalledCoordinated {
    /// The episode.
    #[serde(flatten)]
    pub episode: Episode,
    /// Event time of the first such line.
    #[serde(serialize_with = "shown")]
    pub at: EventTime,
    /// Its sentence.
    pub explanation: Option<String>,
}

/// Alert lines by hashtag, in time order, lines of one time as the log has them.
pub(super) struct Log<'a>(BTreeMap<&'a str, Vec<&'a Alert>>);

impl<'a> Log<'a> {
    fn of(alerts: &'a [Alert]) -> Log<'a> {
        let mut lines: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
        alerts.iter().for_each(|alert| lines.entry(&alert.hashtag).or_default().push(alert));
        lines.values_mut().for_each(|lines| lines.sort_by_key(|alert| alert.at));
        Log(lines)
    }

    /// The hashtag's lines.
    pub(super) fn of_hashtag(&self, hashtag: &str) -> impl Iterator<Item = &'a Alert> {
        self.0.get(hashtag).into_iter().flatten().copied()
    }

    /// The first line that detects the episode.
    fn detects(&self, episode: &Episode) -> Option<&'a Alert> {
        self.of_hashtag(&episode.hashtag).find(|alert| alert.calls_coordinated() && episode.answers_for(alert.at))
    }

    /// Whether a burst is seen in the episode, or `early_ms` before.
    fn sees_burst(&self, episode: &Episode, early_ms: i64) -> bool {
        let mut lines = self.of_hashtag(&episode.hashtag);
        lines.any(|alert| alert.calls_burst() && episode.answers_for_early(alert.at, early_ms))
    }

    /// Alerts of coordinated bursts; of a run of one hashtag's, the first.
    fn raised(&self) -> Vec<&'a Alert> {
        let mut raised = Vec::new();
        for lines in self.0.values() {
            let mut last: Option<EventTime> = None;
            for alert in lines.iter().filter(|alert| alert.calls_coordinated()) {
                if last.is_none_or(|last| alert.at.0 - last.0 >= SAME_ALERT_MS) {
                    raised.push(*alert);
                }
                last = Some(alert.at);
            }
        }
        raised.sort_by_key(|alert| alert.at);
        raised
    }
}

/// Holds an alert log against episodes and posts. `posts` must have been gathered of every hashtag in either.
pub fn evaluate(posts: &Posts, alerts: &[Alert], episodes: &[Episode]) -> Evaluation {
    let log = Log::of(alerts);
    let labelled = |label: Label| episodes.iter().filter(move |episode| episode.label == label);
    let coordinated: Vec<&Episode> = labelled(Label::Coordinated).collect();
    let organic: Vec<&Episode> = labelled(Label::Organic).collect();
    let ambiguous: Vec<&Episode> = labelled(Label::Ambiguous).collect();
    let (alerts, false_alerts) = judge(posts, &log, &ambiguous);
    let called = organic.iter().filter_map(|episode| {
        let alert = log.detects(episode)?;
        let (episode, explanation) = (Episode::clone(episode), alert.explanation.clone());
        Some(CalledCoordinated { episode, at: alert.at, explanation })
    });
    let called: Vec<CalledCoordinated> = called.collect();
    Evaluation {
        posts: posts.total,
        rejected: posts.rejected,
        days: round(posts.length_ms as f64 / DAY_MS, 2),
        alerts,
        coordinated: find(posts, &log, &coordinated),
        organic: Organic {
            episodes: organic.len(),
            called_coordinated: called.len(),
            called_coordinated_share: share(called.len(), organic.len()),
            seen_as_burst: organic.iter().filter(|episode| log.sees_burst(episode, ORGANIC_EARLY_MS)).count(),
        },
        signals: separations(&log, &coordinated, &organic),
        missed: missed(&log, &coordinated),
        false_alerts,
        organic_called_coordinated: called,
    }
}

/// Which alerts are true, and the false ones.
fn judge(posts: &Posts, log: &Log<'_>, ambiguous: &[&Episode]) -> (Alerts, Vec<FalseAlert>) {
    let mut alerts = Alerts::default();
    let mut false_alerts = Vec::new();
    for alert in log.raised() {
        let coordinated_share = posts.coordinated_share(&alert.hashtag, alert.at);
        if ambiguous.iter().any(|episode| episode.hashtag == alert.hashtag && episode.answers_for(alert.at)) {
            alerts.ambiguous += 1;
        } else if coordinated_share >= TRUE_SHARE {
            alerts.right += 1;
        } else {
            let (hashtag, explanation) = (alert.hashtag.clone(), alert.explanation.clone());
            let coordinated_share = round(coordinated_share, 4);
            false_alerts.push(FalseAlert { at: alert.at, hashtag, coordinated_share, explanation });
        }
    }
    alerts.wrong = false_alerts.len();
    alerts.precision = share(alerts.right, alerts.right + alerts.wrong);
    let wrong = alerts.wrong as f64;
    alerts.false_per_day = (posts.length_ms > 0).then(|| round(wrong / (posts.length_ms as f64 / DAY_MS), 3));
    alerts.false_per_100k_posts = (posts.total > 0).then(|| round(wrong * 1e5 / posts.total as f64, 3));
    (alerts, false_alerts)
}

fn find(posts: &Posts, log: &Log<'_>, coordinated: &[&Episode]) -> Coordinated {
    let mut subkinds: BTreeMap<&str, Vec<&Episode>> = BTreeMap::new();
    coordinated.iter().for_each(|episode| subkinds.entry(&episode.subkind).or_default().push(episode));
    let by_subkind = subkinds.iter().map(|(name, episodes)| ((*name).to_owned(), found(posts, log, episodes)));
    Coordinated { all: found(posts, log, coordinated), by_subkind: by_subkind.collect() }
}

fn found<'e>(posts: &Posts, log: &Log<'_>, episodes: &[&'e Episode]) -> Found {
    let first = |episode: &&'e Episode| Some((*episode, log.detects(episode)?.at));
    let detected: Vec<(&Episode, EventTime)> = episodes.iter().filter_map(first).collect();
    let seen = episodes.iter().filter(|episode| log.sees_burst(episode, 0)).count();
    let minutes = |(episode, at): &(&Episode, EventTime)| (at.0 - posts.counted_from(episode).0) as f64 / MINUTE_MS;
    let left = |(episode, at): &(&Episode, EventTime)| {
        let length_ms = (episode.end.0 - episode.start.0).max(1);
        ((episode.end.0 - at.0) as f64 / length_ms as f64).max(0.0)
    };
    let minutes: Vec<f64> = detected.iter().map(minutes).collect();
    let left: Vec<f64> = detected.iter().map(left).collect();
    let both = median(&minutes).zip(p90(&minutes));
    Found {
        episodes: episodes.len(),
        detected: detected.len(),
        recall: share(detected.len(), episodes.len()),
        seen_as_burst: seen,
        volume_recall: share(seen, episodes.len()),
        minutes_to_detect: both.map(|(median, p90)| Minutes { median: round(median, 2), p90: round(p90, 2) }),
        episode_left_median: median(&left).map(|left| round(left, 2)),
    }
}

fn missed(log: &Log<'_>, coordinated: &[&Episode]) -> Vec<Missed> {
    let missed = coordinated.iter().filter(|episode| log.detects(episode).is_none());
    missed
        .map(|episode| Missed { episode: Episode::clone(episode), seen_as_burst: log.sees_burst(episode, 0) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::alert::tests::alert;
    use super::super::episode::tests::{MINUTE, T, episode};
    use super::super::posts::Gathering;
    use super::*;

    /// A post of `#a` a minute from 0 to 600, coordinated in the given minutes.
    fn posts(coordinated: std::ops::Range<i64>) -> Posts {
        let mut gathering = Gathering::of(["a"]);
        (0..=600).for_each(|minute| {
            gathering.add(EventTime(T + minute * MINUTE), ["a"], coordinated.contains(&minute));
        });
        gathering.finish()
    }

    fn called(minutes: &[i64]) -> Vec<Alert> {
        minutes.iter().map(|&minute| alert("a", "coordinated_burst", minute)).collect()
    }

    fn judged(alerts: &[Alert], episodes: &[Episode]) -> (usize, usize, usize) {
        let alerts = evaluate(&posts(0..100), alerts, episodes).alerts;
        (alerts.right, alerts.wrong, alerts.ambiguous)
    }

    #[test]
    fn alerts_count_as_one_until_60_minutes_have_passed_since_the_last() {
        assert_eq!(judged(&called(&[10, 69]), &[]), (1, 0, 0));
        assert_eq!(judged(&called(&[10, 70]), &[]), (2, 0, 0));
        // Each keeps the run going, although the last is hours after the first; the log need not be in order.
        assert_eq!(judged(&called(&[124, 10, 65, 180]), &[]), (1, 0, 0));
        // Another kind does not.
        let mut alerts = called(&[10, 100]);
        alerts.push(alert("a", "organic_burst", 55));
        assert_eq!(judged(&alerts, &[]), (2, 0, 0));
    }

    #[test]
    fn an_alert_is_true_from_half_of_the_posts_of_the_last_30_minutes() {
        // Minutes 84 to 114 hold 31 posts, 16 of them coordinated; a minute later 15 of 31 are.
        assert_eq!(judged(&called(&[114]), &[]), (1, 0, 0));
        assert_eq!(judged(&called(&[115]), &[]), (0, 1, 0));
        let evaluation = evaluate(&posts(0..100), &called(&[115]), &[]);
        assert_eq!(evaluation.alerts.precision, Some(0.0));
        assert_eq!(evaluation.false_alerts[0].coordinated_share.to_bits(), 0.4839_f64.to_bits());
        assert_eq!(evaluation.alerts.false_per_100k_posts, Some(166.389));
        assert_eq!(evaluation.alerts.false_per_day, Some(2.4));
    }

    #[test]
    fn alerts_in_an_ambiguous_episode_of_their_hashtag_are_not_scored() {
        let ambiguous = [episode("a", Label::Ambiguous, 300, 330), episode("b", Label::Ambiguous, 400, 500)];
        assert_eq!(judged(&called(&[360]), &ambiguous), (0, 0, 1));
        assert_eq!(judged(&called(&[361]), &ambiguous), (0, 1, 0));
        assert_eq!(judged(&called(&[450]), &ambiguous), (0, 1, 0));
        // The first of a run stands for it: what follows, outside, is not scored either.
        assert_eq!(judged(&called(&[360, 361]), &ambiguous), (0, 0, 1));
        assert_eq!(evaluate(&posts(0..1), &called(&[360]), &ambiguous).alerts.precision, None);
    }

    #[test]
    fn an_episode_is_detected_until_30_minutes_past_its_end_and_timed_from_its_20th_post() {
        let episodes = [episode("a", Label::Coordinated, 100, 140)];
        let found = |minutes: &[i64]| evaluate(&posts(0..600), &called(minutes), &episodes).coordinated.all;
        assert_eq!(found(&[99, 171]).detected, 0);
        let late = found(&[170]);
        assert_eq!((late.detected, late.recall, late.volume_recall), (1, Some(1.0), Some(1.0)));
        assert_eq!(late.minutes_to_detect, Some(Minutes { median: 51.0, p90: 51.0 }));
        assert_eq!(late.episode_left_median, Some(0.0));
        // Before the 20th post, which is written in minute 119. An alert swallowed by a run still detects.
        let early = found(&[50, 100, 130]);
        assert_eq!(early.minutes_to_detect.map(|minutes| minutes.median), Some(-19.0));
        assert_eq!(early.episode_left_median, Some(1.0));
    }

    #[test]
    fn bursts_of_any_kind_are_seen_and_missed_episodes_are_listed() {
        let mut push = episode("a", Label::Coordinated, 100, 140);
        push.id = Some("x-1".to_owned());
        let game = Episode { subkind: "game".to_owned(), ..episode("a", Label::Coordinated, 300, 340) };
        let alerts = [alert("a", "organic_burst", 110), alert("a", "coordinated_burst", 310)];
        let evaluation = evaluate(&posts(0..600), &alerts, &[push.clone(), game]);
        let all = &evaluation.coordinated.all;
        assert_eq!((all.episodes, all.detected, all.seen_as_burst), (2, 1, 2));
        assert_eq!((all.recall, all.volume_recall), (Some(0.5), Some(1.0)));
        let of = |subkind: &str| evaluation.coordinated.by_subkind[subkind].recall;
        assert_eq!((of("push"), of("game")), (Some(0.0), Some(1.0)));
        assert_eq!(evaluation.missed, [Missed { episode: push, seen_as_burst: true }]);
    }

    #[test]
    fn a_burst_of_ordinary_people_may_be_seen_10_minutes_early_but_is_called_coordinated_only_inside() {
        let episodes = [episode("a", Label::Organic, 100, 140)];
        let of = |kind: &str, minute: i64| {
            let organic = evaluate(&posts(0..0), &[alert("a", kind, minute)], &episodes).organic;
            (organic.seen_as_burst, organic.called_coordinated)
        };
        assert_eq!((of("organic_burst", 90), of("organic_burst", 89)), ((1, 0), (0, 0)));
        assert_eq!((of("coordinated_burst", 90), of("coordinated_burst", 100)), ((1, 0), (1, 1)));
        assert_eq!((of("coordinated_burst", 170), of("coordinated_burst", 171)), ((1, 1), (0, 0)));
        let evaluation = evaluate(&posts(0..0), &called(&[110, 120]), &episodes);
        assert_eq!(evaluation.organic.called_coordinated_share, Some(1.0));
        assert_eq!(evaluation.organic_called_coordinated[0].at, EventTime(T + 110 * MINUTE));
    }

    #[test]
    fn nothing_at_all_divides_by_nothing() {
        let evaluation = evaluate(&Gathering::default().finish(), &[], &[]);
        assert_eq!((evaluation.alerts, evaluation.coordinated.all), (Alerts::default(), Found::default()));
        assert_eq!(evaluation.organic, Organic::default());
    }
}
