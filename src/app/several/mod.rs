//! Several processes, one deployment: each reads its share of the posts, owns its share of the shards, and stands ready to
//! decide; Kafka's consumer groups say who does what. Four threads a process, which talk through internal topics only:
//! [`ingesting`], [`tracking`], [`folding`], [`boarding`].

mod boarding;
mod first;
mod folding;
mod ingesting;
mod role;
mod shard_state;
mod tracking;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rand::TryRngCore;
use tracing::{error, info, warn};

use self::boarding::Boarding;
use self::folding::Folding;
use self::ingesting::Ingesting;
use self::tracking::Tracking;
use super::pipeline::shard_budget;
use super::running::{Ended, Parts};
use crate::clock;
use crate::decide::line::AlertLine;
use crate::exchange::tracker::Setup;
use crate::exchange::wire::Flaw;
use crate::exchange::wire::manifest::Owner;
use crate::kafka;
use crate::kafka::reader::Reader;
use crate::kafka::topics::Names;
use crate::model::EventTime;
use crate::source::kafka::Shared;
use crate::source::topic::Error;

/// How long handing over may take; Kubernetes kills after 30 seconds.
const DRAIN_MAX: Duration = Duration::from_secs(25);
/// Pause before what brokers did not answer is tried again.
const AWAY_PAUSE: Duration = Duration::from_millis(500);
/// A thread that has not gone round for so long is stuck.
const BEAT_MAX: Duration = Duration::from_secs(120);

/// Runs until told to stop.
///
/// # Errors
/// Whatever a part cannot go on with; the others hand over first.
pub fn run(parts: &Parts, on_line: Box<dyn FnMut(&AlertLine) + Send>) -> anyhow::Result<Ended> {
    let Parts { config, keyed, format, shared, report, health, .. } = parts;
    let names = Names::of(&config.id);
    if !wait_for_topics(parts, &names)? {
        return Ok(Ended::Drained);
    }
    report.metrics.kafka_up(true);
    let owner =
        Owner { id: config.id.clone(), key_fingerprint: keyed.fingerprint(), shards: config.track.shards as u32 };
    // A process with another key would write posts that no other one can count, and commit them, before it owns a shard.
    let look = || role::check_state(config, &owner, &names, &|| shared.stopped());
    match patiently(shared, "looking whose the state is", look) {
        Err(why) if shared.stopped() && is_interrupted(&why) => return Ok(Ended::Drained),
        looked => looked?,
    }
    let setup = Setup {
        owner: owner.clone(),
        detect: config.detect.clone(),
        windows: config.windows.clone(),
        config_version: config.version.clone(),
        budget: shard_budget(config),
    };
    let decided = Arc::new(AtomicI64::new(EventTime::MIN.0));
    let (metrics, writer_id) =
        (Arc::clone(&report.metrics), rand::rngs::OsRng.try_next_u64().context("the system gives no random number")?);
    let given = (Arc::clone(shared), Arc::clone(&metrics), Arc::clone(&decided));
    let ingesting = Ingesting::connect(config, keyed, *format, given.clone())?;
    let tracking = Tracking::connect(config, (setup, keyed.clone()), writer_id, given.clone())?;
    let folding = Folding::connect(config, owner, given, on_line)?;
    let boarding = Boarding::connect(config, (Arc::clone(shared), report.clone(), Arc::clone(health)), decided)?;
    let beat = |part| {
        let heart = health.heart(part, BEAT_MAX);
        move || heart.beat()
    };
    let hearts = (beat("ingest"), beat("track"), beat("decide"), beat("board"));
    let threads = vec![
        spawn("ingest", move || ingesting.run(&hearts.0))?,
        spawn("track", move || tracking.run(&hearts.1))?,
        spawn("decide", move || folding.run(&hearts.2))?,
        spawn("board", move || boarding.run(&hearts.3))?,
    ];
    info!(shards = config.track.shards, "one of several processes: the groups share out the work");
    end(parts, threads)
}

/// Waits for the topics that all parts rest on; false where it was told to stop first.
fn wait_for_topics(parts: &Parts, names: &Names) -> anyhow::Result<bool> {
    let Parts { config, shared, .. } = parts;
    let stopped = || shared.stopped();
    let shards = config.track.shards;
    let wanted = [(&names.mentions, shards), (&names.state, shards + 1), (&names.reports, 1), (&names.board, 1)];
    for (topic, wanted) in wanted {
        let reader = Reader::connect(&config.kafka, &format!("{}-read", config.id), topic)?;
        let found = match reader.partitions(&stopped) {
            Err(kafka::Error::Unavailable(_)) if stopped() => return Ok(false),
            other => other?.len(),
        };
        if found != wanted {
            return Err(anyhow!(
                "{topic} has {found} partitions and must have {wanted} with track.shards = {shards}; \
                 `tagwatch topics plan` says what it needs, and docs/sizing.md how to change the number of shards"
            ))
            .context(super::Exit::Config);
        }
    }
    Ok(true)
}

/// Waits for the first part to end, then for the others to hand over.
fn end(parts: &Parts, threads: Vec<Thread>) -> anyhow::Result<Ended> {
    while !parts.shared.stopped() && !threads.iter().any(|(_, thread)| thread.is_finished()) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let told = parts.shared.stopped();
    parts.health.set_stopping();
    parts.shared.stop.store(true, Ordering::Relaxed);
    let deadline: Instant = clock::monotonic() + DRAIN_MAX;
    while clock::monotonic() < deadline && !threads.iter().all(|(_, thread)| thread.is_finished()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut first = Ok(Ended::Drained);
    for (part, thread) in threads {
        if !thread.is_finished() {
            error!(part, "has not handed over in {DRAIN_MAX:?}; its successor goes on from the last checkpoint");
            first = first.map(|_| Ended::Undrained);
            continue;
        }
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(why)) if told && is_interrupted(&why) => info!(part, %why, "told to stop while waiting"),
            Ok(Err(why)) if first.is_ok() => first = Err(why),
            Ok(Err(why)) => warn!(part, %why, "ended too"),
            Err(_) => first = Err(anyhow!("the thread {part} panicked")),
        }
    }
    first
}

/// Whether a part ended because what it waited for was cut short: its successor does it again.
fn is_interrupted(why: &anyhow::Error) -> bool {
    matches!(why.downcast_ref::<Error>(), Some(Error::Stopped)) || is_passing(why)
}

/// Whether brokers are away and will be back.
fn is_passing(why: &anyhow::Error) -> bool {
    let passing = |error: &kafka::Error| error.is_passing();
    match why.downcast_ref::<Error>() {
        Some(Error::Kafka(error)) => passing(error),
        _ => why.downcast_ref::<kafka::Error>().is_some_and(passing),
    }
}

/// The error for a record that does not read. One of a newer tagwatch is a matter of which version runs where: started again,
/// this one would refuse it again (78).
fn refused(flaw: &Flaw, error: anyhow::Error) -> anyhow::Error {
    match flaw {
        Flaw::Newer { .. } => error.context(super::Exit::Config),
        Flaw::Corrupt(_) => error,
    }
}

/// Does something that needs brokers, again and again while they are away, until told to stop: whoever takes something over
/// must not end because a broker does not answer.
fn patiently<T>(shared: &Shared, what: &str, mut attempt: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    loop {
        match attempt() {
            Err(why) if is_passing(&why) && !shared.stopped() => {
                warn!(%why, "{what}: waiting for brokers");
                std::thread::sleep(AWAY_PAUSE);
            }
            other => return other,
        }
    }
}

/// A thread by its name.
type Thread = (&'static str, JoinHandle<anyhow::Result<()>>);

fn spawn(name: &'static str, body: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> anyhow::Result<Thread> {
    Ok((name, std::thread::Builder::new().name(name.to_owned()).spawn(body)?))
}
