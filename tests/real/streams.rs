//! The recorded streams through a real Kafka: the alerts topic holds what `replay` writes, to the byte.

use std::time::Duration;

use libtest_mimic::Trial;

use crate::cluster::{fresh, shared};
use crate::posts::{PARTITIONS, Stream, recorded};
use crate::service::{Setup, assert_same_lines, replay};
use crate::tools::{Need, trial};

/// From the smallest to the largest.
const STREAMS: [&str; 4] = ["conferences_2017_2019", "fake_trends_july_2015", "crisis_july_2015", "pushes_2014_2015"];

pub fn trials() -> Vec<Trial> {
    let of = |name: &'static str| {
        trial(&format!("streams::run_equals_replay_{name}"), &[Need::Kafka, Need::Stream(name)], move || {
            run_equals_replay(name);
        })
    };
    STREAMS.map(of).into()
}

fn run_equals_replay(name: &str) {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let stream = Stream::from_gzip(&recorded(name).unwrap());
    let file = folder.path().join("posts.ndjson");
    stream.write(&file);
    let (replayed, summary) = replay(&file, &[]);
    assert_eq!(summary["late"], 0, "{summary}");
    assert!(!replayed.is_empty(), "{name} must raise alerts: {summary}");

    let setup = Setup {
        brokers: cluster.brokers().to_owned(),
        id: fresh("streams"),
        posts: cluster.create_topic("posts", PARTITIONS),
        alerts: cluster.create_topic("alerts", 1),
        state: folder.path().join("state"),
        set: vec!["track.shards=4".to_owned()],
    };
    cluster.produce(&setup.posts, &Stream::records(&stream.posts));
    let mut service = setup.start();
    // The last posts' own tick stays open for the watermark's delay.
    service.wait_for_watermark(stream.closed_at - 20_000, Duration::from_secs(240));
    service.wait("no lag", Duration::from_secs(20), |service| {
        (service.metric("tagwatch_kafka_lag", &[])? == 0.0).then_some(())
    });
    assert_eq!(service.metric("tagwatch_posts_late_total", &[]), Some(0.0));
    assert_eq!(service.metric("tagwatch_posts_total", &[]), Some(stream.posts.len() as f64));
    service.stop();
    assert_same_lines(&cluster.consume_all(&setup.alerts), &replayed, name);
}
