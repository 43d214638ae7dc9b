//! Replays a file of `simulate`'s `bench` posts through the whole pipeline, alternately with reading and decoding them
//! alone, each in a process of its own on one core; prints both medians, their ratio and resident memory.
//!
//! `BENCH_POSTS` (500 000) and `BENCH_PAIRS` (3) shrink or stretch it.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[allow(dead_code, reason = "shared with benches that use all of it")]
mod child;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tagwatch::app::replaying::{Options, open, replay};
use tagwatch::clock;
use tagwatch::config;
use tagwatch::simulate;
use tagwatch::source::Step;
use tagwatch::source::decode::Format;
use tagwatch::source::file::{FileOptions, FileSource};

/// Core of what is measured.
const CORE: usize = 1;

fn main() {
    if let Some(words) = child::part() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["decode", path] => println!("{}", measured(|| decoded(Path::new(path)))),
            ["replay", path] => println!("{}", measured(|| replayed(Path::new(path)))),
            _ => panic!("unknown part {words:?}"),
        }
        return;
    }
    let posts = child::posts(500_000);
    let pairs: usize = std::env::var("BENCH_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("posts.ndjson");
    let options = simulate::Options { posts: Some(posts), ..simulate::Options::new(2017) };
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
    simulate::write(simulate::scenario("bench", &options).unwrap(), &mut file).unwrap();
    let bytes = path.metadata().unwrap().len() as f64 / posts as f64;
    println!("{posts} posts of {bytes:.0} bytes, NDJSON; pinned: {}", child::pinned());
    let (mut decodes, mut replays) = (Vec::new(), Vec::new());
    for pair in 1..=pairs {
        for (name, runs) in [("decode", &mut decodes), ("replay", &mut replays)] {
            let numbers = child::numbers(&child::run(CORE, &[name, path.to_str().unwrap()]));
            println!("{pair}. {name:<7} {}", say(&numbers));
            runs.push(numbers);
        }
    }
    let middle = |runs: &[Vec<f64>]| -> Vec<f64> {
        (0..3).map(|column| child::median(runs.iter().map(|run| run[column]))).collect()
    };
    let (decode, replay) = (middle(&decodes), middle(&replays));
    println!("\nmedians of {pairs} alternating runs");
    println!("   decode  {}", say(&decode));
    println!("   replay  {}", say(&replay));
    println!("   ratio {:.2}", replay[0] / decode[0]);
}

fn say(numbers: &[f64]) -> String {
    format!("{:>9.0} posts/s   {:.2} CPU s a million   {:.0} MiB resident", numbers[0], numbers[1], numbers[2])
}

/// Posts a second, CPU seconds a million posts, MiB resident.
fn measured(work: impl FnOnce() -> u64) -> String {
    let (at, cpu) = (clock::monotonic(), child::cpu_seconds());
    let posts = work() as f64;
    let (seconds, cpu) = (at.elapsed().as_secs_f64(), child::cpu_seconds() - cpu);
    format!("{} {} {}", posts / seconds, cpu / posts * 1e6, child::resident_mib())
}

/// Reads and decodes, and judges times; looks at nothing.
fn decoded(path: &Path) -> u64 {
    let config = config::defaults();
    let options = FileOptions {
        partitions: 1,
        format: Format::Native,
        limits: config.limits,
        delay: config.time.watermark_delay,
        max_future: config.time.max_future,
        as_of: None,
        actions: Vec::new(),
    };
    let mut source = FileSource::open(&[PathBuf::from(path)], options).unwrap();
    let mut posts = 0;
    let mut on = |step: Step<'_>| posts += u64::from(matches!(step, Step::Post { .. }));
    while source.next_batch(&mut on).unwrap() {}
    posts
}

/// As `tagwatch replay` does it, the alert log thrown away.
fn replayed(path: &Path) -> u64 {
    let options = Options {
        files: vec![PathBuf::from(path)],
        partitions: 1,
        as_of: None,
        actions: Vec::new(),
        format: Format::Native,
        key: *b"bench sketch key",
    };
    let config = config::defaults();
    replay(open(&options, &config).unwrap(), &options, &config, &mut io::sink(), |_, _| ()).unwrap().posts
}
