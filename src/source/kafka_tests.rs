//! The Kafka source against librdkafka's own cluster: the real protocol, in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decode::Format;
use super::kafka::{Error, KafkaOptions, KafkaSource, Shared};
use super::ledger::Resume;
use super::start::Restored;
use super::tests::{limits, line};
use super::{Outcome, Step};
use crate::config::{self, Start};
use crate::kafka::mock::Mock;
use crate::kafka::producer::Producer;
use crate::model::{EventTime, Tick};
use crate::{clock, kafka};

const T: i64 = 1_494_014_400_000;
/// Longest any of these waits for the cluster.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    mock: Mock,
    producer: Producer,
    dir: tempfile::TempDir,
    idle_timeout: Duration,
}

impl Scene {
    fn new(partitions: i32) -> Scene {
        let mock = Mock::start(&[("posts", partitions)]).unwrap();
        let producer = Producer::connect(&settings(&mock)).unwrap();
        Scene { mock, producer, dir: tempfile::tempdir().unwrap(), idle_timeout: Duration::from_secs(600) }
    }

    fn write(&self, partition: i32, times: impl Iterator<Item = i64>) {
        for ts in times {
            self.producer.send("posts", Some(partition), None, &line(ts), Some(ts)).unwrap();
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    fn options(&self, restored: Option<Restored>) -> KafkaOptions {
        let time = config::Time {
            watermark_delay: Duration::from_secs(10),
            idle_timeout: self.idle_timeout,
            actions_idle_timeout: self.idle_timeout,
            max_future: Duration::from_secs(300),
        };
        KafkaOptions {
            kafka: settings(&self.mock),
            topic: "posts".into(),
            actions_topic: None,
            group: "test".into(),
            time,
            limits: limits(),
            format: Format::Native,
            state_dir: self.dir.path().to_owned(),
            restored,
            hold_above_bytes: 1 << 30,
        }
    }

    /// Reads until `enough` says so; returns the posts on time and the last watermark.
    fn read(
        &self,
        restored: Option<Restored>,
        mut enough: impl FnMut(&BTreeSet<(u32, i64)>, EventTime) -> bool,
    ) -> (BTreeSet<(u32, i64)>, EventTime, Arc<Shared>, KafkaSource) {
        let shared = Arc::new(Shared::default());
        let mut source = KafkaSource::connect(self.options(restored), Arc::clone(&shared)).unwrap();
        let (mut posts, mut watermark) = (BTreeSet::new(), EventTime::MIN);
        let deadline = clock::monotonic() + PATIENCE;
        let mut on = |step: Step<'_>| {
            match step {
                Step::Post { partition, offset, post } => {
                    assert!(post.ts.tick() > watermark.closed_tick(), "no post misses its pane");
                    assert!(posts.insert((partition, offset)), "no post comes twice");
                }
                Step::Watermark(time) => {
                    assert!(time >= watermark);
                    watermark = time;
                    if enough(&posts, watermark) {
                        shared.stop.store(true, Ordering::Relaxed);
                    }
                }
                Step::Action(_) => panic!("there is no topic of actions"),
                Step::End(_) => panic!("a topic has no end"),
            }
            assert!(clock::monotonic() < deadline, "{} posts, watermark {watermark}", posts.len());
            ControlFlow::Continue(())
        };
        source.run(&mut on).unwrap();
        (posts, watermark, shared, source)
    }
}

fn settings(mock: &Mock) -> config::Kafka {
    config::Kafka {
        brokers: mock.brokers().to_owned(),
        posts_topic: "posts".into(),
        actions_topic: None,
        alerts_topic: None,
        rejected_topic: None,
        start: Start::Earliest,
        client: BTreeMap::new(),
    }
}

#[test]
fn a_restart_reads_again_exactly_what_no_checkpoint_covers() {
    let scene = Scene::new(3);
    for partition in 0..3 {
        // Partitions minutes apart, each in order.
        scene.write(partition, (0..2000).map(|n| T + i64::from(partition) * 300_000 + n * 500));
    }
    let (posts, watermark, shared, mut source) = scene.read(None, |posts, _| posts.len() == 6000);
    assert!(!source.warming());
    assert_eq!(watermark, EventTime(T + 1999 * 500 - 10_000), "the first partition is the furthest behind");
    let progress = shared.progress().clone();
    assert_eq!((progress.tally.on_time, progress.tally.late_posts()), (6000, 0));

    let covered = Tick(watermark.closed_tick().0 - 5);
    let resume = shared.ledger().resume(covered);
    shared.ledger().prune(covered);
    source.commit();
    drop(source);
    scene.write(0, (0..10).map(|n| T + 1_000_000 + n));
    let later = |(partition, offset): &(u32, i64)| {
        EventTime(T + i64::from(*partition) * 300_000 + offset * 500).tick() > covered
    };
    let mut expected: BTreeSet<(u32, i64)> = posts.into_iter().filter(later).collect();
    expected.extend((2000..2010).map(|offset| (0, offset)));
    let (again, ..) = scene.read(Some(Restored { covered, resume }), |posts, _| posts.len() >= expected.len());
    assert_eq!(again, expected);

    // Now the same without its state: the committed offset alone says that there was some.
    std::fs::remove_file(scene.dir.path().join("aside.log")).unwrap();
    let (all, _, _, source) = scene.read(None, |posts, _| posts.len() == 6010);
    assert!(source.warming(), "and the embedded cluster, which knows no times, rewinds to the oldest record");
    assert_eq!(all.len(), 6010);
}

#[test]
fn an_idle_partition_is_set_aside_and_a_restart_knows_it() {
    let scene = Scene { idle_timeout: Duration::from_secs(1), ..Scene::new(2) };
    scene.write(0, (0..100).map(|n| T + n * 1000));
    let (posts, watermark, shared, source) = scene.read(None, |_, watermark| watermark > EventTime::MIN);
    assert_eq!((posts.len(), watermark), (100, EventTime(T + 89_000)), "the empty partition no longer holds it");
    let aside = |shared: &Shared| shared.progress().partitions[&1].aside;
    assert!(aside(&shared));
    drop(source);

    let covered = watermark.closed_tick();
    let resume = shared.ledger().resume(covered);
    scene.write(1, [T + 40_000, T + 95_000].into_iter());
    let (posts, _, shared, _) = scene.read(Some(Restored { covered, resume }), |posts, _| posts.contains(&(1, 1)));
    assert!(!posts.contains(&(1, 0)), "its pane was closed without it");
    assert_eq!(shared.progress().tally.late, BTreeMap::from([(1, 1)]));
    assert!(!aside(&shared));
}

#[test]
fn an_offset_that_the_topic_does_not_hold_is_refused_by_name() {
    let scene = Scene::new(1);
    scene.write(0, (0..5).map(|n| T + n));
    let resume = BTreeMap::from([(0, Resume { offset: 77, greatest: None })]);
    let restored = Some(Restored { covered: EventTime(T).closed_tick(), resume });
    let error = KafkaSource::connect(scene.options(restored), Arc::default()).err().unwrap();
    let Error::OutOfRange { partition: 0, wanted: 77, low: 0, high: 5, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().starts_with("posts[0] is to be read from offset 77, but holds 0 to 5"), "{error}");

    let resume = BTreeMap::from([(0, Resume { offset: 5, greatest: None }), (1, Resume { offset: 0, greatest: None })]);
    let restored = Some(Restored { covered: EventTime(T).closed_tick(), resume });
    let error = KafkaSource::connect(scene.options(restored), Arc::default()).err().unwrap();
    assert!(matches!(error, Error::Shrunk { partition: 1, .. }), "{error}");
}

#[test]
fn rejected_records_are_counted_and_written_to_the_dead_letter_topic() {
    let scene = Scene::new(1);
    scene.mock.create_topic("letters", 1).unwrap();
    scene.write(0, std::iter::once(T));
    for bad in [&b"{torn"[..], b"", &line(T + 10_000_000)] {
        scene.producer.send("posts", Some(0), None, bad, Some(T)).unwrap();
    }
    scene.write(0, std::iter::once(T + 1));
    let mut options = scene.options(None);
    options.kafka.rejected_topic = Some("letters".into());
    let shared = Arc::new(Shared::default());
    let mut source = KafkaSource::connect(options, Arc::clone(&shared)).unwrap();
    let mut posts = 0;
    let mut on = |step: Step<'_>| {
        posts += i32::from(matches!(step, Step::Post { .. }));
        shared.stop.store(posts == 2, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    source.run(&mut on).unwrap();
    let tally = shared.progress().tally.take();
    assert_eq!((tally.on_time, tally.rejected_posts(), shared.progress().letters_lost), (2, 3, 0));
    let letters = kafka::reader::Reader::connect(&settings(&scene.mock), "letters", "letters").unwrap();
    assert_eq!(letters.range(0).unwrap(), (0, 3));
}

#[test]
fn a_topic_that_grows_is_read_whole() {
    let outcome = |outcome: Outcome<'_>| matches!(outcome, Outcome::Post(_));
    let options = super::tests::options(None);
    let mut live = super::live::Live::new(&options, Duration::from_secs(60), Duration::from_secs(60));
    live.add(0, Resume { offset: 0, greatest: None }, &[]);
    assert!(outcome(live.record(0, 0, None, &line(T + 100_000))));
    live.add_new(1, 0);
    assert_eq!(live.end_batch(clock::monotonic(), |_| None), EventTime(T + 90_000), "nothing is held back by it");
    assert!(!outcome(live.record(1, 0, None, &line(T + 80_000))), "older than what was passed on");
    assert!(outcome(live.record(1, 1, None, &line(T + 91_000))));
    assert!(outcome(live.record(0, 1, None, &line(T + 200_000))));
    assert_eq!(live.end_batch(clock::monotonic(), |_| None), EventTime(T + 90_000), "from its first post on it is");
}
