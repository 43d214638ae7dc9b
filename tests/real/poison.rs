//! Bad input through a real Kafka: every good post is counted, every bad record is counted by its reason and has its dead
//! letter, and however much of it comes, the service stays ready and does not grow.

use std::collections::BTreeMap;
use std::time::Duration;

use libtest_mimic::Trial;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::cluster::{Cluster, fresh, shared};
use crate::corpus::{START_MS, good, poison};
use crate::posts::PARTITIONS;
use crate::service::{Service, Setup};
use crate::tools::{Need, eventually, trial};

/// Event time of the posts that close each partition: hours later, so that all panes before are decided.
const CLOSED_AT: i64 = START_MS + 3 * 3_600_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds of bad input before memory is first looked at, and after.
const WARM_UP: usize = 10;
const ROUNDS: usize = 30;
/// A tenth of what the later rounds weigh: what is kept of each record would show.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("poison::bad_input_harms_no_post_and_is_told", kafka, bad_input_harms_no_post_and_is_told),
        trial("poison::a_crash_loses_no_dead_letter", kafka, a_crash_loses_no_dead_letter),
        trial("poison::dead_letters_that_are_lost_are_said", kafka, dead_letters_that_are_lost_are_said),
    ]
}

/// One record on its way into the topic.
struct Sent {
    partition: i32,
    /// None is a tombstone.
    value: Option<Vec<u8>>,
    sent_ms: i64,
    /// The reason it must be rejected for; none for a post.
    reason: Option<&'static str>,
}

/// Every bad record once, one after the other into all partitions: the corpus, tombstones, times in the future.
fn bad() -> Vec<Sent> {
    let corpus = poison().into_iter().map(|(record, reason)| (Some(record), reason));
    let tombstones = (0..PARTITIONS).map(|_| (None, "empty"));
    let future = good(3).into_iter().map(|post| {
        let ahead = String::from_utf8(post).unwrap().replace(&START_MS.to_string()[..6], "160000");
        (Some(ahead.into_bytes()), "future")
    });
    let all = corpus.chain(tombstones).chain(future).zip((0..PARTITIONS).cycle());
    all.map(|((value, reason), partition)| Sent { partition, value, sent_ms: START_MS, reason: Some(reason) }).collect()
}

/// A good post behind every bad record of its partition.
fn mixed() -> Vec<Sent> {
    let bad = bad();
    let posts = good(bad.len());
    let pairs = (0..).zip(bad.into_iter().zip(posts)).flat_map(|(at, (bad, post))| {
        let (partition, sent_ms) = (bad.partition, START_MS + at * 1000);
        [bad, Sent { partition, value: Some(post), sent_ms, reason: None }]
    });
    pairs.collect()
}

/// Posts without a hashtag that let the watermark pass all before them.
fn closing() -> Vec<Sent> {
    let post = |partition| format!(r#"{{"id":"close{partition}","ts":{CLOSED_AT},"account":"c","hashtags":[]}}"#);
    let sent =
        |partition| Sent { partition, value: Some(post(partition).into_bytes()), sent_ms: CLOSED_AT, reason: None };
    (0..PARTITIONS).map(sent).collect()
}

fn by_reason(records: &[Sent]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    records.iter().filter_map(|sent| sent.reason).for_each(|reason| *counts.entry(reason).or_default() += 1);
    counts
}

/// Where each bad record lies in a topic that holds nothing else, and its reason.
fn places(records: &[Sent]) -> BTreeMap<(i64, i64), String> {
    let mut next = BTreeMap::<i32, i64>::new();
    let mut places = BTreeMap::new();
    for sent in records {
        let offset = next.entry(sent.partition).or_default();
        if let Some(reason) = sent.reason {
            places.insert((sent.partition.into(), *offset), reason.to_owned());
        }
        *offset += 1;
    }
    places
}

fn write(cluster: &Cluster, topic: &str, records: &[Sent]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.brokers())
        .set("enable.idempotence", "true")
        .create()
        .unwrap();
    for Sent { partition, value, sent_ms, .. } in records {
        let record = BaseRecord::<[u8], [u8]>::to(topic).partition(*partition).timestamp(*sent_ms);
        let mut record = BaseRecord { payload: value.as_deref(), ..record };
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(Code::QueueFull));
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(PATIENCE).unwrap();
}

fn setup(cluster: &Cluster, folder: &tempfile::TempDir, letters: &str) -> Setup {
    Setup {
        brokers: cluster.brokers().to_owned(),
        id: fresh("poison"),
        posts: cluster.create_topic("posts", PARTITIONS),
        alerts: cluster.create_topic("alerts", 1),
        state: folder.path().join("state"),
        set: vec![format!("kafka.rejected_topic={letters}"), "state.checkpoint_interval=1s".to_owned()],
    }
}

/// Waits until so many records are read and none is left, ready all the while.
fn wait_until_read(service: &mut Service, records: u64) {
    service.wait(&format!("{records} records read"), PATIENCE, |service| {
        assert_eq!(service.get("/ready").map(|(status, _)| status), Some(200), "ready whatever comes");
        let read = service.metric("tagwatch_posts_total", &[])?;
        assert!(read <= records as f64, "{read} of {records} records");
        let lag = service.metric("tagwatch_kafka_lag", &[])?;
        (read == records as f64 && lag == 0.0).then_some(())
    });
}

fn assert_rejected(service: &Service, expected: &BTreeMap<&'static str, u64>) {
    for (reason, count) in expected {
        let counted = service.metric("tagwatch_posts_rejected_total", &[&format!("reason=\"{reason}\"")]);
        assert_eq!(counted, Some(*count as f64), "{reason}");
    }
    let all: u64 = expected.values().sum();
    assert_eq!(service.metric("tagwatch_posts_rejected_total", &[]), Some(all as f64), "{expected:?}");
}

/// The letters of a topic: place and reason, each as often as it came. Checks their form on the way.
fn letters(cluster: &Cluster, topic: &str, posts: &str) -> Vec<((i64, i64), String)> {
    let read = |letter: Vec<u8>| {
        let letter: serde_json::Value = serde_json::from_slice(&letter).unwrap();
        let keys: Vec<&str> = letter.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["error", "offset", "partition", "reason", "topic"], "{letter}");
        assert_eq!(letter["topic"], posts);
        let error = letter["error"].as_str().unwrap();
        assert!(!error.is_empty() && error.len() < 200, "{letter}");
        let place = (letter["partition"].as_i64().unwrap(), letter["offset"].as_i64().unwrap());
        (place, letter["reason"].as_str().unwrap().to_owned())
    };
    cluster.consume_all(topic).into_iter().map(read).collect()
}

fn bad_input_harms_no_post_and_is_told() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let to_letters = cluster.create_topic("letters", 3);
    let setup = setup(cluster, &folder, &to_letters);
    let mut service = setup.start();
    service.wait("ready", PATIENCE, |service| (service.get("/ready")?.0 == 200).then_some(()));

    let mut records = mixed();
    let posts = records.iter().filter(|sent| sent.reason.is_none()).count();
    assert!(records.len() - posts >= 200, "{} bad records", records.len() - posts);
    records.extend(closing());
    write(cluster, &setup.posts, &records);
    wait_until_read(&mut service, records.len() as u64);
    service.wait_for_watermark(CLOSED_AT - 20_000, PATIENCE);
    assert_rejected(&service, &by_reason(&records));
    service.wait("the mentions", PATIENCE, |service| {
        // Two hashtags a post; the closing ones have none.
        (service.metric("tagwatch_mentions_total", &[])? >= 2.0 * posts as f64).then_some(())
    });
    assert_eq!(service.metric("tagwatch_mentions_total", &[]), Some(2.0 * posts as f64));
    for none in ["tagwatch_posts_late_total", "tagwatch_posts_duplicate_total", "tagwatch_dead_letters_lost_total"] {
        assert_eq!(service.metric(none, &[]), Some(0.0), "{none}");
    }
    let expected = places(&records);
    eventually("a letter for each bad record", PATIENCE, || {
        (letters(cluster, &to_letters, &setup.posts).len() >= expected.len()).then_some(())
    });
    let mut told = letters(cluster, &to_letters, &setup.posts);
    told.sort();
    assert_eq!(told, expected.into_iter().collect::<Vec<_>>());

    let bad = bad();
    let mut feed = |rounds: usize, so_far: usize| {
        (0..rounds).for_each(|_| write(cluster, &setup.posts, &bad));
        wait_until_read(&mut service, (records.len() + (so_far + rounds) * bad.len()) as u64);
        service.resident_kib()
    };
    let before = feed(WARM_UP, 0);
    let after = feed(ROUNDS, WARM_UP);
    let weight: usize = bad.iter().filter_map(|sent| Some(sent.value.as_ref()?.len())).sum::<usize>() * ROUNDS / 1024;
    println!("resident: {before} KiB before and {after} KiB after {weight} KiB of bad input");
    assert!(weight as u64 > 10 * GROWTH_MAX_KIB, "{weight} KiB would show nothing");
    assert!(after < before + GROWTH_MAX_KIB, "from {before} to {after} KiB by {weight} KiB of bad input");

    let mut all = by_reason(&records);
    for (reason, count) in by_reason(&bad) {
        *all.entry(reason).or_default() += count * (WARM_UP + ROUNDS) as u64;
    }
    assert_rejected(&service, &all);
    service.stop();
    // Stopping delivers what was under way.
    assert_eq!(letters(cluster, &to_letters, &setup.posts).len() as u64, all.values().sum::<u64>());
}

fn a_crash_loses_no_dead_letter() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let to_letters = cluster.create_topic("letters", 3);
    let setup = setup(cluster, &folder, &to_letters);
    let mut records = mixed();
    let half = records.split_off(records.len() / 2);
    write(cluster, &setup.posts, &records);
    let mut service = setup.start();
    // The first checkpoint passes most of the bad records; whatever it passes is never read again.
    service.wait("a checkpoint", PATIENCE, |service| {
        (service.metric("tagwatch_checkpoints_total", &[])? > 0.0).then_some(())
    });
    service.kill();
    records.extend(half);
    let rest = records.len() / 2;
    write(cluster, &setup.posts, &records[rest..]);
    records.extend(closing());
    write(cluster, &setup.posts, &closing());
    let mut service = setup.start();
    service.wait_for_watermark(CLOSED_AT - 20_000, PATIENCE);
    service.wait("no lag", PATIENCE, |service| (service.metric("tagwatch_kafka_lag", &[])? == 0.0).then_some(()));
    service.stop();
    let told: BTreeMap<(i64, i64), String> = letters(cluster, &to_letters, &setup.posts).into_iter().collect();
    assert_eq!(told, places(&records), "each at least once, and nothing else");
}

fn dead_letters_that_are_lost_are_said() {
    let (_guard, cluster) = shared();
    let folder = tempfile::tempdir().unwrap();
    let missing = fresh("no-such-topic");
    let setup = setup(cluster, &folder, &missing).with("kafka.client.topic.metadata.propagation.max.ms=1000");
    let records = mixed();
    write(cluster, &setup.posts, &records);
    let mut service = setup.start();
    let bad: u64 = by_reason(&records).values().sum();
    service.wait("all letters lost", PATIENCE, |service| {
        (service.metric("tagwatch_dead_letters_lost_total", &[])? == bad as f64).then_some(())
    });
    wait_until_read(&mut service, records.len() as u64);
    let said = service.log();
    assert!(said.contains("rejected records are missing from the dead-letter topic"), "{said}");
    assert!(said.contains(&missing), "{said}");
    service.stop();
}
