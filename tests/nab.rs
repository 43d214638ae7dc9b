//! `tagwatch replay --counts` against the Numenta Anomaly Benchmark (Lavin and Ahmad 2015): the ten post-count series of
//! realTweets, standard profile, by NAB's rules written anew here. The rules are held to the published scores of two
//! detectors that are simple enough to be written anew too. Skipped by name where the series are absent.
//!
//! `cargo test --test nab -- --nocapture` prints the numbers.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Weight of a false detection in NAB's standard profile; a hit and a miss weigh 1.
const FALSE_WEIGHT: f64 = 0.11;

/// One series and its labelled windows, as first and last row.
struct Series {
    name: String,
    path: PathBuf,
    counts: Vec<f64>,
    windows: Vec<(usize, usize)>,
}

/// What a detection at a row is worth.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In the first 15 %, of 5 000 rows at most: not scored.
    Probation,
    /// In this window.
    Window(usize),
    /// In none.
    Outside,
}

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("TAGWATCH_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let nab = shared.join("data/nab");
    if nab.join("realTweets").is_dir() {
        return Some(nab);
    }
    println!("skipped: NAB's realTweets are not at {}", nab.display());
    None
}

fn corpus(nab: &Path) -> Vec<Series> {
    let text = std::fs::read_to_string(nab.join("combined_windows.json")).unwrap();
    let windows: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&text).unwrap();
    let series = |(name, limits): (&String, &Vec<[String; 2]>)| {
        let text = std::fs::read_to_string(nab.join(name)).unwrap();
        let rows: Vec<(&str, &str)> = text.lines().skip(1).map(|line| line.split_once(',').unwrap()).collect();
        let row = |time: &String| rows.iter().position(|(at, _)| *at == &time[..19]).unwrap();
        let windows = limits.iter().map(|[first, last]| (row(first), row(last))).collect();
        let counts = rows.iter().map(|(_, count)| count.parse().unwrap()).collect();
        Series { name: name.clone(), path: nab.join(name), counts, windows }
    };
    windows.iter().filter(|(name, _)| name.starts_with("realTweets/")).map(series).collect()
}

/// From 1 long before the right edge of a window over 0 at it to -1 long after.
fn sigmoid(position: f64) -> f64 {
    if position >= 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

impl Series {
    /// Where every row lies and what a detection there is worth: in a window up to 1 for the first row, outside a loss that
    /// grows with the distance from the window before.
    fn worth(&self) -> Vec<(Place, f64)> {
        let probation = (0.15 * self.counts.len().min(5_000) as f64).floor() as usize;
        let of = |row: usize| {
            let window = self.windows.iter().position(|(first, last)| (*first..=*last).contains(&row));
            let (place, worth) = if let Some(window) = window {
                let (first, last) = self.windows[window];
                let position = -((last - row + 1) as f64) / (last - first + 1) as f64;
                (Place::Window(window), sigmoid(position) / sigmoid(-1.0))
            } else {
                let before = self.windows.iter().rfind(|(_, last)| *last < row);
                let position = before.map_or(3.0, |(first, last)| (row - last) as f64 / (last - first) as f64);
                (Place::Outside, FALSE_WEIGHT * sigmoid(position))
            };
            if row < probation { (Place::Probation, 0.0) } else { (place, worth) }
        };
        (0..self.counts.len()).map(of).collect()
    }
}

/// NAB's score of one series at a threshold, with the detections inside and outside windows.
#[derive(Clone, Copy, Debug)]
struct Scored {
    score: f64,
    inside: usize,
    outside: usize,
    windows_hit: usize,
}

/// Of a window the best detection counts, a missed one is worth -1; of the rest every detection counts.
fn scored(series: &Series, scores: &[f64], threshold: f64) -> Scored {
    assert_eq!(scores.len(), series.counts.len(), "{}: a score a row", series.name);
    let mut best = vec![-1.0_f64; series.windows.len()];
    let mut sum = Scored { score: 0.0, inside: 0, outside: 0, windows_hit: 0 };
    for ((place, worth), _) in series.worth().into_iter().zip(scores).filter(|(_, score)| **score >= threshold) {
        match place {
            Place::Probation => {}
            Place::Window(window) => {
                sum.inside += 1;
                best[window] = best[window].max(worth);
            }
            Place::Outside => {
                sum.outside += 1;
                sum.score += worth;
            }
        }
    }
    sum.windows_hit = best.iter().filter(|worth| **worth > -1.0).count();
    sum.score += best.iter().sum::<f64>();
    sum
}

/// 0 for a detector that finds nothing, 100 for one that finds the first row of every window and nothing else.
fn normalised(corpus: &[&Series], score: f64) -> f64 {
    let windows = corpus.iter().map(|series| series.windows.len()).sum::<usize>() as f64;
    100.0 * (score + windows) / (2.0 * windows)
}

fn at(corpus: &[&Series], scores: &[&Vec<f64>], threshold: f64) -> f64 {
    let sum = corpus.iter().zip(scores).map(|(series, scores)| scored(series, scores, threshold).score).sum();
    normalised(corpus, sum)
}

/// The threshold that is best over the whole corpus, as NAB chooses it; of equal ones the highest.
fn best_threshold(corpus: &[&Series], scores: &[&Vec<f64>]) -> f64 {
    // Scores of a detection below 1 of 100 are none; hundredths are what is printed.
    let mut all: Vec<f64> = scores.iter().flat_map(|scores| scores.iter().copied()).filter(|s| *s >= 1.0).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    all.dedup();
    let mut best = (f64::MIN, 101.0);
    let mut sums: Vec<Sweep> = corpus.iter().zip(scores).map(|(series, scores)| Sweep::new(series, scores)).collect();
    for threshold in all {
        let sum: f64 = sums.iter_mut().map(|sweep| sweep.lower(threshold)).sum();
        if sum > best.0 {
            best = (sum, threshold);
        }
    }
    best.1
}

/// One series while the threshold falls.
struct Sweep {
    /// Place, worth and score of the rows not detected yet, the highest score last.
    left: Vec<(Place, f64, f64)>,
    best: Vec<f64>,
    outside: f64,
}

impl Sweep {
    fn new(series: &Series, scores: &[f64]) -> Sweep {
        let rows = series.worth().into_iter().zip(scores);
        let mut left: Vec<_> = rows.map(|((place, worth), score)| (place, worth, *score)).collect();
        left.sort_by(|a, b| a.2.total_cmp(&b.2));
        Sweep { left, best: vec![-1.0; series.windows.len()], outside: 0.0 }
    }

    fn lower(&mut self, threshold: f64) -> f64 {
        while let Some((place, worth, _)) = self.left.pop_if(|row| row.2 >= threshold) {
            match place {
                Place::Probation => {}
                Place::Window(window) => self.best[window] = self.best[window].max(worth),
                Place::Outside => self.outside += worth,
            }
        }
        self.outside + self.best.iter().sum::<f64>()
    }
}

/// A score a count.
type Detector = fn(&[f64]) -> Vec<f64>;

/// NAB's detector `windowedGaussian`: one minus the tail of a normal distribution with mean and deviation of the last 6 400
/// counts, moved on by 100; kept with twelve digits, as in NAB's result files, so that a tail below 5e-13 is 1.
fn windowed_gaussian(counts: &[f64]) -> Vec<f64> {
    const SPAN: usize = 6_400;
    const STEP: usize = 100;
    let mut sums = vec![(0.0, 0.0)];
    for count in counts {
        let (sum, squares) = sums[sums.len() - 1];
        sums.push((sum + count, squares + count * count));
    }
    let score = |row: usize| {
        let end = if row <= SPAN { row } else { SPAN + (row - SPAN) / STEP * STEP };
        let start = end.saturating_sub(SPAN);
        if end == 0 {
            return 0.0;
        }
        let n = (end - start) as f64;
        let (sum, squares) = (sums[end].0 - sums[start].0, sums[end].1 - sums[start].1);
        let mean = sum / n;
        let deviation = (n * squares - sum * sum).max(0.0).sqrt() / n;
        let z = (counts[row] - mean).abs() / if deviation == 0.0 { 1e-6 } else { deviation };
        let score = 1.0 - 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
        (score * 1e12).round() / 1e12
    };
    (0..counts.len()).map(score).collect()
}

/// NAB's detector `relativeEntropy` (Wang et al. 2011): 1 where the histogram of the last 52 counts, in five steps between
/// the least and the greatest of the file, is like none seen before.
fn relative_entropy(counts: &[f64]) -> Vec<f64> {
    const SPAN: usize = 52;
    // Upper 1 % of a χ² distribution with four degrees of freedom.
    const LIMIT: f64 = 13.276_704_135_987_622;
    let least = counts.iter().copied().fold(f64::MAX, f64::min);
    let step = (counts.iter().copied().fold(f64::MIN, f64::max) - least) / 5.0;
    let steps: Vec<usize> = counts.iter().map(|count| (((count - least) / step).ceil() as usize).min(4)).collect();
    let mut seen: Vec<[f64; 5]> = Vec::new();
    let mut scores = vec![0.0; counts.len()];
    for (row, span) in steps.windows(SPAN).enumerate() {
        let mut histogram = [0.0; 5];
        span.iter().for_each(|step| histogram[*step] += 1.0 / SPAN as f64);
        let differs = |other: &[f64; 5]| {
            let terms = histogram.iter().zip(other).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / q).ln());
            2.0 * SPAN as f64 * terms.sum::<f64>() >= LIMIT
        };
        if seen.iter().all(differs) {
            scores[row + SPAN - 1] = if seen.is_empty() { 0.0 } else { 1.0 };
            seen.push(histogram);
        }
    }
    scores
}

/// Published score, detections inside and outside windows of a detector, with its threshold, by series.
fn published(nab: &Path, detector: &str) -> BTreeMap<String, (f64, f64, usize, usize)> {
    let text = std::fs::read_to_string(nab.join("published_per_file_scores_realTweets.csv")).unwrap();
    let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| row[0] == detector && row[1] == "standard")
        .map(|row| {
            let number = |field: usize| row[field].parse::<f64>().unwrap();
            (row[4].to_owned(), (number(5), number(6), number(7) as usize, number(9) as usize))
        })
        .collect()
}

#[test]
fn the_rules_give_the_published_scores_of_two_detectors() {
    let Some(nab) = folder() else { return };
    let corpus = corpus(&nab);
    assert_eq!((corpus.len(), corpus.iter().map(|series| series.windows.len()).sum::<usize>()), (10, 33));
    let detectors: [(&str, Detector, f64); 2] =
        [("windowedGaussian", windowed_gaussian, 51.41), ("relativeEntropy", relative_entropy, 59.76)];
    for (name, detector, total) in detectors {
        let published = published(&nab, name);
        let (mut ours, mut widest) = (0.0, 0.0_f64);
        for series in &corpus {
            let (threshold, score, inside, outside) = published[&series.name];
            let scored = scored(series, &detector(&series.counts), threshold);
            assert_eq!((scored.inside, scored.outside), (inside, outside), "{name} on {}", series.name);
            widest = widest.max((scored.score - score).abs());
            ours += scored.score;
        }
        let ours = normalised(&corpus.iter().collect::<Vec<_>>(), ours);
        println!("{name}: {ours:.4}, published {total}; a series differs by {widest:.1e} at most");
        assert!(widest < 1e-6 && (ours - total).abs() < 0.005, "{name}: {ours} {widest}");
    }
}

fn replay(path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TAGWATCH_")) {
        command.env_remove(name);
    }
    command.args(["replay", "--summary", "json", "--counts"]).arg(path).stdin(Stdio::null()).output().unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let output = replay(path);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What NAB sees of a row: its burst score where it is new, else nothing.
fn detection(line: &Value) -> f64 {
    if line["new"].as_bool().unwrap() { line["burst"].as_f64().unwrap() } else { 0.0 }
}

#[test]
fn bursts_of_ten_count_series_score_at_least_70() {
    let Some(nab) = folder() else { return };
    let corpus = corpus(&nab);
    let told: Vec<Vec<Value>> = corpus.iter().map(|series| lines(&series.path)).collect();
    let scores: Vec<Vec<f64>> = told.iter().map(|lines| lines.iter().map(detection).collect()).collect();
    let (all, every): (Vec<&Series>, Vec<&Vec<f64>>) = (corpus.iter().collect(), scores.iter().collect());
    let threshold = best_threshold(&all, &every);
    let best = at(&all, &every, threshold);
    for (series, scores) in corpus.iter().zip(&scores) {
        let scored = scored(series, scores, threshold);
        let windows = series.windows.len();
        println!("  {}: {} of {windows} windows, {} outside", series.name, scored.windows_hit, scored.outside);
    }

    // Each series with the threshold that is best for the nine others.
    let mut held_out = 0.0;
    for (one, series) in corpus.iter().enumerate() {
        let others = |at: &usize| *at != one;
        let nine: Vec<&Series> = (0..corpus.len()).filter(others).map(|at| &corpus[at]).collect();
        let theirs: Vec<&Vec<f64>> = (0..corpus.len()).filter(others).map(|at| &scores[at]).collect();
        held_out += scored(series, &scores[one], best_threshold(&nine, &theirs)).score;
    }
    let held_out = normalised(&all, held_out);

    // The product's own thresholds: a detection is where a burst begins.
    let begins = |line: &Value| f64::from(u8::from(line["state"] == "begins"));
    let begun: Vec<Vec<f64>> = told.iter().map(|lines| lines.iter().map(begins).collect()).collect();
    let default = at(&all, &begun.iter().collect::<Vec<_>>(), 1.0);
    println!("NAB realTweets, standard: {best:.2} at burst {threshold}; threshold of the nine others {held_out:.2};");
    println!("  where bursts begin by the default thresholds {default:.2}");
    assert!(best >= 70.0, "{best}");
    assert!(held_out >= 65.0 && default >= 65.0, "{held_out} {default}");
}

/// A cycle of a day in rows of five minutes, with a burst on the third.
fn made_up(rows: u64) -> String {
    let mut text = "timestamp,value\n".to_owned();
    for row in 0..rows {
        let burst = if (700..706).contains(&row) { 900 } else { 0 };
        let count = 20 + (row % 288).abs_diff(144) / 8 + (row * row * 7919) % 23 + burst;
        writeln!(text, "{},{count}", 1_425_000_000 + 300 * row).unwrap();
    }
    text
}

#[test]
fn a_row_depends_on_the_rows_before_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let told = |rows| {
        let path = folder.path().join("counts.csv");
        std::fs::write(&path, made_up(rows)).unwrap();
        lines(&path)
    };
    let (short, long) = (told(703), told(1_000));
    assert_eq!((short.len(), long.len()), (703, 1_000));
    assert_eq!(short, long[..703]);
    let bursts: Vec<usize> = (0..long.len()).filter(|row| long[*row]["state"] == "begins").collect();
    assert_eq!(bursts, [700]);
    assert_eq!((&long[703]["state"], &long[720]["state"]), (&"goes_on".into(), &"usual".into()));
}

#[test]
fn bad_rows_are_told_and_a_missing_file_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.csv");
    std::fs::write(&path, made_up(10) + "tomorrow,5\n1425003001,many\n").unwrap();
    let output = replay(&path);
    let summary: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((output.status.code(), &summary["rows"]), (Some(0), &10.into()));
    assert_eq!(summary["rejected"]["bad_timestamp"]["lines"], serde_json::json!([12]));
    assert_eq!(summary["rejected"]["not_a_count"]["lines"], serde_json::json!([13]));
    let missing = replay(&folder.path().join("none.csv"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("none.csv"));
}
