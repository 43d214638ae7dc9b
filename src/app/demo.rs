//! `tagwatch demo`: a story from an embedded Kafka, for newcomers.

use std::net::SocketAddr;

use super::{Common, Exit};

/// How the story is played.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How many times faster than it happened.
    #[arg(long, value_name = "N", default_value_t = 1500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub speed: u32,
    /// Address of the page and of /metrics; without it http.listen of the config.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Seed of the story: the same seed writes the same posts.
    #[arg(long, value_name = "N", default_value_t = 2017)]
    pub seed: u64,
    /// End with 0 when the story is over instead of serving until Ctrl-C.
    #[arg(long)]
    pub once: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch demo                       then open http://127.0.0.1:9700
  tagwatch demo --speed 500           slower
  tagwatch demo --once --quiet        alerts only, then end";

/// Plays the story.
///
/// # Errors
/// The config is wrong (78), or the demo cannot go on (70).
pub fn execute(_args: Args, common: &Common) -> anyhow::Result<Exit> {
    common.config()?;
    anyhow::bail!("not linked in this build")
}
