//! Reading, watching and creating on a real Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use libtest_mimic::Trial;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tagwatch::kafka::Error;
use tagwatch::kafka::admin::{Admin, Standing, needs};
use tagwatch::kafka::ends::EndWatcher;
use tagwatch::kafka::reader::Reader;
use tagwatch::model::EventTime;

use crate::cluster::{Cluster, NewRecord, fresh, shared};
use crate::tools::{Need, eventually, trial};

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("kafka::a_reader_begins_where_it_is_told", kafka, a_reader_begins_where_it_is_told),
        trial("kafka::an_offset_out_of_range_is_an_error", kafka, an_offset_out_of_range_is_an_error),
        trial("kafka::a_position_passes_control_records", kafka, a_position_passes_control_records),
        trial("kafka::offsets_are_found_by_time", kafka, offsets_are_found_by_time),
        trial("kafka::ends_are_watched", kafka, ends_are_watched),
        trial(
            "kafka::missing_topics_are_created_and_drift_is_said",
            kafka,
            missing_topics_are_created_and_drift_is_said,
        ),
    ]
}

/// Numbered records whose Kafka timestamp is 1 700 000 000 000 + number × 1000.
pub fn numbered(count: i64) -> Vec<NewRecord> {
    (0..count).map(|number| (None, number.to_string().into_bytes(), Some(1_700_000_000_000 + number * 1000))).collect()
}

/// Reads on until the reader stands at `end`; offsets by partition.
pub fn read_to(reader: &Reader, end: &BTreeMap<i32, i64>) -> BTreeMap<i32, Vec<i64>> {
    let mut read: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    eventually(&format!("{end:?}"), Duration::from_secs(60), || {
        reader.poll_batch(Duration::from_millis(50), |record| match record {
            Ok(record) => read.entry(record.partition).or_default().push(record.offset),
            Err(error) => assert!(error.is_passing(), "{error}"),
        });
        (reader.positions() == *end).then_some(())
    });
    read
}

/// A transactional producer that is none of ours.
pub fn stranger(cluster: &Cluster, transactional_id: &str) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.brokers())
        .set("transactional.id", transactional_id)
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(30)).unwrap();
    producer
}

/// Writes `count` records in a transaction that is still open.
pub fn leave_open(producer: &BaseProducer, topic: &str, count: usize) {
    producer.begin_transaction().unwrap();
    for number in 0..count {
        let value = format!("never {number}");
        producer.send(BaseRecord::<str, str>::to(topic).partition(0).payload(&value)).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

fn a_reader_begins_where_it_is_told() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("begin", 3);
    cluster.produce(&topic, &BTreeMap::from([(0, numbered(100)), (1, numbered(50))]));
    let reader = Reader::connect(&cluster.config(&topic), &fresh("group"), &topic).unwrap();
    assert_eq!(reader.partitions(&|| false).unwrap(), [0, 1, 2]);
    assert_eq!(reader.range(0).unwrap(), (0, 100));
    assert_eq!(reader.committed(&[0, 1, 2]).unwrap(), BTreeMap::new());
    reader.assign(&BTreeMap::from([(0, 90), (1, 50)])).unwrap();
    assert_eq!(reader.new_partitions().unwrap(), [2]);
    let read = read_to(&reader, &BTreeMap::from([(0, 100), (1, 50)]));
    assert_eq!(read, BTreeMap::from([(0, (90..100).collect())]));
    reader.commit(&BTreeMap::from([(0, 100)])).unwrap();
    assert_eq!(reader.committed(&[0, 1, 2]).unwrap(), BTreeMap::from([(0, 100)]));
    assert_eq!(cluster.consume_all(&topic).len(), 150);
    if let Some(dir) = cluster.log_dir() {
        assert!(dir.join("logs").join(format!("{topic}-0")).is_dir());
    }
}

fn an_offset_out_of_range_is_an_error() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("range", 2);
    cluster.produce(&topic, &BTreeMap::from([(0, numbered(10)), (1, numbered(10))]));
    let reader = Reader::connect(&cluster.config(&topic), &fresh("group"), &topic).unwrap();
    reader.assign(&BTreeMap::from([(0, 1_000_000), (1, 0)])).unwrap();
    let mut others = 0;
    let error = eventually("an error", Duration::from_secs(30), || match reader.poll(Duration::from_millis(50))? {
        Ok(record) => {
            assert_eq!(record.partition, 1);
            others += 1;
            None
        }
        Err(error) => Some(error),
    });
    assert_eq!(error, Error::OffsetOutOfRange { topic: topic.clone(), partition: 0, offset: 1_000_000 });
    // The way on is to assign anew.
    reader.assign(&BTreeMap::from([(0, 0), (1, others)])).unwrap();
    let mut read: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    eventually("the rest", Duration::from_secs(30), || {
        if let Some(record) = reader.poll(Duration::from_millis(50)) {
            let record = record.unwrap();
            read.entry(record.partition).or_default().push(record.offset);
        }
        (read.get(&0).map_or(0, Vec::len) == 10).then_some(())
    });
    assert_eq!(read[&0], (0..10).collect::<Vec<_>>());
}

fn a_position_passes_control_records() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("control", 1);
    cluster.produce(&topic, &BTreeMap::from([(0, numbered(5))]));
    let stranger = stranger(cluster, &fresh("stranger"));
    leave_open(&stranger, &topic, 3);
    stranger.commit_transaction(Duration::from_secs(30)).unwrap();
    leave_open(&stranger, &topic, 4);
    stranger.abort_transaction(Duration::from_secs(30)).unwrap();
    let reader = Reader::connect(&cluster.config(&topic), &fresh("group"), &topic).unwrap();
    // 5 + 3 records, a commit, 4 aborted records, an abort.
    assert_eq!(reader.range(0).unwrap(), (0, 14));
    reader.assign(&BTreeMap::from([(0, 0)])).unwrap();
    assert_eq!(read_to(&reader, &BTreeMap::from([(0, 14)])), BTreeMap::from([(0, (0..8).collect())]));
    // Also where there is nothing else left to read.
    let reader = Reader::connect(&cluster.config(&topic), &fresh("group"), &topic).unwrap();
    reader.assign(&BTreeMap::from([(0, 9)])).unwrap();
    assert_eq!(read_to(&reader, &BTreeMap::from([(0, 14)])), BTreeMap::new());
}

fn offsets_are_found_by_time() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("times", 2);
    cluster.produce(&topic, &BTreeMap::from([(0, numbered(200)), (1, numbered(50))]));
    let reader = Reader::connect(&cluster.config(&topic), &fresh("group"), &topic).unwrap();
    let at = |ms: i64| reader.offsets_at(EventTime(1_700_000_000_000 + ms), &[0, 1]).unwrap();
    assert_eq!(at(-5000), BTreeMap::from([(0, 0), (1, 0)]));
    assert_eq!(at(42_000), BTreeMap::from([(0, 42), (1, 42)]));
    assert_eq!(at(42_001), BTreeMap::from([(0, 43), (1, 43)]));
    assert_eq!(at(100_000), BTreeMap::from([(0, 100), (1, 50)]));
}

fn ends_are_watched() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("ends", 2);
    let watcher = EndWatcher::start(&cluster.config(&topic), &topic).unwrap();
    let wait_for = |ends: [i64; 2]| {
        eventually(&format!("{ends:?}"), Duration::from_secs(20), || {
            ([0, 1].map(|partition| watcher.latest(partition).map(|(end, _)| end)) == ends.map(Some)).then_some(())
        });
    };
    wait_for([0, 0]);
    let (_, first) = watcher.latest(0).unwrap();
    cluster.produce(&topic, &BTreeMap::from([(1, numbered(7))]));
    wait_for([0, 7]);
    assert_eq!(watcher.partitions(), [0, 1]);
    assert!(watcher.latest(0).unwrap().1 > first, "the answer was asked for anew");
    // An open transaction counts: its partition is not idle.
    let stranger = stranger(cluster, &fresh("stranger"));
    leave_open(&stranger, &topic, 2);
    wait_for([2, 7]);
    stranger.abort_transaction(Duration::from_secs(30)).unwrap();
    wait_for([3, 7]);
}

fn missing_topics_are_created_and_drift_is_said() {
    let (_guard, cluster) = shared();
    let mut kafka = cluster.config(&fresh("posts"));
    kafka.alerts_topic = Some(fresh("alerts"));
    kafka.rejected_topic = Some(fresh("rejected"));
    let needs = needs(&kafka);
    let admin = Admin::connect(&kafka).unwrap();
    assert_eq!(admin.plan(&needs).unwrap(), [Standing::Missing, Standing::Missing, Standing::Missing]);
    assert_eq!(admin.plan(&needs).unwrap()[0], Standing::Missing, "planning creates nothing");
    let names: Vec<String> = needs.iter().map(|need| need.topic.clone()).collect();
    assert_eq!(admin.apply(&needs).unwrap(), names);
    let fine = Standing::Present { partitions: 1, drift: vec![] };
    eventually("the new topics", Duration::from_secs(10), || {
        (admin.plan(&needs).unwrap() == [fine.clone(), fine.clone(), fine.clone()]).then_some(())
    });
    assert_eq!(admin.apply(&needs).unwrap(), Vec::<String>::new());

    let spread = fresh("spread");
    admin.create_topic(&spread, 3, &[("cleanup.policy", "compact")]).unwrap();
    kafka.alerts_topic = Some(spread);
    let needs = tagwatch::kafka::admin::needs(&kafka);
    let drift = eventually("the topic", Duration::from_secs(10), || match &admin.plan(&needs).unwrap()[1] {
        Standing::Present { partitions: 3, drift } => Some(drift.clone()),
        _ => None,
    });
    assert_eq!(drift.len(), 2, "{drift:?}");
    assert!(drift[0].contains("has 3 partitions and must have 1"), "{drift:?}");
    assert!(drift[1].contains("cleanup.policy is compact"), "{drift:?}");
    assert_eq!(admin.apply(&needs).unwrap(), Vec::<String>::new());
}
