//! Several processes and more to do: partitions that the topic of posts gets while they run, and more shards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::cluster::{Cluster, fresh, of_three};
use crate::posts::{PARTITIONS, Post, Stream, closing};
use crate::service::{Service, Setup, assert_same_lines};
use crate::several::{PATIENCE, RULES, WATCHED, apply, setup, start};
use crate::tools::{Need, trial, within};

pub fn trials() -> Vec<Trial> {
    let kafka = &[Need::Kafka];
    vec![
        trial("growing::new_partitions_hold_nobody_back", kafka, new_partitions_hold_nobody_back),
        trial("growing::more_shards_by_another_id_lose_nothing", kafka, more_shards_by_another_id_lose_nothing),
    ]
}

/// Partitions that the topic of posts gets.
const NEW: [i32; 2] = [PARTITIONS, PARTITIONS + 1];
/// Longest that the watermark may stand still because of them: finding them and sharing them out. Being idle takes ten
/// minutes by the config of the trial.
const STANDS_MAX: Duration = Duration::from_secs(30);

/// The posts from one time on and before another, and behind them posts that let the watermark reach the latter.
fn part(from: i64, to: i64) -> Vec<Post> {
    let posts = WATCHED.stream.open().posts.into_iter().filter(|post| (from..to).contains(&post.ts));
    posts.chain(closing(to + 10_000, PARTITIONS)).collect()
}

fn produce(cluster: &Cluster, topic: &str, posts: &[Post]) {
    cluster.produce(topic, &Stream::records(posts));
}

#[expect(clippy::disallowed_methods, reason = "measures how long the watermark stands")]
fn new_partitions_hold_nobody_back() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(cluster, &folder, (4, PARTITIONS), &RULES);
    let mut running: Vec<Service> = (0..2).map(|number| start(&setup, number)).collect();
    let times = [WATCHED.end - 20 * 3_600_000, WATCHED.end - 10 * 3_600_000, WATCHED.end];
    produce(cluster, &setup.posts, &part(0, times[0]));
    running.iter_mut().for_each(|service| service.wait_for_watermark(times[0], PATIENCE));

    cluster.add_partitions(&setup.posts, PARTITIONS + NEW.len() as i32);
    let began = Instant::now();
    produce(cluster, &setup.posts, &part(times[0], times[1]));
    // Nothing was ever written to the new ones.
    running.iter_mut().for_each(|service| service.wait_for_watermark(times[1], STANDS_MAX));
    eprintln!("the watermark went on {:?} after there were new partitions", began.elapsed());
    let reads = |service: &Service, partition: i32| {
        service.metric("tagwatch_partition_position", &[&setup.posts, &format!("partition=\"{partition}\"")])
    };
    let owned =
        |running: &[Service]| NEW.iter().all(|new| running.iter().any(|service| reads(service, *new).is_some()));
    assert_eq!(within(PATIENCE, || owned(&running).then_some(())), Some(()), "nobody reads {NEW:?}");
    // An idle partition goes with the others, a second behind.
    running.iter_mut().for_each(|service| service.wait_for_watermark(times[1], PATIENCE));

    // A sixth of what comes goes to the new ones, and is there before the others get theirs: else it would be late.
    let rest = part(times[1], times[2]).into_iter().enumerate();
    let (new, old): (Vec<_>, Vec<_>) = rest.partition(|(at, post)| post.ts < times[2] && at % 6 == 0);
    let moved = new.into_iter().map(|(at, post)| Post { partition: NEW[at / 6 % 2], ..post });
    let ends = NEW.map(|partition| Post { partition, ..closing(times[2] + 10_000, 1).next().unwrap() });
    let moved: Vec<Post> = moved.chain(ends).collect();
    let written: BTreeMap<i32, usize> =
        NEW.iter().map(|new| (*new, moved.iter().filter(|post| post.partition == *new).count())).collect();
    produce(cluster, &setup.posts, &moved);
    let read = |running: &[Service]| {
        written.iter().all(|(new, count)| running.iter().any(|service| reads(service, *new) == Some(*count as f64)))
    };
    assert_eq!(within(PATIENCE, || read(&running).then_some(())), Some(()), "{written:?} are read");
    produce(cluster, &setup.posts, &old.into_iter().map(|(_, post)| post).collect::<Vec<_>>());
    running.iter_mut().for_each(|service| service.wait_for_watermark(times[2], PATIENCE));
    assert_same_lines(&cluster.consume_all(&setup.alerts), &WATCHED.lines, "with new partitions");
    let late: f64 = running.iter().filter_map(|service| service.metric("tagwatch_posts_late_total", &[])).sum();
    assert_eq!((late, written.values().all(|count| *count > 100)), (0.0, true), "{written:?}");
    running.iter_mut().for_each(Service::stop);
}

/// What docs/sizing.md says of more shards: the same posts under another id, and the old processes go when the new ones have
/// caught up.
fn more_shards_by_another_id_lose_nothing() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let old = setup(cluster, &folder, (2, PARTITIONS), &RULES);
    let mut before = start(&old, 0);
    let times = [WATCHED.end - 10 * 3_600_000, WATCHED.end - 5 * 3_600_000, WATCHED.end];
    produce(cluster, &old.posts, &part(0, times[0]));
    before.wait_for_watermark(times[0], PATIENCE);

    let id = fresh("several");
    let new = Setup { alerts: format!("{id}-alerts"), id, ..old.with("track.shards=5") };
    apply(&new);
    let mut after: Vec<Service> = (10..12).map(|number| start(&new, number)).collect();
    produce(cluster, &old.posts, &part(times[0], times[1]));
    after.iter_mut().for_each(|service| service.wait_for_watermark(times[1], PATIENCE));
    before.wait_for_watermark(times[1], PATIENCE);
    before.stop();
    let said = cluster.consume_all(&old.alerts);
    assert_same_lines(&cluster.consume_all(&new.alerts), &said, "both ids said the same");
    assert!(said.len() > 50 && said.len() < WATCHED.lines.len(), "{} lines", said.len());

    produce(cluster, &old.posts, &part(times[1], times[2]));
    after.iter_mut().for_each(|service| service.wait_for_watermark(times[2], PATIENCE));
    assert_same_lines(&cluster.consume_all(&new.alerts), &WATCHED.lines, "with more shards");
    after.iter_mut().for_each(Service::stop);
}
