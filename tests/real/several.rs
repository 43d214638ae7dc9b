//! Several processes, one deployment: whoever owns what, the alerts topic holds every line once and as `replay` writes it.

use std::collections::BTreeMap;
use std::env;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::cluster::{Cluster, fresh, of_three, produce};
use crate::counts::{by_hand, difference, hashtags, shown};
use crate::crash::{NEVER_IDLE, STORY};
use crate::posts::{PARTITIONS, Post, Stream};
use crate::service::{KEY, Service, Setup, assert_same_lines, replay, tagwatch};
use crate::tools::{Need, trial, within};

/// Slices that the posts are fed in.
const SLICES: usize = 400;
/// Longest wait for what takes seconds on a quiet machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("several::topics_are_planned_applied_and_compared", kafka, topics_are_planned_applied_and_compared),
        trial("several::the_same_lines_and_counts_anywhere", kafka, the_same_lines_and_counts_anywhere),
        trial("several::a_storm_of_members_changes_nothing", kafka, a_storm_of_members_changes_nothing),
        trial(
            "several::the_loss_of_any_broker_changes_nothing",
            &[Need::OwnKafka],
            the_loss_of_any_broker_changes_nothing,
        ),
    ]
}

/// Where time does not matter.
fn is_large() -> bool {
    env::var_os("TAGWATCH_TEST_LARGE").is_some()
}

/// Processes on fresh topics that `topics apply` makes, with one key file.
pub fn setup(cluster: &Cluster, folder: &tempfile::TempDir, (shards, partitions): (i32, i32), more: &[&str]) -> Setup {
    let id = fresh("several");
    let key = folder.path().join("key");
    std::fs::write(&key, KEY).unwrap();
    let set = [
        "exchange=kafka",
        "state.checkpoint_interval=300ms",
        "kafka.client.session.timeout.ms=6000",
        &format!("track.shards={shards}"),
        &format!("privacy.key_file={}", key.display()),
    ];
    let setup = Setup {
        brokers: cluster.brokers().to_owned(),
        posts: cluster.create_topic("posts", partitions),
        alerts: format!("{id}-alerts"),
        id,
        state: folder.path().join("state"),
        set: set.iter().chain(more).map(|set| (*set).to_owned()).collect(),
    };
    std::fs::create_dir_all(&setup.state).unwrap();
    apply(&setup);
    setup
}

/// Makes its topics.
pub fn apply(setup: &Setup) {
    let (code, said) = told(setup, &["topics", "apply"]);
    assert_eq!(code, Some(0), "topics apply: {said}");
}

/// What a command says of the setup, and how it ends.
fn told(setup: &Setup, words: &[&str]) -> (Option<i32>, String) {
    let mut command = tagwatch();
    command.args(words);
    for set in setup.sets() {
        command.args(["--set", &set]);
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// Starts one of several processes.
pub fn start(setup: &Setup, number: usize) -> Service {
    Setup { state: setup.state.join(number.to_string()), ..setup.clone() }.start()
}

fn topics_are_planned_applied_and_compared() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let applied = setup(cluster, &folder, (2, 3), &[]);
    let (code, plan) = told(&applied, &["topics", "plan"]);
    assert_eq!(code, Some(0), "{plan}");
    for (what, partitions) in [("mentions", "2 partitions"), ("state", "3 partitions"), ("reports", "1 partition")] {
        let line = plan.lines().find(|line| line.contains(&format!("{}-{what} ", applied.id))).unwrap();
        assert!(line.starts_with("present  ") && line.ends_with(partitions), "{plan}");
    }
    let checked = told(&applied, &["check"]);
    assert!(checked.0 == Some(0) && checked.1.contains(&plan), "{checked:?}");

    // Another number of shards: too few partitions, and none is made anew or taken away.
    let more = applied.with("track.shards=4");
    for command in [&["topics", "plan"][..], &["check"]] {
        let (code, said) = told(&more, command);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("-mentions (mentions, a partition a shard): has 2 partitions and must have 4"), "{said}");
    }
    let (code, said) = told(&more, &["topics", "apply"]);
    assert!(code == Some(0) && said.contains("has 2 partitions and must have 4"), "{said}");
    assert_eq!(told(&applied, &["topics", "plan"]), (Some(0), plan));

    // A topic that somebody else made, without anything that counts.
    let other = Setup { id: fresh("several"), ..applied };
    let (code, missing) = told(&other, &["topics", "plan"]);
    assert_eq!(code, Some(1), "{missing}");
    for words in [
        "missing  ",
        " creates it with 2 partitions on 3 of the brokers",
        "cleanup.policy=compact  # the last record of each key is what counts",
        "message.timestamp.type=LogAppendTime  # event times of old posts",
        "min.insync.replicas=2  # what is acknowledged must outlive the loss of a broker",
        "compression.type=producer  # ",
    ] {
        assert!(missing.contains(words), "{words}: {missing}");
    }
    cluster.create_named(
        &format!("{}-state", other.id),
        3,
        &[("min.insync.replicas", "1"), ("cleanup.policy", "delete")],
    );
    let (code, drift) = told(&other, &["topics", "plan"]);
    assert_eq!(code, Some(1), "{drift}");
    for words in ["cleanup.policy is delete and must be compact", "min.insync.replicas is 1 and must be at least 2"] {
        assert!(drift.contains(words), "{words}: {drift}");
    }
}

/// A part of the story that ends in the middle of its push, with so few hashtags that one answer of the API lists them all.
pub struct Watched {
    /// Its posts.
    pub stream: Stream,
    /// The end of its last tick.
    pub end: i64,
    /// What `replay` says of them.
    pub lines: Vec<Vec<u8>>,
}

/// In the push, not at the end of an hour or a minute: 2021-05-07T21:17:40Z.
const WATCHED_UNTIL: i64 = 1_620_422_260_000;
/// Config that decides about lines. Hours that forget no hashtag can be counted by hand.
pub const RULES: [&str; 2] = [NEVER_IDLE, "windows.hour_total_accounts_below=0"];

pub static WATCHED: LazyLock<Watched> = LazyLock::new(|| {
    let mut posts = BTreeMap::<String, u64>::new();
    let before = STORY.stream.posts.iter().filter(|post| post.ts < WATCHED_UNTIL);
    before.flat_map(|post| hashtags(&post.line)).for_each(|tag| *posts.entry(tag).or_default() += 1);
    let mut order: Vec<(u64, String)> = posts.into_iter().map(|(tag, posts)| (posts, tag)).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let kept: Vec<String> =
        order.into_iter().enumerate().filter(|(at, _)| *at < 300 || at % 60 == 0).map(|(_, (_, tag))| tag).collect();
    let is_kept = |post: &Post| hashtags(&post.line).iter().all(|tag| kept.contains(tag));
    let stream = STORY.stream.until(WATCHED_UNTIL, is_kept);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("posts.ndjson");
    stream.open().write(&file);
    let (lines, summary) = replay(&file, &RULES.map(str::to_owned));
    assert!(lines.len() > 100 && summary["late"] == 0 && summary["evicted"] == 0, "{} lines, {summary}", lines.len());
    Watched { stream, end: WATCHED_UNTIL, lines }
});

/// Every process must show every hashtag as counted by hand, soon.
fn assert_counts(running: &mut [Service], watched: &Watched, what: &str) {
    let wanted = by_hand(&watched.stream, watched.end);
    assert!(wanted.len() > 500, "{} hashtags", wanted.len());
    for service in running {
        let mut last = None;
        let same = within(Duration::from_secs(30), || {
            last = shown(service, watched.end / 10_000).map(|shown| difference(&shown, &wanted));
            (last == Some(None)).then_some(())
        });
        assert_eq!(same, Some(()), "{what}: {last:?}\n{}", service.log());
    }
}

/// Processes, shards, partitions.
fn layouts() -> Vec<(usize, i32, i32)> {
    if !is_large() {
        return vec![(1, 4, 1), (2, 1, 48), (3, 12, 12), (2, 12, 1), (3, 4, 48), (1, 1, 12)];
    }
    let all = |processes| [1, 4, 12].into_iter().flat_map(move |s| [1, 12, 48].map(move |p| (processes, s, p)));
    (1..=3).flat_map(all).collect()
}

fn the_same_lines_and_counts_anywhere() {
    let cluster = of_three();
    for (processes, shards, partitions) in layouts() {
        let folder = tempfile::tempdir().unwrap();
        let stream = WATCHED.stream.over(partitions);
        let setup = setup(cluster, &folder, (shards, partitions), &[&RULES[..], &["metrics.top_k=1000"]].concat());
        cluster.produce(&setup.posts, &Stream::records(&stream.posts));
        let mut running: Vec<Service> = (0..processes).map(|number| start(&setup, number)).collect();
        for service in &mut running {
            service.wait_for_watermark(WATCHED.end, PATIENCE);
        }
        let what = format!("{processes} processes, {shards} shards, {partitions} partitions");
        assert_same_lines(&cluster.consume_all(&setup.alerts), &WATCHED.lines, &what);
        assert_counts(&mut running, &WATCHED, &what);
        eprintln!("{what}: the same {} lines and counts", WATCHED.lines.len());
        running.iter_mut().for_each(Service::stop);
    }
}

/// What happens to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// `kill -9`, and another takes its place.
    Killed,
    /// It hands over, and another takes its place.
    Left,
    /// It stands still for longer than the group waits for it, then goes on as if nothing had been.
    Frozen,
    /// A fourth one comes and leaves.
    Visited,
}

const EVENTS: [Event; 4] = [Event::Killed, Event::Frozen, Event::Left, Event::Visited];
/// Events unless asked for more.
const EVENTS_USUAL: usize = 8;
/// Events where time does not matter.
const EVENTS_LARGE: usize = 50;

/// Feeds the posts slice by slice until all are there; `share` says how much may be.
fn feed(cluster: &Cluster, topic: &str, stream: &Stream, share: &(dyn Fn() -> f64 + Sync)) {
    let producer = cluster.producer(topic);
    let slices: Vec<&[Post]> = stream.posts.chunks(stream.posts.len().div_ceil(SLICES)).collect();
    for (at, slice) in slices.iter().enumerate() {
        while at as f64 / slices.len() as f64 > share() {
            thread::sleep(Duration::from_millis(20));
        }
        produce(&producer, topic, &Stream::records(slice));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Lets the feeder go on to the end, also where the test fails.
struct Hurry<'a>(&'a AtomicUsize);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.store(usize::MAX / 2, Ordering::Relaxed);
    }
}

fn happen(event: Event, setup: &Setup, running: &mut [Service], next: &mut usize, random: &mut ChaCha8Rng) {
    let mut wait = |ms| thread::sleep(Duration::from_millis(random.random_range(ms)));
    let at = *next % running.len();
    *next += 1;
    match event {
        Event::Killed => {
            running[at].kill();
            wait(0..2000);
            running[at] = start(setup, *next + 10);
        }
        Event::Left => {
            running[at].stop();
            wait(0..1000);
            running[at] = start(setup, *next + 10);
        }
        Event::Frozen => {
            running[at].signal("STOP");
            wait(7000..9000);
            running[at].signal("CONT");
        }
        Event::Visited => {
            let mut visitor = start(setup, *next + 10);
            wait(1000..5000);
            visitor.stop();
        }
    }
    wait(500..3000);
}

/// Processes join, leave, are killed and frozen while posts flow: after each the topic holds a beginning of the lines.
fn a_storm_of_members_changes_nothing() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let events = if is_large() { EVENTS_LARGE } else { EVENTS_USUAL };
    let seed = env::var("TAGWATCH_TEST_SEED").map_or(2017, |seed| seed.parse().unwrap());
    eprintln!("TAGWATCH_TEST_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let stream = STORY.stream.over(PARTITIONS);
    let setup = setup(cluster, &folder, (4, PARTITIONS), &[NEVER_IDLE]);
    let happened = AtomicUsize::new(0);
    let mut running: Vec<Service> = (0..3).map(|number| start(&setup, number)).collect();
    running[0].wait_for_words("source partitions taken over", PATIENCE);
    let (mut next, mut within) = (0, 0);
    let share = || (happened.load(Ordering::Relaxed) + 1) as f64 / events as f64;
    thread::scope(|scope| {
        scope.spawn(|| feed(cluster, &setup.posts, &stream, &share));
        let _hurry = Hurry(&happened);
        for number in 0..events {
            let event = EVENTS[(number + random.random_range(0..2)) % EVENTS.len()];
            happen(event, &setup, &mut running, &mut next, &mut random);
            happened.store(number + 1, Ordering::Relaxed);
            let written = cluster.consume_all(&setup.alerts);
            let what = format!("after event {number} ({event:?}) of seed {seed}");
            assert_same_lines(&written, &STORY.lines[..written.len().min(STORY.lines.len())], &what);
            within += usize::from(!written.is_empty() && written.len() < STORY.lines.len());
            eprintln!("{event:?}: {} lines", written.len());
        }
    });
    assert!(within * 2 > events, "only {within} of {events} events came while lines were written");
    for service in &mut running {
        service.wait_for_watermark(stream.closed_at - 20_000, PATIENCE);
    }
    assert_same_lines(&cluster.consume_all(&setup.alerts), &STORY.lines, "after the storm");
    let again: f64 = running.iter().filter_map(|s| s.metric("tagwatch_mentions_duplicate_total", &[])).sum();
    eprintln!("{again} mentions were sent again and passed over");
    running.iter_mut().for_each(Service::stop);
}

/// Each broker in turn is killed and comes back, with whatever it led and coordinated, while posts flow.
fn the_loss_of_any_broker_changes_nothing() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let (stream, lines) = (&WATCHED.stream, &WATCHED.lines);
    let setup = setup(cluster, &folder, (4, PARTITIONS), &RULES);
    let lost = AtomicUsize::new(0);
    let mut running: Vec<Service> = (0..2).map(|number| start(&setup, number)).collect();
    running[0].wait_for_words("source partitions taken over", PATIENCE);
    let share = || (lost.load(Ordering::Relaxed) + 1) as f64 / 4.0;
    thread::scope(|scope| {
        scope.spawn(|| feed(cluster, &setup.posts, stream, &share));
        let _hurry = Hurry(&lost);
        for broker in 0..3 {
            cluster.kill_one(broker);
            // Long enough for leaders and coordinators to be elsewhere.
            thread::sleep(Duration::from_secs(9));
            cluster.restart_one(broker);
            let during = cluster.consume_all(&setup.alerts);
            assert_same_lines(&during, &lines[..during.len().min(lines.len())], "after the loss of a broker");
            eprintln!("broker {broker} lost and back: {} lines", during.len());
            lost.store(broker + 1, Ordering::Relaxed);
        }
    });
    for service in &mut running {
        service.wait_for_watermark(WATCHED.end, PATIENCE);
    }
    assert_same_lines(&cluster.consume_all(&setup.alerts), lines, "after every broker was lost");
    running.iter_mut().for_each(Service::stop);
}
