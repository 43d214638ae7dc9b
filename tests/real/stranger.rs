//! A process that does not belong to the deployment: it is turned away before it leaves anything behind.

use std::fs;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::cluster::of_three;
use crate::crash::{NEVER_IDLE, STORY};
use crate::posts::{PARTITIONS, Post, Stream, closing};
use crate::several::{PATIENCE, setup, start};
use crate::tools::{Need, trial};

pub fn trials() -> Vec<Trial> {
    vec![trial("stranger::another_key_writes_nothing", &[Need::Kafka], another_key_writes_nothing)]
}

/// Some hours into the story.
const LATER: i64 = 1_620_421_200_000;
const HOUR_MS: i64 = 3_600_000;

/// Posts hashed under another key are counted by nobody, so their offsets must not be committed either.
fn another_key_writes_nothing() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(cluster, &folder, (2, PARTITIONS), &[NEVER_IDLE]);
    let (first, rest): (Vec<Post>, Vec<Post>) = STORY
        .stream
        .open()
        .posts
        .iter()
        .filter(|post| post.ts < LATER + HOUR_MS)
        .cloned()
        .partition(|post| post.ts < LATER - HOUR_MS);
    let first: Vec<Post> = first.into_iter().chain(closing(LATER, PARTITIONS)).collect();
    cluster.produce(&setup.posts, &Stream::records(&first));
    let mut own = start(&setup, 0);
    own.wait_for_watermark(LATER - HOUR_MS, PATIENCE);
    own.stop();
    cluster.produce(&setup.posts, &Stream::records(&rest));
    let mentions = format!("{}-mentions", setup.id);
    let before = cluster.consume_all(&mentions).len();
    let key = folder.path().join("another");
    fs::write(&key, "00112233445566778899aabbccddeeff").unwrap();
    let mut stranger = start(&setup.with(&format!("privacy.key_file={}", key.display())), 1);
    let status = stranger.ended(Duration::from_secs(60));
    let log = stranger.log();
    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("under another sketch key"), "{log}");
    assert!(before > 0 && !log.contains("source partitions taken over"), "{log}");
    assert_eq!(cluster.consume_all(&mentions).len(), before, "records of mentions");
}
