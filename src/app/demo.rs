//! `tagwatch demo`: a story from an embedded Kafka, for newcomers.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::run::stop_on_signals;
use super::running::{Ended, Service};
use super::{Common, Exit};
use crate::clock;
use crate::config::{Config, KeyUse, load, sketch_key};
use crate::decide::line::{AlertLine, Kind, State};
use crate::kafka::mock::Mock;
use crate::kafka::producer::Producer;
use crate::model::{EventTime, Tick};
use crate::simulate::{Options, Pace, chapters, scenario};
use crate::source::decode::Format;
use crate::source::kafka::Shared;

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
  tagwatch demo --once                end when the story does";

/// Topic partitions of the embedded broker.
const PARTITIONS: i32 = 8;
/// Posts the player may be ahead of the reader: the embedded broker forgets what is older than 5 MiB a partition.
const AHEAD_MAX: u64 = 8_000;
/// How long after the last post `--once` waits for what it leads to.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Posts in the last hour from which an organic burst that begins gets a line on the terminal.
const CROWD_HOUR_POSTS: u64 = 300;
/// Posts in the last 24 hours from which an organic burst that ends gets one.
const CROWD_DAY_POSTS: u64 = 2_000;

/// Plays the story.
///
/// # Errors
/// The config is wrong (78), or the demo cannot go on (70).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    let mut sources = common.sources();
    // As any other way to set it, so that it is judged as any other.
    sources.set.extend(args.listen.map(|listen| format!("http.listen={listen}")));
    let mut config = load(sources)?;
    let folder = tempfile::tempdir().context("cannot make a folder for the demo's state")?;
    config.state.dir = folder.path().to_owned();
    config.kafka.rejected_topic = None;
    print(format_args!(
        "tagwatch demo: 39 hours of synthetic posts (seed {}), {} times as fast as they happened",
        args.seed, args.speed
    ));
    let alerts = config.kafka.alerts_topic.clone();
    let mut topics = vec![(config.kafka.posts_topic.as_str(), PARTITIONS)];
    topics.extend(alerts.as_deref().map(|topic| (topic, 1)));
    let mock = Mock::start(&topics)?;
    config.kafka.brokers = mock.brokers().to_owned();
    let shared = Arc::<Shared>::default();
    stop_on_signals(&shared)?;
    let story = Arc::new(Story::new(&args));
    let player = {
        let (config, shared, once, story) = (config.clone(), Arc::clone(&shared), args.once, Arc::clone(&story));
        std::thread::Builder::new().name("player".to_owned()).spawn(move || {
            let played = play(&story, &config, &shared);
            // What is decided last is told before the end; what a signal cut off is not.
            if !shared.stopped() {
                std::thread::sleep(LAST_WORDS);
            }
            if !shared.stopped() {
                story.tell_until(EventTime(i64::MAX));
                print(format_args!("           --- smaller crowds, recorded and not shown here: {}", story.unsaid()));
            }
            if once || played.is_err() {
                shared.stop.store(true, Ordering::Relaxed);
            } else if !shared.stopped() {
                print("           --- the story is over; the page stays until Ctrl-C");
            }
            played
        })?
    };
    let service = Service {
        // The fixed key: the same seed tells the same story, and its accounts are nobody's.
        key: sketch_key(&config, KeyUse::Replay)?,
        config,
        shadow: None,
        format: Format::Native,
        shared,
        listening: Box::new(|address| {
            print(format_args!("page http://{address}/   metrics http://{address}/metrics   Ctrl-C ends it\n"));
        }),
        on_line: Box::new(move |line| story.tell(line)),
    };
    let ended = service.run()?;
    player.join().map_err(|_| anyhow!("the player's thread panicked"))??;
    Ok(if ended == Ended::Drained { Exit::Done } else { Exit::Failure })
}

/// What is played, and how far it was told. Posts are sent before they are decided, so chapters wait for the alerts
/// before them.
struct Story {
    options: Options,
    speed: f64,
    untold: Mutex<VecDeque<(EventTime, &'static str)>>,
    /// Organic bursts that ended without a line on the terminal.
    unsaid: AtomicU64,
}

impl Story {
    fn new(args: &Args) -> Story {
        let options = Options::new(args.seed);
        let untold = Mutex::new(chapters(options.start).into());
        Story { options, speed: f64::from(args.speed), untold, unsaid: AtomicU64::new(0) }
    }

    fn unsaid(&self) -> u64 {
        self.unsaid.load(Ordering::Relaxed)
    }

    /// Tells the chapters that began by `at`.
    fn tell_until(&self, at: EventTime) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((begins, words)) = untold.pop_front_if(|(begins, _)| *begins <= at) {
            print(format_args!("{}  --- {words}", clock_face(&begins.to_string())));
        }
    }

    /// One line on the terminal for what a person would want to know. Small crowds come and go by the hundred; they are
    /// on the page and in the alerts topic.
    fn tell(&self, line: &AlertLine) {
        if let Some(said) = said(line) {
            self.tell_until(Tick(line.tick).end());
            print(format_args!("{}  {said}", clock_face(&line.at)));
        } else if (line.kind, line.state) == (Kind::OrganicBurst, State::Resolved) {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends the posts at their time, and no further ahead of the reader than the broker remembers.
fn play(story: &Story, config: &Config, shared: &Shared) -> anyhow::Result<()> {
    let producer = Producer::connect(&config.kafka)?;
    let topic = &config.kafka.posts_topic;
    let pace = Pace::new(story.options.start, story.speed);
    let began = clock::monotonic();
    let mut json = Vec::new();
    for (sent, post) in scenario("story", &story.options)?.enumerate() {
        let wait = pace.wait(EventTime(post.ts), began.elapsed());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        if sent % 256 == 0 {
            wait_for_reader(sent as u64, shared);
            story.tell_until(shared.progress().watermark);
        }
        if shared.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        json.clear();
        post.write_json(&mut json);
        let partition = i32::try_from(post.account % PARTITIONS as u64).unwrap_or(0);
        producer.send(topic, Some(partition), None, &json, Some(post.ts))?;
    }
    producer.flush(Duration::from_secs(10))?;
    Ok(())
}

fn wait_for_reader(sent: u64, shared: &Shared) {
    let read =
        || -> u64 { shared.progress().partitions.values().map(|at| u64::try_from(at.position).unwrap_or(0)).sum() };
    while sent.saturating_sub(read()) > AHEAD_MAX && !shared.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A line on the terminal. Where it is closed, as by `head`, the page goes on.
fn print(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The mark and the sentence, if the line is worth one.
fn said(line: &AlertLine) -> Option<String> {
    let mark = match (line.kind, line.state) {
        (_, State::Pending) => return None,
        (Kind::OrganicBurst, State::Resolved) => return crowd_is_over(line),
        (Kind::OrganicBurst, _) if line.windows.h1.posts < CROWD_HOUR_POSTS => return None,
        (Kind::OrganicBurst, _) => "crowd",
        (Kind::EphemeralAmplification, State::Firing | State::Provisional) => "gone ",
        (_, State::Resolved) => "calm ",
        (Kind::AutomatedFeed, _) => "feed ",
        (Kind::CoordinatedBurst | Kind::Campaign, State::Firing) => "ALERT",
        _ => "early",
    };
    Some(format!("{mark} {}", line.explanation))
}

/// A burst begins small, so how large a crowd was is known at its end.
fn crowd_is_over(line: &AlertLine) -> Option<String> {
    let day = &line.windows.h24;
    (day.posts >= CROWD_DAY_POSTS).then(|| {
        let (display, posts, accounts) = (&line.display, day.posts, day.accounts);
        format!(
            "crowd #{display}: over after {posts} posts by {accounts} accounts in 24 h; an organic burst pages nobody"
        )
    })
}

/// Day and minute of an RFC 3339 time.
fn clock_face(at: &str) -> String {
    at.get(5..16).unwrap_or(at).replace('T', " ")
}
