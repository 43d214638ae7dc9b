//! A real Kafka that dies, freezes and comes back under readers and writers. Each test has the broker to itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use tagwatch::kafka::Error;
use tagwatch::kafka::ends::EndWatcher;
use tagwatch::kafka::reader::Reader;
use tagwatch::kafka::writer::AlertWriter;

use crate::cluster::{alone, fresh};
use crate::kafka::{numbered, read_to};
use crate::tools::{Need, eventually, trial};
use crate::writer::line;

pub fn trials() -> Vec<Trial> {
    let own = &[Need::OwnKafka];
    vec![
        trial("outage::a_killed_broker_is_read_on_and_written_once", own, a_killed_broker_is_read_on_and_written_once),
        trial("outage::a_frozen_broker_keeps_nobody_for_ever", own, a_frozen_broker_keeps_nobody_for_ever),
    ]
}

/// How long `call` takes, and its result.
#[expect(clippy::disallowed_methods, reason = "measures how long a call takes")]
fn timed<T>(call: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let result = call();
    (started.elapsed(), result)
}

fn a_killed_broker_is_read_on_and_written_once() {
    let (_guard, cluster) = alone();
    let (posts, alerts) = (cluster.create_topic("posts", 2), cluster.create_topic("alerts", 1));
    let (kafka, id) = (cluster.config(&posts), fresh("id"));
    cluster.produce(&posts, &BTreeMap::from([(0, numbered(500)), (1, numbered(500))]));
    let reader = Reader::connect(&kafka, &format!("{id}-ingest"), &posts).unwrap();
    let group = reader.group().unwrap();
    let mut writer = AlertWriter::connect(&kafka, &id).unwrap();
    writer.write(&alerts, &[line(1, 0)], &[]).unwrap();
    reader.assign(&BTreeMap::from([(0, 0), (1, 0)])).unwrap();
    let mut read = read_to(&reader, &BTreeMap::from([(0, 500), (1, 500)]));

    cluster.kill();
    let (took, refused) = timed(|| writer.write(&alerts, &[line(2, 0), line(2, 1)], &[]));
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    reader.poll_batch(Duration::from_millis(100), |record| assert!(record.is_err_and(|error| error.is_passing())));

    cluster.restart();
    cluster.produce(&posts, &BTreeMap::from([(0, numbered(100)), (1, numbered(100))]));
    let (took, more) = timed(|| read_to(&reader, &BTreeMap::from([(0, 600), (1, 600)])));
    assert!(took < Duration::from_secs(15), "reading went on after {took:?}");
    for (partition, offsets) in more {
        read.entry(partition).or_default().extend(offsets);
    }
    assert!(read.values().all(|offsets| offsets.iter().copied().eq(0..600)), "lost or doubled");

    // The same lines again, until they are there: once.
    eventually("the lines", Duration::from_secs(60), || match writer.write(&alerts, &[line(2, 0), line(2, 1)], &[]) {
        Ok(()) => Some(()),
        Err(error) if error.is_passing() => None,
        Err(error) => panic!("{error:?}"),
    });
    writer.commit_offsets(&group, &posts, &BTreeMap::from([(0, 600), (1, 600)])).unwrap();
    let lines: Vec<Vec<u8>> = [line(1, 0), line(2, 0), line(2, 1)].into_iter().map(|(_, value)| value).collect();
    assert_eq!(cluster.consume_all(&alerts), lines);
    assert_eq!(reader.committed(&[0, 1]).unwrap(), BTreeMap::from([(0, 600), (1, 600)]));
}

fn a_frozen_broker_keeps_nobody_for_ever() {
    let (_guard, cluster) = alone();
    let (posts, alerts) = (cluster.create_topic("posts", 1), cluster.create_topic("alerts", 1));
    let (kafka, id) = (cluster.config(&posts), fresh("id"));
    cluster.produce(&posts, &BTreeMap::from([(0, numbered(10))]));
    let reader = Reader::connect(&kafka, &format!("{id}-ingest"), &posts).unwrap();
    let mut writer = AlertWriter::connect(&kafka, &id).unwrap();
    writer.write(&alerts, &[line(1, 0)], &[]).unwrap();
    reader.assign(&BTreeMap::from([(0, 0)])).unwrap();
    read_to(&reader, &BTreeMap::from([(0, 10)]));
    reader.commit(&BTreeMap::from([(0, 5)])).unwrap();
    let watcher = EndWatcher::start(&kafka, &posts).unwrap();
    let (end, asked) = eventually("an end", Duration::from_secs(10), || watcher.latest(0));
    assert_eq!(end, 10);

    cluster.freeze();
    let (took, refused) = timed(|| reader.commit(&BTreeMap::from([(0, 10)])));
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(took < Duration::from_secs(30), "commit gave up after {took:?}");
    let (took, refused) = timed(|| writer.write(&alerts, &[line(2, 0)], &[]));
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(took < Duration::from_secs(15), "write gave up after {took:?}");
    let stale = watcher.latest(0).unwrap().1;
    assert!(stale.duration_since(asked) < Duration::from_secs(6), "a frozen broker gave a fresh answer");
    assert!(stale.elapsed() > Duration::from_secs(5));
    let (took, ()) = timed(|| drop(watcher));
    assert!(took < Duration::from_secs(1), "the watcher closed after {took:?}");
    let (took, ()) = timed(|| drop(reader));
    assert!(took < Duration::from_secs(7), "the reader closed after {took:?}");
    cluster.thaw();

    // On a machine with other work a thawed broker takes its time to find its own feet.
    eventually("the line", Duration::from_secs(180), || match writer.write(&alerts, &[line(2, 0)], &[]) {
        Ok(()) => Some(()),
        Err(error) if error.is_passing() => None,
        Err(error) => panic!("{error:?}"),
    });
    assert_eq!(writer.last(&alerts, &|| false).unwrap(), Some((2, 0)));
    assert_eq!(cluster.consume_all(&alerts).len(), 2);
}
