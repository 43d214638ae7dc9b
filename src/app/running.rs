//! The running service: source, shards, decider, scribe and HTTP server, each on threads of its own, and how they stop:
//! in the order of a post's way, within a deadline.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::Exit;
use super::deciding::{Deciding, Outlets};
use super::pipeline::Feeder;
use super::restoring::{State, restore};
use super::scribe::{Job, Scribe};
use super::several;
use super::shadow::{Shadow, ShadowLog};
use crate::clock;
use crate::config::{Config, Detect, Exchange};
use crate::decide::Decider;
use crate::decide::line::AlertLine;
use crate::exchange::shards::{FromShard, ShardOptions, Shards};
use crate::kafka;
use crate::kafka::producer::RejectedWriter;
use crate::kafka::reader::GroupHandle;
use crate::kafka::writer::AlertWriter;
use crate::model::Keyed;
use crate::report::board::{Board, Limits};
use crate::report::health::Health;
use crate::report::metrics::Metrics;
use crate::report::{Report, http};
use crate::source::Step;
use crate::source::aside_log::Error as AsideError;
use crate::source::decode::{Format, Reason};
use crate::source::kafka::{Error as SourceError, KafkaOptions, KafkaSource, Shared};
use crate::store::checkpoint::Manifest;
use crate::store::payload::{Payload, Place};
use crate::store::{Error as StoreError, Folder};

/// How long draining may take; Kubernetes kills after 30 seconds.
const DRAIN_MAX: Duration = Duration::from_secs(25);
/// Jobs that may wait for the scribe.
const JOBS_WAITING: usize = 256;
/// How often counters are brought up to date.
const REFRESH: Duration = Duration::from_millis(200);

/// What the service runs with.
pub struct Service {
    /// The config.
    pub config: Config,
    /// The sketch key.
    pub key: [u8; 16],
    /// Other rules that decide beside it, if asked for.
    pub shadow: Option<Shadow>,
    /// How posts are written.
    pub format: Format,
    /// What all parts share; set its `stop` to drain.
    pub shared: Arc<Shared>,
    /// Told of the address that is listened on.
    pub listening: Box<dyn FnOnce(SocketAddr) + Send>,
    /// Told of every alert line, in order.
    pub on_line: Box<dyn FnMut(&AlertLine) + Send>,
}

/// How the service ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Drained, written and committed.
    Drained,
    /// Something was left undone: the deadline passed, or Kafka was away. The next start does it again.
    Undrained,
}

impl Service {
    /// Runs until `shared.stop` is set.
    ///
    /// # Errors
    /// Whatever the service cannot go on with; the context says the exit code where it is not 70.
    pub fn run(self) -> anyhow::Result<Ended> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let stop_http = CancellationToken::new();
        let keyed = Keyed::new(self.key);
        let report = report(&self.config);
        let health = Arc::new(match self.config.exchange {
            Exchange::InProcess => Health::new(),
            Exchange::Kafka => Health::of_several(),
        });
        let token = self.config.http.token_file.as_deref().map(http::Token::read).transpose().context(Exit::Config)?;
        let about = http::About { id: self.config.id.clone(), config_version: self.config.version.clone() };
        let listener = runtime.block_on(http::bind(self.config.http.listen))?;
        (self.listening)(listener.local_addr()?);
        let state = http::AppState::new(report.clone(), Arc::clone(&health), about, token);
        let server = runtime.spawn(http::serve(listener, state, stop_http.clone()));

        let parts = Parts {
            shadow: self.shadow.as_ref().map(|shadow| shadow.config.detect.clone()),
            config: self.config,
            keyed,
            format: self.format,
            shared: self.shared,
            report,
            health,
        };
        let ended = match parts.config.exchange {
            Exchange::InProcess => parts.restore_and_run(self.shadow.as_ref(), self.on_line),
            Exchange::Kafka => several::run(&parts, self.on_line),
        };
        stop_http.cancel();
        let closed = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(4), server).await }).is_ok();
        runtime.shutdown_background();
        match ended? {
            Ended::Drained if closed => Ok(Ended::Drained),
            _ => Ok(Ended::Undrained),
        }
    }
}

/// The metrics and the board, with every reason known from the start.
fn report(config: &Config) -> Report {
    let board = Arc::new(Board::new(Limits::new(&config.metrics)));
    let metrics = Arc::new(Metrics::new(Arc::clone(&board), &Reason::NAMES));
    Report { board, metrics }
}

/// A state folder that must not be used is a matter of the config; one that cannot be read is not.
fn refused(error: StoreError) -> anyhow::Error {
    let is_config = matches!(
        error,
        StoreError::OtherId { .. }
            | StoreError::OtherKey { .. }
            | StoreError::NewerVersion { .. }
            | StoreError::OlderVersion { .. }
    );
    anyhow::Error::from(error).context(if is_config { Exit::Config } else { Exit::Fatal })
}

/// The log of the shadow, opened. One that cannot be written at the start is a matter of the command line.
fn shadow_log(shadow: &Shadow, metrics: &Arc<Metrics>) -> anyhow::Result<ShadowLog> {
    let path = shadow.alerts.display();
    let log = ShadowLog::open(&shadow.alerts, Arc::clone(metrics));
    let log = log.map_err(|error| anyhow!("cannot write the shadow's alert log to {path}: {error}"));
    metrics.shadow.begin();
    info!(%path, config_version = shadow.config.version, "the shadow's alert log");
    log.context(Exit::Config)
}

/// What every part of the service is given.
pub struct Parts {
    /// The config.
    pub config: Config,
    /// `[detect]` of the shadow.
    shadow: Option<Detect>,
    /// The sketch key at work.
    pub keyed: Keyed,
    /// How posts are written.
    pub format: Format,
    /// Where reading stands, and whether to stop.
    pub shared: Arc<Shared>,
    /// Board and metrics.
    pub report: Report,
    /// Who is alive.
    pub health: Arc<Health>,
}

impl Parts {
    /// One process: everything here, state in a folder.
    fn restore_and_run(
        self,
        beside: Option<&Shadow>,
        on_line: Box<dyn FnMut(&AlertLine) + Send>,
    ) -> anyhow::Result<Ended> {
        let began = clock::monotonic();
        let folder = Folder::open(&self.config.state.dir).map_err(refused)?;
        let rules = beside.map(|shadow| &shadow.config);
        let state = restore(&folder, &self.config, rules, self.keyed.fingerprint()).map_err(refused)?;
        let shadow = beside.map(|shadow| shadow_log(shadow, &self.report.metrics)).transpose()?;
        self.report.metrics.restored(began.elapsed());
        self.health.set_restored();
        self.report.board.recall(state.decider.open_lines().cloned());
        self.connect_and_run((folder, shadow), state, on_line)
    }

    fn connect_and_run(
        self,
        (folder, shadow_log): (Folder, Option<ShadowLog>),
        state: State,
        on_line: Box<dyn FnMut(&AlertLine) + Send>,
    ) -> anyhow::Result<Ended> {
        let stopped = || self.shared.stop.load(Ordering::Relaxed);
        let writer = match AlertWriter::connect_until(&self.config.kafka, &self.config.id, &stopped) {
            Err(kafka::Error::Unavailable(_)) if stopped() => return Ok(Ended::Drained),
            other => other?,
        };
        let last = match &self.config.kafka.alerts_topic {
            Some(topic) => match self.wait_for(|| writer.last(topic, &stopped))? {
                Some(last) => last,
                None => return Ok(Ended::Drained),
            },
            None => None,
        };
        let Some(mut source) = self.source(&state)? else { return Ok(Ended::Drained) };
        let mut deciders = (state.decider, state.shadow);
        if source.warming() {
            deciders.0.state_was_lost();
            deciders.1.iter_mut().for_each(Decider::state_was_lost);
        }
        self.report.metrics.kafka_up(true);

        let outlets_refresh = Arc::default();
        let options = self.shard_options(&outlets_refresh);
        let mut shards = Shards::start(state.shards, &options)?;
        let mut feeder = Feeder::new(self.keyed.clone(), &mut shards, state.watched_since);
        let to_kafka = (writer, source.letters(), source.group()?);
        let scribe =
            self.scribe(to_kafka, (folder, shadow_log), last, (state.written, state.unwritten, state.manifest));
        let (jobs, to_scribe) = bounded(JOBS_WAITING);
        let scribing = spawn("scribe", move || scribe.run(&to_scribe))?;
        let reading = spawn("source", move || {
            let positions = source.run(&mut |step| feed(&mut feeder, &step));
            drop(feeder);
            positions
        })?;
        let outlets = Outlets {
            jobs,
            report: self.report.clone(),
            shared: Arc::clone(&self.shared),
            refresh: outlets_refresh,
            on_line,
            posts_topic: self.config.kafka.posts_topic.clone(),
            actions_topic: self.config.kafka.actions_topic.clone().unwrap_or_default(),
            checkpoint_interval: self.config.state.checkpoint_interval,
            shards: self.config.track.shards,
        };
        let heart = self.health.heart("decider", Duration::from_secs(120));
        let deciding = Deciding::new(deciders, state.tick, state.watched_since, outlets);
        let stopped = decide(deciding, &shards.output, &self.shared, &heart, &|| scribing.is_finished());
        self.end(stopped, shards, reading, scribing)
    }

    fn shard_options(&self, refresh: &Arc<AtomicU64>) -> ShardOptions {
        ShardOptions {
            detect: self.config.detect.clone(),
            shadow: self.shadow.clone(),
            checkpoints: true,
            top_k: self.config.metrics.top_k,
            refresh: Arc::clone(refresh),
            open_bytes: Arc::clone(&self.shared.open_bytes),
        }
    }

    /// The source; none where it was told to stop first.
    fn source(&self, state: &State) -> anyhow::Result<Option<KafkaSource>> {
        match KafkaSource::connect(self.source_options(state), Arc::clone(&self.shared)) {
            Err(SourceError::Stopped) => Ok(None),
            Err(error @ SourceError::Log(AsideError::Foreign { .. })) => Err(anyhow!(error).context(Exit::Config)),
            other => Ok(Some(other?)),
        }
    }

    fn scribe(
        &self,
        (writer, letters, group): (AlertWriter, Option<Arc<RejectedWriter>>, GroupHandle),
        (folder, shadow): (Folder, Option<ShadowLog>),
        last: Option<(i64, u32)>,
        (written, unwritten, previous): (BTreeMap<Place, u32>, BTreeMap<Place, Payload>, Option<Manifest>),
    ) -> Scribe {
        Scribe {
            id: self.config.id.clone(),
            config_version: self.config.version.clone(),
            key_fingerprint: self.keyed.fingerprint(),
            shards: self.config.track.shards as u32,
            baseline_days: i64::from(self.config.windows.baseline_days),
            alerts_topic: self.config.kafka.alerts_topic.clone(),
            posts_topic: self.config.kafka.posts_topic.clone(),
            actions_topic: self.config.kafka.actions_topic.clone(),
            writer,
            letters,
            shadow,
            group,
            folder,
            shared: Arc::clone(&self.shared),
            metrics: Arc::clone(&self.report.metrics),
            last,
            written,
            previous,
            unwritten,
            whole: true,
        }
    }

    /// Waits for what passes; none where it was told to stop first.
    fn wait_for<T>(&self, mut ask: impl FnMut() -> Result<T, kafka::Error>) -> anyhow::Result<Option<T>> {
        loop {
            match ask() {
                Err(error) if error.is_passing() && self.shared.stop.load(Ordering::Relaxed) => return Ok(None),
                Err(error) if error.is_passing() => {
                    warn!(%error, "waiting for the alerts topic; `tagwatch topics apply` creates it");
                    std::thread::sleep(Duration::from_secs(1));
                }
                other => return Ok(Some(other?)),
            }
        }
    }

    fn source_options(&self, state: &State) -> KafkaOptions {
        KafkaOptions {
            kafka: self.config.kafka.clone(),
            topic: self.config.kafka.posts_topic.clone(),
            actions_topic: self.config.kafka.actions_topic.clone(),
            group: format!("{}-ingest", self.config.id),
            time: self.config.time.clone(),
            limits: self.config.limits.clone(),
            format: self.format,
            state_dir: self.config.state.dir.clone(),
            restored: state.restored.clone(),
            hold_above_bytes: self.config.memory.budget_bytes / 4,
        }
    }

    /// Ends the parts in the order of a post's way and says the first thing that went wrong.
    fn end(
        self,
        stopped: Stopped,
        mut shards: Shards,
        reading: JoinHandle<Result<BTreeMap<i32, i64>, SourceError>>,
        scribing: JoinHandle<Result<bool, kafka::Error>>,
    ) -> anyhow::Result<Ended> {
        self.health.set_stopping();
        self.shared.stop.store(true, Ordering::Relaxed);
        // Where deciding broke off, shards still wait for somebody to listen; now they end, and the source with them.
        shards.stop_listening();
        let late = || clock::monotonic() >= stopped.deadline;
        while !(late() || reading.is_finished() && scribing.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut written = true;
        if scribing.is_finished() {
            match scribing.join().map_err(|_| anyhow!("the scribe's thread panicked"))? {
                Ok(true) => {}
                Ok(false) => {
                    error!("the last checkpoint could not be written; the next start reads again from the one before");
                    written = false;
                }
                Err(kafka::Error::Fenced(error)) => {
                    let id = &self.config.id;
                    bail!("another process with id = \"{id}\" has taken over; only one may run: {error}");
                }
                // It gives up on those only when told to stop.
                Err(error) if error.is_passing() => {
                    error!(%error, "the last lines could not be written; the next start writes them");
                    written = false;
                }
                Err(error) => return Err(anyhow!(error)),
            }
        }
        if reading.is_finished() {
            reading.join().map_err(|_| anyhow!("the source's thread panicked"))??;
            shards.join();
        }
        if late() || !stopped.drained {
            error!("not drained in {DRAIN_MAX:?}; the next start reads again from the last checkpoint");
            return Ok(Ended::Undrained);
        }
        Ok(if written { Ended::Drained } else { Ended::Undrained })
    }
}

/// How deciding stopped.
struct Stopped {
    /// Everything that was read is decided, or there is nobody left to write it down.
    drained: bool,
    /// When the process has to end: one deadline for all parts, from the moment it was told to stop.
    deadline: Instant,
}

/// Decides until the shards end or the deadline passes. Without the scribe it stops at once, also where nothing is read
/// that would be written: a process that was taken over must not go on to look alive.
fn decide(
    mut deciding: Deciding,
    output: &Receiver<FromShard>,
    shared: &Shared,
    heart: &crate::report::health::Heart,
    scribe_ended: &dyn Fn() -> bool,
) -> Stopped {
    let mut told: Option<Instant> = None;
    let drained = loop {
        heart.beat();
        if scribe_ended() {
            break true; // its error is the reason
        }
        let alive = match output.recv_timeout(REFRESH) {
            Ok(message) => deciding.take(message).is_ok(),
            Err(RecvTimeoutError::Timeout) => deciding.checkpoint_if_due().is_ok(),
            Err(RecvTimeoutError::Disconnected) => {
                deciding.finish();
                break true;
            }
        };
        if !alive {
            break true; // the scribe has ended; its error is the reason
        }
        deciding.refresh();
        if shared.stop.load(Ordering::Relaxed) {
            let told = *told.get_or_insert_with(clock::monotonic);
            if told.elapsed() >= DRAIN_MAX {
                break false;
            }
        }
    };
    Stopped { drained, deadline: told.unwrap_or_else(clock::monotonic) + DRAIN_MAX }
}

/// Hands a step to the feeder.
fn feed(feeder: &mut Feeder, step: &Step<'_>) -> ControlFlow<()> {
    match step {
        Step::Post { post, .. } => {
            feeder.post(post);
            ControlFlow::Continue(())
        }
        Step::Action(action) => {
            feeder.action(action);
            ControlFlow::Continue(())
        }
        Step::Watermark(watermark) | Step::End(watermark) => match feeder.watermark(*watermark) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        },
    }
}

fn spawn<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// What the decider hands to the scribe.
pub type Jobs = Sender<Job>;
