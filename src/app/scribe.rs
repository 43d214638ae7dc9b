//! The scribe: one thread that makes decisions durable, in their order. Alert lines go to the alerts topic in
//! transactions; checkpoints go to the state folder, and only after the lines of their ticks are committed. So a restart
//! finds every line either in the topic or decided again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tracing::{debug, info, warn};

use super::shadow::ShadowLog;
use crate::clock;
use crate::decide::line::AlertLine;
use crate::kafka;
use crate::kafka::producer::RejectedWriter;
use crate::kafka::reader::GroupHandle;
use crate::kafka::writer::AlertWriter;
use crate::model::{EventTime, Tick};
use crate::report::metrics::Metrics;
use crate::source::kafka::Shared;
use crate::source::ledger::Resume;
use crate::source::partition::{in_topic, is_of_actions};
use crate::store::checkpoint::{FORMAT, Manifest, ResumeAt};
use crate::store::payload::{Payload, Place, chunks, retain_live};
use crate::store::{CHUNK_BYTES_MAX, ChunkKey, Folder};

/// Bytes of panes that are encoded and written at once, before the device is waited for.
const GROUP_BYTES: usize = 16 << 20;
/// Lines written in one transaction at the most.
const LINES_MAX: usize = 500;
/// Longest a checkpoint waits for dead letters under way. Beyond, state is worth more than the letters of a crash.
const LETTERS_MAX: Duration = Duration::from_secs(5);
/// Pause before a write that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What the scribe is asked to make durable.
#[derive(Debug)]
pub enum Job {
    /// Alert lines of a tick.
    Lines(Vec<AlertLine>),
    /// Lines of the shadow.
    Shadow(Vec<AlertLine>),
    /// Everything up to a tick.
    Checkpoint(Box<Checkpoint>),
}

/// A checkpoint to write.
#[derive(Debug)]
pub struct Checkpoint {
    /// The tick: everything up to it is decided.
    pub tick: Tick,
    /// Panes and rows that closed since the last checkpoint, up to the tick.
    pub closed: Vec<(Place, Payload)>,
    /// The state of the decider, and of the shadow's.
    pub decider: Vec<u8>,
    /// Earliest event time.
    pub watched_since: Option<EventTime>,
    /// Where a restart reads again from.
    pub resume: BTreeMap<i32, Resume>,
    /// Gone once it was written, or could not be.
    pub pending: Arc<()>,
}

/// What the scribe writes with.
pub struct Scribe {
    /// Name of the deployment.
    pub id: String,
    /// Hash of the rules.
    pub config_version: String,
    /// Tells sketch keys apart.
    pub key_fingerprint: u32,
    /// Number of shards.
    pub shards: u32,
    /// Days that rows are kept.
    pub baseline_days: i64,
    /// Topic of alert lines, if there is one.
    pub alerts_topic: Option<String>,
    /// Topic of posts, whose offsets are committed.
    pub posts_topic: String,
    /// Topic of actions, if there is one; its offsets too.
    pub actions_topic: Option<String>,
    /// The transactional writer.
    pub writer: AlertWriter,
    /// Writer of dead letters, if there is one.
    pub letters: Option<Arc<RejectedWriter>>,
    /// Where lines of the shadow go, if there is one.
    pub shadow: Option<ShadowLog>,
    /// Group whose offsets are committed.
    pub group: GroupHandle,
    /// The state folder.
    pub folder: Folder,
    /// What the source shares: the ledger, and whether to stop.
    pub shared: Arc<Shared>,
    /// Where counts go.
    pub metrics: Arc<Metrics>,
    /// The last line that is in the topic already: tick and number.
    pub last: Option<(i64, u32)>,
    /// Panes that are written: how many chunks each.
    pub written: BTreeMap<Place, u32>,
    /// The last manifest.
    pub previous: Option<Manifest>,
    /// Panes that could not be written yet.
    pub unwritten: BTreeMap<Place, Payload>,
    /// Whether no checkpoint has failed since the last one that was written.
    pub whole: bool,
}

impl Scribe {
    /// Works until the jobs end. Whether the last checkpoint was written.
    ///
    /// # Errors
    /// If another process took over, or Kafka says that nothing more can be written. A full disk is survived.
    pub fn run(mut self, jobs: &Receiver<Job>) -> Result<bool, kafka::Error> {
        let heartbeat = Duration::from_secs(10);
        loop {
            match jobs.recv_timeout(heartbeat) {
                Ok(Job::Lines(mut lines)) => {
                    let mut then = None;
                    while lines.len() < LINES_MAX {
                        match jobs.try_recv() {
                            Ok(Job::Lines(more)) => lines.extend(more),
                            Ok(other) => {
                                then = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.write_lines(&lines)?;
                    then.map_or(Ok(()), |job| self.take(job))?;
                }
                Ok(job) => self.take(job)?,
                // Nothing to write for a while: still learn of a takeover.
                Err(RecvTimeoutError::Timeout) => self.commit_offsets()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(self.whole),
            }
        }
    }

    fn take(&mut self, job: Job) -> Result<(), kafka::Error> {
        match job {
            Job::Lines(lines) => self.write_lines(&lines),
            Job::Shadow(lines) => {
                self.shadow.iter_mut().for_each(|log| log.write(&lines));
                Ok(())
            }
            Job::Checkpoint(checkpoint) => self.checkpoint(*checkpoint),
        }
    }

    fn write_lines(&mut self, lines: &[AlertLine]) -> Result<(), kafka::Error> {
        let Some(topic) = self.alerts_topic.clone() else { return Ok(()) };
        let new = lines.iter().filter(|line| self.last.is_none_or(|last| (line.tick, line.n) > last));
        let records: Vec<(Vec<u8>, Vec<u8>)> = new
            .map(|line| {
                let value = serde_json::to_vec(line).expect("an alert line is plain values");
                (line.alert_id.clone().into_bytes(), value)
            })
            .collect();
        if let Some(line) = lines.last() {
            self.last = self.last.max(Some((line.tick, line.n)));
        }
        let headers = [("tagwatch-id", self.id.clone().into_bytes()), ("tagwatch-mode", b"live".to_vec())];
        while let Err(error) = self.writer.write(&topic, &records, &headers) {
            self.give_up_or_wait(error, "alert lines cannot be written, trying again")?;
        }
        Ok(())
    }

    /// Errors that pass are waited for, unless the process is stopping.
    fn give_up_or_wait(&self, error: kafka::Error, what: &str) -> Result<(), kafka::Error> {
        if !error.is_passing() || self.shared.stop.load(Ordering::Relaxed) {
            return Err(error);
        }
        warn!(%error, "{what}");
        std::thread::sleep(RETRY_PAUSE);
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) -> Result<(), kafka::Error> {
        let Checkpoint { tick, closed, decider, watched_since, resume, pending: _pending } = checkpoint;
        self.unwritten.extend(closed);
        retain_live(&mut self.unwritten, &mut self.written, tick.0, self.baseline_days);
        // The checkpoint's positions pass rejected records, which nobody reads again then.
        if self.letters.as_ref().is_some_and(|letters| !letters.settle(LETTERS_MAX)) {
            warn!("dead letters are under way for {LETTERS_MAX:?}; a crash now would lose them");
        }
        self.shadow.iter().for_each(ShadowLog::sync);
        match self.write_state(tick, &decider, watched_since, &resume) {
            Ok(bytes) => {
                self.whole = true;
                self.metrics.checkpoint(bytes, clock::wall_ms());
                self.shared.ledger().prune(tick);
                debug!(tick = tick.0, bytes, "checkpoint");
                self.commit_offsets()
            }
            Err(error) => {
                self.whole = false;
                self.metrics.checkpoint_error();
                warn!(%error, "checkpoint failed; the last good one stands, counting goes on, trying again");
                Ok(())
            }
        }
    }

    fn write_state(
        &mut self,
        tick: Tick,
        decider: &[u8],
        watched_since: Option<EventTime>,
        resume: &BTreeMap<i32, Resume>,
    ) -> Result<u64, crate::store::Error> {
        let mut bytes = 0;
        while !self.unwritten.is_empty() {
            bytes += self.write_some()?;
        }
        let key = |place: &Place, chunk| ChunkKey { shard: place.0, level: place.1, pane: place.2, chunk };
        let of_decider = chunks(|chunk| ChunkKey::decider(tick.0, chunk), decider);
        let decider_chunks = of_decider.len() as u32;
        self.folder.write_chunks(of_decider)?;
        let manifest = Manifest {
            format: FORMAT,
            tick: tick.0,
            id: self.id.clone(),
            key_fingerprint: self.key_fingerprint,
            config_version: self.config_version.clone(),
            shards: self.shards,
            watched_since: watched_since.map_or(i64::MAX, |since| since.0),
            resume: resume
                .iter()
                .map(|(partition, at)| {
                    (*partition, ResumeAt { offset: at.offset, greatest: at.greatest.map(|at| at.0) })
                })
                .collect(),
            chunks: self.written.iter().flat_map(|(place, n)| (0..*n).map(move |chunk| key(place, chunk))).collect(),
            decider_chunks,
        };
        self.folder.write_manifest(tick.0, &manifest.encode())?;
        let live: BTreeSet<ChunkKey> = manifest.live_chunks(self.previous.as_ref());
        self.folder.remove_chunks_except(&live)?;
        self.previous = Some(manifest);
        Ok(bytes + decider.len() as u64)
    }

    /// Writes panes, a few at once; how many bytes.
    fn write_some(&mut self) -> Result<u64, crate::store::Error> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        for (place, payload) in &self.unwritten {
            if bytes >= GROUP_BYTES {
                break;
            }
            let encoded = payload.encode();
            bytes += encoded.len();
            some.push((*place, encoded));
        }
        let parts = some.iter().flat_map(|(place, encoded)| {
            chunks(|chunk| ChunkKey { shard: place.0, level: place.1, pane: place.2, chunk }, encoded)
        });
        self.folder.write_chunks(parts)?;
        for (place, encoded) in some {
            self.written.insert(place, encoded.len().div_ceil(CHUNK_BYTES_MAX).max(1) as u32);
            self.unwritten.remove(&place);
        }
        Ok(bytes as u64)
    }

    fn commit_offsets(&mut self) -> Result<(), kafka::Error> {
        let offsets = {
            let ledger = self.shared.ledger();
            if ledger.checkpoint().is_none() {
                return Ok(());
            }
            ledger.durable()
        };
        let (of_actions, of_posts) = offsets.into_iter().partition(|(number, _)| is_of_actions(*number));
        let committed = self.writer.commit_offsets(&self.group, &self.posts_topic, &of_posts);
        let committed = match &self.actions_topic {
            Some(topic) => {
                committed.and_then(|()| self.writer.commit_offsets(&self.group, topic, &in_topic_all(of_actions)))
            }
            None => committed,
        };
        match committed {
            Err(error) if error.is_passing() => {
                info!(%error, "offsets not committed; state is safe, trying again with the next checkpoint");
                Ok(())
            }
            other => other,
        }
    }
}

/// Offsets by Kafka's numbers.
fn in_topic_all(offsets: BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
    offsets.into_iter().map(|(number, offset)| (in_topic(number), offset)).collect()
}
