//! `tagwatch run`: the service.

use super::{Common, Exit};

/// Everything is in the config.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

const EXAMPLES: &str = "\
Examples:
  tagwatch run --config tagwatch.toml
  TAGWATCH_KAFKA__BROKERS=kafka-1:9092 tagwatch run
  tagwatch run --set kafka.start=latest --set http.listen=127.0.0.1:9800

The first Ctrl-C or SIGTERM drains, writes, commits and ends with 0; a second one ends at once.";

/// Runs the service until it is told to stop.
///
/// # Errors
/// The config is wrong (78), or the service cannot go on (70).
pub fn execute(_args: Args, common: &Common) -> anyhow::Result<Exit> {
    common.config()?;
    anyhow::bail!("not linked in this build")
}
