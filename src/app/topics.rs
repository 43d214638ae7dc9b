//! `tagwatch topics`: the topics that the config needs, shown or created.

use super::{Common, Exit};

/// Show or create.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Action {
    /// Show what is missing or differs; ends with 1 where something does.
    Plan,
    /// Create what is missing. Changes nothing that exists; says what differs.
    Apply,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch topics plan  --config tagwatch.toml
  tagwatch topics apply --set kafka.brokers=kafka-1:9092";

/// Shows or creates the topics.
///
/// # Errors
/// The config is wrong (78), or the brokers refuse (1).
pub fn execute(_args: Args, common: &Common) -> anyhow::Result<Exit> {
    common.config()?;
    anyhow::bail!("not linked in this build")
}
