//! The command line. Every command has its own file with its arguments; here is what they share.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{check, compare, demo, evaluate, replay, run, simulate, topics};
use crate::config::{Config, Faults, Sources, load};
use crate::model::EventTime;
use crate::source::decode::Format;

/// Which hashtags are spreading, how fast, through how many accounts, and whether a crowd or a few are behind it.
#[derive(Debug, Parser)]
#[command(name = "tagwatch", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What all commands share.
    #[command(flatten)]
    pub common: Common,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch demo                                   see it work: no broker, no network, no config
  tagwatch check --sample posts.ndjson            does it understand my posts and my config?
  tagwatch run --config tagwatch.toml             the service
  tagwatch replay april.ndjson.zst > alerts.ndjson
  tagwatch evaluate april.ndjson.zst --episodes april.json --ids operation.txt
  tagwatch run --set kafka.brokers=kafka-1:9092 --set memory.budget=2GiB

Every config key can also be set in the environment: TAGWATCH_KAFKA__BROKERS is kafka.brokers.

Exit codes: 0 done, 1 failed, 2 wrong usage, 70 fatal at run time, 78 wrong config, 130 and 143 on a second signal.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a 39-hour story from an embedded Kafka and show the alerts; no broker, no network.
    Demo(demo::Args),
    /// Run the service: posts from Kafka, alerts through Prometheus.
    Run(run::Args),
    /// Read posts from files in event time, as fast as they can be read, and write the alert log.
    Replay(replay::Args),
    /// Replay posts whose episodes are known and say how good the alerts are.
    Evaluate(evaluate::Args),
    /// Compare two alert logs: what would newly page, and what no longer.
    Compare(compare::Args),
    /// Check the config and, with --sample, say what is understood of a file of posts.
    Check(check::Args),
    /// Show or create the topics that the config needs.
    Topics(topics::Args),
    /// Write synthetic posts.
    Simulate(simulate::Args),
}

/// What all commands share.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Config file; without it the defaults, the environment and --set [env: TAGWATCH_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one config key, over the file and the environment; repeatable. Everything after `kafka.client.` is one
    /// librdkafka property: --set kafka.client.socket.timeout.ms=10000.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How posts are written.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: InputFormat,
    /// Form of log lines on stderr; without it text on a terminal, else json.
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
    /// Only warnings and errors on stderr, and no progress bar.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More on stderr; twice for all there is. TAGWATCH_LOG takes a filter such as `tagwatch::source=trace`.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Common {
    /// The layers of the config: the file of `--config` or `TAGWATCH_CONFIG`, the environment, `--set`.
    pub fn sources(&self) -> Sources {
        let named = || std::env::var_os("TAGWATCH_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        Sources::of_process(self.config.clone().or_else(named), self.set.clone())
    }

    /// The config of all layers.
    ///
    /// # Errors
    /// Everything that is wrong with it; ends with exit code 78.
    pub fn config(&self) -> Result<Config, Faults> {
        load(self.sources())
    }
}

/// How posts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Guessed from the first lines.
    #[default]
    Auto,
    /// One JSON object a post with id, ts, account, text or hashtags.
    Native,
    /// Bluesky's Jetstream.
    Jetstream,
    /// Mastodon's streaming API.
    Mastodon,
    /// ActivityPub objects.
    Activitypub,
    /// X's API v1.1, as in the archives of research.
    #[value(name = "x-v1.1")]
    XV1,
    /// X's API v2.
    #[value(name = "x-v2")]
    XV2,
}

impl InputFormat {
    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            InputFormat::Auto => "auto",
            InputFormat::Native => "native",
            InputFormat::Jetstream => "jetstream",
            InputFormat::Mastodon => "mastodon",
            InputFormat::Activitypub => "activitypub",
            InputFormat::XV1 => "x-v1.1",
            InputFormat::XV2 => "x-v2",
        }
    }
}

impl From<InputFormat> for Format {
    fn from(format: InputFormat) -> Format {
        match format {
            InputFormat::Auto => Format::Auto,
            InputFormat::Native => Format::Native,
            InputFormat::Jetstream => Format::Jetstream,
            InputFormat::Mastodon => Format::Mastodon,
            InputFormat::Activitypub => Format::ActivityPub,
            InputFormat::XV1 => Format::XV1,
            InputFormat::XV2 => Format::XV2,
        }
    }
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Reads a time for flags such as `--as-of`: RFC 3339 with a zone, or whole milliseconds since the epoch.
pub(super) fn time(text: &str) -> Result<EventTime, String> {
    let ms = text.parse::<i64>().ok().map(EventTime).filter(|at| at.is_plausible());
    ms.or_else(|| crate::config::parse_time(text))
        .ok_or_else(|| "want a time from 2000 to 2099 such as 2017-05-05T20:00:00Z, or milliseconds".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_format_is_called_on_the_command_line_what_it_is_called_inside() {
        for format in InputFormat::value_variants() {
            let name = format.to_possible_value().expect("no format is hidden").get_name().to_string();
            assert_eq!(name, format.as_str());
        }
    }

    #[test]
    fn times_of_flags_have_two_forms() {
        assert_eq!(time("2017-05-05T20:00:00Z"), Ok(EventTime(1_494_014_400_000)));
        assert_eq!(time("1494014400000"), Ok(EventTime(1_494_014_400_000)));
        // Seconds by mistake fall before 2000.
        assert!(time("1494014400").is_err());
        assert!(time("yesterday").is_err());
    }
}
