//! A simulated Kafka under the very code of several processes: ingest, exchange, track, decide, checkpoint and restore run
//! against logs in memory with what real ones have: gaps in the offsets, records that are under way and lost with their
//! process, owners that do not know that they are none, two owners at once, crashes at every step. A seed decides
//! everything; whatever it decides, the alert lines and the counts are those of a naive recomputation.
//!
//! `TAGWATCH_SIM_SEED=n` runs one seed, `TAGWATCH_SIM_SEEDS=n` so many.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod naive;
mod process;
mod world;

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::{Rules, World};

/// Seeds in a usual run.
const SEEDS: u64 = 10_000;
/// Seeds within which a broken rule must be found.
const BROKEN_SEEDS: u64 = 300;

/// Runs one seed; the first difference where there is one.
fn run(seed: u64, rules: Rules) -> Result<world::Seen, String> {
    let mut world = World::new(seed, rules);
    world.storm().and_then(|()| world.settle())?;
    world.compare()
}

#[test]
fn whatever_happens_the_lines_and_counts_are_the_naive_ones() {
    if let Ok(seed) = env::var("TAGWATCH_SIM_SEED") {
        let seen = run(seed.parse().unwrap(), Rules::KEPT).unwrap_or_else(|why| panic!("{why}"));
        println!("{seen:?}");
        return;
    }
    let seeds = env::var("TAGWATCH_SIM_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let next = AtomicU64::new(0);
    let seen = thread::scope(|scope| {
        let work = || {
            let mut seen = world::Seen::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return seen;
                }
                match run(seed, Rules::KEPT) {
                    Ok(more) => seen.add(&more),
                    Err(why) => panic!("TAGWATCH_SIM_SEED={seed}: {why}"),
                }
            }
        };
        let threads: Vec<_> = (0..thread::available_parallelism().unwrap().get()).map(|_| scope.spawn(work)).collect();
        threads.into_iter().fold(world::Seen::default(), |mut all, thread| {
            all.add(&thread.join().unwrap());
            all
        })
    });
    println!("{seeds} seeds: {seen:?}");
    // A world in which nothing happens would hold as well.
    let each = [seen.lines, seen.crashes, seen.zombies, seen.restored, seen.again, seen.fenced, seen.gaps];
    assert!(each.iter().all(|count| *count >= seeds / 10), "{seen:?}");
}

/// Each rule that correctness rests on, broken: the simulation must notice.
#[test]
fn a_broken_rule_is_noticed() {
    let broken = [
        Rules { commit_acknowledged: false, ..Rules::KEPT },
        Rules { manifest_after_chunks: false, ..Rules::KEPT },
        Rules { resume_at_open_panes: false, ..Rules::KEPT },
        Rules { lines_once: false, ..Rules::KEPT },
        Rules { decide_on_all_shards: false, ..Rules::KEPT },
        Rules { note_beside_offset: false, ..Rules::KEPT },
    ];
    for rules in broken {
        let noticed = (0..BROKEN_SEEDS).find(|seed| {
            let ended = std::panic::catch_unwind(|| run(*seed, rules));
            ended.map_or(true, |ended| ended.is_err())
        });
        println!("{rules:?}: noticed at seed {noticed:?}");
        assert!(noticed.is_some(), "nobody notices {rules:?}");
    }
}
