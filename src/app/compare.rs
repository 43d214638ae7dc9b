//! `tagwatch compare`: two alert logs of the same posts, and what would page that did not, or no longer pages. What is
//! held against what is said in `src/evaluate/compare.rs`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::evaluate::{LINE_BYTES_MAX, each_line};
use super::{Common, Exit};
use crate::evaluate::compare::{Comparison, Log, LogLine};

/// Which logs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The alert log as it is: plain, gzip or zstd; `-` is stdin.
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The alert log as it would be; `-` is stdin.
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// List what is for the record in both logs too; it is always counted.
    #[arg(long)]
    pub all: bool,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch compare before.ndjson after.ndjson
  tagwatch replay april.ndjson.zst --set detect.coordination_enter=50 -q | tagwatch compare before.ndjson -
  tagwatch compare alerts.ndjson shadow-alerts.ndjson --json | jq '.differences[] | select(.became == \"newly_pages\")'

An alert of A answers to one of B on the same hashtag that was open at the same time, whatever their ids. A page that the
budget or warming held back calls nobody and counts as no page. Ends with 0 whether or not the logs differ.";

/// Compares the logs.
///
/// # Errors
/// Both logs are standard input (2), or one cannot be read or is no alert log (1).
pub fn execute(args: Args, _common: &Common) -> anyhow::Result<Exit> {
    if [&args.a, &args.b].into_iter().all(|path| path == Path::new("-")) {
        return Err(anyhow!("only one log can be -; name the other (see --help)").context(Exit::Usage));
    }
    let comparison = Comparison::of(read(&args.a)?, read(&args.b)?);
    let comparison = if args.all { comparison } else { comparison.without_records() };
    let mut stdout = io::stdout().lock();
    let printed = match args.json {
        true => writeln!(stdout, "{}", serde_json::to_string(&comparison)?),
        false => write!(stdout, "{comparison}"),
    };
    printed.context("cannot write to stdout").map(|()| Exit::Done)
}

fn read(path: &Path) -> anyhow::Result<Log> {
    let mut lines = Vec::new();
    each_line(path, LINE_BYTES_MAX, |number, line| {
        if !line.trim_ascii().is_empty() {
            let read = LogLine::read(line);
            lines.push(read.with_context(|| format!("the alert log {}, line {number}", path.display()))?);
        }
        Ok(())
    })?;
    Ok(Log::of(lines))
}
