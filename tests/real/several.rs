//! Several processes, one deployment: whoever owns what, the alerts topic holds every line once and as `replay` writes it.

use std::time::Duration;

use libtest_mimic::Trial;

use crate::cluster::{Cluster, fresh, shared};
use crate::crash::{NEVER_IDLE, STORY};
use crate::posts::Stream;
use crate::service::{Service, Setup, assert_same_lines, tagwatch};
use crate::tools::{Need, trial};

/// Longest wait for what takes seconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![trial("several::the_same_lines_anywhere", kafka, the_same_lines_anywhere)]
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
