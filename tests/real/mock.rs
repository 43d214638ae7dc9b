//! Reading and writing on the embedded broker, and the faults that only it can be asked for. Needs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use tagwatch::kafka::Error;
use tagwatch::kafka::mock::{Mock, Request};
use tagwatch::kafka::producer::{Producer, RejectedWriter, Rejection};
use tagwatch::kafka::reader::Reader;
use tagwatch::kafka::writer::AlertWriter;
use tagwatch::model::EventTime;

use crate::cluster::config;
use crate::tools::{eventually, free_port, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("mock::what_was_written_is_read", &[], what_was_written_is_read),
        trial("mock::a_paused_partition_waits_and_loses_nothing", &[], a_paused_partition_waits_and_loses_nothing),
        trial("mock::failed_fetches_lose_and_double_nothing", &[], failed_fetches_lose_and_double_nothing),
        trial("mock::a_coordinator_that_loads_is_asked_again", &[], a_coordinator_that_loads_is_asked_again),
        trial("mock::a_forgotten_transaction_ends_nothing", &[], a_forgotten_transaction_ends_nothing),
        trial("mock::a_broker_that_comes_back_is_read_on", &[], a_broker_that_comes_back_is_read_on),
        trial("mock::an_absent_broker_is_waited_for", &[], an_absent_broker_is_waited_for),
        trial("mock::what_is_not_delivered_is_said", &[], what_is_not_delivered_is_said),
        trial("mock::dead_letters_say_where", &[], dead_letters_say_where),
        trial("mock::dead_letters_settle_when_delivered_or_lost", &[], dead_letters_settle_when_delivered_or_lost),
    ]
}

/// Writes `count` numbered records to each partition; the Kafka timestamp is the number.
fn fill(mock: &Mock, topic: &str, partitions: i32, count: i64) {
    let producer = Producer::connect(&config(mock.brokers(), topic)).unwrap();
    for number in 0..count {
        for partition in 0..partitions {
            let value = format!("{partition}:{number}");
            producer.send(topic, Some(partition), None, value.as_bytes(), Some(1_000_000 + number)).unwrap();
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    assert_eq!((producer.delivered(), producer.failed()), (count as u64 * partitions as u64, 0));
}

fn reader(mock: &Mock, topic: &str) -> Reader {
    Reader::connect(&config(mock.brokers(), topic), "test-ingest", topic).unwrap()
}

/// Reads until each partition stands at `end`; values by partition in the order they came.
fn read_to(reader: &Reader, end: &BTreeMap<i32, i64>) -> BTreeMap<i32, Vec<String>> {
    let mut read: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    eventually(&format!("{end:?}"), Duration::from_secs(30), || {
        reader.poll_batch(Duration::from_millis(50), |record| match record {
            Ok(record) => {
                let value = String::from_utf8(record.payload().to_vec()).unwrap();
                read.entry(record.partition).or_default().push(value);
            }
            Err(error) => assert!(error.is_passing(), "{error}"),
        });
        (reader.positions() == *end).then_some(())
    });
    read
}

fn numbered(partition: i32, numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|number| format!("{partition}:{number}")).collect()
}

fn what_was_written_is_read() {
    let mock = Mock::start(&[("posts", 3)]).unwrap();
    fill(&mock, "posts", 3, 2000);
    let reader = reader(&mock, "posts");
    assert_eq!(reader.partitions(&|| false).unwrap(), [0, 1, 2]);
    assert_eq!(reader.range(1).unwrap(), (0, 2000));
    assert_eq!(reader.committed(&[0, 1, 2]).unwrap(), BTreeMap::new());
    // The embedded broker knows no times; then it is the beginning.
    assert_eq!(reader.offsets_at(EventTime(1_000_500), &[0, 2]).unwrap(), BTreeMap::from([(0, 0), (2, 0)]));
    reader.assign(&BTreeMap::from([(0, 0), (1, 1990), (2, 2000)])).unwrap();

    let first = eventually("a record", Duration::from_secs(10), || reader.poll(Duration::from_millis(50)));
    let first = first.unwrap();
    assert_eq!(first.timestamp_ms, Some(1_000_000 + first.offset));
    assert_eq!(first.payload(), format!("{}:{}", first.partition, first.offset).as_bytes());
    let (partition, offset) = (first.partition, first.offset);
    drop(first);

    let mut read = read_to(&reader, &BTreeMap::from([(0, 2000), (1, 2000), (2, 2000)]));
    read.entry(partition).or_default().insert(0, format!("{partition}:{offset}"));
    assert_eq!(read, BTreeMap::from([(0, numbered(0, 0..2000)), (1, numbered(1, 1990..2000))]));

    reader.commit(&BTreeMap::from([(0, 2000), (1, 1995)])).unwrap();
    assert_eq!(reader.committed(&[0, 1, 2]).unwrap(), BTreeMap::from([(0, 2000), (1, 1995)]));
}

fn a_paused_partition_waits_and_loses_nothing() {
    let mock = Mock::start(&[("posts", 2)]).unwrap();
    fill(&mock, "posts", 2, 5000);
    let reader = reader(&mock, "posts");
    reader.assign(&BTreeMap::from([(0, 0), (1, 0)])).unwrap();
    let mut read: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    let mut paused = false;
    eventually("everything", Duration::from_secs(60), || {
        let mut seen = BTreeSet::new();
        reader.poll_batch(Duration::from_millis(20), |record| {
            let record = record.unwrap();
            seen.insert(record.partition);
            read.entry(record.partition).or_default().push(record.offset);
        });
        assert!(!paused || !seen.contains(&0), "a record of a paused partition");
        let counts: Vec<usize> = [0, 1].iter().map(|partition| read.get(partition).map_or(0, Vec::len)).collect();
        if counts[0] > 0 && counts[1] < 5000 && !paused {
            // Twice, and with a partition that is not ours: exact tracking makes that harmless.
            reader.pause(&[0, 7]);
            reader.pause(&[0]);
            assert_eq!(reader.paused(), [0]);
            paused = true;
        } else if counts[1] == 5000 && paused {
            reader.resume(&[0, 1]);
            reader.resume(&[0]);
            assert!(reader.paused().is_empty());
            paused = false;
        }
        (counts == [5000, 5000]).then_some(())
    });
    for (partition, offsets) in &read {
        assert!(offsets.iter().copied().eq(0..5000), "partition {partition} out of order");
    }
}

fn failed_fetches_lose_and_double_nothing() {
    let mock = Mock::start(&[("posts", 2)]).unwrap();
    fill(&mock, "posts", 2, 3000);
    mock.fail(Request::FetchOfPartition, 3).unwrap();
    let reader = reader(&mock, "posts");
    reader.assign(&BTreeMap::from([(0, 0), (1, 0)])).unwrap();
    let mut faults = 0;
    let mut more = 2;
    let mut read: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    eventually("everything", Duration::from_secs(60), || {
        let before = faults;
        reader.poll_batch(Duration::from_millis(20), |record| match record {
            Ok(record) => read.entry(record.partition).or_default().push(record.offset),
            Err(Error::Unavailable(_)) => faults += 1,
            Err(error) => panic!("{error}"),
        });
        if faults > before {
            // Pausing makes librdkafka go back to where it believes we are.
            reader.pause(&[0, 1]);
            reader.resume(&[0, 1]);
        }
        let count = read.values().map(Vec::len).sum::<usize>();
        if more > 0 && count >= 3000 {
            more -= 1;
            mock.fail(Request::FetchOfPartition, 1).unwrap();
        }
        (count >= 6000).then_some(())
    });
    for (partition, offsets) in &read {
        assert!(offsets.iter().copied().eq(0..3000), "partition {partition}: {} records", offsets.len());
    }
    assert!(faults > 0, "no fetch failed");
}

fn a_coordinator_that_loads_is_asked_again() {
    let mock = Mock::start(&[("posts", 1)]).unwrap();
    let reader = reader(&mock, "posts");
    reader.partitions(&|| false).unwrap();
    mock.fail(Request::OffsetCommit, 2).unwrap();
    reader.commit(&BTreeMap::from([(0, 42)])).unwrap();
    mock.fail(Request::OffsetFetch, 2).unwrap();
    assert_eq!(reader.committed(&[0]).unwrap(), BTreeMap::from([(0, 42)]));
}

/// A broker that does not know the transaction makes librdkafka's client unusable, but not us.
fn a_forgotten_transaction_ends_nothing() {
    let mock = Mock::start(&[("posts", 1), ("alerts", 1)]).unwrap();
    let kafka = config(mock.brokers(), "posts");
    let line = |tick: i64| (b"key".to_vec(), format!("{{\"tick\":{tick},\"n\":0}}").into_bytes());
    let mut writer = AlertWriter::connect(&kafka, "forgotten").unwrap();
    for tick in 1..=4 {
        mock.fail(Request::EndTransaction, usize::from(tick % 2 == 0)).unwrap();
        writer.write("alerts", &[line(tick)], &[]).unwrap();
    }
    mock.fail(Request::EndTransaction, 1).unwrap();
    writer.commit_offsets(&reader(&mock, "posts").group().unwrap(), "posts", &BTreeMap::from([(0, 7)])).unwrap();
    let reader = reader(&mock, "alerts");
    reader.assign(&BTreeMap::from([(0, 0)])).unwrap();
    let lines: Vec<String> = (1..=4).map(|tick| String::from_utf8(line(tick).1).unwrap()).collect();
    assert_eq!(read_to(&reader, &BTreeMap::from([(0, 4)]))[&0], lines);
    let (_, end) = reader.range(0).unwrap();
    assert_eq!(end, 4, "and nothing after them");
}

fn a_broker_that_comes_back_is_read_on() {
    let mock = Mock::start(&[("posts", 1)]).unwrap();
    fill(&mock, "posts", 1, 100);
    let reader = reader(&mock, "posts");
    reader.assign(&BTreeMap::from([(0, 0)])).unwrap();
    assert_eq!(read_to(&reader, &BTreeMap::from([(0, 100)]))[&0].len(), 100);
    mock.down().unwrap();
    for _ in 0..20 {
        reader.poll_batch(Duration::from_millis(50), |record| assert!(record.is_err_and(|error| error.is_passing())));
    }
    mock.up().unwrap();
    fill(&mock, "posts", 1, 50);
    assert_eq!(read_to(&reader, &BTreeMap::from([(0, 150)]))[&0], numbered(0, 0..50));
}

#[expect(clippy::disallowed_methods, reason = "measures how long a call takes")]
fn an_absent_broker_is_waited_for() {
    let brokers = format!("127.0.0.1:{}", free_port());
    let reader = Reader::connect(&config(&brokers, "posts"), "test-ingest", "posts").unwrap();
    let asked = AtomicU32::new(0);
    let error = reader.partitions(&|| asked.fetch_add(1, Ordering::Relaxed) >= 1).unwrap_err();
    assert!(error.is_passing(), "{error}");
    assert!(error.to_string().contains(&brokers) && error.to_string().contains("'posts'"), "{error}");
    let started = Instant::now();
    drop(reader);
    assert!(started.elapsed() < Duration::from_secs(6));

    // A topic that is missing is waited for as well.
    let mock = Mock::start(&[]).unwrap();
    let waiting = Reader::connect(&config(mock.brokers(), "later"), "test-ingest", "later").unwrap();
    let waiting = thread::spawn(move || waiting.partitions(&|| false));
    mock.create_topic("later", 4).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), [0, 1, 2, 3]);
}

fn what_is_not_delivered_is_said() {
    let mock = Mock::start(&[("posts", 1)]).unwrap();
    let mut kafka = config(mock.brokers(), "posts");
    kafka.client.insert("message.timeout.ms".into(), "1500".into());
    let producer = Producer::connect(&kafka).unwrap();
    mock.down().unwrap();
    producer.send("posts", Some(0), None, b"lost", None).unwrap();
    let error = producer.flush(Duration::from_secs(20)).unwrap_err();
    assert!(error.to_string().contains("1 records not delivered"), "{error}");
    assert_eq!((producer.delivered(), producer.failed()), (0, 1));
    let too_large = vec![b'x'; 2_000_000];
    assert!(matches!(producer.send("posts", Some(0), None, &too_large, None), Err(Error::Other(_))));
}

fn dead_letters_say_where() {
    let mock = Mock::start(&[("rejected", 1)]).unwrap();
    let writer = RejectedWriter::connect(&config(mock.brokers(), "posts"), "rejected").unwrap();
    writer.write(&Rejection { topic: "posts", partition: 2, offset: 9, reason: "json", error: "torn" });
    writer.flush(Duration::from_secs(10)).unwrap();
    assert_eq!(writer.lost(), 0);
    let reader = reader(&mock, "rejected");
    reader.assign(&BTreeMap::from([(0, 0)])).unwrap();
    let read = read_to(&reader, &BTreeMap::from([(0, 1)]));
    assert_eq!(read[&0], [r#"{"topic":"posts","partition":2,"offset":9,"reason":"json","error":"torn"}"#]);
}

/// A checkpoint waits for this: a letter is settled once a broker has it, or once it is lost and counted.
fn dead_letters_settle_when_delivered_or_lost() {
    let mock = Mock::start(&[("rejected", 3)]).unwrap();
    let mut kafka = config(mock.brokers(), "posts");
    let letter = |offset| Rejection { topic: "posts", partition: 0, offset, reason: "json", error: "torn" };
    mock.delay(Duration::from_millis(300)).unwrap();
    let writer = RejectedWriter::connect(&kafka, "rejected").unwrap();
    (0..50).for_each(|offset| writer.write(&letter(offset)));
    assert!(writer.settle(Duration::from_secs(20)));
    let reader = reader(&mock, "rejected");
    let there: i64 = (0..3).map(|partition| reader.range(partition).unwrap().1).sum();
    assert_eq!((there, writer.lost()), (50, 0));

    kafka.client.insert("message.timeout.ms".into(), "1500".into());
    let writer = RejectedWriter::connect(&kafka, "rejected").unwrap();
    mock.down().unwrap();
    writer.write(&letter(50));
    assert!(!writer.settle(Duration::from_millis(100)), "nobody took it");
    writer.write(&letter(51));
    assert!(writer.settle(Duration::from_secs(20)), "it is given up");
    assert!(writer.lost() >= 1 && writer.lost_for().is_some(), "{:?}", writer.lost_for());
}
