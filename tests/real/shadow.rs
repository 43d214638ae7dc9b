//! A shadow beside a service on a real Kafka: its file holds what `replay` writes under its rules alone, through a
//! `kill -9`, and the alerts topic does not know of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::cluster::{fresh, shared};
use crate::posts::{PARTITIONS, Stream};
use crate::service::{Setup, assert_same_lines, replay, tagwatch};
use crate::tools::{Need, trial};

const RULES: &str = "
[detect]
candidate_posts = 40
coordination_enter = 64
[[expected]]
pattern = \"*fraud*\"
from = \"2021-05-07T20:00:00Z\"
to = \"2021-05-07T21:00:00Z\"
reason = \"a drill\"
";
/// The rules without their expected event, which no flag can set.
const SET: [&str; 3] = ["detect.candidate_posts=40", "detect.coordination_enter=64", NEVER_IDLE];
/// What makes no partition idle, however slow the machine is.
const NEVER_IDLE: &str = "time.idle_timeout=10m";
const PATIENCE: Duration = Duration::from_secs(120);

pub fn trials() -> Vec<Trial> {
    let run = "shadow::a_shadow_writes_what_replay_writes_and_survives_a_kill";
    vec![trial(run, &[Need::Kafka], a_shadow_writes_what_replay_writes_and_survives_a_kill)]
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(path).unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn a_shadow_writes_what_replay_writes_and_survives_a_kill() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let output = tagwatch().args(["simulate", "--scenario", "push", "--seed", "7"]).output().unwrap();
    let stream = Stream::dealt(&output.stdout, 200);
    let file = folder.path().join("posts.ndjson");
    stream.write(&file);
    let (rules, others) = (folder.path().join("rules.toml"), folder.path().join("others.toml"));
    fs::write(&rules, RULES).unwrap();
    fs::write(&others, "[detect]\nburst_enter = 70\n").unwrap();
    let (own, _) = replay(&file, &[NEVER_IDLE.to_owned()]);
    // The config of `replay` alone is the file itself.
    let alone = folder.path().join("alone.ndjson");
    let mut command = tagwatch();
    command.args(["replay", "-q", "--format", "native", "--set", NEVER_IDLE, "--config"]).arg(&rules);
    assert!(command.arg("--alerts").arg(&alone).arg(&file).status().unwrap().success());
    let alone = lines(&alone);
    assert_ne!(alone, replay(&file, &SET.map(str::to_owned)).0, "the expected event shows");

    let setup = Setup {
        brokers: cluster.brokers().to_owned(),
        id: fresh("shadow"),
        posts: cluster.create_topic("posts", PARTITIONS),
        alerts: cluster.create_topic("alerts", 1),
        state: folder.path().join("state"),
        set: [NEVER_IDLE, "state.checkpoint_interval=300ms", "track.shards=4"].map(str::to_owned).into(),
    };
    let log = setup.state.join("shadow-alerts.ndjson");
    let with = ["--shadow", rules.to_str().unwrap()];
    let (first, second) = stream.posts.split_at(stream.posts.len() * 3 / 5);
    cluster.produce(&setup.posts, &Stream::records(first));
    let mut killed = setup.start_with(&with);
    killed.wait("lines of the shadow and a checkpoint", PATIENCE, |service| {
        let checkpoints = service.metric("tagwatch_checkpoints_total", &[])?;
        (lines(&log).len() > 10 && checkpoints > 0.0).then_some(())
    });
    killed.kill();
    let mut service = setup.start_with(&with);
    service.wait_for_metric("tagwatch_kafka_lag", PATIENCE, |lag| lag == 0.0);
    cluster.produce(&setup.posts, &Stream::records(second));
    service.wait_for_watermark(stream.closed_at - 20_000, PATIENCE);
    let fired = service.metric("tagwatch_shadow_alerts_total", &["severity=\"ticket\""]);
    assert!(fired.is_some_and(|fired| fired >= 1.0), "{fired:?}");
    service.stop();
    let said = service.log();
    assert!(said.contains(" restored tick=") && !said.contains("begins anew"), "{said}");
    assert_same_lines(&cluster.consume_all(&setup.alerts), &own, "the alerts topic");
    assert_same_lines(&lines(&log), &alone, "the log of the shadow");

    let others = ["--shadow", others.to_str().unwrap()];
    restart(&setup, &others, "the shadow begins anew");
    restart(&setup, &[], "it ends here");
    assert_eq!(lines(&log), alone, "nothing new was decided");
    assert_same_lines(&cluster.consume_all(&setup.alerts), &own, "the alerts topic in the end");
}

/// Starts with these arguments, waits until it has said so and written a checkpoint, and stops.
fn restart(setup: &Setup, args: &[&str], words: &str) {
    let mut service = setup.start_with(args);
    service.wait_for_words(words, PATIENCE);
    service.wait_until_ready();
    service.wait_for_metric("tagwatch_checkpoints_total", PATIENCE, |_| true);
    service.stop();
}
