//! What several processes cost and how soon they take over, with `tagwatch run` as it is built, against a real Kafka:
//!
//! - `cost`: CPU seconds a post of one process with `exchange = "kafka"`, over those with `exchange = "in-process"`.
//! - `scaling`: posts a second of two processes over those of one, each held to half a core by a cgroup, the broker on the
//!   other core.
//! - `restore`: how long a process takes to restore a million hashtags, on all cores.
//! - `take-over`: with that state in one shard, from `kill -9` of its owner to the first new count of its successor.
//!
//! The clock of the first two begins when all posts are in a topic that processes stand ready to read, and ends when
//! everything is decided; librdkafka's start and the sharing out of partitions are not in it.
//!
//! `BENCH_POSTS` (1 500 000) and `BENCH_PAIRS` (3) shrink or stretch the first two, `BENCH_HASHTAGS` (1 000 000) the others.
//! Words behind `--` choose parts. What the machine lacks is said, and is no failure.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[allow(dead_code, reason = "shared with benches that use all of it")]
mod child;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/cluster.rs"]
mod cluster;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/posts.rs"]
mod posts;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/service.rs"]
mod service;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/real/tools.rs"]
mod tools;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tagwatch::clock;
use tagwatch::simulate::{self, Options};

use cluster::{Cluster, fresh, shared};
use service::{Service, Setup, tagwatch};
use tools::within;

const PARTITIONS: i32 = 8;
const SHARDS: i32 = 4;
/// Core of the broker and of this process, core of what is measured.
const CORES: (usize, usize) = (0, 1);
/// Share of a core that each process gets.
const QUOTA: f64 = 0.5;
/// The share of the quota that must have been used for the quota to be what bound.
const BOUND_MIN: f64 = 0.8;
/// At most so much CPU time for each CPU second in one process.
const COST_GOAL: f64 = 2.0;
/// Two processes must carry at least so much more than one.
const SCALING_GOAL: f64 = 1.8;
/// Seconds that a million hashtags may take.
const RESTORE_GOAL: f64 = 30.0;
/// Seconds that a take-over may take beyond the session timeout.
const TAKE_OVER_GOAL: f64 = 10.0;
const SESSION_TIMEOUT_MS: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(300);
/// Event time at which streams begin.
const BEGIN: i64 = 1_700_000_000_000;

fn main() {
    if let Some(missing) = cluster::missing() {
        println!("not measured: {missing}");
        return;
    }
    // The broker's core, which the broker then inherits.
    child::pin_self(CORES.0);
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let (_guard, cluster) = shared();
    if wanted("cost") || wanted("scaling") {
        let stream = Lines::of_bench(child::posts(1_500_000));
        println!(
            "{} posts of {:.0} bytes in {PARTITIONS} partitions; pinned: {}",
            stream.count,
            stream.mean,
            child::pinned()
        );
        if wanted("cost") {
            cost(cluster, &stream);
        }
        if wanted("scaling") {
            scaling(cluster, &stream);
        }
    }
    if wanted("restore") || wanted("take-over") {
        restore_and_take_over(cluster);
    }
}

/// Lines to be written, with the partition of each.
struct Lines {
    lines: Vec<(i32, Vec<u8>)>,
    count: u64,
    /// Bytes of a post.
    mean: f64,
    /// The watermark when everything is decided, in milliseconds.
    end: i64,
}

impl Lines {
    /// Posts of `simulate`'s `bench`, dealt by account.
    fn of_bench(count: u64) -> Lines {
        let options = Options { posts: Some(count), ..Options::new(2017) };
        let mut lines = Vec::new();
        let (mut bytes, mut last) = (0, 0);
        let (_, sent) = simulate::send(simulate::scenario("bench", &options).unwrap(), |post, json| {
            bytes += json.len();
            last = post.ts.max(last);
            let partition = (post.account.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as i32;
            lines.push((partition, json.to_vec()));
            Ok(())
        });
        sent.unwrap();
        Lines { mean: bytes as f64 / count as f64, ..Lines::closed(lines, last) }
    }

    /// A post of its own for each of so many hashtags, within three quarters of an hour.
    fn of_hashtags(count: u64) -> Lines {
        let line = |n: u64| {
            let ts = BEGIN + (n * 2_700_000 / count) as i64;
            let post = format!(
                r#"{{"id":"{n}","ts":{ts},"account":"a{}","text":"words of post {n}","hashtags":["Tag{n}of"]}}"#,
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 300_000
            );
            ((n % PARTITIONS as u64) as i32, post.into_bytes())
        };
        Lines::closed((0..count).map(line).collect(), BEGIN + 2_700_000)
    }

    fn closed(mut lines: Vec<(i32, Vec<u8>)>, last: i64) -> Lines {
        let (count, closed_at) = (lines.len() as u64, last + 60_000);
        lines.extend((0..PARTITIONS).map(|partition| (partition, closing(partition, closed_at))));
        Lines { lines, count, mean: 0.0, end: closed_at - 20_000 }
    }

    fn write(&self, cluster: &Cluster, topic: &str) {
        let producer = cluster.producer(topic);
        for (partition, line) in &self.lines {
            producer.send(topic, Some(*partition), None, line, None).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }
}

/// A post without hashtags: only time passes.
fn closing(partition: i32, at: i64) -> Vec<u8> {
    format!(r#"{{"id":"closing-{partition}-{at}","ts":{at},"account":"closing","hashtags":[]}}"#).into_bytes()
}

/// Processes on fresh topics.
fn setup(cluster: &Cluster, folder: &tempfile::TempDir, shards: i32, more: &[&str]) -> Setup {
    let id = fresh("bench");
    let set = [
        &format!("track.shards={shards}"),
        "time.idle_timeout=10m",
        "memory.budget=2GiB",
        // Longer than they stand still.
        "kafka.client.session.timeout.ms=60000",
    ];
    let setup = Setup {
        brokers: cluster.brokers().to_owned(),
        posts: cluster.create_topic("bench", PARTITIONS),
        alerts: format!("{id}-alerts"),
        id,
        state: folder.path().join("state"),
        set: set.iter().chain(more).map(|set| (*set).to_owned()).collect(),
    };
    fs::create_dir_all(&setup.state).unwrap();
    let mut apply = tagwatch();
    apply.args(["topics", "apply"]);
    for set in setup.sets() {
        apply.args(["--set", &set]);
    }
    let applied = apply.output().unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    setup
}

/// Starts one of so many processes, on the core that is measured.
fn start(setup: &Setup, number: usize) -> Service {
    let mut service = Setup { state: setup.state.join(number.to_string()), ..setup.clone() }.start();
    if child::pinned() {
        let id = service.id().to_string();
        Command::new("taskset").args(["-a", "-p", "-c", &CORES.1.to_string(), &id]).output().unwrap();
    }
    service
}

/// Waits until processes own everything between them, evenly.
fn wait_for_shares(setup: &Setup, running: &mut [Service]) {
    let mentions = format!("{}-mentions", setup.id);
    for (topic, all) in [(&setup.posts, PARTITIONS), (&mentions, SHARDS)] {
        let least = all as usize / running.len();
        for service in &mut *running {
            service.wait(&format!("a share of {topic}"), PATIENCE, |service| {
                let (_, metrics) = service.get("/metrics")?;
                let mine = format!("topic=\"{topic}\"");
                let positions = metrics.lines().filter(|line| line.starts_with("tagwatch_partition_position{"));
                (positions.filter(|line| line.contains(&mine)).count() == least).then_some(())
            });
        }
    }
}

/// CPU seconds of a process so far.
fn cpu_seconds(id: u32) -> f64 {
    child::cpu_seconds_of(&id.to_string())
}

/// Writes the stream to processes that stand ready; seconds until all is decided, and their CPU seconds. Warns where the
/// quota did not bind: then something else was the bound, a busy machine most likely.
fn run(cluster: &Cluster, stream: &Lines, exchange: &str, processes: usize, quota: bool) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(cluster, &folder, SHARDS, &[&format!("exchange={exchange}")]);
    let mut running: Vec<Service> = (0..processes).map(|number| start(&setup, number)).collect();
    match exchange {
        "kafka" => wait_for_shares(&setup, &mut running),
        _ => running.iter_mut().for_each(Service::wait_until_ready),
    }
    let _groups: Vec<Quota> =
        if quota { running.iter_mut().map(|s| Quota::new(s.id()).unwrap()).collect() } else { vec![] };
    let cpu = |running: &mut [Service]| running.iter_mut().map(|service| cpu_seconds(service.id())).sum::<f64>();
    // They stand still until all is there: else the clock would show how fast this process writes.
    running.iter_mut().for_each(|service| service.signal("STOP"));
    stream.write(cluster, &setup.posts);
    let (before, began) = (cpu(&mut running), clock::monotonic());
    running.iter_mut().for_each(|service| service.signal("CONT"));
    running.iter_mut().for_each(|service| service.wait_for_watermark(stream.end, PATIENCE));
    let took = (began.elapsed().as_secs_f64(), cpu(&mut running) - before);
    let used = if quota { took.1 / took.0 / (QUOTA * processes as f64) } else { 1.0 };
    let doubt = if used < BOUND_MIN { "; NOT VALID, it was held up by something else" } else { "" };
    let of_quota = if quota { format!(", {:.0} % of the quota{doubt}", used * 100.0) } else { String::new() };
    println!("   {exchange}, {processes} of them: {:.1} s, {:.1} CPU s{of_quota}", took.0, took.1);
    for service in &mut running {
        service.kill();
    }
    took
}

fn pairs() -> usize {
    std::env::var("BENCH_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(3)
}

fn cost(cluster: &Cluster, stream: &Lines) {
    let (mut alone, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..pairs() {
        alone.push(run(cluster, stream, "in-process", 1, false).1);
        shared.push(run(cluster, stream, "kafka", 1, false).1);
    }
    let million = |cpu: Vec<f64>| child::median(cpu.into_iter()) / stream.count as f64 * 1e6;
    let (alone, shared) = (million(alone), million(shared));
    println!("cost: {shared:.2} CPU s a million posts through Kafka, {alone:.2} in one process");
    println!("   ratio {:.2} (at most {COST_GOAL} is wanted)", shared / alone);
}

fn scaling(cluster: &Cluster, stream: &Lines) {
    if let Err(error) = Quota::new(std::process::id()) {
        println!("scaling: not measured: no cgroup can be made here: {error}");
        return;
    }
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..pairs() {
        one.push(stream.count as f64 / run(cluster, stream, "kafka", 1, true).0);
        two.push(stream.count as f64 / run(cluster, stream, "kafka", 2, true).0);
    }
    let (one, two) = (child::median(one.into_iter()), child::median(two.into_iter()));
    println!("scaling: {one:.0} posts/s by one process on {QUOTA} of a core, {two:.0} by two");
    println!("   ratio {:.2} (at least {SCALING_GOAL} is wanted)", two / one);
}

/// A cgroup with a quota of CPU time, which it gets before whatever else the machine does; gone when dropped, its process back where it was.
struct Quota {
    folder: PathBuf,
    id: u32,
    /// Where the process goes back to.
    parent: PathBuf,
}

impl Quota {
    fn new(id: u32) -> std::io::Result<Quota> {
        let period_us = 100_000;
        let quota_us = (QUOTA * f64::from(period_us)) as u32;
        let old = PathBuf::from("/sys/fs/cgroup/cpu");
        let is_old = old.join("cpu.cfs_quota_us").exists() || old.join("cgroup.procs").exists();
        let parent = if is_old { old } else { PathBuf::from("/sys/fs/cgroup") };
        let folder = parent.join(format!("tagwatch-bench-{id}"));
        fs::create_dir(&folder)?;
        let quota = Quota { folder: folder.clone(), id, parent };
        if is_old {
            fs::write(folder.join("cpu.cfs_quota_us"), quota_us.to_string())?;
            fs::write(folder.join("cpu.shares"), "262144")?;
        } else {
            fs::write(folder.join("cpu.max"), format!("{quota_us} {period_us}"))?;
            fs::write(folder.join("cpu.weight"), "10000")?;
        }
        fs::write(folder.join("cgroup.procs"), id.to_string())?;
        Ok(quota)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::write(self.parent.join("cgroup.procs"), self.id.to_string());
        let _ = fs::remove_dir(&self.folder);
    }
}

/// What follows the last `key=` in a log.
fn said<'a>(log: &'a str, words: &str, key: &str) -> Option<&'a str> {
    let line = log.lines().rev().find(|line| line.contains(words))?;
    line.split_once(&format!(" {key}="))?.1.split_whitespace().next()
}

fn restore_and_take_over(cluster: &Cluster) {
    let count = std::env::var("BENCH_HASHTAGS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let timeout = format!("kafka.client.session.timeout.ms={SESSION_TIMEOUT_MS}");
    // Hours that forget no hashtag, so that each is in a minute and in an hour.
    let more = ["exchange=kafka", "windows.hour_total_accounts_below=0", "state.checkpoint_interval=1s", &timeout];
    let setup = setup(cluster, &folder, 1, &more);
    let mut first = Setup { state: folder.path().join("first"), ..setup.clone() }.start();
    let stream = Lines::of_hashtags(count);
    stream.write(cluster, &setup.posts);
    first.wait_for_watermark(stream.end, PATIENCE);
    first.stop();

    let began = clock::monotonic();
    let mut second = Setup { state: folder.path().join("second"), ..setup.clone() }.start();
    second.wait_for_words("shard restored", PATIENCE);
    let log = second.log();
    let (bytes, took) = (said(&log, "shard restored", "bytes"), said(&log, "shard restored", "took"));
    let whole = began.elapsed().as_secs_f64();
    second.wait_for_metric("tagwatch_hashtags_tracked", PATIENCE, |tracked| tracked >= count as f64);
    let mib = bytes.and_then(|bytes| bytes.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1_048_576.0;
    println!(
        "restore: {count} hashtags, {mib:.0} MiB of state in one shard, in {}; {whole:.1} s after the start of the process \
         (at most {RESTORE_GOAL} is wanted)",
        took.unwrap_or("?")
    );
    take_over(cluster, &setup, &folder, second, &stream, mib);
}

/// Kills the owner of the shard, and of all partitions, and waits for what its successor counts.
fn take_over(
    cluster: &Cluster,
    setup: &Setup,
    folder: &tempfile::TempDir,
    mut owner: Service,
    stream: &Lines,
    mib: f64,
) {
    let mut successor = Setup { state: folder.path().join("third"), ..setup.clone() }.start();
    successor.wait_until_ready();
    // Give the group time to share out what there is.
    std::thread::sleep(Duration::from_secs(10));
    let owns = |service: &Service| {
        service.log().matches("shard restored").count() > service.log().matches("shards handed over").count()
    };
    if owns(&successor) {
        std::mem::swap(&mut owner, &mut successor);
    }
    let producer = cluster.producer(&setup.posts);
    let mut at = stream.end + 60_000;
    let mut tick = || {
        at += 10_000;
        for partition in 0..PARTITIONS {
            producer.send(&setup.posts, Some(partition), None, &closing(partition, at), None).unwrap();
        }
        at
    };
    let watermark = |service: &Service, name: &str| service.metric(name, &[]).unwrap_or(0.0);
    for _ in 0..5 {
        tick();
        std::thread::sleep(Duration::from_millis(500));
    }
    let before = watermark(&owner, "tagwatch_shard_watermark_timestamp_seconds");
    owner.kill();
    let killed: Instant = clock::monotonic();
    let mut counted = None;
    let decided = within(PATIENCE, || {
        let at = tick();
        std::thread::sleep(Duration::from_millis(100));
        let shard = watermark(&successor, "tagwatch_shard_watermark_timestamp_seconds");
        if shard > before {
            counted.get_or_insert_with(|| killed.elapsed().as_secs_f64());
        }
        let decided = watermark(&successor, "tagwatch_watermark_timestamp_seconds");
        (counted.is_some() && decided > before && at > 0).then(|| killed.elapsed().as_secs_f64())
    });
    let log = successor.log();
    let took = said(&log, "shard restored", "took").unwrap_or("?");
    let (counted, decided) = (counted.unwrap(), decided.unwrap());
    let session = SESSION_TIMEOUT_MS as f64 / 1000.0;
    println!(
        "take-over: {mib:.0} MiB of state, restored in {took}: first new count {counted:.1} s after kill -9 of the owner, \
         decided after {decided:.1} s\n   session timeout {session} s + {:.1} s (at most + {TAKE_OVER_GOAL} is wanted)",
        counted - session
    );
}
