//! Replay: posts from files through the whole pipeline, in event time and as fast as they can be read. Reads and writes
//! no state; the same posts give the same alert log to the byte.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::pipeline::{Decisions, Feeder, Whose, empty_decider, empty_shards};
use crate::clock;
use crate::config::Config;
use crate::decide::line::AlertLine;
use crate::exchange::shards::{ShardOptions, Shards};
use crate::model::{Act, EventTime, Keyed, Tick};
use crate::source::Step;
use crate::source::decode::Format;
use crate::source::file::{FileOptions, FileSource};
use crate::source::tally::{ActionTally, Tally};

/// What to replay.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files, each a source partition; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Files of actions alone.
    pub actions: Vec<PathBuf>,
    /// Simulated partitions that each file is dealt over.
    pub partitions: u32,
    /// The time to hold posts against that lie in the future.
    pub as_of: Option<EventTime>,
    /// How posts are written.
    pub format: Format,
    /// The sketch key.
    pub key: [u8; 16],
}

/// What a replay did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Posts and other records read.
    pub posts: u64,
    /// Records that were no usable post, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Posts too far behind their partition.
    pub late: u64,
    /// Posts counted already.
    pub duplicate: u64,
    /// Mentions counted.
    pub mentions: u64,
    /// Hashtags let go of because memory ran out.
    pub evicted: u64,
    /// Partitions set aside: never in a replay.
    pub set_aside: u64,
    /// Actions, what became of them.
    pub actions: ActionsSummary,
    /// Alert lines, by kind and state.
    pub lines: BTreeMap<String, u64>,
    /// Alerts still open at the end of the input.
    pub open: usize,
    /// Earliest event time.
    pub from: Option<String>,
    /// End of the last pane.
    pub to: Option<String>,
    /// Hash of the sections that make the alerts.
    pub config_version: String,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// What the shadow did; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowSummary>,
}

/// What a shadow did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShadowSummary {
    /// Its alert lines, by kind and state.
    pub lines: BTreeMap<String, u64>,
    /// Its alerts still open at the end of the input.
    pub open: usize,
    /// Hash of the sections that make its alerts.
    pub config_version: String,
}

/// What became of the actions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ActionsSummary {
    /// Actions that took effect, by what was done.
    pub taken: BTreeMap<&'static str, u64>,
    /// Records that were no usable action, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Actions too far behind their partition.
    pub late: u64,
    /// Actions forgotten because there were more than are remembered.
    pub evicted: u64,
}

impl ActionsSummary {
    fn count(&mut self, tally: &ActionTally) {
        self.late += tally.late;
        for (act, count) in Act::ALL.iter().zip(tally.taken).filter(|(_, count)| *count > 0) {
            *self.taken.entry(act.as_str()).or_default() += count;
        }
        for (reason, count) in &tally.rejected {
            *self.rejected.entry(reason.as_str()).or_default() += count;
        }
    }

    fn records(&self) -> u64 {
        self.taken.values().chain(self.rejected.values()).sum::<u64>() + self.late
    }
}

impl fmt::Display for ActionsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
        };
        let ActionsSummary { taken, rejected, late, evicted } = self;
        write!(f, "{}", list(taken))?;
        if !rejected.is_empty() {
            write!(f, "; rejected {}", list(rejected))?;
        }
        write!(f, "; late {late}, forgotten {evicted}")
    }
}

impl Summary {
    fn count(&mut self, tally: &Tally) {
        self.actions.count(&tally.actions);
        self.posts += tally.records();
        self.late += tally.late_posts();
        for (reason, count) in &tally.rejected {
            *self.rejected.entry(reason.as_str()).or_default() += count;
        }
    }

    /// The input has ended: what became of it, and how the deciders stand.
    fn finish(&mut self, (tally, from, end): (Tally, Option<EventTime>, EventTime), decisions: &Decisions) {
        self.count(&tally);
        let totals = decisions.totals();
        (self.mentions, self.duplicate, self.evicted) = (totals.mentions, totals.duplicates, totals.evicted);
        self.actions.evicted = totals.actions_evicted;
        self.open = decisions.decider().open_alerts();
        if let (Some(shadow), Some(decider)) = (&mut self.shadow, decisions.shadow()) {
            shadow.open = decider.open_alerts();
        }
        self.to = (end > EventTime::MIN).then(|| end.to_string());
        self.from = from.map(|from| from.to_string());
    }

    /// Whether there was something to read and none of it was a post.
    pub fn understood_none(&self) -> bool {
        self.posts > 0 && self.rejected.values().sum::<u64>() == self.posts
    }

    fn line(&mut self, whose: Whose, line: &AlertLine) {
        let lines = match (whose, &mut self.shadow) {
            (Whose::Shadow, Some(shadow)) => &mut shadow.lines,
            _ => &mut self.lines,
        };
        *lines.entry(format!("{} {}", line.kind.as_str(), line.state.as_str())).or_default() += 1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.posts as f64 / self.seconds.max(1e-9);
        writeln!(f, "{} posts in {:.1} s ({rate:.0} a second)", self.posts, self.seconds)?;
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            writeln!(f, "  event time  {from} to {to}")?;
        }
        writeln!(f, "  mentions    {}", self.mentions)?;
        let rejected: u64 = self.rejected.values().sum();
        let reasons: Vec<String> = self.rejected.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        writeln!(f, "  rejected    {rejected}{reasons}")?;
        writeln!(f, "  duplicate   {}", self.duplicate)?;
        writeln!(f, "  late {}, evicted {}, set aside {}", self.late, self.evicted, self.set_aside)?;
        if self.actions.records() > 0 {
            writeln!(f, "  actions     {}", self.actions)?;
        }
        for (name, count) in &self.lines {
            writeln!(f, "  {count:>6} {name}")?;
        }
        write!(f, "  {} alerts still open; config {}", self.open, self.config_version)?;
        let Some(shadow) = &self.shadow else { return Ok(()) };
        write!(f, "\nshadow")?;
        for (name, count) in &shadow.lines {
            write!(f, "\n  {count:>6} {name}")?;
        }
        write!(f, "\n  {} alerts still open; config {}", shadow.open, shadow.config_version)
    }
}

/// Where alert lines go as they are decided.
pub struct Logs<'a> {
    /// Ours.
    pub alerts: &'a mut dyn Write,
    /// The config of a shadow, and where its lines go.
    pub shadow: Option<(&'a Config, &'a mut dyn Write)>,
}

impl Logs<'_> {
    fn write(&mut self, whose: Whose, line: &AlertLine) -> std::io::Result<()> {
        match (whose, &mut self.shadow) {
            (Whose::Own, _) => write_line(self.alerts, line),
            (Whose::Shadow, Some((_, alerts))) => write_line(*alerts, line),
            (Whose::Shadow, None) => Ok(()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.alerts.flush()?;
        self.shadow.as_mut().map_or(Ok(()), |(_, alerts)| alerts.flush())
    }
}

/// Replays what [`open`] opened; alert lines go to `alerts` as they are decided, `progress` hears of bytes read and in all.
///
/// # Errors
/// If a file cannot be read to its end, or `alerts` not be written. What was decided before is written all the same.
pub fn replay(
    source: FileSource,
    options: &Options,
    config: &Config,
    alerts: &mut dyn Write,
    progress: impl Fn(u64, Option<u64>) + Send + 'static,
) -> anyhow::Result<Summary> {
    replay_beside(source, options, config, Logs { alerts, shadow: None }, progress)
}

/// As [`replay`], with a shadow beside it where `logs` have one.
///
/// # Errors
/// As [`replay`].
pub fn replay_beside(
    mut source: FileSource,
    options: &Options,
    config: &Config,
    mut logs: Logs<'_>,
    progress: impl Fn(u64, Option<u64>) + Send + 'static,
) -> anyhow::Result<Summary> {
    let began = clock::monotonic();
    let shadow = logs.shadow.as_ref().map(|(config, _)| *config);
    let shard_options = ShardOptions {
        detect: config.detect.clone(),
        shadow: shadow.map(|config| config.detect.clone()),
        checkpoints: false,
        top_k: 0,
        refresh: Arc::default(),
        open_bytes: Arc::new(AtomicU64::new(0)),
    };
    let mut shards = Shards::start(empty_shards(config), &shard_options).context("starting the shards")?;
    let mut feeder = Feeder::new(Keyed::new(options.key), &mut shards, None);
    let (hold_above, open_bytes) = (config.memory.budget_bytes / 2, Arc::clone(&shard_options.open_bytes));
    // Dealt partitions may run far ahead; the shards catch up before more is read.
    let hold = move || open_bytes.load(Ordering::Relaxed) > hold_above;
    let name = std::thread::Builder::new().name("source".to_owned());
    let reading = name.spawn(move || read(&mut source, &mut feeder, hold, progress))?;

    let mut summary = summary_of(config, shadow);
    let mut decisions =
        Decisions::new(empty_decider(config), shadow.map(empty_decider), config.track.shards, Tick(i64::MIN / 4));
    let mut failed = Ok(());
    for mut message in &shards.output {
        decisions.take(&mut message, |whose, _, decided| {
            for line in &decided.lines {
                summary.line(whose, line);
                failed = std::mem::replace(&mut failed, Ok(())).and_then(|()| logs.write(whose, line));
            }
        });
        if failed.is_err() {
            break;
        }
    }
    shards.join();
    let read = reading.join().map_err(|_| anyhow::anyhow!("the source thread panicked"))?;
    failed.and_then(|()| logs.flush())?;
    summary.finish(read?, &decisions);
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

fn summary_of(config: &Config, shadow: Option<&Config>) -> Summary {
    let shadow =
        shadow.map(|config| ShadowSummary { config_version: config.version.clone(), ..ShadowSummary::default() });
    Summary { config_version: config.version.clone(), shadow, ..Summary::default() }
}

/// Reads everything; what became of the records, the earliest event time, and the end of the input.
fn read(
    source: &mut FileSource,
    feeder: &mut Feeder,
    hold: impl Fn() -> bool,
    progress: impl Fn(u64, Option<u64>),
) -> std::io::Result<(Tally, Option<EventTime>, EventTime)> {
    let mut end = EventTime::MIN;
    let mut gone = false;
    while !gone && source.next_batch(&mut |step| gone |= feed(feeder, &step, &mut end))? {
        progress(source.progress().0, source.progress().1);
        if hold() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok((source.tally().take(), feeder.watched_since(), end))
}

/// Opens all files.
///
/// # Errors
/// If one cannot be opened or read; the message names it.
pub fn open(options: &Options, config: &Config) -> std::io::Result<FileSource> {
    let file_options = FileOptions {
        partitions: options.partitions,
        format: options.format,
        limits: config.limits.clone(),
        delay: config.time.watermark_delay,
        max_future: config.time.max_future,
        as_of: options.as_of,
        actions: options.actions.clone(),
    };
    FileSource::open(&options.files, file_options)
}

/// Hands a step to the feeder; whether the shards are gone.
fn feed(feeder: &mut Feeder, step: &Step<'_>, end: &mut EventTime) -> bool {
    match step {
        Step::Post { post, .. } => {
            feeder.post(post);
            false
        }
        Step::Action(action) => {
            feeder.action(action);
            false
        }
        Step::Watermark(watermark) => feeder.watermark(*watermark).is_err(),
        Step::End(last) => {
            *end = *last;
            feeder.watermark(*last).is_err()
        }
    }
}

fn write_line(alerts: &mut dyn Write, line: &AlertLine) -> std::io::Result<()> {
    serde_json::to_writer(&mut *alerts, line)?;
    alerts.write_all(b"\n")
}
