//! `tagwatch replay`: posts from files, the alert log out, the same bytes every time.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::replaying::{Options, replay};
use super::{Common, Exit, cli};
use crate::config::{KeyUse, sketch_key};
use crate::model::EventTime;

/// What is read and where the alert log goes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Posts, one a line: plain, gzip or zstd; `-` is stdin. Each file is a source partition of its own.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write the alert log here instead of stdout; the file is truncated.
    #[arg(long, value_name = "PATH")]
    pub alerts: Option<PathBuf>,
    /// Form of the summary at the end, on stderr.
    #[arg(long, value_enum, default_value_t)]
    pub summary: Summary,
    /// Deal the posts over so many simulated partitions in uneven order; the alert log is the same.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: u32,
    /// Reject posts more than time.max_future after this time; without it no post is too far in the future.
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    pub as_of: Option<EventTime>,
}

/// Form of the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Summary {
    /// For people.
    #[default]
    Text,
    /// One object.
    Json,
    /// Nothing.
    None,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch replay april.ndjson.zst > alerts.ndjson
  tagwatch replay --alerts alerts.ndjson --summary json a.ndjson b.ndjson
  zcat posts.gz | tagwatch replay -

Writes no state. Without TAGWATCH_KEY and privacy.key_file a fixed key is used, so that two people get the same log.";

/// Replays the files.
///
/// # Errors
/// The config is wrong (78), or a file cannot be read or written (1).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    let config = common.config()?;
    let options = Options {
        files: args.files,
        partitions: args.partitions,
        as_of: args.as_of,
        format: common.format.into(),
        key: sketch_key(&config, KeyUse::Replay)?,
    };
    let mut out: Box<dyn Write> = match &args.alerts {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write the alert log {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let bar = (!common.quiet && io::stderr().is_terminal()).then(progress_bar);
    let shown = bar.clone();
    let summary = replay(&options, &config, &mut out, move |read, all| {
        if let Some(bar) = &shown {
            all.into_iter().for_each(|all| bar.set_length(all));
            bar.set_position(read);
        }
    })?;
    bar.iter().for_each(ProgressBar::finish_and_clear);
    match args.summary {
        Summary::Text => eprintln!("{summary}"),
        Summary::Json => eprintln!("{}", serde_json::to_string(&summary)?),
        Summary::None => {}
    }
    Ok(Exit::Done)
}

/// Bytes as they lie on the disk: of a packed file, too, the end is known.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes_per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
