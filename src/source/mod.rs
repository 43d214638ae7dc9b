//! Source: where posts and actions come from, in which order their partitions are read, and what their times mean. A record goes
//! through [`Intake`], which knows nothing of Kafka or files: decoded, held against the future, judged late or on time by
//! its partition's clock. What counts is noted in the [`ledger`], so that reading can begin again without a gap.
//!
//! Read in this order: [`clock`] (late, watermark), [`ledger`] (where to read again) and [`file`], the simple source; then
//! [`aside`] (idle partitions), [`live`] (all of a live topic but the broker) and [`kafka`], the shell around it.

pub mod decode;

pub mod clock;

pub mod ledger;

pub mod tally;

pub mod partition;

pub mod file;

pub mod aside;

pub mod live;

pub mod kafka;

pub mod aside_log;
mod begin;
mod deal;
pub mod hold;
#[cfg(test)]
mod kafka_tests;
pub mod lines;
pub mod shared;
pub mod start;
pub mod topic;

use std::time::Duration;

use self::clock::{Clocks, Verdict};
use self::decode::{AN_ACTION, Decoded, Decoder, Format, Reason, Rejected, decode_action};
use self::ledger::{Mark, Resume};
use self::partition::{index_of, is_of_actions};
use self::tally::{ActionTally, Tally};
use crate::config::Limits;
use crate::model::{Action, EventTime, Post, Tick};

/// What a source hands on, in order.
#[derive(Debug)]
pub enum Step<'a> {
    /// A post on time.
    Post {
        /// Source partition.
        partition: u32,
        /// Its offset there; of a file, the number of its line, counted from 0.
        offset: i64,
        /// The post.
        post: &'a Post<'a>,
    },
    /// An action on time.
    Action(&'a Action<'a>),
    /// The end of a batch. Every pane that ends by this time has all its posts and actions; it may be the same time as before.
    Watermark(EventTime),
    /// The end of all input, of files only: the end of the pane that holds the greatest event time of all of it.
    End(EventTime),
}

/// What became of one record.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A post on time.
    Post(Post<'a>),
    /// An action on time.
    Action(Action<'a>),
    /// Too far behind its partition's clock.
    Late,
    /// Neither a usable post nor a usable action.
    Rejected(Rejected),
    /// Of a pane that the restored state already holds.
    Covered,
}

/// What reading needs to know of the config.
#[derive(Clone, Debug)]
pub struct IntakeOptions {
    /// How records are written.
    pub format: Format,
    /// Bounds on one post.
    pub limits: Limits,
    /// How far a post may lie behind the greatest event time of its partition.
    pub delay: Duration,
    /// How far a post may lie ahead of its record's Kafka timestamp.
    pub max_future: Duration,
    /// Tick of the restored checkpoint: posts and actions of its panes and earlier ones are covered.
    pub covered: Option<Tick>,
    /// Whether actions may stand among the posts, as in a replay.
    pub mixed: bool,
}

/// Turns records into posts and judges their times.
pub struct Intake {
    decoder: Decoder,
    judge: Judge,
    limits: Limits,
    mixed: bool,
    tally: Tally,
}

/// Judges times, of posts and actions alike.
struct Judge {
    clocks: Clocks,
    max_future_ms: i64,
    covered: Tick,
    /// Marks since they were last taken, for the ledger.
    marks: Vec<Mark>,
    /// By partition: the latest pane already noted.
    noted: Vec<Tick>,
}

/// What its time makes of a record.
enum Judged {
    OnTime,
    Late,
    Covered,
    Future(Rejected),
}

/// Earlier than the pane of every post.
const BEFORE_ALL: Tick = Tick(i64::MIN / 4);

impl Intake {
    /// An intake without partitions; its watermark begins where the restored checkpoint ended.
    pub fn new(options: &IntakeOptions) -> Intake {
        let reached = options.covered.map_or(EventTime::MIN, Tick::end);
        Intake {
            decoder: Decoder::new(options.format, options.limits.clone()),
            judge: Judge {
                clocks: Clocks::new(millis(options.delay), reached),
                max_future_ms: millis(options.max_future),
                covered: options.covered.unwrap_or(BEFORE_ALL),
                marks: Vec::new(),
                noted: Vec::new(),
            },
            limits: options.limits.clone(),
            mixed: options.mixed,
            tally: Tally::default(),
        }
    }

    /// Takes a partition in, with the greatest event time it had shown where reading begins.
    pub fn add(&mut self, partition: i32, greatest: Option<EventTime>) {
        self.judge.clocks.add(partition, greatest);
        let index = index_of(partition);
        if index >= self.judge.noted.len() {
            self.judge.noted.resize(index + 1, BEFORE_ALL);
        }
        self.judge.noted[index] = BEFORE_ALL;
    }

    /// Judges one record: in a partition of actions an action, in others a post, or either where they are mixed. One more than `max_future` later than `sent_ms` (when the record was sent, ms since the epoch)
    /// is rejected; without `sent_ms` none is. Rejected and late records leave the clock where it is.
    pub fn record<'a>(&'a mut self, partition: i32, offset: i64, sent_ms: Option<i64>, bytes: &'a [u8]) -> Outcome<'a> {
        let Intake { decoder, judge, limits, mixed, tally } = self;
        let at = (partition, offset, sent_ms);
        if is_of_actions(partition) {
            return judge_action(judge, tally, at, decode_action(bytes, limits));
        }
        let post = match decoder.decode_any(bytes) {
            Ok(Decoded::Post(post)) => post,
            Ok(Decoded::Action(action)) if *mixed => return judge_action(judge, tally, at, action),
            Ok(Decoded::Action(_)) => return tally.reject(Rejected::new(Reason::Unsupported, AN_ACTION)),
            // Among posts of another format an action is a line that they cannot read.
            Err(rejected) => match mixed.then(|| decode_action(bytes, limits)) {
                Some(Ok(action)) => return judge_action(judge, tally, at, Ok(action)),
                _ => return tally.reject(rejected),
            },
        };
        match judge.judge(at, post.ts) {
            Judged::OnTime => {
                tally.on_time += 1;
                Outcome::Post(post)
            }
            Judged::Late => {
                *tally.late.entry(partition).or_default() += 1;
                Outcome::Late
            }
            Judged::Covered => {
                tally.covered += 1;
                Outcome::Covered
            }
            Judged::Future(rejected) => tally.reject(rejected),
        }
    }

    /// The partitions' clocks and the watermark they allow.
    pub fn clocks(&mut self) -> &mut Clocks {
        &mut self.judge.clocks
    }

    /// The marks since the last call, for the ledger.
    pub fn drain_marks(&mut self) -> impl Iterator<Item = Mark> + '_ {
        self.judge.marks.drain(..)
    }

    /// The counts since they were last taken.
    pub fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

impl Judge {
    /// Judges the time of the record that lies at partition and offset and was sent then.
    fn judge(&mut self, (partition, offset, sent_ms): (i32, i64, Option<i64>), ts: EventTime) -> Judged {
        if let Some(rejected) = sent_ms.and_then(|sent_ms| in_the_future(ts, sent_ms, self.max_future_ms)) {
            return Judged::Future(rejected);
        }
        let before = self.clocks.greatest(partition);
        if self.clocks.observe(partition, ts) == Verdict::Late {
            return Judged::Late;
        }
        let tick = ts.tick();
        if tick <= self.covered {
            return Judged::Covered;
        }
        let noted = &mut self.noted[index_of(partition)];
        if tick > *noted {
            *noted = tick;
            self.marks.push(Mark { partition, tick, at: Resume { offset, greatest: before } });
        }
        Judged::OnTime
    }
}

fn judge_action<'a>(
    judge: &mut Judge,
    tally: &mut Tally,
    at: (i32, i64, Option<i64>),
    action: Result<Action<'a>, Rejected>,
) -> Outcome<'a> {
    let tally = &mut tally.actions;
    let action = match action {
        Ok(action) => action,
        Err(rejected) => return tally.reject(rejected),
    };
    match judge.judge(at, action.at) {
        Judged::OnTime => {
            tally.taken[action.act as usize] += 1;
            Outcome::Action(action)
        }
        Judged::Late => {
            tally.late += 1;
            Outcome::Late
        }
        Judged::Covered => {
            tally.covered += 1;
            Outcome::Covered
        }
        Judged::Future(rejected) => tally.reject(rejected),
    }
}

fn in_the_future(ts: EventTime, sent_ms: i64, max_future_ms: i64) -> Option<Rejected> {
    let ahead_ms = ts.0.saturating_sub(sent_ms);
    if ahead_ms <= max_future_ms {
        return None;
    }
    let detail = format!("its time {ts} is {} s later than the record itself, {}", ahead_ms / 1000, EventTime(sent_ms));
    Some(Rejected { reason: Reason::Future, detail })
}

impl Tally {
    fn reject<'a>(&mut self, rejected: Rejected) -> Outcome<'a> {
        *self.rejected.entry(rejected.reason).or_default() += 1;
        Outcome::Rejected(rejected)
    }
}

impl ActionTally {
    fn reject<'a>(&mut self, rejected: Rejected) -> Outcome<'a> {
        *self.rejected.entry(rejected.reason).or_default() += 1;
        Outcome::Rejected(rejected)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn limits() -> Limits {
        Limits { post_bytes_max: 4096, hashtags_max: 30, hashtag_chars_max: 100, id_bytes_max: 256 }
    }

    pub(super) fn options(covered: Option<Tick>) -> IntakeOptions {
        IntakeOptions {
            format: Format::Native,
            limits: limits(),
            delay: Duration::from_secs(10),
            max_future: Duration::from_secs(300),
            covered,
            mixed: false,
        }
    }

    /// One native post of that time.
    pub(super) fn line(ts: i64) -> Vec<u8> {
        format!(r##"{{"id":"p{ts}","ts":{ts},"account":"a","text":"hi #tag"}}"##).into_bytes()
    }

    const T: i64 = 1_494_014_400_000;

    fn word(outcome: Outcome<'_>) -> &'static str {
        match outcome {
            Outcome::Post(_) => "post",
            Outcome::Action(_) => "action",
            Outcome::Late => "late",
            Outcome::Rejected(rejected) => rejected.reason.as_str(),
            Outcome::Covered => "covered",
        }
    }

    #[test]
    fn a_post_from_the_future_is_rejected_and_leaves_the_clock_alone() {
        let mut intake = Intake::new(&options(None));
        intake.add(0, None);
        assert_eq!(word(intake.record(0, 0, Some(T), &line(T + 300_000))), "post");
        assert_eq!(word(intake.record(0, 1, Some(T), &line(T + 300_001))), "future");
        assert_eq!(word(intake.record(0, 2, Some(T), &line(4_000_000_000_000))), "future");
        assert_eq!(intake.clocks().watermark(), EventTime(T + 290_000));
        assert_eq!(word(intake.record(0, 3, None, &line(T + 400_000))), "post", "nothing to hold it against");
        assert_eq!(word(intake.record(0, 4, Some(T), &line(T + 100))), "late");
        let tally = intake.tally().take();
        assert_eq!((tally.on_time, tally.late_posts(), tally.rejected[&Reason::Future]), (2, 1, 2));
    }

    #[test]
    fn actions_move_their_partitions_clock_and_are_judged_by_it() {
        let mut intake = Intake::new(&options(Some(EventTime(T).tick())));
        let actions = partition::of_actions(0);
        intake.add(0, Some(EventTime(T)));
        intake.add(actions, None);
        let mut at = |partition, offset, at: i64| {
            let line = format!(r#"{{"at":{at},"action":"post_deleted","post":"p"}}"#);
            word(intake.record(partition, offset, Some(T + 60_000), line.as_bytes()))
        };
        assert_eq!(at(actions, 0, T + 9_000), "covered");
        assert_eq!(at(actions, 1, T + 30_000), "action");
        assert_eq!(at(actions, 2, T + 20_000), "action");
        assert_eq!(at(actions, 3, T + 19_999), "late");
        assert_eq!(at(actions, 4, T + 360_001), "future");
        assert_eq!(at(0, 0, T + 30_000), "unsupported", "the topic of posts has none");
        assert_eq!(
            word(intake.record(actions, 5, None, &line(T + 30_000))),
            "missing_field",
            "nor that of actions posts"
        );
        assert_eq!(intake.clocks().own_watermark(actions), EventTime(T + 20_000));
        let marks: Vec<Mark> = intake.drain_marks().collect();
        let mark = Resume { offset: 1, greatest: Some(EventTime(T + 9_000)) };
        assert_eq!(marks, [Mark { partition: actions, tick: EventTime(T + 30_000).tick(), at: mark }]);
        let tally = intake.tally().take();
        assert_eq!((tally.actions.taken, tally.actions.late, tally.actions.covered), ([0, 0, 2], 1, 1));
        assert_eq!((tally.records(), tally.actions.rejected.values().sum::<u64>()), (1, 2));
    }

    #[test]
    fn posts_of_restored_panes_are_covered_but_move_the_clock() {
        let covered = EventTime(T).tick();
        let mut intake = Intake::new(&options(Some(covered)));
        intake.add(0, Some(EventTime(T - 5_000)));
        assert_eq!(intake.clocks().watermark(), covered.end());
        assert_eq!(word(intake.record(0, 7, None, &line(T + 9_999))), "covered");
        assert_eq!(word(intake.record(0, 8, None, &line(T + 30_000))), "post");
        assert_eq!(word(intake.record(0, 9, None, &line(T + 30_500))), "post");
        assert_eq!(word(intake.record(0, 10, None, &line(T + 19_999))), "late");
        let marks: Vec<Mark> = intake.drain_marks().collect();
        let at = Resume { offset: 8, greatest: Some(EventTime(T + 9_999)) };
        assert_eq!(marks, [Mark { partition: 0, tick: EventTime(T + 30_000).tick(), at }]);
        assert_eq!(intake.tally().records(), 4);
    }
}
