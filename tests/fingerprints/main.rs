//! What is said of synthetic stories whose answer is known, played in process under some seeds each: crowds are left in
//! peace, pushes are found, and what is missed today is named with its number. The rates over 200 seeds stand in
//! docs/detection.md; `tagwatch evaluate --scenarios all --seeds 200` prints them.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail the test by panicking")]

mod memory;
mod rates;
mod shape;
mod size;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tagwatch::app::playing::play;
use tagwatch::app::scenarios::played;
use tagwatch::config::{Config, defaults};
use tagwatch::decide::line::AlertLine;
use tagwatch::model::Tick;
use tagwatch::simulate::{self, Options, listed};

/// The key that `replay` uses where none is set.
const KEY: [u8; 16] = *b"tagwatch replay\0";

const MINUTE_MS: i64 = 60_000;

/// As `tagwatch evaluate --scenarios` plays it.
fn options(scenario: &str, seed: u64, varied: bool) -> Options {
    played(listed(scenario).unwrap(), seed, varied)
}

/// What is said of one hashtag of a run: its score and posts a minute at every assessment, and its alert lines.
#[derive(Default)]
struct Story {
    /// Ticks with the coordination score in points and the posts of the last minute.
    scores: Vec<(Tick, f64, u64)>,
    lines: Vec<AlertLine>,
}

impl Story {
    /// Plays a scenario; `hashtag` is canonical.
    fn of(scenario: &str, hashtag: &str, options: &Options, config: &Config) -> Story {
        let mut story = Story::default();
        play(simulate::scenario(scenario, options).unwrap(), config, KEY, |tick, decided| {
            let views = decided.assessed.iter().filter(|view| view.hashtag == hashtag);
            story
                .scores
                .extend(views.map(|view| (tick, f64::from(view.coordination.0) / 100.0, view.windows.m1.posts)));
            story.lines.extend(decided.lines.into_iter().filter(|line| line.hashtag == hashtag));
        });
        story
    }

    /// The score of the last assessment within so many minutes after the onset.
    fn score_after(&self, scenario: &str, minutes: i64) -> f64 {
        let until = simulate::onset(scenario, Options::START).unwrap().plus_ms(minutes * MINUTE_MS);
        let before = self.scores.iter().take_while(|(tick, ..)| tick.end() <= until);
        before.last().map_or(0.0, |(_, score, _)| *score)
    }

    /// Minutes from the onset to the first line of a kind that is in one of these states.
    fn minutes_to(&self, scenario: &str, kind: &str, states: &[&str]) -> Option<f64> {
        let onset = simulate::onset(scenario, Options::START).unwrap();
        let first =
            self.lines.iter().find(|line| line.kind.as_str() == kind && states.contains(&line.state.as_str()))?;
        Some((Tick(first.tick).end().0 - onset.0) as f64 / MINUTE_MS as f64)
    }
}

/// `of` for each item, on two threads, in the order of the items.
fn each<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
                {
                    let result = of(item);
                    results.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn config() -> Config {
    defaults()
}
