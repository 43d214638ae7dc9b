//! Several processes, one deployment: whoever owns what, the alerts topic holds every line once and as `replay` writes it.

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::cluster::{Cluster, fresh, produce, shared};
use crate::crash::{NEVER_IDLE, STORY};
use crate::posts::{Post, Stream};
use crate::service::{Service, Setup, assert_same_lines, tagwatch};
use crate::tools::{Need, trial};

/// Slices that the posts are fed in.
const SLICES: usize = 400;
/// Longest wait for what takes seconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("several::the_same_lines_anywhere", kafka, the_same_lines_anywhere),
        trial("several::a_storm_of_members_changes_nothing", kafka, a_storm_of_members_changes_nothing),
    ]
}

/// Processes on fresh topics.
fn setup(cluster: &Cluster, folder: &tempfile::TempDir, (shards, partitions): (i32, i32)) -> Setup {
    let id = fresh("several");
    let set = [
        "exchange=kafka",
        NEVER_IDLE,
        "state.checkpoint_interval=300ms",
        "kafka.client.session.timeout.ms=6000",
        &format!("track.shards={shards}"),
    ];
    let setup = Setup {
        brokers: cluster.brokers().to_owned(),
        posts: cluster.create_topic("posts", partitions),
        alerts: format!("{id}-alerts"),
        id,
        state: folder.path().join("state"),
        set: set.iter().map(|set| (*set).to_owned()).collect(),
    };
    let mut apply = tagwatch();
    apply.args(["topics", "apply"]);
    for set in setup.sets() {
        apply.args(["--set", &set]);
    }
    let applied = apply.output().unwrap();
    assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
    setup
}

/// Starts one of several processes.
fn start(setup: &Setup, number: usize) -> Service {
    Setup { state: setup.state.join(number.to_string()), ..setup.clone() }.start()
}

fn the_same_lines_anywhere() {
    let (_guard, cluster) = shared();
    for (processes, shards, partitions) in [(1, 4, 12), (2, 12, 1), (3, 1, 48), (3, 12, 12), (2, 4, 48)] {
        let folder = tempfile::tempdir().unwrap();
        let stream = STORY.stream.over(partitions);
        let setup = setup(cluster, &folder, (shards, partitions));
        cluster.produce(&setup.posts, &Stream::records(&stream.posts));
        std::fs::create_dir_all(&setup.state).unwrap();
        let mut running: Vec<Service> = (0..processes).map(|number| start(&setup, number)).collect();
        for service in &mut running {
            service.wait_for_watermark(stream.closed_at - 20_000, PATIENCE);
        }
        let what = format!("{processes} processes, {shards} shards, {partitions} partitions");
        assert_same_lines(&cluster.consume_all(&setup.alerts), &STORY.lines, &what);
        eprintln!("{what}: the same {} lines", STORY.lines.len());
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
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let large = env::var_os("TAGWATCH_TEST_LARGE").is_some();
    let events = if large { EVENTS_LARGE } else { EVENTS_USUAL };
    let seed = env::var("TAGWATCH_TEST_SEED").map_or(2017, |seed| seed.parse().unwrap());
    eprintln!("TAGWATCH_TEST_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let stream = STORY.stream.over(12);
    let setup = setup(cluster, &folder, (4, 12));
    std::fs::create_dir_all(&setup.state).unwrap();
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
