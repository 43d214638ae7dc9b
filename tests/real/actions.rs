//! Actions from their own topic through a real Kafka: the alerts topic holds what `replay` writes of posts and actions
//! together, to the byte, after any number of kills.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::cluster::{Cluster, fresh, shared};
use crate::posts::{PARTITIONS, Stream};
use crate::service::{Setup, assert_same_lines, replay, tagwatch};
use crate::tools::{Need, trial};

/// Partitions of the topic of actions.
const OF_ACTIONS: i32 = 3;
/// What makes no partition idle, however slow the machine is. It is part of every line's `config_version`.
const NEVER_IDLE: [&str; 2] = ["time.idle_timeout=10m", "time.actions_idle_timeout=10m"];
const PATIENCE: Duration = Duration::from_secs(180);

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("actions::run_equals_replay", kafka, run_equals_replay),
        trial("actions::no_kill_changes_what_is_taken_out", kafka, no_kill_changes_what_is_taken_out),
        trial("actions::poison_and_strangers_are_counted", kafka, poison_and_strangers_are_counted),
    ]
}

/// An ephemeral push, what was done about it, and the lines of both.
struct Story {
    posts: Stream,
    /// Event time and line, in order; the closing ones, one a partition, last.
    actions: Vec<(i64, Vec<u8>)>,
    lines: Vec<Vec<u8>>,
}

static STORY: LazyLock<Story> = LazyLock::new(|| {
    let output = tagwatch().args(["simulate", "--scenario", "ephemeral"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (actions, posts): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(|line| line.starts_with(br#"{"at":"#));
    let posts = Stream::dealt(&posts.join(&b'\n'), 200);
    let at = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap()["at"].as_i64().unwrap();
    let mut actions: Vec<(i64, Vec<u8>)> = actions.into_iter().map(|line| (at(line), line.to_vec())).collect();
    // Others go on meanwhile, or the topic would hold back all posts until the push.
    let (first, last) = (posts.posts[0].ts, posts.closed_at - 3 * 3_600_000);
    let strangers = (0..).map(|n| (first + n * 20_000, n)).take_while(|(at, _)| *at < last);
    actions.extend(strangers.map(|(at, n)| {
        (at, format!(r#"{{"at":{at},"action":"account_actioned","account":"stranger-{n}"}}"#).into_bytes())
    }));
    actions.sort_by_key(|(at, _)| *at);
    let closing = format!(r#"{{"at":{},"action":"account_restored","account":"closing"}}"#, posts.closed_at);
    actions.extend((0..OF_ACTIONS).map(|_| (posts.closed_at, closing.clone().into_bytes())));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixed.ndjson");
    let mut mixed: Vec<(i64, &[u8])> = posts.posts.iter().map(|post| (post.ts, post.line.as_slice())).collect();
    mixed.extend(actions.iter().map(|(at, line)| (*at, line.as_slice())));
    mixed.sort_by_key(|(at, _)| *at);
    std::fs::write(&file, mixed.iter().map(|(_, line)| *line).collect::<Vec<_>>().join(&b'\n')).unwrap();
    let (lines, summary) = replay(&file, &NEVER_IDLE.map(str::to_owned));
    assert!(summary["late"] == 0 && summary["actions"]["late"] == 0, "{summary}");
    assert!(lines.iter().any(|line| String::from_utf8_lossy(line).contains("ephemeral_amplification")), "{summary}");
    Story { posts, actions, lines }
});

fn is_deletion(line: &[u8]) -> bool {
    String::from_utf8_lossy(line).contains("post_deleted")
}

impl Story {
    /// Writes the posts and actions from one event time to another, each in the order of its partition.
    fn feed(&self, cluster: &Cluster, setup: &Setup, actions: &str, from: i64, to: i64) {
        let posts: Vec<_> = self.posts.posts.iter().filter(|post| (from..to).contains(&post.ts)).cloned().collect();
        let mut records: BTreeMap<i32, Vec<_>> = BTreeMap::new();
        for (number, (at, line)) in self.actions.iter().enumerate().filter(|(_, (at, _))| (from..to).contains(at)) {
            let closing = self.actions.len() - number <= OF_ACTIONS as usize;
            let partition = (if closing { self.actions.len() - number - 1 } else { number / 7 }) as i32 % OF_ACTIONS;
            records.entry(partition).or_default().push((None, line.clone(), Some(*at)));
        }
        cluster.produce(&setup.posts, &Stream::records(&posts));
        cluster.produce(actions, &records);
    }
}

/// A service on fresh topics, and its topic of actions.
fn setup(cluster: &Cluster, folder: &tempfile::TempDir, set: &[&str]) -> (Setup, String) {
    let actions = cluster.create_topic("actions", OF_ACTIONS);
    let mut set: Vec<String> = set.iter().map(|set| (*set).to_owned()).collect();
    set.push(format!("kafka.actions_topic={actions}"));
    let setup = Setup {
        brokers: cluster.brokers().to_owned(),
        id: fresh("actions"),
        posts: cluster.create_topic("posts", PARTITIONS),
        alerts: cluster.create_topic("alerts", 1),
        state: folder.path().join("state"),
        set,
    };
    (setup, actions)
}

fn run_equals_replay() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let (setup, actions) = setup(cluster, &folder, &[NEVER_IDLE[0], NEVER_IDLE[1], "track.shards=3"]);
    STORY.feed(cluster, &setup, &actions, i64::MIN, i64::MAX);
    let mut service = setup.start();
    service.wait_for_watermark(STORY.posts.closed_at - 20_000, PATIENCE);
    service.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
    let lag_of_actions = service.metric("tagwatch_kafka_lag", &[&actions]);
    assert_eq!(lag_of_actions, Some(0.0), "the lag of the topic of actions is shown");
    assert_eq!(service.metric("tagwatch_actions_total", &[]), Some(STORY.actions.len() as f64));
    assert_eq!(service.metric("tagwatch_actions_late_total", &[]), Some(0.0));
    assert_eq!(service.metric("tagwatch_posts_total", &[]), Some(STORY.posts.posts.len() as f64));
    service.stop();
    assert_same_lines(&cluster.consume_all(&setup.alerts), &STORY.lines, "with actions");
}

/// Killed before, among and after the actions, with other numbers of shards.
fn no_kill_changes_what_is_taken_out() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let (setup, actions) = setup(cluster, &folder, &[NEVER_IDLE[0], NEVER_IDLE[1], "state.checkpoint_interval=300ms"]);
    let first = STORY.actions.iter().find(|(_, line)| is_deletion(line)).unwrap().0;
    let last = first + 3_600_000;
    let cuts = [0, 25_000, 61_000, 95_000, 150_000, 1_500_000].map(|after| first + after);
    let (mut from, mut restored, mut killed) = (i64::MIN, 0, 0);
    for (number, to) in cuts.into_iter().chain([last + 1]).enumerate() {
        STORY.feed(cluster, &setup, &actions, from, to);
        from = to;
        let mut service = setup.with(&format!("track.shards={}", 2 + number % 3)).start();
        service.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
        // A few checkpoints, where the watermark moved on.
        std::thread::sleep(Duration::from_secs(1));
        killed += i32::from(service.kill());
        restored += i32::from(service.log().contains(" restored tick="));
        let written = cluster.consume_all(&setup.alerts);
        assert_same_lines(&written, &STORY.lines[..written.len().min(STORY.lines.len())], &format!("kill {number}"));
    }
    assert!(killed == 7 && restored >= 5, "{killed} killed, {restored} restored");
    STORY.feed(cluster, &setup, &actions, from, i64::MAX);
    let mut service = setup.start();
    service.wait_for_watermark(STORY.posts.closed_at - 20_000, PATIENCE);
    service.wait_for_metric("tagwatch_actions_remembered", PATIENCE, |remembered| remembered > 0.0);
    service.stop();
    assert_same_lines(&cluster.consume_all(&setup.alerts), &STORY.lines, "after all kills");
}

/// What is no action, comes too late, or is about nobody: counted by reason, with a letter each, and nothing stops.
fn poison_and_strangers_are_counted() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let rejected = cluster.create_topic("rejected", 1);
    let (setup, actions) = setup(
        cluster,
        &folder,
        &[NEVER_IDLE[0], NEVER_IDLE[1], "windows.actions_max=1000", &format!("kafka.rejected_topic={rejected}")],
    );
    let at = STORY.posts.posts[0].ts;
    let strangers =
        (0..5000).map(|n| format!(r#"{{"at":{},"action":"account_actioned","account":"s{n}"}}"#, at + n * 9));
    let poison = [
        "no json",
        r#"{"at":5,"action":"post_deleted","post":"p"}"#,
        r#"{"action":"post_deleted","post":"p"}"#,
        r#"{"at":1620331200000,"action":"post_praised","post":"p"}"#,
        r#"{"id":"1","ts":1620331200000,"account":"a","text":"a post #tag"}"#,
    ];
    let late = format!(r#"{{"at":{},"action":"account_actioned","account":"s"}}"#, at - 1_000_000);
    let records =
        strangers.chain(poison.map(str::to_owned)).chain([late]).map(|line| (None, line.into_bytes(), Some(at)));
    cluster.produce(&actions, &BTreeMap::from([(0, records.collect::<Vec<_>>())]));
    STORY.feed(cluster, &setup, &actions, STORY.posts.closed_at, i64::MAX);
    let mut service = setup.start();
    service.wait_for_watermark(STORY.posts.closed_at - 20_000, PATIENCE);
    service.wait_for_metric("tagwatch_actions_evicted_total", PATIENCE, |evicted| evicted >= 4000.0);
    let count = |name: &str, part: &str| service.metric(name, &[part]).unwrap();
    assert_eq!(count("tagwatch_actions_total", "account_actioned"), 5000.0);
    assert_eq!(count("tagwatch_actions_late_total", ""), 1.0);
    for (reason, expected) in [("syntax", 1.0), ("time_range", 1.0), ("missing_field", 2.0), ("invalid_field", 1.0)] {
        assert_eq!(count("tagwatch_actions_rejected_total", &format!("\"{reason}\"")), expected, "{reason}");
    }
    assert!(count("tagwatch_actions_remembered", "") <= 1000.0);
    service.stop();
    let letters = cluster.consume_all(&rejected);
    assert_eq!(letters.len(), poison.len());
    let of_actions = |letter: &Vec<u8>| serde_json::from_slice::<Value>(letter).unwrap()["topic"] == actions.as_str();
    assert!(letters.iter().all(of_actions), "each says which topic it was in");
}
