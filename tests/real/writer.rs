//! Exactly once on a real Kafka: what is written is there once, and whoever is newer wins.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use libtest_mimic::Trial;
use rdkafka::producer::Producer as _;
use tagwatch::kafka::Error;
use tagwatch::kafka::reader::Reader;
use tagwatch::kafka::writer::AlertWriter;

use crate::cluster::{fresh, shared};
use crate::kafka::{leave_open, numbered, stranger};
use crate::tools::{Need, trial};

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial(
            "writer::lines_are_there_once_and_aborted_ones_never",
            kafka,
            lines_are_there_once_and_aborted_ones_never,
        ),
        trial("writer::a_second_writer_fences_the_first", kafka, a_second_writer_fences_the_first),
        trial("writer::a_fenced_writer_learns_of_it_by_committing", kafka, a_fenced_writer_learns_of_it_by_committing),
        trial("writer::what_a_killed_writer_left_open_is_aborted", kafka, what_a_killed_writer_left_open_is_aborted),
        trial("writer::committed_offsets_are_the_readers", kafka, committed_offsets_are_the_readers),
        trial("writer::a_topic_that_is_not_ours_is_refused", kafka, a_topic_that_is_not_ours_is_refused),
    ]
}

/// An alert line as far as the writer looks at it.
pub fn line(tick: i64, n: u32) -> (Vec<u8>, Vec<u8>) {
    (b"tag".to_vec(), format!(r#"{{"tick":{tick},"n":{n},"kind":"organic_burst"}}"#).into_bytes())
}

fn values(lines: &[(Vec<u8>, Vec<u8>)]) -> Vec<Vec<u8>> {
    lines.iter().map(|(_, value)| value.clone()).collect()
}

fn lines_are_there_once_and_aborted_ones_never() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("alerts", 1);
    let mut writer = AlertWriter::connect(&cluster.config("posts"), &fresh("id")).unwrap();
    assert_eq!(writer.last(&topic, &|| false).unwrap(), None, "an empty topic");
    writer.write(&topic, &[], &[]).unwrap();
    assert_eq!(writer.last(&topic, &|| false).unwrap(), None);

    let stranger = stranger(cluster, &fresh("stranger"));
    leave_open(&stranger, &topic, 5);
    stranger.abort_transaction(Duration::from_secs(30)).unwrap();
    assert_eq!(writer.last(&topic, &|| false).unwrap(), None, "aborted records only");

    let first = [line(10, 0), line(10, 1), line(10, 2)];
    writer.write(&topic, &first, &[("instance", b"a".to_vec())]).unwrap();
    assert_eq!(writer.last(&topic, &|| false).unwrap(), Some((10, 2)), "a control record after the last line");
    leave_open(&stranger, &topic, 200);
    stranger.abort_transaction(Duration::from_secs(30)).unwrap();
    assert_eq!(
        writer.last(&topic, &|| false).unwrap(),
        Some((10, 2)),
        "more aborted records than the first look takes in"
    );
    writer.write(&topic, &[line(11, 0)], &[]).unwrap();
    assert_eq!(writer.last(&topic, &|| false).unwrap(), Some((11, 0)));
    let all = [first.to_vec(), vec![line(11, 0)]].concat();
    assert_eq!(cluster.consume_all(&topic), values(&all));
}

fn a_second_writer_fences_the_first() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("alerts", 1);
    let (kafka, id) = (cluster.config("posts"), fresh("id"));
    let mut first = AlertWriter::connect(&kafka, &id).unwrap();
    first.write(&topic, &[line(1, 0)], &[]).unwrap();
    let mut second = AlertWriter::connect(&kafka, &id).unwrap();
    assert_eq!(second.last(&topic, &|| false).unwrap(), Some((1, 0)));
    second.write(&topic, &[line(2, 0)], &[]).unwrap();
    for _ in 0..2 {
        let refused = first.write(&topic, &[line(2, 0)], &[]).unwrap_err();
        assert!(matches!(refused, Error::Fenced(_)), "{refused:?}");
    }
    second.write(&topic, &[line(3, 0)], &[]).unwrap();
    assert_eq!(cluster.consume_all(&topic), values(&[line(1, 0), line(2, 0), line(3, 0)]));
}

fn a_fenced_writer_learns_of_it_by_committing() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("posts", 1);
    let (kafka, id) = (cluster.config(&topic), fresh("id"));
    let reader = Reader::connect(&kafka, &format!("{id}-ingest"), &topic).unwrap();
    let group = reader.group().unwrap();
    let mut first = AlertWriter::connect(&kafka, &id).unwrap();
    first.commit_offsets(&group, &topic, &BTreeMap::from([(0, 1)])).unwrap();
    let mut second = AlertWriter::connect(&kafka, &id).unwrap();
    let refused = first.commit_offsets(&group, &topic, &BTreeMap::from([(0, 2)])).unwrap_err();
    assert!(matches!(refused, Error::Fenced(_)), "{refused:?}");
    second.commit_offsets(&group, &topic, &BTreeMap::from([(0, 3)])).unwrap();
    assert_eq!(reader.committed(&[0]).unwrap(), BTreeMap::from([(0, 3)]));
}

fn what_a_killed_writer_left_open_is_aborted() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("alerts", 1);
    let id = fresh("id");
    let killed = stranger(cluster, &format!("{id}-decide"));
    leave_open(&killed, &topic, 3);
    let mut writer = AlertWriter::connect(&cluster.config("posts"), &id).unwrap();
    assert_eq!(writer.last(&topic, &|| false).unwrap(), None);
    writer.write(&topic, &[line(5, 0)], &[]).unwrap();
    assert_eq!(cluster.consume_all(&topic), values(&[line(5, 0)]));
    // It was killed: it says no goodbye.
    mem::forget(killed);
}

fn committed_offsets_are_the_readers() {
    let (_guard, cluster) = shared();
    let topic = cluster.create_topic("posts", 3);
    cluster.produce(&topic, &BTreeMap::from([(0, numbered(10)), (2, numbered(10))]));
    let (kafka, id) = (cluster.config(&topic), fresh("id"));
    let reader = Reader::connect(&kafka, &format!("{id}-ingest"), &topic).unwrap();
    let group = reader.group().unwrap();
    let mut writer = AlertWriter::connect(&kafka, &id).unwrap();
    assert_eq!(reader.committed(&[0, 1, 2]).unwrap(), BTreeMap::new());
    writer.commit_offsets(&group, &topic, &BTreeMap::from([(0, 4), (2, 7)])).unwrap();
    assert_eq!(reader.committed(&[0, 1, 2]).unwrap(), BTreeMap::from([(0, 4), (2, 7)]));
    writer.commit_offsets(&group, &topic, &BTreeMap::from([(0, 10)])).unwrap();
    drop(reader);
    let later = Reader::connect(&kafka, &format!("{id}-ingest"), &topic).unwrap();
    assert_eq!(later.committed(&[0, 1, 2]).unwrap(), BTreeMap::from([(0, 10), (2, 7)]));
}

fn a_topic_that_is_not_ours_is_refused() {
    let (_guard, cluster) = shared();
    let writer = AlertWriter::connect(&cluster.config("posts"), &fresh("id")).unwrap();
    let spread = cluster.create_topic("spread", 2);
    let refused = writer.last(&spread, &|| false).unwrap_err();
    assert!(refused.to_string().contains("has 2 partitions and must have 1"), "{refused}");
    let foreign = cluster.create_topic("foreign", 1);
    cluster.produce(&foreign, &BTreeMap::from([(0, numbered(3))]));
    let refused = writer.last(&foreign, &|| false).unwrap_err();
    assert!(matches!(refused, Error::Other(_)), "{refused:?}");
}
