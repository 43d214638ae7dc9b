//! `tagwatch simulate`: synthetic posts, and actions where a scenario has some, as a file or into topics.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::{Common, Exit, cli};
use crate::clock;
use crate::config::Config;
use crate::kafka::producer::Producer;
use crate::model::EventTime;
use crate::simulate::{Options, Pace, Record, records};

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
    /// Posts a second of event time of the population that carries the scenario; without it the scenario decides.
    #[arg(long, value_name = "R", value_parser = rate)]
    pub rate: Option<f64>,
    /// Play so many times faster than it happens; without it as fast as the posts are taken.
    #[arg(long, value_name = "X", value_parser = speed)]
    pub speed: Option<f64>,
    /// Event time of the beginning; without it the scenario decides.
    #[arg(long, value_name = "TIME", value_parser = cli::time)]
    pub start: Option<EventTime>,
    /// Let the seed also draw how large the crowds are and what their habits are, as `tagwatch evaluate --scenarios` does.
    #[arg(long)]
    pub varied: bool,
    /// Write to this topic of kafka.brokers; actions go to kafka.actions_topic, if one is set.
    #[arg(long, value_name = "TOPIC", conflicts_with = "out")]
    pub topic: Option<String>,
    /// Write NDJSON to this file, posts and actions in the order of time; `-` is stdout.
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub out: PathBuf,
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 1e-3, 1e6)
}

fn speed(text: &str) -> Result<f64, String> {
    within(text, 1e-3, 1e9)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("must lie in {least} to {most}")) }
}

const EXAMPLES: &str = "\
Examples:
  tagwatch simulate --scenario leaks --seed 7 > posts.ndjson
  tagwatch simulate --scenario story --speed 1000 --topic posts --set kafka.brokers=127.0.0.1:9092";

/// Longest that delivered posts are waited for at the end.
const FLUSH_MAX: Duration = Duration::from_secs(60);

/// Writes the posts.
///
/// # Errors
/// The scenario is unknown (2), the config is wrong (78), or the posts cannot be written (1).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    let config = common.config()?;
    let start = args.start.unwrap_or(Options::START);
    let options = Options { seed: args.seed, posts: args.posts, rate: args.rate, start, varied: args.varied };
    let posts = records(&args.scenario, &options).context(Exit::Usage)?;
    let posts = paced(posts, args.speed.map(|speed| Pace::new(start, speed)));
    match &args.topic {
        Some(topic) => to_topic(posts, topic, &config),
        None => to_file(posts, &args.out).context("cannot write the posts").map(|()| Exit::Done),
    }
}

/// The posts, each no earlier than its turn by the wall clock.
fn paced(posts: impl Iterator<Item = Record>, pace: Option<Pace>) -> impl Iterator<Item = Record> {
    let began = clock::monotonic();
    posts.inspect(move |post| {
        let wait = pace.as_ref().map_or(Duration::ZERO, |pace| pace.wait(EventTime(post.ts()), began.elapsed()));
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
    })
}

fn to_file(posts: impl Iterator<Item = Record>, path: &Path) -> io::Result<()> {
    let out: Box<dyn Write> = match path.to_str() {
        Some("-") => Box::new(io::stdout().lock()),
        _ => Box::new(std::fs::File::create(path)?),
    };
    crate::simulate::write(posts, &mut io::BufWriter::with_capacity(1 << 20, out)).map(drop)
}

fn to_topic(posts: impl Iterator<Item = Record>, topic: &str, config: &Config) -> anyhow::Result<Exit> {
    let producer = Producer::connect(&config.kafka)?;
    let (mut actions, mut left_out) = (0_u64, 0_u64);
    let (count, sent) = crate::simulate::send(posts, |record, json| {
        let topic = match (record, &config.kafka.actions_topic) {
            (Record::Post(_), _) => topic,
            (Record::Action(_), Some(topic)) => {
                actions += 1;
                topic
            }
            (Record::Action(_), None) => {
                left_out += 1;
                return Ok(());
            }
        };
        producer.send(topic, None, None, json, Some(record.ts())).map_err(io::Error::other)
    });
    sent.with_context(|| format!("cannot write record {} to '{topic}'", count + 1))?;
    producer.flush(FLUSH_MAX).with_context(|| format!("posts may be missing from '{topic}'"))?;
    // Where stderr is closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{} posts written to '{topic}'", count - actions - left_out);
    if actions > 0 {
        let topic = config.kafka.actions_topic.as_deref().unwrap_or_default();
        let _ = writeln!(io::stderr(), "{actions} actions written to '{topic}'");
    } else if left_out > 0 {
        let _ = writeln!(io::stderr(), "{left_out} actions left out: kafka.actions_topic is not set");
    }
    Ok(Exit::Done)
}
