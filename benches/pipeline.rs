//! Drains one topic of a real Kafka alternately with a bare `BaseConsumer` loop and with the whole service, each in a
//! process of its own on one core, and prints both medians and their ratio.
//!
//! The topic has 16 partitions of `simulate`'s `bench` posts, lz4, dealt by account. The broker and this process share
//! core 0, what is measured has core 1. librdkafka takes half a second before the first record, so the clock starts at
//! the first records seen, and those are not counted. The service is the one of `tagwatch run`: checkpoints, alerts
//! topic and HTTP server on; its clock ends when everything is decided, written and closed.
//!
//! `BENCH_POSTS` (2 000 000) and `BENCH_PAIRS` (3) shrink or stretch it. Without a Kafka it says why and ends with 0.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod child;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/cluster.rs"]
mod cluster;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/posts.rs"]
mod posts;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/tools.rs"]
mod tools;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tagwatch::app::running::Service;
use tagwatch::clock;
use tagwatch::config;
use tagwatch::kafka::admin::Admin;
use tagwatch::kafka::producer::Producer;
use tagwatch::simulate::{self, Options};
use tagwatch::source::decode::Format;
use tagwatch::source::kafka::Shared;

const PARTITIONS: i32 = 16;
/// Core of the broker and of this process, core of what is measured.
const CORES: (usize, usize) = (0, 1);
/// The service must drain at least this share of what the bare loop drains (on one core each).
const GOAL: f64 = 0.30;

fn main() {
    if let Some(words) = child::part() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["fill", brokers, topic, posts] => fill(brokers, topic, posts.parse().unwrap()),
            ["bare", brokers, topic, posts] => println!("{}", bare(brokers, topic, posts.parse().unwrap())),
            ["service", brokers, topic, posts] => println!("{}", service(brokers, topic, posts.parse().unwrap())),
            _ => panic!("unknown part {words:?}"),
        }
        return;
    }
    if let Some(missing) = cluster::missing() {
        println!("not measured: {missing}");
        return;
    }
    // The broker's core, which the broker then inherits.
    child::pin_self(CORES.0);
    let posts = child::posts(2_000_000);
    let pairs: usize = std::env::var("BENCH_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(3);
    let (_guard, cluster) = cluster::shared();
    let topic = cluster.create_topic("bench", PARTITIONS);
    let words = |part| [part, cluster.brokers(), &topic, &posts.to_string()].map(str::to_owned);
    let run = |part| child::run(CORES.1, &words(part).each_ref().map(String::as_str));
    let filled = child::numbers(&run("fill"));
    println!("{posts} posts of {:.0} bytes in {PARTITIONS} partitions, lz4; pinned: {}", filled[0], child::pinned());
    let (mut loops, mut services) = (Vec::new(), Vec::new());
    for pair in 1..=pairs {
        for (name, runs) in [("bare", &mut loops), ("service", &mut services)] {
            let numbers = child::numbers(&run(name));
            println!("{pair}. {name:<8} {}", say(&numbers));
            runs.push(numbers);
        }
    }
    let middle = |runs: &[Vec<f64>]| -> Vec<f64> {
        (0..3).map(|column| child::median(runs.iter().map(|run| run[column]))).collect()
    };
    let (bare, service) = (middle(&loops), middle(&services));
    println!("\nmedians of {pairs} alternating runs");
    println!("   bare     {}", say(&bare));
    println!("   service  {}", say(&service));
    println!("   ratio {:.2} (at least {GOAL} is wanted)", service[0] / bare[0]);
}

fn say(numbers: &[f64]) -> String {
    format!("{:>9.0} posts/s   {:.2} CPU s a million   {:.0} MiB resident", numbers[0], numbers[1], numbers[2])
}

/// Writes the posts, dealt by account; prints their mean size in bytes.
fn fill(brokers: &str, topic: &str, posts: u64) {
    let producer = Producer::connect(&cluster::config(brokers, topic)).unwrap();
    let options = Options { posts: Some(posts), ..Options::new(2017) };
    let mut bytes = 0;
    let (count, sent) = simulate::send(simulate::scenario("bench", &options).unwrap(), |post, json| {
        bytes += json.len() as u64;
        let partition = (post.account.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as i32;
        producer.send(topic, Some(partition), None, json, None).map_err(std::io::Error::other)
    });
    sent.unwrap();
    producer.flush(Duration::from_secs(60)).unwrap();
    println!("{}", bytes as f64 / count as f64);
}

/// Clock and CPU time from the first records seen.
struct Clock {
    seen: u64,
    at: Instant,
    cpu: f64,
}

impl Clock {
    fn start(seen: u64) -> Clock {
        Clock { seen, at: clock::monotonic(), cpu: child::cpu_seconds() }
    }

    /// Posts a second, CPU seconds a million posts, MiB resident.
    fn end(&self, posts: u64) -> String {
        let counted = (posts - self.seen) as f64;
        let (seconds, cpu) = (self.at.elapsed().as_secs_f64(), child::cpu_seconds() - self.cpu);
        format!("{} {} {}", counted / seconds, cpu / counted * 1e6, child::resident_mib())
    }
}

/// The loop that every consumer in Rust begins with, with the fetch settings of `src/kafka/client.rs`.
fn bare(brokers: &str, topic: &str, posts: u64) -> String {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench-bare")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.max.bytes", "16777216")
        .set("fetch.message.max.bytes", "1048576")
        .create()
        .unwrap();
    let mut starts = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        starts.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&starts).unwrap();
    let (mut count, mut bytes, mut started) = (0, 0, None);
    while count < posts {
        let Some(polled) = consumer.poll(Duration::from_secs(10)) else { panic!("nothing for 10 s after {count}") };
        bytes += polled.unwrap().payload().map_or(0, <[u8]>::len);
        count += 1;
        started.get_or_insert_with(|| Clock::start(count));
    }
    std::hint::black_box(bytes);
    started.unwrap().end(posts)
}

/// The service of `tagwatch run`, with a new id and an empty state folder.
fn service(brokers: &str, topic: &str, posts: u64) -> String {
    let id = cluster::fresh("bench");
    let folder = tempfile::tempdir().unwrap();
    let mut config = config::defaults();
    config.kafka = cluster::config(brokers, topic);
    config.kafka.alerts_topic = Some(format!("{id}-alerts"));
    config.http.listen = "127.0.0.1:0".parse().unwrap();
    config.state.dir = folder.path().to_owned();
    config.id = id.clone();
    Admin::connect(&config.kafka).unwrap().create_topic(&format!("{id}-alerts"), 1, &[]).unwrap();
    let shared = Arc::<Shared>::default();
    let watched = Arc::clone(&shared);
    let service = Service {
        config,
        shadow: None,
        key: *b"bench sketch key",
        format: Format::Native,
        shared,
        listening: Box::new(|_| ()),
        on_line: Box::new(|_| ()),
    };
    let watching = thread::spawn(move || {
        let mut started = None;
        loop {
            let read: i64 = watched.progress().partitions.values().map(|progress| progress.position).sum();
            let read = u64::try_from(read).unwrap();
            if read > 0 {
                started.get_or_insert_with(|| Clock::start(read));
            }
            if read >= posts {
                watched.stop.store(true, Ordering::Relaxed);
                return started.unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    service.run().unwrap();
    watching.join().unwrap().end(posts)
}
