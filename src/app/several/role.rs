//! The decider's role: the fold with its writer of alert lines, its checkpoints, and what it shows on the board.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tracing::warn;

use super::super::Exit;
use super::super::pipeline::empty_decider;
use super::super::scores::Scores;
use super::shard_state::check;
use crate::config::Config;
use crate::decide::Decider;
use crate::decide::line::AlertLine;
use crate::decide::view::{HashtagView, TickView};
use crate::exchange::fold::Fold;
use crate::exchange::wire::Flaw;
use crate::exchange::wire::board::Shown;
use crate::exchange::wire::manifest::{DeciderManifest, Owner};
use crate::exchange::wire::said::{Assembler, Said};
use crate::kafka::contents::contents;
use crate::kafka::log_writer::LogWriter;
use crate::kafka::reader::{GroupHandle, Reader};
use crate::kafka::topics::Names;
use crate::kafka::writer::AlertWriter;
use crate::model::{EventTime, Tick};
use crate::store::payload::chunks;
use crate::store::{ChunkKey, seal_chunk, unseal_chunk};
use crate::{clock, kafka};

/// Least time between two pictures on the board.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// Least time between two looks whether another process decides.
const ALONE_EVERY: Duration = Duration::from_secs(10);

/// Deciding, as long as it is ours.
pub struct Role {
    fold: Fold,
    assembler: Assembler,
    config_version: String,
    writer: AlertWriter,
    group: GroupHandle,
    reports: String,
    /// The last line that is in the alerts topic: tick and number.
    last: Option<(i64, u32)>,
    /// Lines decided and not written yet.
    lines: Vec<AlertLine>,
    /// Lines written and not shown yet.
    unshown: Vec<AlertLine>,
    /// Hashtags assessed and not shown yet.
    assessed: BTreeMap<String, (Tick, HashtagView)>,
    scores: Scores,
    /// By tick that is not decided, bytes of the reports, as they travelled.
    waiting: BTreeMap<Tick, u64>,
    /// Bytes of words that are not whole.
    begun: u64,
    /// Whether shards have said rows that are not shown yet.
    rows: bool,
    /// Alert lines shown so far: the next one's slot.
    shown: u64,
    shown_at: Option<Instant>,
    shown_watermark: EventTime,
    alone_at: Instant,
    checkpointed_at: Instant,
    /// Checkpoints that stand: tick and number of chunks.
    checkpoints: BTreeSet<(i64, u32)>,
}

/// What the topic of state holds of the decider.
struct Found {
    decider: Decider,
    manifest: Option<DeciderManifest>,
    checkpoints: BTreeSet<(i64, u32)>,
}

impl Role {
    /// Takes the role over: fences whoever had it, finds the end of the alerts topic, restores. None where it was told to
    /// stop meanwhile.
    ///
    /// # Errors
    /// Where the state is another deployment's or a newer version's (78), or brokers refuse.
    pub fn take_over(
        config: &Config,
        owner: &Owner,
        names: &Names,
        reader: &Reader,
        stopped: &dyn Fn() -> bool,
    ) -> anyhow::Result<Option<Role>> {
        let writer = match AlertWriter::connect_until(&config.kafka, &config.id, stopped) {
            Err(kafka::Error::Unavailable(_)) if stopped() => return Ok(None),
            other => other?,
        };
        let Some(topic) = &config.kafka.alerts_topic else {
            return Err(anyhow!("exchange = \"kafka\" needs kafka.alerts_topic").context(Exit::Config));
        };
        let last = loop {
            match writer.last(topic, stopped) {
                Err(error) if error.is_passing() && stopped() => return Ok(None),
                Err(error) if error.is_passing() => warn!(%error, "waiting for the alerts topic"),
                other => break other?,
            }
        };
        let Found { mut decider, mut manifest, checkpoints } = find(config, owner, names, stopped)?;
        let (low, high) = reader.range(0)?;
        let resume = manifest.as_ref().map_or(0, |manifest| manifest.resume);
        // Beyond the end: the topic was made anew, or cut short.
        if resume < low || resume > high {
            warn!(resume, low, high, "reports that the decider needs are gone: warming");
            decider.state_was_lost();
            manifest.iter_mut().for_each(|manifest| manifest.resume = low);
        }
        let fold = match &manifest {
            Some(manifest) => Fold::restore(owner.clone(), decider, manifest),
            None => Fold::new(owner.clone(), decider, low),
        };
        let now = clock::monotonic();
        Ok(Some(Role {
            shown: fold.lines(),
            fold,
            assembler: Assembler::default(),
            config_version: config.version.clone(),
            writer,
            group: reader.group()?,
            reports: names.reports.clone(),
            last,
            lines: Vec::new(),
            unshown: Vec::new(),
            assessed: BTreeMap::new(),
            scores: Scores::default(),
            waiting: BTreeMap::new(),
            begun: 0,
            rows: false,
            shown_at: None,
            shown_watermark: EventTime::MIN,
            alone_at: now,
            checkpointed_at: now,
            checkpoints,
        }))
    }

    /// Takes a record of the topic of reports.
    ///
    /// # Errors
    /// Where it does not read.
    pub fn take(&mut self, offset: i64, record: &[u8]) -> Result<(), Flaw> {
        self.begun += record.len() as u64;
        let Some((first, said)) = self.assembler.take(offset, record)? else { return Ok(()) };
        let bytes = std::mem::take(&mut self.begun);
        if let Said::Report { report, .. } = &said {
            *self.waiting.entry(report.tick).or_default() += bytes;
        }
        let Role { fold, lines, assessed, scores, rows, .. } = self;
        *rows |= matches!(said, Said::Top { .. });
        fold.take((first, offset), said, |tick, decided| {
            scores.assessed(tick, &decided.assessed);
            assessed.extend(decided.assessed.into_iter().map(|view| (view.hashtag.clone(), (tick, view))));
            lines.extend(decided.lines);
        });
        Ok(())
    }

    /// Writes the lines that were decided and are not in the topic yet. After an error that passes, to be called again.
    ///
    /// # Errors
    /// [`kafka::Error::Fenced`] where another process decides.
    pub fn write_lines(&mut self, config: &Config) -> Result<(), kafka::Error> {
        let (Some(topic), Some(end)) = (&config.kafka.alerts_topic, self.lines.last()) else { return Ok(()) };
        let end = (end.tick, end.n);
        let new = self.lines.iter().filter(|line| self.last.is_none_or(|last| (line.tick, line.n) > last));
        let records: Vec<(Vec<u8>, Vec<u8>)> = new
            .map(|line| {
                let value = serde_json::to_vec(line).expect("an alert line is plain values");
                (line.alert_id.clone().into_bytes(), value)
            })
            .collect();
        let headers = [("tagwatch-id", config.id.clone().into_bytes()), ("tagwatch-mode", b"live".to_vec())];
        self.writer.write(topic, &records, &headers)?;
        self.last = self.last.max(Some(end));
        self.unshown.append(&mut self.lines);
        Ok(())
    }

    /// Shows what is new on the board, now and then.
    ///
    /// # Errors
    /// Where the board cannot be written.
    pub fn show(
        &mut self,
        writer: &LogWriter,
        names: &Names,
        on_line: &mut dyn FnMut(&AlertLine),
    ) -> anyhow::Result<()> {
        let now = clock::monotonic();
        let watermark = self.fold.watermark();
        let early = self.shown_at.is_some_and(|at| now.duration_since(at) < SHOW_EVERY);
        let lines = !self.unshown.is_empty() || !self.assessed.is_empty();
        let new = lines || self.rows || watermark > self.shown_watermark;
        if early || !new || watermark == EventTime::MIN {
            return Ok(());
        }
        (self.shown_at, self.shown_watermark, self.rows) = (Some(now), watermark, false);
        let mut shown = Vec::new();
        for (tick, view) in std::mem::take(&mut self.assessed).into_values() {
            shown.push(Shown::Hashtag(tick, Box::new(view)));
        }
        for line in std::mem::take(&mut self.unshown) {
            on_line(&line);
            shown.push(Shown::Line(self.shown, Box::new(line)));
            self.shown += 1;
        }
        let tick = watermark.closed_tick();
        self.scores.forget(tick);
        shown.push(Shown::Tick(Box::new(TickView {
            tick,
            watermark,
            top: self.scores.top(self.fold.tops()),
            assessed: Vec::new(),
            lines: Vec::new(),
            warming: self.fold.decider().is_warming(tick),
        })));
        for shown in shown {
            for (key, record) in shown.encode() {
                writer.write(&names.board, 0, Some(key.as_bytes()), Some(&record))?;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint where the interval has passed; how many bytes it has, 0 where there is none.
    ///
    /// # Errors
    /// Where the topic of state cannot be written.
    pub fn checkpoint_if_due(&mut self, config: &Config, writer: &LogWriter, names: &Names) -> anyhow::Result<u64> {
        let now = clock::monotonic();
        if now.duration_since(self.checkpointed_at) < config.state.checkpoint_interval {
            return Ok(0);
        }
        self.checkpointed_at = now;
        self.write_checkpoint(writer, names)
    }

    /// Writes a checkpoint, and behind it tombstones for what it makes needless. Only lines that are in the topic lie behind
    /// it; whoever is fenced wrote no later one than its successor can use.
    ///
    /// # Errors
    /// Where the topic of state cannot be written.
    pub fn write_checkpoint(&mut self, writer: &LogWriter, names: &Names) -> anyhow::Result<u64> {
        if !self.lines.is_empty() {
            return Ok(0);
        }
        let Some((mut manifest, decider)) = self.fold.checkpoint(&self.config_version, self.assembler.oldest()) else {
            return Ok(0);
        };
        let partition = manifest.owner.shards.cast_signed();
        let tick = manifest.tick;
        let parts = chunks(|chunk| ChunkKey::decider(tick, chunk), &decider);
        for (key, part) in &parts {
            writer.write(&names.state, partition, Some(key.to_string().as_bytes()), Some(&seal_chunk(key, part)))?;
        }
        manifest.chunks = parts.len() as u32;
        let key = DeciderManifest::key(tick);
        writer.write(&names.state, partition, Some(key.as_bytes()), Some(&manifest.encode()))?;
        self.checkpoints.insert((tick, manifest.chunks));
        while self.checkpoints.len() > 2 {
            let Some((tick, chunks)) = self.checkpoints.pop_first() else { break };
            let chunks = (0..chunks).map(|chunk| ChunkKey::decider(tick, chunk).to_string());
            for key in chunks.chain([DeciderManifest::key(tick)]) {
                writer.write(&names.state, partition, Some(key.as_bytes()), None)?;
            }
        }
        Ok(decider.len() as u64)
    }

    /// Learns now and then whether another process has taken over.
    ///
    /// # Errors
    /// [`kafka::Error::Fenced`] if so.
    pub fn still_alone(&mut self) -> Result<(), kafka::Error> {
        let now = clock::monotonic();
        if now.duration_since(self.alone_at) < ALONE_EVERY {
            return Ok(());
        }
        self.alone_at = now;
        match self.writer.commit_offsets(&self.group, &self.reports, &BTreeMap::from([(0, self.fold.position())])) {
            Err(error) if error.is_passing() => Ok(()),
            other => other,
        }
    }

    /// Bytes of the reports that wait for the slowest shard, as they travelled.
    pub fn waiting_bytes(&mut self) -> u64 {
        let next = Tick(self.watermark().closed_tick().0.saturating_add(1));
        self.waiting = self.waiting.split_off(&next);
        self.waiting.values().sum()
    }

    /// Offset of the next report.
    pub fn position(&self) -> i64 {
        self.fold.position()
    }

    /// Everything below it is decided.
    pub fn watermark(&self) -> EventTime {
        self.fold.watermark()
    }

    /// The shard that the decider waits for, if one is behind another.
    pub fn waiting_for(&self) -> Option<usize> {
        self.fold.waiting_for()
    }
}

/// Looks whether the state is this deployment's, before anything is read or written under its name.
///
/// # Errors
/// Where it is under another key, of other shards or of a newer version (78), or brokers refuse.
pub fn check_state(config: &Config, owner: &Owner, names: &Names, stopped: &dyn Fn() -> bool) -> anyhow::Result<()> {
    find(config, owner, names, stopped).map(drop)
}

/// The decider of the latest whole checkpoint.
fn find(config: &Config, owner: &Owner, names: &Names, stopped: &dyn Fn() -> bool) -> anyhow::Result<Found> {
    let group = format!("{}-read", config.id);
    let mut records: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    contents(&config.kafka, &group, (&names.state, owner.shards.cast_signed()), stopped, &mut |key, value| {
        let key = String::from_utf8_lossy(key).into_owned();
        match value {
            Some(value) => drop(records.insert(key, value.to_vec())),
            None => drop(records.remove(&key)),
        }
    })?;
    let mut found = Found { decider: empty_decider(config), manifest: None, checkpoints: BTreeSet::new() };
    for tick in records.keys().filter_map(|key| DeciderManifest::tick_of(key)) {
        let manifest = match DeciderManifest::decode(&records[&DeciderManifest::key(tick)]) {
            Ok(manifest) => manifest,
            Err(newer @ Flaw::Newer { .. }) => return Err(anyhow!(newer).context(Exit::Config)),
            Err(Flaw::Corrupt(why)) => {
                warn!(tick, why, "a checkpoint of the decider does not read");
                continue;
            }
        };
        check(&manifest.owner, owner)?;
        found.checkpoints.insert((tick, manifest.chunks));
        match decider(config, &records, &manifest) {
            Ok(decider) => (found.decider, found.manifest) = (decider, Some(manifest)),
            Err(why) => warn!(tick, why, "a checkpoint of the decider cannot be restored"),
        }
    }
    Ok(found)
}

fn decider(
    config: &Config,
    records: &BTreeMap<String, Vec<u8>>,
    manifest: &DeciderManifest,
) -> Result<Decider, String> {
    let mut bytes = Vec::new();
    for chunk in 0..manifest.chunks {
        let key = ChunkKey::decider(manifest.tick, chunk);
        let record = records.get(&key.to_string()).ok_or_else(|| format!("{key} is missing"))?;
        bytes.extend(unseal_chunk(&key, record).map_err(|error| error.to_string())?);
    }
    let decider = Decider::restore(config.detect.clone(), config.version.clone(), &bytes)?;
    Ok(decider.expecting(config.expected.clone()))
}
