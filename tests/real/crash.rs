//! `kill -9` at random moments, takeovers, lost state: whatever happens to processes, the alerts topic holds every line
//! once and as an undisturbed run would have written it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::cluster::{Cluster, fresh, shared};
use crate::posts::{PARTITIONS, Stream};
use crate::service::{Setup, assert_same_lines, replay, tagwatch};
use crate::tools::{Need, trial};

/// Times that the process is killed.
const KILLS: usize = 20;
/// Slices that the posts are fed in while processes are killed.
const SLICES: usize = 300;

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("crash::no_kill_loses_doubles_or_changes_a_line", kafka, no_kill_loses_doubles_or_changes_a_line),
        trial("crash::the_number_of_shards_may_change", kafka, the_number_of_shards_may_change),
        trial("crash::a_second_process_takes_over", kafka, a_second_process_takes_over),
        trial("crash::a_state_folder_serves_one_process", kafka, a_state_folder_serves_one_process),
        trial("crash::lost_state_is_warmed_up", kafka, lost_state_is_warmed_up),
        trial("crash::a_second_signal_ends_at_once", &[], a_second_signal_ends_at_once),
    ]
}

/// The simulated story.
pub fn story() -> Stream {
    let output = tagwatch().args(["simulate", "--scenario", "story"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Stream::new(&output.stdout)
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

/// What `replay` writes for a stream.
fn expected(stream: &Stream, folder: &tempfile::TempDir) -> Vec<Vec<u8>> {
    let file = folder.path().join("posts.ndjson");
    stream.write(&file);
    let (lines, summary) = replay(&file, &[]);
    assert!(lines.len() > 10 && summary["late"] == 0, "{summary}");
    lines
}

/// Feeds the posts slice by slice; each is in its partition before the next begins.
fn feed(cluster: &Cluster, topic: &str, stream: &Stream, pause: Duration, fast: &AtomicBool) {
    for slice in stream.posts.chunks(stream.posts.len().div_ceil(SLICES)) {
        cluster.produce(topic, &Stream::records(slice));
        if !fast.load(Ordering::Relaxed) {
            thread::sleep(pause);
        }
    }
}

fn no_kill_loses_doubles_or_changes_a_line() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let stream = story();
    let lines = expected(&stream, &folder);
    let setup =
        setup(cluster, &folder, &["state.checkpoint_interval=300ms", "track.shards=3", "time.idle_timeout=10m"]);
    let fast = AtomicBool::new(false);
    let (mut random, mut restored, mut between) = (ChaCha8Rng::seed_from_u64(2017), 0, 0);
    thread::scope(|scope| {
        scope.spawn(|| feed(cluster, &setup.posts, &stream, Duration::from_millis(100), &fast));
        for _ in 0..KILLS {
            let mut service = setup.start();
            thread::sleep(Duration::from_millis(random.random_range(200..2500)));
            service.kill();
            restored += usize::from(service.log().contains("restored"));
            let written = cluster.consume_all(&setup.alerts);
            assert_same_lines(&written, &lines[..written.len().min(lines.len())], "after a kill");
            between += usize::from(!written.is_empty() && written.len() < lines.len());
        }
        fast.store(true, Ordering::Relaxed);
    });
    assert!(restored >= KILLS / 3, "only {restored} of {KILLS} processes began at a checkpoint");
    assert!(between >= 3, "only {between} of {KILLS} kills fell between the first line and the last");
    let mut service = setup.start();
    service.wait_for_watermark(stream.closed_at - 20_000, Duration::from_secs(120));
    assert_eq!(service.metric("tagwatch_posts_late_total", &[]), Some(0.0));
    service.stop();
    assert_same_lines(&cluster.consume_all(&setup.alerts), &lines, "after all kills");
}

fn the_number_of_shards_may_change() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let stream = story();
    let lines = expected(&stream, &folder);
    let setup = setup(cluster, &folder, &["state.checkpoint_interval=300ms", "time.idle_timeout=10m"]);
    let parts: Vec<_> = stream.posts.chunks(stream.posts.len().div_ceil(3)).collect();
    for (part, shards) in parts.iter().zip([4, 3, 5]) {
        cluster.produce(&setup.posts, &Stream::records(part));
        let mut service = setup.with(&format!("track.shards={shards}")).start();
        service.wait("all read", Duration::from_secs(120), |service| {
            (service.metric("tagwatch_kafka_lag", &[])? == 0.0).then_some(())
        });
        if part.last().unwrap().ts == stream.closed_at {
            service.wait_for_watermark(stream.closed_at - 20_000, Duration::from_secs(60));
        }
        service.stop();
    }
    assert_same_lines(&cluster.consume_all(&setup.alerts), &lines, "4, 3 and 5 shards");
}

fn a_second_process_takes_over() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let first = setup(cluster, &folder, &["state.checkpoint_interval=300ms"]);
    let mut older = first.start();
    let ready = |service: &crate::service::Service| (service.get("/ready")?.0 == 200).then_some(());
    older.wait("ready", Duration::from_secs(60), ready);
    let stream = story();
    cluster.produce(&first.posts, &Stream::records(&stream.posts[..20_000]));
    older.wait("a checkpoint", Duration::from_secs(60), |service| {
        (service.metric("tagwatch_checkpoints_total", &[])? > 0.0).then_some(())
    });
    let mut newer = Setup { state: folder.path().join("other"), ..first.clone() }.start();
    newer.wait("ready", Duration::from_secs(60), ready);
    let status = older.ended(Duration::from_secs(40));
    assert_eq!(status.code(), Some(70), "{}", older.log());
    let sentence = format!("another process with id = \"{}\" has taken over", first.id);
    assert!(older.log().contains(&sentence), "{}", older.log());
    newer.stop();
}

fn a_state_folder_serves_one_process() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let first = setup(cluster, &folder, &[]);
    let mut one = first.start();
    one.wait("ready", Duration::from_secs(60), |service| (service.get("/ready")?.0 == 200).then_some(()));
    let mut other = Setup { id: fresh("crash"), ..first.clone() }.start();
    assert_eq!(other.ended(Duration::from_secs(30)).code(), Some(70), "{}", other.log());
    let sentence = format!("{} is in use by another tagwatch", first.state.display());
    assert!(other.log().contains(&sentence), "{}", other.log());
    one.stop();
}

fn lost_state_is_warmed_up() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(cluster, &folder, &["state.checkpoint_interval=300ms", "time.idle_timeout=10m"]);
    let stream = story();
    let lines = stream.posts.len() * 2 / 3;
    cluster.produce(&setup.posts, &Stream::records(&stream.posts[..lines]));
    let mut service = setup.start();
    service.wait("all read", Duration::from_secs(120), |service| {
        (service.metric("tagwatch_kafka_lag", &[])? == 0.0).then_some(())
    });
    assert_eq!(service.metric("tagwatch_warming", &[]), Some(0.0));
    service.wait("a checkpoint", Duration::from_secs(60), |service| {
        (service.metric("tagwatch_checkpoints_total", &[])? > 0.0).then_some(())
    });
    service.stop();
    let before = cluster.consume_all(&setup.alerts).len();
    fs::remove_dir_all(&setup.state).unwrap();
    cluster.produce(&setup.posts, &Stream::records(&stream.posts[lines..]));
    let mut service = setup.start();
    service.wait("warming", Duration::from_secs(60), |service| {
        (service.metric("tagwatch_warming", &[])? == 1.0).then_some(())
    });
    service.wait_for_watermark(stream.closed_at - 20_000, Duration::from_secs(120));
    assert!(service.log().contains("warming"), "{}", service.log());
    service.stop();
    let after = cluster.consume_all(&setup.alerts).split_off(before);
    assert!(!after.is_empty(), "the rest of the story raises alerts");
    for line in after {
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["warming"], true, "{line}");
        let pages = line["state"] == "firing" && line["severity"] != "info";
        assert!(!pages || line["suppressed"] == true, "{line}");
    }
}

/// Without any broker: it says what it waits for, drains at the first signal and ends at the second.
fn a_second_signal_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        brokers: format!("127.0.0.1:{}", crate::tools::free_port()),
        id: fresh("crash"),
        posts: "posts".to_owned(),
        alerts: "alerts".to_owned(),
        state: folder.path().join("state"),
        set: vec![],
    };
    let mut service = setup.start();
    service.wait("a word about brokers", Duration::from_secs(30), |service| {
        service.log().contains(&setup.brokers).then_some(())
    });
    assert_eq!(service.get("/live").map(|(status, _)| status), Some(200));
    assert_eq!(service.get("/ready").map(|(status, _)| status), Some(503));
    service.signal("TERM");
    service.signal("TERM");
    let status = service.ended(Duration::from_secs(25));
    assert!([Some(0), Some(143)].contains(&status.code()), "{status}: {}", service.log());
}
