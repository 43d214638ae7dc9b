//! `kill -9` at random moments, takeovers, lost state, signals: whatever happens to processes, the alerts topic holds
//! every line once and as an undisturbed run would have written it.

use std::collections::HashSet;
use std::fmt;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tagwatch::model::EventTime;

use crate::cluster::{Cluster, alone, fresh, produce, shared};
use crate::posts::{PARTITIONS, Stream};
use crate::service::{Service, Setup, assert_same_lines, replay, tagwatch};
use crate::tools::{Need, trial};

/// Times that the process is killed.
const KILLS: usize = 20;
/// Slices that the posts are fed in while processes are killed.
const SLICES: usize = 200;
/// Between two slices.
const PAUSE: Duration = Duration::from_millis(50);
/// Posts in a run of one partition: so few that the watermark follows the posts closely.
const RUN: usize = 200;
/// What makes no partition idle, however slow the machine is. It is part of every line's `config_version`.
pub const NEVER_IDLE: &str = "time.idle_timeout=10m";
/// Checkpoints as often as possible: a kill is to hit one.
const CHECKPOINTS: &str = "state.checkpoint_interval=300ms";
/// Longest wait for what takes seconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a process may drain.
const DRAIN_MAX: Duration = Duration::from_secs(25);

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("crash::no_kill_loses_doubles_or_changes_a_line", kafka, no_kill_loses_doubles_or_changes_a_line),
        trial("crash::the_number_of_shards_may_change", kafka, the_number_of_shards_may_change),
        trial("crash::an_idle_process_learns_that_it_was_taken_over", kafka, an_idle_process_learns_of_a_takeover),
        trial("crash::a_frozen_process_wakes_up_fenced", kafka, a_frozen_process_wakes_up_fenced),
        trial("crash::a_state_folder_serves_one_process", kafka, a_state_folder_serves_one_process),
        trial("crash::lost_state_is_warmed_up_and_pages_nobody", kafka, lost_state_is_warmed_up_and_pages_nobody),
        trial("crash::a_second_signal_ends_at_once", &[Need::OwnKafka], a_second_signal_ends_at_once),
    ]
}

/// The simulated story, and what an undisturbed run writes about it.
pub struct Story {
    /// Its posts.
    pub stream: Stream,
    /// Its alert lines.
    pub lines: Vec<Vec<u8>>,
}

pub static STORY: LazyLock<Story> = LazyLock::new(|| {
    let output = tagwatch().args(["simulate", "--scenario", "story"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stream = Stream::dealt(&output.stdout, RUN);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("posts.ndjson");
    stream.write(&file);
    let (lines, summary) = replay(&file, &[NEVER_IDLE.to_owned()]);
    assert!(lines.len() > 300 && summary["late"] == 0 && summary["evicted"] == 0, "{summary}");
    Story { stream, lines }
});

impl Story {
    /// The posts before a share of all.
    fn until(&self, share: f64) -> usize {
        (self.stream.posts.len() as f64 * share) as usize
    }

    /// The topic must hold these lines from the first on; how many.
    fn assert_prefix(&self, written: &[Vec<u8>], what: &str) -> usize {
        assert_same_lines(written, &self.lines[..written.len().min(self.lines.len())], what);
        written.len()
    }
}

/// A service on fresh topics.
fn setup(cluster: &Cluster, folder: &tempfile::TempDir, set: &[&str]) -> Setup {
    Setup {
        brokers: cluster.brokers().to_owned(),
        id: fresh("crash"),
        posts: cluster.create_topic("posts", PARTITIONS),
        alerts: cluster.create_topic("alerts", 1),
        state: folder.path().join("state"),
        set: set.iter().map(|set| (*set).to_owned()).collect(),
    }
}

/// Where in its life a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before it reads: while it restores, takes over and asks where to begin.
    Starting,
    /// While it reads again what an earlier one had read, and a little more.
    Reading,
    /// While it decides, writes and makes checkpoints, after the first new lines of its own or five seconds.
    Working,
    /// After it was told to stop.
    Draining,
}

/// One killed process: what it was doing, and the lines in the topic before and after.
struct Life {
    moment: Moment,
    lived: Duration,
    restored: bool,
    before: usize,
    after: usize,
    /// Lines it decided that were in the topic already.
    again: usize,
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Life { moment, lived, restored, before, after, again } = self;
        let began = if *restored { "from a checkpoint" } else { "from nothing" };
        write!(f, "{moment:?} after {lived:.2?}, {began}, lines {before} to {after}, {again} decided again")
    }
}

/// Feeds the posts slice by slice; each is in its partition before the next begins. Each process that was started is
/// shown what gives it as many new lines as the others.
fn feed(cluster: &Cluster, topic: &str, Story { stream, lines }: &Story, started: &AtomicUsize) {
    let line = |line| serde_json::from_slice::<Value>(line).unwrap()["tick"].as_i64().unwrap() * 10_000;
    let ends: Vec<i64> = lines.iter().map(|bytes| line(bytes)).collect();
    let producer = cluster.producer(topic);
    for slice in stream.posts.chunks(stream.posts.len().div_ceil(SLICES)) {
        let share = ends.partition_point(|end| *end <= slice[0].ts) * KILLS / ends.len();
        while share > started.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        produce(&producer, topic, &Stream::records(slice));
        if share == started.load(Ordering::Relaxed) {
            thread::sleep(PAUSE);
        }
    }
}

/// Lets the feeder go on to the end, also where the test fails.
struct Hurry<'a>(&'a AtomicUsize);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.store(KILLS, Ordering::Relaxed);
    }
}

/// Lets a process live for a random time and kills it; none where it had drained before.
#[expect(clippy::disallowed_methods, reason = "says how long a process lived")]
fn live(
    setup: &Setup,
    moment: Moment,
    startup: &mut Duration,
    random: &mut ChaCha8Rng,
    has_written: impl Fn() -> bool,
) -> Option<(Duration, String)> {
    let mut wait = |ms| thread::sleep(Duration::from_millis(random.random_range(ms)));
    let began = Instant::now();
    let mut service = setup.start();
    if moment == Moment::Starting {
        wait(0..u64::try_from(startup.as_millis()).unwrap().max(2));
    } else {
        service.wait_for_words(" reading topic=", PATIENCE);
        *startup = began.elapsed();
    }
    match moment {
        Moment::Starting => {}
        Moment::Reading => wait(0..2500),
        Moment::Draining => wait(0..1500),
        Moment::Working => {
            while began.elapsed() < *startup + Duration::from_secs(5) && !has_written() {
                thread::sleep(Duration::from_millis(50));
            }
            wait(0..1000);
        }
    }
    if moment == Moment::Draining {
        service.signal("TERM");
        wait(0..150);
    }
    let killed = service.kill();
    assert!(killed || moment == Moment::Draining, "it ended by itself: {}", service.log());
    killed.then(|| (began.elapsed(), service.log()))
}

/// How many lines of the log say what one of `written` says.
fn decided_again(log: &str, written: &[Vec<u8>]) -> usize {
    let text = |line: &Value, field| line[field].as_str().unwrap().to_owned();
    let said: HashSet<String> = written
        .iter()
        .map(|line| serde_json::from_slice(line).unwrap())
        .map(|line: Value| format!("{} alert_id=\"{}\"", text(&line, "explanation"), text(&line, "alert_id")))
        .collect();
    let of_line = |line: &str| Some(line.split_once(" INFO ")?.1.split_once(" state=")?.0.to_owned());
    log.lines().filter_map(of_line).filter(|words| said.contains(words)).count()
}

/// Kills processes until `KILLS` were; after each the topic holds a beginning of the story's lines.
fn kill_often(cluster: &Cluster, setup: &Setup, started: &AtomicUsize) -> Vec<Life> {
    let moments = [Moment::Working, Moment::Reading, Moment::Working, Moment::Starting, Moment::Draining];
    let mut random = ChaCha8Rng::seed_from_u64(2017);
    let (mut startup, mut written, mut lives) = (Duration::ZERO, Vec::new(), Vec::<Life>::new());
    while lives.len() < KILLS {
        started.store(lives.len(), Ordering::Relaxed);
        let moment = moments[lives.len() % moments.len()];
        // Two, three, then four shards: a kill may also hit what the next ones regroup.
        let setup = setup.with(&format!("track.shards={}", 2 + lives.len() / 7));
        let before = written.len();
        let has_written = || cluster.consume_all(&setup.alerts).len() > before;
        let Some((lived, log)) = live(&setup, moment, &mut startup, &mut random, has_written) else { continue };
        let again = decided_again(&log, &written);
        written = cluster.consume_all(&setup.alerts);
        if !STORY.lines.starts_with(&written) {
            eprintln!("{log}");
        }
        let after = STORY.assert_prefix(&written, &format!("after kill {} ({moment:?})", lives.len() + 1));
        lives.push(Life { moment, lived, restored: log.contains(" restored tick="), before, after, again });
    }
    lives
}

fn no_kill_loses_doubles_or_changes_a_line() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let Story { stream, lines } = &*STORY;
    let setup = setup(cluster, &folder, &[NEVER_IDLE, CHECKPOINTS]);
    let started = AtomicUsize::new(0);
    let lives = thread::scope(|scope| {
        scope.spawn(|| feed(cluster, &setup.posts, &STORY, &started));
        let _hurry = Hurry(&started);
        kill_often(cluster, &setup, &started)
    });
    let shown = lives.iter().map(|life| format!("  {life}\n")).collect::<String>();
    eprintln!("\n{shown}");
    let count = |holds: &dyn Fn(&Life) -> bool| lives.iter().filter(|life| holds(life)).count();
    // The kills must have hit something: begun lines, checkpoints, and lines to be decided again.
    assert!(
        count(&|life| 0 < life.after && life.after < lines.len()) >= 14,
        "not enough kills within the lines\n{shown}"
    );
    assert!(count(&|life| life.restored) >= 10, "not enough processes began at a checkpoint\n{shown}");
    assert!(count(&|life| life.after > life.before) >= 6, "not enough processes wrote lines\n{shown}");
    assert!(count(&|life| life.again > 0) >= 2, "not enough processes met lines that were there\n{shown}");

    let mut service = setup.start();
    service.wait_for_watermark(stream.closed_at - 20_000, PATIENCE);
    assert_eq!(service.metric("tagwatch_posts_late_total", &[]), Some(0.0));
    service.stop();
    assert_same_lines(&cluster.consume_all(&setup.alerts), lines, "after all kills");
}

fn the_number_of_shards_may_change() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let Story { stream, lines } = &*STORY;
    let setup = setup(cluster, &folder, &[NEVER_IDLE, CHECKPOINTS]);
    let mut written = 0;
    for (part, shards) in stream.posts.chunks(stream.posts.len().div_ceil(3)).zip([4, 3, 5]) {
        cluster.produce(&setup.posts, &Stream::records(part));
        let mut service = setup.with(&format!("track.shards={shards}")).start();
        service.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
        if part.last().unwrap().ts == stream.closed_at {
            service.wait_for_watermark(stream.closed_at - 20_000, PATIENCE);
        }
        service.stop();
        let log = service.log();
        assert_eq!(log.contains(" restored tick="), written > 0, "{shards} shards begin at a checkpoint: {log}");
        let before = written;
        written = STORY.assert_prefix(&cluster.consume_all(&setup.alerts), &format!("with {shards} shards"));
        assert!(written > before + 20, "{shards} shards raise alerts: {before} lines, then {written}");
    }
    assert_eq!(written, lines.len(), "all lines");
}

/// A process that was taken over ends with 70 and says why.
fn assert_taken_over(older: &mut Service, id: &str, within: Duration) {
    let status = older.ended(within);
    assert_eq!(status.code(), Some(70), "{}", older.log());
    let sentence = format!("tagwatch: another process with id = \"{id}\" has taken over; only one may run");
    assert!(older.log().contains(&sentence), "{}", older.log());
}

/// Nothing is read any more and nothing is to be written; still the older of two does not go on serving an old board.
fn an_idle_process_learns_of_a_takeover() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let first = setup(cluster, &folder, &[NEVER_IDLE, CHECKPOINTS]);
    cluster.produce(&first.posts, &Stream::records(&STORY.stream.posts[..STORY.until(0.2)]));
    let mut older = first.start();
    older.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
    older.wait_for_metric("tagwatch_checkpoints_total", PATIENCE, |checkpoints| checkpoints > 0.0);
    older.stop();
    // Again, so that it has made no checkpoint of its own.
    let mut older = first.start();
    older.wait_until_ready();
    let written = STORY.assert_prefix(&cluster.consume_all(&first.alerts), "the older process");
    assert!(written > 10, "{written} lines");
    let mut newer = Setup { state: folder.path().join("other"), ..first.clone() }.start();
    newer.wait_until_ready();
    assert_taken_over(&mut older, &first.id, DRAIN_MAX);
    newer.stop();
    let after = STORY.assert_prefix(&cluster.consume_all(&first.alerts), "both processes");
    assert_eq!(after, written, "what the newer one read again was there");
}

/// It was stopped in the middle of its work, another one went on from its state, and now it goes on too.
fn a_frozen_process_wakes_up_fenced() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let first = setup(cluster, &folder, &[NEVER_IDLE, CHECKPOINTS]);
    let mut older = first.start();
    cluster.produce(&first.posts, &Stream::records(&STORY.stream.posts[..STORY.until(0.5)]));
    older.wait("lines and a checkpoint while it reads", PATIENCE, |service| {
        let checkpoints = service.metric("tagwatch_checkpoints_total", &[])?;
        (checkpoints > 0.0 && cluster.consume_all(&first.alerts).len() > 10).then_some(())
    });
    older.signal("STOP");
    let second = Setup { state: folder.path().join("other"), ..first.clone() };
    let copied = Command::new("cp").arg("-r").args([&first.state, &second.state]).status().unwrap();
    assert!(copied.success(), "cp: {copied}");
    let mut newer = second.start();
    newer.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
    older.signal("CONT");
    assert_taken_over(&mut older, &first.id, DRAIN_MAX);
    newer.stop();
    assert!(newer.log().contains(" restored tick="), "{}", newer.log());
    let written = STORY.assert_prefix(&cluster.consume_all(&first.alerts), "both processes");
    assert!(written > 100, "{written} lines");
}

fn a_state_folder_serves_one_process() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let first = setup(cluster, &folder, &[]);
    let mut one = first.start();
    one.wait_until_ready();
    let mut other = Setup { id: fresh("crash"), ..first.clone() }.start();
    assert_eq!(other.ended(Duration::from_secs(30)).code(), Some(70), "{}", other.log());
    let sentence = format!("tagwatch: {} is in use by another tagwatch (process", first.state.display());
    assert!(other.log().contains(&sentence), "{}", other.log());
    assert_eq!(one.get("/ready").map(|(status, _)| status), Some(200), "the first is not disturbed");
    // However a process ends, its lock ends with it.
    assert!(one.kill());
    let mut next = first.start();
    next.wait_until_ready();
    next.stop();
}

/// What `/ready`, the status and the metrics say while state that was lost is read again.
#[derive(Debug, Default)]
struct Warming {
    seen: bool,
    behind: bool,
    active: Vec<String>,
}

impl Warming {
    /// Looks; true once everything up to `at_ms` is decided.
    fn look(&mut self, service: &Service, at_ms: i64) -> Option<()> {
        let (ready, why) = service.get("/ready")?;
        self.behind |= ready == 503 && why.contains("behind");
        let status: Value = serde_json::from_str(&service.get("/api/v1/status")?.1).unwrap();
        self.seen |= status["warming"] == true;
        let metrics = service.get("/metrics")?.1;
        let mut values = metrics.lines().filter(|line| line.starts_with("tagwatch_alert_active{"));
        self.active.extend(values.find(|line| line.contains("coordinated")).map(str::to_owned));
        (status["tick"].as_i64()? * 10_000 >= at_ms).then_some(())
    }
}

fn lost_state_is_warmed_up_and_pages_nobody() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let stream = &STORY.stream;
    let setup = setup(cluster, &folder, &[NEVER_IDLE, CHECKPOINTS]);
    // Far enough for the story's one page to have fired; it is read again within the day that is rewound.
    let (earlier, later) = stream.posts.split_at(STORY.until(0.6));
    cluster.produce(&setup.posts, &Stream::records(earlier));
    let mut service = setup.start();
    service.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
    assert_eq!(service.metric("tagwatch_warming", &[]), Some(0.0), "a first start is not warming");
    service.stop();
    let before = cluster.consume_all(&setup.alerts);
    STORY.assert_prefix(&before, "before the loss");
    let line = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap();
    assert!(before.iter().any(|bytes| line(bytes)["severity"] == "page"), "{} lines, no page", before.len());

    std::fs::remove_dir_all(&setup.state).unwrap();
    cluster.produce(&setup.posts, &Stream::records(later));
    let mut service = setup.start();
    let mut warming = Warming::default();
    service.wait("all decided", PATIENCE, |service| warming.look(service, stream.closed_at - 20_000));
    let log = service.log();
    assert!(log.contains("state is lost behind a committed offset") && log.contains("warming"), "{log}");
    assert!(warming.seen && warming.behind, "{warming:?}: {log}");
    assert_eq!(warming.active, Vec::<String>::new(), "what fired while warming pages nobody");
    let held_back = service.metric("tagwatch_alerts_suppressed_total", &["warming"]);
    assert_eq!(held_back, Some(1.0), "the story's one page is found again and held back: {log}");
    service.wait_until_ready();
    assert_eq!(service.metric("tagwatch_warming", &[]), Some(0.0), "after a day the windows are full");
    service.stop();

    let mut after = cluster.consume_all(&setup.alerts);
    let new = after.split_off(before.len());
    assert_same_lines(&after, &before, "what was there stays");
    let place = |bytes: &Vec<u8>| (line(bytes)["tick"].as_i64(), line(bytes)["n"].as_i64());
    let places: Vec<_> = before.last().into_iter().chain(&new).map(place).collect();
    assert!(new.len() > 20 && places.is_sorted_by(|a, b| a < b), "nothing is said twice: {places:?}");
    for line in new.iter().map(line) {
        let since: EventTime = time(&line["evidence"]["watched_since"]);
        let full = time(&line["at"]).0 >= since.0 + 24 * 3_600_000;
        assert_eq!(line["warming"], !full, "{line}");
    }
}

fn time(value: &Value) -> EventTime {
    let time: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
    EventTime(time.as_millisecond())
}

/// The broker answers nobody, so draining takes seconds: time enough to tell who ends because of what.
#[expect(clippy::disallowed_methods, reason = "measures how long processes take to end")]
fn a_second_signal_ends_at_once() {
    let (_guard, cluster) = alone();
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str, share| {
        let setup = setup(cluster, &folder, &[NEVER_IDLE, CHECKPOINTS]);
        cluster.produce(&setup.posts, &Stream::records(&STORY.stream.posts[..STORY.until(share)]));
        let setup = Setup { state: folder.path().join(name), ..setup };
        (setup.start(), setup)
    };
    // One has written all it has to say, the three others are in the middle of it.
    let (mut patient, settled) = start("patient", 0.1);
    patient.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
    patient.wait("all lines", PATIENCE, |service| {
        let said = service.log().matches(" alert_id=").count();
        (said > 0 && cluster.consume_all(&settled.alerts).len() == said).then_some(())
    });
    let mut services = [start("terminated", 1.0).0, start("interrupted", 1.0).0, start("cut off", 1.0).0, patient];
    for service in &mut services {
        service.wait_for_metric("tagwatch_checkpoints_total", PATIENCE, |checkpoints| checkpoints > 0.0);
    }
    let frozen = cluster.frozen();
    let told = Instant::now();
    for (service, signal) in services.iter_mut().zip(["TERM", "INT", "TERM", "TERM"]) {
        service.signal(signal);
        service.wait_for_words("draining; a second signal ends at once", Duration::from_secs(5));
    }
    thread::sleep(Duration::from_secs(1));
    let [terminated, interrupted, cut_off, patient] = &mut services;
    for (service, signal, code) in [(terminated, "TERM", 143), (interrupted, "INT", 130)] {
        assert!(service.lives(), "it drains for longer than a second: {}", service.log());
        let again = Instant::now();
        service.signal(signal);
        let status = service.ended(Duration::from_secs(5));
        assert_eq!(status.code(), Some(code), "after a second {signal}: {}", service.log());
        assert!(again.elapsed() < Duration::from_secs(1), "it took {:?}: {}", again.elapsed(), service.log());
    }
    for (service, code) in [(patient, 0), (cut_off, 1)] {
        let status = service.ended(DRAIN_MAX);
        assert!(told.elapsed() < DRAIN_MAX, "ended after {:?}", told.elapsed());
        assert_eq!(status.code(), Some(code), "{}", service.log());
    }
    assert!(services[2].log().contains("the next start"), "{}", services[2].log());
    drop(frozen);
}
