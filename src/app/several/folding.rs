//! Deciding as a thread: whoever owns the topic of reports decides, writes alert lines exactly once and the board for every
//! process to show. The others wait, ready to take over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use tracing::{debug, info, warn};

use super::role::Role;
use super::{patiently, refused};
use crate::clock;
use crate::config::Config;
use crate::decide::line::AlertLine;
use crate::exchange::wire::manifest::Owner;
use crate::kafka;
use crate::kafka::ends::EndWatcher;
use crate::kafka::log_writer::LogWriter;
use crate::kafka::member::{Change, Member};
use crate::kafka::reader::Reader;
use crate::kafka::topics::Names;
use crate::report::metrics::Metrics;
use crate::source::kafka::Shared;

/// Longest a look at the log takes where nothing is there.
const POLL: Duration = Duration::from_millis(50);
/// Pause before a fenced process asks for the role again, and before a write that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two looks at lag.
const CHORES_EVERY: Duration = Duration::from_millis(500);
/// Longest that handing the role over waits for acknowledgements.
const HAND_OVER_MAX: Duration = Duration::from_secs(5);

/// The thread's state.
pub struct Folding {
    config: Config,
    owner: Owner,
    names: Names,
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    /// The decided watermark as this process knows it, in milliseconds.
    decided: Arc<AtomicI64>,
    /// Told of every alert line that is decided here.
    on_line: Box<dyn FnMut(&AlertLine) + Send>,
    member: Option<Member>,
    reader: Reader,
    ends: EndWatcher,
    /// Of the board and the checkpoints; alert lines have a writer of their own.
    writer: LogWriter,
    role: Option<Role>,
    chores: Instant,
}

impl Folding {
    /// Connects; waits for no broker.
    pub fn connect(
        config: &Config,
        owner: Owner,
        (shared, metrics, decided): (Arc<Shared>, Arc<Metrics>, Arc<AtomicI64>),
        on_line: Box<dyn FnMut(&AlertLine) + Send>,
    ) -> anyhow::Result<Folding> {
        let names = Names::of(&config.id);
        Ok(Folding {
            member: Some(Self::join(config, &names)?),
            reader: Reader::connect(&config.kafka, &format!("{}-read", config.id), &names.reports)?,
            ends: EndWatcher::start(&config.kafka, &names.reports)?,
            writer: LogWriter::connect(&config.kafka)?,
            config: config.clone(),
            owner,
            names,
            shared,
            metrics,
            decided,
            on_line,
            role: None,
            chores: clock::monotonic(),
        })
    }

    fn join(config: &Config, names: &Names) -> Result<Member, kafka::Error> {
        Member::join(&config.kafka, &format!("{}-decide", config.id), &[&names.reports])
    }

    /// Works until told to stop, then hands the role over.
    ///
    /// # Errors
    /// What only a person can mend. Brokers that are away are waited for, and a successor is given way to.
    pub fn run(mut self, beat: &dyn Fn()) -> anyhow::Result<()> {
        while !self.shared.stopped() {
            beat();
            self.follow_group()?;
            let worked = self.read().and_then(|()| self.do_chores());
            self.give_way(worked)?;
        }
        let handed_over = self.hand_over();
        self.give_way(handed_over)
    }

    /// Whoever is fenced gives the role up and asks for it again.
    fn give_way(&mut self, worked: anyhow::Result<()>) -> anyhow::Result<()> {
        let Err(error) = worked else { return Ok(()) };
        match error.downcast_ref::<kafka::Error>() {
            Some(kafka::Error::Fenced(why)) => {
                warn!(why, "another process decides now; this one gives the role up");
                self.leave()?;
                self.member = None;
                std::thread::sleep(PAUSE);
                if !self.shared.stopped() {
                    self.member = Some(Self::join(&self.config, &self.names)?);
                }
                Ok(())
            }
            _ => Err(error),
        }
    }

    fn follow_group(&mut self) -> anyhow::Result<()> {
        while let Some(member) = &self.member {
            match member.poll(Duration::ZERO) {
                Ok(None) => return Ok(()),
                Ok(Some(change)) => self.change(change)?,
                Err(error) if error.is_passing() => {
                    debug!(%error, "waiting for the group");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> anyhow::Result<()> {
        self.metrics.several.rebalance("decide");
        match change {
            Change::Assigned(_) => {
                let began = clock::monotonic();
                let taken = self.take_over();
                self.give_way(taken)?;
                if let Some(role) = &self.role {
                    info!(took = ?began.elapsed(), at = %role.watermark(), "this process decides now");
                }
            }
            Change::Revoked(parts) => {
                info!("deciding handed over");
                let handed_over = self.hand_over();
                if let Some(member) = &self.member {
                    member.release(&parts);
                }
                self.give_way(handed_over)?;
            }
            Change::Lost(_) => {
                warn!("deciding lost: the group took this process for dead");
                self.leave()?;
            }
        }
        Ok(())
    }

    fn take_over(&mut self) -> anyhow::Result<()> {
        let stopped = || self.shared.stopped();
        let role = patiently(&self.shared, "taking over the decider", || {
            Role::take_over(&self.config, &self.owner, &self.names, &self.reader, &stopped)
        })?;
        let Some(role) = role else { return Ok(()) };
        self.reader.assign(&BTreeMap::from([(0, role.position())]))?;
        self.role = Some(role);
        Ok(())
    }

    fn hand_over(&mut self) -> anyhow::Result<()> {
        if let Some(role) = &mut self.role {
            role.write_checkpoint(&self.writer, &self.names)?;
            if let Err(error) = self.writer.flush(HAND_OVER_MAX) {
                warn!(%error, "the last checkpoint is not acknowledged; the next decider reads more");
            }
        }
        self.leave()
    }

    fn leave(&mut self) -> anyhow::Result<()> {
        self.role = None;
        self.metrics.waiting_for(None);
        self.metrics.memory("reports", 0);
        self.metrics.partition_removed(&self.names.reports, 0);
        Ok(self.reader.assign(&BTreeMap::new())?)
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let Folding { reader, role, .. } = self;
        let mut failed: anyhow::Result<()> = Ok(());
        reader.poll_batch(POLL, |polled| match polled {
            _ if failed.is_err() => {}
            Ok(record) => {
                if let Some(role) = role {
                    let taken = role.take(record.offset, record.payload());
                    failed = taken.map_err(|why| refused(&why, anyhow!("a report at offset {}: {why}", record.offset)));
                }
            }
            Err(error) if error.is_passing() => debug!(%error, "waiting for brokers"),
            Err(error) => failed = Err(error.into()),
        });
        failed?;
        self.tell()
    }

    /// Writes the lines that were decided, then shows them.
    fn tell(&mut self) -> anyhow::Result<()> {
        let Some(role) = &mut self.role else { return Ok(()) };
        while let Err(error) = role.write_lines(&self.config) {
            if !error.is_passing() || self.shared.stopped() {
                bail!(error);
            }
            warn!(%error, "alert lines cannot be written, trying again");
            std::thread::sleep(PAUSE);
        }
        role.show(&self.writer, &self.names, &mut self.on_line)?;
        self.decided.fetch_max(role.watermark().0, Ordering::Relaxed);
        Ok(())
    }

    fn do_chores(&mut self) -> anyhow::Result<()> {
        let now = clock::monotonic();
        if now.duration_since(self.chores) < CHORES_EVERY {
            return Ok(());
        }
        self.chores = now;
        self.writer.reached()?;
        let Some(role) = &mut self.role else { return Ok(()) };
        let bytes = role.checkpoint_if_due(&self.config, &self.writer, &self.names)?;
        if bytes > 0 {
            self.metrics.checkpoint(bytes, clock::wall_ms());
        }
        // A decider without lines learns here that another one has taken over.
        role.still_alone()?;
        self.metrics.waiting_for(role.waiting_for());
        self.metrics.memory("reports", role.waiting_bytes());
        let end = self.ends.latest(0).map(|(end, _)| end);
        self.metrics.position(&self.names.reports, 0, (role.position(), end));
        Ok(())
    }
}
