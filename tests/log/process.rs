//! One simulated process: the real state machines, and what is under way to the cluster. As in the real one, an offset is
//! committed, and a manifest written, only after what it rests on is acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::Rng;
use tagwatch::decide::Decider;
use tagwatch::exchange::fold::Fold;
use tagwatch::exchange::ingest::Ingest;
use tagwatch::exchange::note::Note;
use tagwatch::exchange::tracker::{Tracker, Written};
use tagwatch::exchange::wire::manifest::{DeciderManifest, ShardManifest};
use tagwatch::exchange::wire::mentions::Mentions;
use tagwatch::exchange::wire::said::{Assembler, Said};
use tagwatch::model::{EventTime, Tick};
use tagwatch::source::IntakeOptions;
use tagwatch::source::decode::Format;
use tagwatch::store::payload::{Kept, chunks};
use tagwatch::store::{ChunkKey, seal_chunk, unseal_chunk};

use crate::world::{Cluster, To};

/// What waits for what was written before it to be acknowledged.
enum After {
    Commit(BTreeMap<i32, (i64, Note)>),
    Manifest(u32, Box<ShardManifest>, Written),
}

/// The decider's role.
struct Role {
    fold: Fold,
    assembler: Assembler,
    epoch: u64,
    checkpoints: VecDeque<(i64, u32)>,
}

pub struct Process {
    pub number: u64,
    ingest: Ingest,
    shards: BTreeMap<u32, Tracker>,
    role: Option<Role>,
    /// Written and not acknowledged, in order.
    outbox: VecDeque<(To, Option<Vec<u8>>)>,
    written: u64,
    delivered: u64,
    after: VecDeque<(u64, After)>,
    words: u64,
}

impl Process {
    pub fn new(number: u64, cluster: &Cluster) -> Process {
        let config = &cluster.config;
        let intake = IntakeOptions {
            format: Format::Native,
            limits: config.limits.clone(),
            delay: config.time.watermark_delay,
            max_future: Duration::from_secs(1 << 30),
            covered: None,
            mixed: false,
        };
        Process {
            number,
            ingest: Ingest::new(&intake, Cluster::keyed(), config.track.shards),
            shards: BTreeMap::new(),
            role: None,
            outbox: VecDeque::new(),
            written: 0,
            delivered: 0,
            after: VecDeque::new(),
            words: 0,
        }
    }

    fn write(&mut self, to: To, value: Option<Vec<u8>>) {
        self.written += 1;
        self.outbox.push_back((to, value));
    }

    /// Takes over what the cluster says is its own.
    pub fn take_over(&mut self, cluster: &mut Cluster) {
        let partitions = cluster.posts.len() as u32;
        self.ingest.grown((partitions, 0));
        let sources: Vec<i32> = owned(&cluster.source_owner, self.number);
        for source in sources {
            if !self.ingest.owns(source) {
                let known = cluster.committed.get(&source).copied();
                let (offset, mut note) = known.unwrap_or((0, Note::new(partitions)));
                if !cluster.rules.note_beside_offset {
                    note = Note::new(partitions);
                }
                self.ingest.add(source, offset, note);
            }
        }
        for shard in owned(&cluster.shard_owner, self.number) {
            if !self.shards.contains_key(&shard) {
                let tracker = self.restore(cluster, shard);
                self.shards.insert(shard, tracker);
            }
        }
        if cluster.decider == self.number && self.role.is_none() {
            self.role = Some(Self::role(cluster));
        }
    }

    fn restore(&self, cluster: &mut Cluster, shard: u32) -> Tracker {
        let records = &cluster.state[shard as usize];
        let ticks: Vec<i64> = records.keys().filter_map(|key| ShardManifest::tick_of(key, shard)).collect();
        let Some(tick) = ticks.last() else { return Tracker::new(cluster.setup.clone(), shard, 0, false) };
        let mut manifest = ShardManifest::decode(&records[&ShardManifest::key(shard, *tick)]).unwrap();
        let read = |key: &ChunkKey| {
            let record = records.get(&key.to_string()).ok_or_else(|| format!("{key} is missing"))?;
            unseal_chunk(key, record)
        };
        let kept = Kept::read(&manifest.chunks, read, |why| why);
        let kept = kept.unwrap_or_else(|why| panic!("the manifest of shard {shard} at {tick} names {why}"));
        if !cluster.rules.resume_at_open_panes {
            manifest.resume = cluster.mentions[shard as usize].last().map_or(0, |(offset, _)| offset + 1);
        }
        let mut tracker = Tracker::restore(cluster.setup.clone(), &manifest, kept);
        tracker.beside(records.keys().filter_map(|key| ChunkKey::from_file_name(key)), ticks.iter().copied());
        cluster.seen.restored += 1;
        tracker
    }

    fn role(cluster: &mut Cluster) -> Role {
        cluster.epoch += 1;
        let config = &cluster.config;
        let fresh = || Decider::new(config.detect.clone(), config.version.clone());
        let owner = cluster.setup.owner.clone();
        let records = &cluster.state[owner.shards as usize];
        let mut fold = Fold::new(owner.clone(), fresh(), 0);
        let mut checkpoints = VecDeque::new();
        for tick in records.keys().filter_map(|key| DeciderManifest::tick_of(key)) {
            let manifest = DeciderManifest::decode(&records[&DeciderManifest::key(tick)]).unwrap();
            let mut bytes = Vec::new();
            for chunk in 0..manifest.chunks {
                let key = ChunkKey::decider(tick, chunk);
                bytes.extend(unseal_chunk(&key, &records[&key.to_string()]).unwrap());
            }
            let decider = Decider::restore(config.detect.clone(), config.version.clone(), &bytes).unwrap();
            fold = Fold::restore(owner.clone(), decider, &manifest);
            checkpoints.push_back((tick, manifest.chunks));
        }
        Role { fold, assembler: Assembler::default(), epoch: cluster.epoch, checkpoints }
    }

    /// One step of anything.
    pub fn work(&mut self, cluster: &mut Cluster) -> Result<(), String> {
        match cluster.random.random_range(0..10) {
            0..3 => self.ingest(cluster),
            3 => self.commit(cluster),
            4..6 => self.track(cluster)?,
            6 => self.checkpoint(cluster),
            7 => self.decide(cluster)?,
            _ => {
                let count = cluster.random.random_range(0..=self.outbox.len());
                self.deliver(cluster, count);
            }
        }
        Ok(())
    }

    /// A round of everything.
    pub fn work_all(&mut self, cluster: &mut Cluster) -> Result<(), String> {
        self.ingest(cluster);
        self.deliver(cluster, usize::MAX);
        self.track(cluster)?;
        self.deliver(cluster, usize::MAX);
        self.decide(cluster)?;
        self.commit(cluster);
        self.checkpoint(cluster);
        self.deliver(cluster, usize::MAX);
        Ok(())
    }

    /// Reads some records of each source, and sends what is due or everything.
    fn ingest(&mut self, cluster: &mut Cluster) {
        let positions = self.ingest.positions();
        for (source, position) in positions {
            let log = &cluster.posts[&source];
            let from = log.partition_point(|post| post.offset < position);
            let count = cluster.random.random_range(0..20);
            for post in log[from..].iter().take(count) {
                assert!(self.ingest.record(source, post.offset, None, &post.json()).is_none());
            }
            if cluster.random.random_bool(0.7) {
                self.flush(cluster, source, false);
            }
        }
    }

    fn flush(&mut self, cluster: &Cluster, source: i32, whole: bool) {
        let mut records = Vec::new();
        self.ingest.flush(source, whole, cluster.base, |shard, record| records.push((shard, record.encode())));
        for (shard, record) in records {
            self.write(To::Mentions(shard as u32), Some(record));
        }
    }

    /// Notes how far the sources were read, to be committed once it is acknowledged.
    fn commit(&mut self, cluster: &mut Cluster) {
        let owned: Vec<i32> = self.ingest.owned().collect();
        let mut standings = BTreeMap::new();
        for source in owned {
            self.flush(cluster, source, true);
            standings.extend(self.ingest.standing(source).map(|at| (source, at)));
        }
        let mark = if cluster.rules.commit_acknowledged { self.written } else { 0 };
        self.after.push_back((mark, After::Commit(standings)));
        self.settle_after(cluster);
    }

    /// The cluster takes so many of the records under way.
    fn deliver(&mut self, cluster: &mut Cluster, count: usize) {
        for _ in 0..count.min(self.outbox.len()) {
            let Some((to, value)) = self.outbox.pop_front() else { break };
            cluster.append(to, value);
            self.delivered += 1;
        }
        self.settle_after(cluster);
    }

    fn settle_after(&mut self, cluster: &mut Cluster) {
        while self.after.front().is_some_and(|(mark, _)| *mark <= self.delivered) {
            let Some((_, after)) = self.after.pop_front() else { break };
            match after {
                After::Commit(standings) => {
                    for (source, at) in standings {
                        // The group refuses what an owner of yesterday commits.
                        if cluster.source_owner.get(&source) == Some(&self.number) && self.ingest.owns(source) {
                            cluster.committed.insert(source, at);
                        } else {
                            cluster.seen.fenced += 1;
                        }
                    }
                }
                After::Manifest(shard, manifest, written) => {
                    self.write(To::State(shard, ShardManifest::key(shard, manifest.tick)), Some(manifest.encode()));
                    for key in written.gone {
                        self.write(To::State(shard, key.to_string()), None);
                    }
                    for tick in written.old {
                        self.write(To::State(shard, ShardManifest::key(shard, tick)), None);
                    }
                }
            }
        }
    }

    fn track(&mut self, cluster: &mut Cluster) -> Result<(), String> {
        let mut said = Vec::new();
        for (shard, tracker) in &mut self.shards {
            let log = &cluster.mentions[*shard as usize];
            let from = log.partition_point(|(offset, _)| *offset < tracker.position());
            for (offset, record) in log[from..].iter().take(cluster.random.random_range(0..30)) {
                let mentions = Mentions::decode(record, &Cluster::keyed()).map_err(|flaw| flaw.to_string())?;
                let each = |report| said.push(Said::Report { shard: *shard, report: Box::new(report) });
                tracker.take(*offset, &mentions, each).map_err(|fault| fault.to_string())?;
            }
            let passed = tracker.passed();
            cluster.seen.again += passed.again;
            said.push(Said::Passed(passed));
        }
        for said in said {
            for record in said.encode(self.number, &mut self.words) {
                self.write(To::Reports, Some(record));
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, cluster: &mut Cluster) {
        let numbers: Vec<u32> = self.shards.keys().copied().collect();
        for shard in numbers {
            self.checkpoint_shard(cluster, shard);
        }
        let Some(role) = &mut self.role else { return };
        let shards = cluster.shards();
        let Some((mut manifest, bytes)) = role.fold.checkpoint(&cluster.config.version, role.assembler.oldest()) else {
            return;
        };
        let tick = manifest.tick;
        let parts = chunks(|chunk| ChunkKey::decider(tick, chunk), &bytes);
        manifest.chunks = parts.len() as u32;
        role.checkpoints.push_back((tick, manifest.chunks));
        let mut records: Vec<(String, Option<Vec<u8>>)> =
            parts.iter().map(|(key, part)| (key.to_string(), Some(seal_chunk(key, part)))).collect();
        records.push((DeciderManifest::key(tick), Some(manifest.encode())));
        while role.checkpoints.len() > 2 {
            let (tick, chunks) = role.checkpoints.pop_front().unwrap();
            records.push((DeciderManifest::key(tick), None));
            records.extend((0..chunks).map(|chunk| (ChunkKey::decider(tick, chunk).to_string(), None)));
        }
        for (key, value) in records {
            self.write(To::State(shards, key), value);
        }
    }

    fn checkpoint_shard(&mut self, cluster: &mut Cluster, shard: u32) {
        let days = i64::from(cluster.config.windows.baseline_days);
        let Some(tracker) = self.shards.get_mut(&shard) else { return };
        let Some(checkpoint) = tracker.checkpoint(days) else { return };
        let (mut places, mut records, mut manifest) = (Vec::new(), Vec::new(), checkpoint.manifest);
        for (place, payload) in &checkpoint.chunks {
            let bytes = payload.encode();
            let parts = chunks(|chunk| ChunkKey { shard: place.0, level: place.1, pane: place.2, chunk }, &bytes);
            places.push((*place, parts.len() as u32));
            records.extend(parts.iter().map(|(key, part)| (key.to_string(), seal_chunk(key, part))));
        }
        let written = tracker.written(places, manifest.tick);
        manifest.chunks.clone_from(&written.chunks);
        if cluster.rules.manifest_after_chunks {
            for (key, record) in records {
                self.write(To::State(shard, key), Some(record));
            }
            self.after.push_back((self.written, After::Manifest(shard, Box::new(manifest), written)));
        } else {
            self.write(To::State(shard, ShardManifest::key(shard, manifest.tick)), Some(manifest.encode()));
            for (key, record) in records {
                self.write(To::State(shard, key), Some(record));
            }
        }
        self.settle_after(cluster);
    }

    fn decide(&mut self, cluster: &mut Cluster) -> Result<(), String> {
        let Some(Role { fold, assembler, epoch, .. }) = &mut self.role else { return Ok(()) };
        let count = cluster.random.random_range(0..60);
        let from = cluster.reports.partition_point(|(offset, _)| *offset < fold.position());
        let mut lines = Vec::new();
        for (offset, record) in cluster.reports[from..].iter().take(count) {
            let whole = assembler.take(*offset, record).map_err(|flaw| flaw.to_string())?;
            let Some((first, mut said)) = whole else { continue };
            let mut all = vec![said.clone()];
            if let (false, Said::Passed(passed)) = (cluster.rules.decide_on_all_shards, &mut said) {
                all = (0..passed.shards)
                    .map(|shard| Said::Passed(tagwatch::exchange::wire::said::Passed { shard, ..*passed }))
                    .collect();
            }
            for said in all {
                // What the broken rule says thrice lies at one offset.
                let at = (first.max(fold.position()), *offset.max(&fold.position()));
                fold.take(at, said, |_, decided| lines.extend(decided.lines));
            }
        }
        if *epoch != cluster.epoch && !lines.is_empty() {
            cluster.seen.fenced += 1;
            self.role = None;
            return Ok(());
        }
        for line in lines {
            let place = (line.tick, line.n);
            if !cluster.rules.lines_once || cluster.alerts.last().is_none_or(|(last, _)| place > *last) {
                cluster.alerts.push((place, serde_json::to_string(&line).unwrap()));
            }
        }
        Ok(())
    }

    pub fn hand_over_source(&mut self, cluster: &mut Cluster, source: i32) {
        if self.ingest.owns(source) {
            self.commit(cluster);
            self.deliver(cluster, usize::MAX);
            self.ingest.remove(source);
        }
    }

    pub fn hand_over_shard(&mut self, cluster: &mut Cluster, shard: u32) {
        if self.shards.contains_key(&shard) {
            self.checkpoint_shard(cluster, shard);
            self.deliver(cluster, usize::MAX);
            self.deliver(cluster, usize::MAX);
            self.shards.remove(&shard);
        }
    }

    pub fn hand_over_role(&mut self, cluster: &mut Cluster) {
        if self.role.is_some() {
            self.checkpoint(cluster);
            self.deliver(cluster, usize::MAX);
            self.role = None;
        }
    }

    /// Learns what it no longer owns.
    pub fn find_out(&mut self, cluster: &mut Cluster) {
        let owned: Vec<i32> = self.ingest.owned().collect();
        for source in owned {
            if cluster.source_owner.get(&source) != Some(&self.number) {
                self.ingest.remove(source);
            }
        }
        self.shards.retain(|shard, _| cluster.shard_owner.get(shard) == Some(&self.number));
        if cluster.decider != self.number {
            self.role = None;
        }
        self.take_over(cluster);
    }

    /// Everything below it is counted and decided.
    pub fn watermark(&self) -> EventTime {
        let decided = self.role.as_ref().map_or(EventTime::MIN, |role| role.fold.watermark());
        self.shards.values().map(Tracker::watermark).fold(decided, EventTime::min)
    }

    /// Posts of the last day by hashtag.
    pub fn posts(&self, end: Tick) -> BTreeMap<String, u64> {
        let tops = self.shards.values().flat_map(|tracker| {
            assert!(tracker.watermark().closed_tick() >= end);
            let (tick, rows) = tracker.top(10_000);
            assert!(tick <= end);
            rows
        });
        tops.map(|row| (row.hashtag.clone(), row.windows.h24.posts)).collect()
    }
}

fn owned<K: Copy>(owners: &BTreeMap<K, u64>, number: u64) -> Vec<K> {
    owners.iter().filter(|(_, owner)| **owner == number).map(|(what, _)| *what).collect()
}
