//! `tagwatch replay`: posts from files, the alert log out, the same bytes every time.

use std::path::PathBuf;

use super::{Common, Exit, cli};
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
pub fn execute(_args: Args, common: &Common) -> anyhow::Result<Exit> {
    common.config()?;
    anyhow::bail!("not linked in this build")
}
