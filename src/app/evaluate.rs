//! `tagwatch evaluate`: how good the alerts are on a stream whose episodes are known. Replays the posts, or takes an alert
//! log, and holds the lines against the labels. What the figures mean is said in `src/evaluate/`.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use tracing::warn;

use super::replay::progress_bar;
use super::replaying::{Options, open, replay};
use super::{Common, Exit, moved, scenarios};
use crate::config::{Config, KeyUse, sketch_key};
use crate::evaluate::{Alert, Episode, Gathering, Label, Posts, evaluate};
use crate::source::decode::{Decoder, Format};
use crate::source::lines::{Lines, unreadable};

/// What is scored against what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Posts, one a line: plain, gzip or zstd.
    #[arg(value_name = "STREAM", required_unless_present_any = ["scenarios", "moved"])]
    pub stream: Option<PathBuf>,
    /// Labelled episodes: a JSON list of objects with hashtag, kind (coordinated, organic or ambiguous), start, end and, if
    /// they are to be counted apart, subkind.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["scenarios", "moved"])]
    pub episodes: Option<PathBuf>,
    /// Ids of the posts of known operations, one a line: plain, gzip or zstd. Without it, or with `-`, no post is
    /// coordinated and no alert is true.
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// Score this alert log instead of replaying, tagwatch's own or another detector's; `-` is stdin. A line needs hashtag,
    /// kind and at; one without state counts as firing.
    #[arg(long, value_name = "FILE")]
    pub alerts: Option<PathBuf>,
    /// Instead of a stream, play these scenarios of `tagwatch simulate`, each under many seeds, and print the error rates;
    /// `all` is every one.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["stream", "episodes", "ids", "alerts"])]
    pub scenarios: Vec<String>,
    /// Seeds of each scenario, from 1 on.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "scenarios", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub seeds: u64,
    /// Play every crowd as it is described: a seed draws other posts, but no other size and habits.
    #[arg(long, requires = "scenarios")]
    pub plain: bool,
    /// Instead of a stream, take every labelled stream of this folder (NAME.ndjson, NAME.episodes.json and
    /// NAME.coordinated_ids.txt, plain or packed), move each number of [detect] by 10 and 20 %, together and one by one, and
    /// print what changes.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["stream", "episodes", "ids", "alerts", "scenarios"])]
    pub moved: Option<PathBuf>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch evaluate april.ndjson.zst --episodes april.json --ids operation.txt.gz
  tagwatch evaluate april.ndjson.zst --episodes april.json --ids operation.txt.gz --alerts other-detector.ndjson
  tagwatch evaluate april.ndjson.zst --episodes april.json --set detect.coordination_enter=40 --json

An alert is a firing line of coordinated_burst. It is true where at least half of its hashtag's posts of the 30 minutes
before it are coordinated. An episode is detected from its start to 30 minutes past its end.";

/// Longest line of an alert log or a file of ids, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;
/// Longest line of a file of episodes, in bytes: all of them may stand in one.
const EPISODES_BYTES_MAX: usize = 64 << 20;

/// Scores the alerts and prints what they are worth.
///
/// # Errors
/// The config is wrong (78), standard input is named for two files or for a stream that is read twice (2), or a file cannot
/// be read or is not what it should be (1).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    if let Some(folder) = &args.moved {
        return moved::execute(folder, args.json, common);
    }
    let (Some(stream), Some(episodes)) = (&args.stream, &args.episodes) else {
        let options = scenarios::Options { seeds: args.seeds, varied: !args.plain };
        return scenarios::execute(&args.scenarios, options, args.json, common);
    };
    check_stdin(stream, episodes, args.alerts.as_deref())?;
    let config = common.config()?;
    let episodes = read_episodes(episodes)?;
    let ids = read_ids(args.ids.as_deref())?;
    let mut log = Log::about(&episodes);
    match &args.alerts {
        Some(path) => read_log(path, &mut log)?,
        None => replay_into(&mut log, stream, &config, common)?,
    }
    let hashtags = log.hashtags.iter().copied().chain(log.alerts.iter().map(|alert| alert.hashtag.as_str()));
    let posts = gather(Gathering::of(hashtags), stream, common.format.into(), &config, &ids)?;
    warn_of_labels(&posts, &episodes);
    let evaluation = evaluate(&posts, &log.alerts, &episodes);
    let mut stdout = io::stdout().lock();
    let printed = match args.json {
        true => writeln!(stdout, "{}", serde_json::to_string(&evaluation)?),
        false => write!(stdout, "{evaluation}"),
    };
    printed.context("cannot write to stdout").map(|()| Exit::Done)
}

/// Standard input can be read once.
fn check_stdin(stream: &Path, episodes: &Path, alerts: Option<&Path>) -> anyhow::Result<()> {
    let stdin = |path: &&Path| *path == Path::new("-");
    if stdin(&stream) && alerts.is_none() {
        return Err(anyhow!("STREAM is read twice and cannot be -; name a file (see --help)").context(Exit::Usage));
    }
    if [Some(stream), Some(episodes), alerts].into_iter().flatten().filter(stdin).count() > 1 {
        return Err(anyhow!("only one file can be -; name the others (see --help)").context(Exit::Usage));
    }
    Ok(())
}

/// Labels that say nothing about this stream would only show as bad figures.
fn warn_of_labels(posts: &Posts, episodes: &[Episode]) {
    if posts.coordinated == 0 && episodes.iter().any(|episode| episode.label == Label::Coordinated) {
        warn!("no post of the stream is coordinated, so no alert is true: --ids must name the posts of the operation");
    }
    let empty: Vec<&Episode> = episodes.iter().filter(|episode| !posts.any_in(episode)).collect();
    if let Some(Episode { hashtag, start, .. }) = empty.first() {
        let (some, all) = (empty.len(), episodes.len());
        warn!("{some} of {all} episodes have no post in the stream: the first is #{hashtag} from {start}");
    }
}

pub(super) fn read_episodes(path: &Path) -> anyhow::Result<Vec<Episode>> {
    let mut json = Vec::new();
    each_line(path, EPISODES_BYTES_MAX, |number, line| {
        if number > 1 {
            json.push(b'\n');
        }
        json.extend_from_slice(line);
        Ok(())
    })?;
    Episode::read_all(&json).with_context(|| format!("the episodes file {}", path.display()))
}

pub(super) fn read_ids(path: Option<&Path>) -> anyhow::Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(ids) };
    each_line(path, LINE_BYTES_MAX, |number, line| {
        let id = std::str::from_utf8(line).map_err(|_| anyhow!("line {number} is no UTF-8; want one id a line"));
        let id = id.with_context(|| format!("the file of ids {}", path.display()))?.trim();
        if !id.is_empty() {
            ids.insert(id.to_owned());
        }
        Ok(())
    })?;
    Ok(ids)
}

/// The lines of an alert log that are scored.
struct Log<'a> {
    /// Of these hashtags every line is kept, of others only what calls them coordinated.
    hashtags: BTreeSet<&'a str>,
    alerts: Vec<Alert>,
}

impl<'a> Log<'a> {
    fn about(episodes: &'a [Episode]) -> Log<'a> {
        Log { hashtags: episodes.iter().map(|episode| episode.hashtag.as_str()).collect(), alerts: Vec::new() }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), crate::evaluate::alert::AlertError> {
        let alert = Alert::read(line)?;
        if alert.calls_coordinated() || self.hashtags.contains(alert.hashtag.as_str()) {
            self.alerts.push(alert);
        }
        Ok(())
    }
}

fn read_log(path: &Path, log: &mut Log<'_>) -> anyhow::Result<()> {
    each_line(path, LINE_BYTES_MAX, |number, line| {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        log.take(line).with_context(|| format!("the alert log {}, line {number}", path.display()))
    })
}

/// Replays the stream; its alert lines go through the same reader as a log's.
fn replay_into(log: &mut Log<'_>, stream: &Path, config: &Config, common: &Common) -> anyhow::Result<()> {
    let options = Options {
        files: vec![stream.to_owned()],
        actions: Vec::new(),
        partitions: 1,
        as_of: None,
        format: common.format.into(),
        key: sketch_key(config, KeyUse::Replay)?,
    };
    let source = open(&options, config)?;
    let bar = (!common.quiet && io::stderr().is_terminal()).then(progress_bar);
    let shown = bar.clone();
    replay(source, &options, config, &mut Taken { line: Vec::new(), log }, move |read, all| {
        if let Some(bar) = &shown {
            all.into_iter().for_each(|all| bar.set_length(all));
            bar.set_position(read);
        }
    })?;
    bar.iter().for_each(indicatif::ProgressBar::finish_and_clear);
    Ok(())
}

/// Takes the lines that a replay writes into a log.
struct Taken<'t, 'a> {
    /// The beginning of the line that is being written.
    line: Vec<u8>,
    log: &'t mut Log<'a>,
}

impl Write for Taken<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.log.take(&self.line).map_err(io::Error::other)?;
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads all posts of the stream, late ones and duplicates too: the labels know nothing of watermarks.
pub(super) fn gather(
    mut gathering: Gathering,
    stream: &Path,
    format: Format,
    config: &Config,
    ids: &HashSet<String>,
) -> anyhow::Result<Posts> {
    let mut decoder = Decoder::new(format, config.limits.clone());
    let mut lines = Lines::open(stream, config.limits.post_bytes_max, 1, Arc::default())?;
    while let Some(line) = next_line(&mut lines, stream)? {
        match decoder.decode(line.1) {
            Ok(post) => {
                let coordinated = ids.contains(post.id.as_ref());
                gathering.add(post.ts, post.hashtags.iter().map(|tag| tag.canonical), coordinated);
            }
            Err(_) => gathering.reject(),
        }
    }
    let posts = gathering.finish();
    let stream = stream.display();
    ensure!(posts.total > 0, "no post is understood in {stream}; `tagwatch check --sample {stream}` says why");
    Ok(posts)
}

/// Hands every line to `on`, with its number from 1.
pub(super) fn each_line(
    path: &Path,
    bytes_max: usize,
    mut on: impl FnMut(i64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut lines = Lines::open(path, bytes_max, 1, Arc::default())?;
    while let Some((number, line)) = next_line(&mut lines, path)? {
        if line.len() > bytes_max {
            bail!("{}, line {number}: longer than {bytes_max} bytes; is it the right file?", path.display());
        }
        on(number, line)?;
    }
    Ok(())
}

/// The next line with its number from 1; an error names the file.
fn next_line<'l>(lines: &'l mut Lines, path: &Path) -> io::Result<Option<(i64, &'l [u8])>> {
    let count = lines.count();
    let line = lines.next_line().map_err(|error| unreadable(path, "read", count, &error))?;
    Ok(line.map(|line| (line.number + 1, line.bytes)))
}
