//! `tagwatch evaluate --moved`: how much hangs on the numbers of `[detect]`. Every number is moved by 10 and 20 %, together
//! and one by one, and the alerts on labelled streams are counted again. Each stream is read and tracked once for many
//! settings, for they change what is decided and hardly what is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow, bail, ensure};

use super::evaluate::{gather, read_episodes, read_ids};
use super::playing::{Fold, Reporter};
use super::replaying::{Options, open};
use super::{Common, Exit};
use crate::assess::Report;
use crate::config::{Config, KeyUse, Sources, load, parse_duration, show_duration, sketch_key};
use crate::decide::line::State;
use crate::evaluate::{Alert, Change, Changes, Counted, Episode, Gathering, Label, Posts, evaluate};
use crate::model::{EventTime, Tick};
use crate::source::Step;

/// Factors, mildest first.
const FACTORS: [f64; 4] = [0.9, 1.1, 0.8, 1.2];
/// Keys of `[detect]` that change no line of the log but how it pages.
const NOT_MOVED: [&str; 2] = ["detect.pages_per_hour", "detect.tickets_per_hour"];
/// Keys that change what is reported, and not only what is decided: each of their values needs a reading of its own.
const REPORTED: [&str; 2] = ["detect.candidate_posts", "detect.candidate_accounts"];
/// Further keys that take whole numbers only.
const WHOLE: [&str; 2] = ["detect.kinds.slow_accounts", "detect.kinds.slow_posts"];
/// Settings that share one reading of a stream.
const SETTINGS_A_READING: usize = 48;

/// A stream with its labels.
struct Stream {
    name: String,
    path: PathBuf,
    episodes: Vec<Episode>,
    posts: Posts,
}

/// A setting to try.
struct Setting {
    /// What is moved, and by how much.
    what: String,
    factor: f64,
    /// The config; none where the moved numbers contradict each other.
    config: Option<Config>,
}

/// Counts the alerts under every setting on every stream of a folder and prints what changed.
///
/// # Errors
/// The folder has no labelled stream (1), the config is wrong (78), or a file cannot be read (1).
pub fn execute(folder: &Path, json: bool, common: &Common) -> anyhow::Result<Exit> {
    let config = common.config()?;
    let streams = streams(folder, &config, common)?;
    let settings = settings(&config, common)?;
    let counted = count(&streams, &settings, &config, common)?;
    let changes = Changes {
        streams: streams.iter().map(|stream| stream.name.clone()).collect(),
        shipped: counted[0].clone(),
        moved: settings[1..]
            .iter()
            .zip(&counted[1..])
            .map(|(setting, counted)| Change {
                what: setting.what.clone(),
                factor: setting.factor,
                counted: setting.config.is_some().then(|| counted.clone()),
            })
            .collect(),
    };
    let mut stdout = io::stdout().lock();
    let printed = match json {
        true => writeln!(stdout, "{}", serde_json::to_string(&changes)?),
        false => write!(stdout, "{changes}"),
    };
    printed.context("cannot write to stdout").map(|()| Exit::Done)
}

/// Every `NAME.ndjson`, plain or packed, of a folder that has a `NAME.episodes.json` beside it; `NAME.coordinated_ids.txt`,
/// plain or packed, names the posts of operations.
fn streams(folder: &Path, config: &Config, common: &Common) -> anyhow::Result<Vec<Stream>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let files: BTreeSet<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    let named = |name: &str| {
        files.iter().find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)))
    };
    let mut streams = Vec::new();
    for path in &files {
        let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((name, _)) = file.split_once(".ndjson") else { continue };
        let Some(episodes) = named(&format!("{name}.episodes.json")) else { continue };
        let ids = read_ids(named(&format!("{name}.coordinated_ids.txt")).map(PathBuf::as_path))?;
        let hashtags = reported(path, config, common)?;
        let gathering = Gathering::of(hashtags.iter().map(String::as_str));
        let posts = gather(gathering, path, common.format.into(), config, &ids)?;
        streams.push(Stream { name: name.to_owned(), path: path.clone(), episodes: read_episodes(episodes)?, posts });
    }
    let folder = folder.display();
    ensure!(!streams.is_empty(), "no NAME.ndjson.gz with NAME.episodes.json beside it in {folder}");
    Ok(streams)
}

/// All hashtags of a stream: under some setting any may raise an alert.
fn reported(path: &Path, config: &Config, common: &Common) -> anyhow::Result<BTreeSet<String>> {
    let mut hashtags = BTreeSet::new();
    read(path, config, common, |step| {
        if let Step::Post { post, .. } = step {
            for tag in post.hashtags.iter() {
                if !hashtags.contains(tag.canonical) {
                    hashtags.insert(tag.canonical.to_owned());
                }
            }
        }
    })?;
    Ok(hashtags)
}

fn read(path: &Path, config: &Config, common: &Common, mut on: impl FnMut(Step<'_>)) -> anyhow::Result<()> {
    let options = Options {
        files: vec![path.to_owned()],
        actions: Vec::new(),
        partitions: 1,
        as_of: None,
        format: common.format.into(),
        key: sketch_key(config, KeyUse::Replay)?,
    };
    let mut source = open(&options, config)?;
    while source.next_batch(&mut on)? {}
    Ok(())
}

/// The config as it is, then everything moved together, then each number by itself.
fn settings(config: &Config, common: &Common) -> anyhow::Result<Vec<Setting>> {
    let sources = common.sources();
    // The ramp of a signal without points moves nothing.
    let idle = |key: &str| {
        let mut parts = key.strip_prefix("detect.signals.").unwrap_or_default().split('.');
        parts.next().and_then(|name| config.detect.signals.get(name)).is_some_and(|ramp| ramp.points == 0.0)
    };
    let entries: BTreeMap<String, String> = config
        .entries()
        .into_iter()
        .filter(|(key, value)| {
            let moves = key.starts_with("detect.") && !NOT_MOVED.contains(&key.as_str()) && !idle(key);
            moves && moved(key, value, 1.1).is_some()
        })
        .collect();
    let mut settings = vec![Setting { what: "as shipped".to_owned(), factor: 1.0, config: Some(config.clone()) }];
    for (what, keys) in groups(&entries) {
        for factor in FACTORS {
            let set = keys.iter().filter_map(|(key, harder)| {
                let factor = if *harder { factor } else { 1.0 / factor };
                Some(format!("{key}={}", moved(key, &entries[key], factor)?))
            });
            let mut sources = Sources { set: sources.set.clone(), ..sources.clone() };
            sources.set.extend(set);
            settings.push(Setting { what: what.clone(), factor, config: load(sources).ok() });
        }
    }
    Ok(settings)
}

/// Keys to move together, each with whether it moves with the factor or against it.
type Group = (String, Vec<(String, bool)>);

/// What is moved together: ramps, with their two ends, and everything of a sort; then what is moved one by one.
fn groups(entries: &BTreeMap<String, String>) -> Vec<Group> {
    let is_end = |key: &str| key.ends_with(".from") || key.ends_with(".to");
    let with = |keep: &dyn Fn(&str) -> bool| -> Vec<(String, bool)> {
        entries.keys().filter(|key| keep(key)).map(|key| (key.clone(), true)).collect()
    };
    let is_points = |key: &str| key.ends_with(".points") || key.starts_with("detect.family_points_max.");
    let mut groups = vec![
        ("all thresholds".to_owned(), with(&|key| !is_end(key) && !is_points(key))),
        ("all ramps".to_owned(), with(&is_end)),
        ("all points and caps".to_owned(), with(&is_points)),
        ("all of it".to_owned(), with(&|_| true)),
        ("all ramps, harder with more".to_owned(), harder(entries)),
    ];
    let mut one_by_one: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for key in entries.keys() {
        let what = key.strip_suffix(".from").or(key.strip_suffix(".to")).map(|ramp| format!("{ramp} ramp"));
        let what = what.unwrap_or_else(|| key.clone());
        let what = what.trim_start_matches("detect.").trim_start_matches("signals.").to_owned();
        one_by_one.entry(what).or_default().push((key.clone(), true));
    }
    groups.extend(one_by_one);
    groups
}

/// Every ramp in the direction in which evidence has to be stronger: up where large values count, down where small ones do,
/// and the other way round for counter-evidence.
fn harder(entries: &BTreeMap<String, String>) -> Vec<(String, bool)> {
    let number = |key: String| entries.get(&key).and_then(|value| value.parse::<f64>().ok());
    let mut keys = Vec::new();
    for ramp in entries.keys().filter_map(|key| key.strip_suffix(".from")) {
        let (from, to) = (number(format!("{ramp}.from")), number(format!("{ramp}.to")));
        let against = number(format!("{ramp}.points")).is_some_and(|points| points < 0.0);
        let (Some(from), Some(to)) = (from, to) else { continue };
        let with = (to > from) != against;
        keys.extend([(format!("{ramp}.from"), with), (format!("{ramp}.to"), with)]);
    }
    keys
}

/// A number or duration times a factor, as text for `--set`; none of what is neither.
fn moved(key: &str, value: &str, factor: f64) -> Option<String> {
    if let Ok(whole) = value.parse::<u32>()
        && (REPORTED.contains(&key) || WHOLE.contains(&key))
    {
        return Some((f64::from(whole) * factor).round().to_string());
    }
    if let Ok(number) = value.parse::<f64>() {
        // A share ends at 1. The float's own text reads back exactly.
        let most = if key.ends_with("_share") { 1.0 } else { f64::INFINITY };
        return Some((number * factor).min(most).to_string());
    }
    let ticks = (parse_duration(value)?.as_secs_f64() * factor / 10.0).round() as u64;
    Some(show_duration(std::time::Duration::from_secs(ticks * 10)))
}

/// What was counted under each setting, by stream.
fn count(
    streams: &[Stream],
    settings: &[Setting],
    config: &Config,
    common: &Common,
) -> anyhow::Result<Vec<Vec<Counted>>> {
    let jobs = jobs(streams.len(), settings);
    let (next, results) =
        (AtomicUsize::new(0), Mutex::new(vec![vec![Counted::default(); streams.len()]; settings.len()]));
    let work = || -> anyhow::Result<()> {
        while let Some((stream, chosen)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted = reading(&streams[*stream], chosen, settings, config, common)?;
            let mut results = results.lock().map_err(|_| anyhow!("another setting failed"))?;
            for (setting, counted) in chosen.iter().zip(counted) {
                results[*setting][*stream] = counted;
            }
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a setting failed"))?);
        ended.collect::<anyhow::Result<()>>()
    })?;
    match results.into_inner() {
        Ok(results) => Ok(results),
        Err(_) => bail!("a setting failed"),
    }
}

/// Streams with settings that one reading serves.
fn jobs(streams: usize, settings: &[Setting]) -> Vec<(usize, Vec<usize>)> {
    let mut alike: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (index, setting) in settings.iter().enumerate() {
        let Some(config) = &setting.config else { continue };
        let entries = config.entries();
        alike.entry(REPORTED.map(|key| entries[key].clone()).to_vec()).or_default().push(index);
    }
    let chunks: Vec<Vec<usize>> = alike
        .into_values()
        .flat_map(|all| all.chunks(SETTINGS_A_READING).map(<[usize]>::to_vec).collect::<Vec<_>>())
        .collect();
    (0..streams).flat_map(|stream| chunks.iter().map(move |chunk| (stream, chunk.clone()))).collect()
}

/// Reads a stream once and decides it under each of the settings.
fn reading(
    stream: &Stream,
    chosen: &[usize],
    settings: &[Setting],
    config: &Config,
    common: &Common,
) -> anyhow::Result<Vec<Counted>> {
    let configs: Vec<&Config> = chosen.iter().filter_map(|index| settings[*index].config.as_ref()).collect();
    let Some(first) = configs.first() else { return Ok(Vec::new()) };
    let mut reporter = Reporter::new(first, sketch_key(config, KeyUse::Replay)?);
    let mut folds: Vec<(Fold, Vec<Alert>)> =
        configs.iter().map(|config| (Fold::new(config.detect.clone(), config.version.clone()), Vec::new())).collect();
    read(&stream.path, config, common, |step| match step {
        Step::Post { post, .. } => reporter.post(post),
        Step::Action(taken) => reporter.action(taken),
        Step::Watermark(watermark) | Step::End(watermark) => {
            let mut reports: Vec<Report> = Vec::new();
            reporter.watermark(watermark, |report| reports.push(report));
            folds.iter_mut().for_each(|(fold, alerts)| decide(fold, &reports, watermark, alerts));
        }
    })?;
    Ok(folds.iter().map(|(_, alerts)| counted(stream, alerts)).collect())
}

fn decide(fold: &mut Fold, reports: &[Report], watermark: EventTime, alerts: &mut Vec<Alert>) {
    reports.iter().for_each(|report| fold.report(report.clone()));
    fold.watermark(watermark, |tick: Tick, decided| {
        alerts.extend(decided.lines.into_iter().map(|line| Alert {
            hashtag: line.hashtag,
            kind: line.kind.as_str().to_owned(),
            firing: line.state == State::Firing,
            at: tick.end(),
            explanation: None,
            signals: Vec::new(),
        }));
    });
}

fn counted(stream: &Stream, alerts: &[Alert]) -> Counted {
    let evaluation = evaluate(&stream.posts, alerts, &stream.episodes);
    let coordinated = stream.episodes.iter().filter(|episode| episode.label == Label::Coordinated).count();
    Counted {
        found: evaluation.coordinated.all.detected,
        episodes: coordinated,
        alerts_true: evaluation.alerts.right,
        alerts_false: evaluation.alerts.wrong,
        organic_called: evaluation.organic.called_coordinated,
        organic: evaluation.organic.episodes,
    }
}
