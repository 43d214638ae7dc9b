//! A process that reads on while nothing is decided: its share of a backlog must not all be on the way at once.

use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::cluster::of_three;
use crate::crash::{NEVER_IDLE, STORY};
use crate::posts::{PARTITIONS, Stream, closing};
use crate::service::Service;
use crate::several::{PATIENCE, setup, start};
use crate::tools::{Need, trial, within};

pub fn trials() -> Vec<Trial> {
    vec![trial("ahead::ingest_waits_for_what_is_decided", &[Need::Kafka], ingest_waits_for_what_is_decided)]
}

/// The hours of the story in which most is said, so that few ticks carry many posts.
const HOURS: std::ops::Range<i64> = 1_620_421_200_000..1_620_450_000_000;

/// One of two stands still, with half of the posts and the role of the decider, and its group waits for it.
fn ingest_waits_for_what_is_decided() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let open = STORY.stream.posts.iter().filter(|post| HOURS.contains(&post.ts)).cloned();
    let closed_at = HOURS.end + 10_000;
    let stream = Stream { posts: open.chain(closing(closed_at, PARTITIONS)).collect(), closed_at };
    // A quarter of the budget may be on its way: 63 000 mentions.
    let more = [NEVER_IDLE, "memory.budget=24MiB", "kafka.client.session.timeout.ms=60000"];
    let setup = setup(cluster, &folder, (4, PARTITIONS), &more);
    let mut running: Vec<Service> = vec![start(&setup, 0)];
    running[0].wait_for_words("this process decides now", PATIENCE);
    running.push(start(&setup, 1));
    let mentions = format!("topic=\"{}-mentions\"", setup.id);
    let owned = |service: &Service, topic: &str| {
        let (_, metrics) = service.get("/metrics")?;
        let positions = metrics.lines().filter(|line| line.starts_with("tagwatch_partition_position{"));
        Some(positions.filter(|line| line.contains(topic)).count())
    };
    let posts = format!("topic=\"{}\"", setup.posts);
    running[1].wait("half of everything", PATIENCE, |service| {
        (owned(service, &posts)? == PARTITIONS as usize / 2 && owned(service, &mentions)? == 2).then_some(())
    });
    running[0].signal("STOP");
    cluster.produce(&setup.posts, &Stream::records(&stream.posts));
    running[1].wait_for_words("holding back partitions that run ahead", PATIENCE);
    let read = |service: &Service| service.metric("tagwatch_posts_total", &[]).unwrap();
    // It stands still once everything that it had fetched is behind it.
    let mut before = -1.0;
    let still = within(PATIENCE, || {
        thread::sleep(Duration::from_secs(3));
        let now = read(&running[1]);
        let stands = now == before;
        before = now;
        stands.then_some(now)
    });
    let lag = running[1].metric("tagwatch_kafka_lag", &[&posts]).unwrap();
    eprintln!(
        "of {} posts it reads {still:?}, leaves {lag}, and has {} MiB",
        stream.posts.len(),
        running[1].resident_kib() / 1024
    );
    assert!(still.is_some() && lag > 0.0, "{still:?} posts read, {lag} left");
    running[0].signal("CONT");
    for service in &mut running {
        service.wait_for_watermark(HOURS.end, PATIENCE);
    }
    // A budget so small evicts hashtags; what the lines are then is no promise, that each post is counted is.
    let sum = |name: &str| running.iter().filter_map(|service| service.metric(name, &[])).sum::<f64>();
    let counted = (sum("tagwatch_posts_total"), sum("tagwatch_posts_late_total"));
    assert_eq!(counted, (stream.posts.len() as f64, 0.0), "posts and late ones");
    running.iter_mut().for_each(Service::stop);
}
