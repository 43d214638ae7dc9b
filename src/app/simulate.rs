//! `tagwatch simulate`: synthetic posts, as a file or into a topic.

use std::path::PathBuf;

use super::{Common, Exit, cli};
use crate::model::EventTime;

/// What is written, and where.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Scenario; an unknown name is answered with the list.
    #[arg(long, value_name = "NAME", default_value = "story")]
    pub scenario: String,
    /// Seed: the same seed writes the same posts.
    #[arg(long, value_name = "N", default_value_t = 2017)]
    pub seed: u64,
    /// Number of posts; without it the scenario decides.
    #[arg(long, value_name = "N")]
    pub posts: Option<u64>,
    /// Posts a second by the wall clock; without it as fast as they are taken.
    #[arg(long, value_name = "R")]
    pub rate: Option<f64>,
    /// Event time of the beginning; without it the scenario decides.
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    pub start: Option<EventTime>,
    /// Write to this topic of kafka.brokers.
    #[arg(long, value_name = "TOPIC", conflicts_with = "out")]
    pub topic: Option<String>,
    /// Write NDJSON to this file; `-` is stdout.
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub out: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch simulate --seed 7 > posts.ndjson
  tagwatch simulate --scenario story --rate 500 --topic posts --set kafka.brokers=127.0.0.1:9092";

/// Writes the posts.
///
/// # Errors
/// The config is wrong (78), or the posts cannot be written (1).
pub fn execute(_args: Args, common: &Common) -> anyhow::Result<Exit> {
    common.config()?;
    anyhow::bail!("not linked in this build")
}
