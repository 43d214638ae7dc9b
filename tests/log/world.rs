//! The simulated Kafka: topics, groups, what is under way; and the storm that goes over it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tagwatch::config::{Config, defaults};
use tagwatch::exchange::note::Note;
use tagwatch::exchange::tracker::Setup;
use tagwatch::exchange::wire::manifest::Owner;
use tagwatch::model::{EventTime, Keyed};

use crate::naive::expected;
use crate::process::Process;

pub const KEY: [u8; 16] = [7; 16];
/// Event time at which the posts begin: all, late ones too, fall into one hour, because hours before the last keep no
/// hashtag of a few accounts.
const BEGIN: i64 = 1_494_014_460_000;
/// The stream is watched for so long before that.
const OPEN_BEFORE_MS: i64 = 26 * 3_600_000;
/// The closing posts come so long after the last one.
const CLOSE_AFTER_MS: i64 = 3 * 3_600_000;

/// What correctness rests on; a test breaks each.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// An offset is committed only once everything before it is acknowledged.
    pub commit_acknowledged: bool,
    /// A manifest is written only after what it names.
    pub manifest_after_chunks: bool,
    /// A shard reads again from the first mention of any open pane.
    pub resume_at_open_panes: bool,
    /// A decider writes no line that is in the topic.
    pub lines_once: bool,
    /// A tick is decided once every shard has passed it.
    pub decide_on_all_shards: bool,
    /// A new owner judges by the greatest time of the one before.
    pub note_beside_offset: bool,
}

impl Rules {
    pub const KEPT: Rules = Rules {
        commit_acknowledged: true,
        manifest_after_chunks: true,
        resume_at_open_panes: true,
        lines_once: true,
        decide_on_all_shards: true,
        note_beside_offset: true,
    };
}

/// A post in its topic.
#[derive(Clone, Debug)]
pub struct Written {
    pub offset: i64,
    pub ts: i64,
    pub id: String,
    pub account: String,
    pub hashtags: Vec<String>,
}

impl Written {
    pub fn json(&self) -> Vec<u8> {
        let Written { ts, id, account, hashtags, .. } = self;
        serde_json::json!({ "id": id, "ts": ts, "account": account, "hashtags": hashtags }).to_string().into_bytes()
    }
}

/// Where a record goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    Mentions(u32),
    Reports,
    /// Shard, key; the decider is the shard after the last.
    State(u32, String),
}

/// What happened in the storm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub lines: u64,
    pub crashes: u64,
    pub zombies: u64,
    pub restored: u64,
    pub again: u64,
    pub fenced: u64,
    /// Gaps in internal logs.
    pub gaps: u64,
}

impl Seen {
    pub fn add(&mut self, more: &Seen) {
        self.lines += more.lines;
        self.crashes += more.crashes;
        self.zombies += more.zombies;
        self.restored += more.restored;
        self.again += more.again;
        self.fenced += more.fenced;
        self.gaps += more.gaps;
    }
}

/// Kafka, as far as it matters.
pub struct Cluster {
    pub rules: Rules,
    pub config: Config,
    pub setup: Setup,
    pub posts: BTreeMap<i32, Vec<Written>>,
    pub committed: BTreeMap<i32, (i64, Note)>,
    /// By shard, records with their offsets.
    pub mentions: Vec<Vec<(i64, Vec<u8>)>>,
    pub reports: Vec<(i64, Vec<u8>)>,
    /// By shard and key; the decider's last.
    pub state: Vec<BTreeMap<String, Vec<u8>>>,
    /// Lines as JSON with tick and number.
    pub alerts: Vec<((i64, u32), String)>,
    /// Whoever writes alerts has the newest.
    pub epoch: u64,
    /// Owners: process numbers.
    pub source_owner: BTreeMap<i32, u64>,
    pub shard_owner: BTreeMap<u32, u64>,
    pub decider: u64,
    pub base: Instant,
    pub seen: Seen,
    pub random: ChaCha8Rng,
}

impl Cluster {
    /// Appends a record; now and then control records take offsets before it.
    pub fn append(&mut self, to: To, value: Option<Vec<u8>>) {
        let gap = if self.random.random_ratio(1, 8) { self.random.random_range(1..4) } else { 0 };
        self.seen.gaps += u64::from(gap > 0);
        let log = match to {
            To::Mentions(shard) => &mut self.mentions[shard as usize],
            To::Reports => &mut self.reports,
            To::State(shard, key) => {
                match value {
                    Some(value) => drop(self.state[shard as usize].insert(key, value)),
                    None => drop(self.state[shard as usize].remove(&key)),
                }
                return;
            }
        };
        let next = log.last().map_or(0, |(offset, _)| offset + 1);
        log.extend(value.map(|value| (next + gap, value)));
    }

    pub fn keyed() -> Keyed {
        Keyed::new(KEY)
    }

    pub fn shards(&self) -> u32 {
        self.setup.owner.shards
    }
}

/// The cluster and the processes on it.
pub struct World {
    pub cluster: Cluster,
    processes: Vec<Process>,
    next: u64,
    closed_at: i64,
}

impl World {
    pub fn new(seed: u64, rules: Rules) -> World {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut config = defaults();
        config.track.shards = random.random_range(1..=4);
        let shards = config.track.shards as u32;
        let setup = Setup {
            owner: Owner { id: config.id.clone(), key_fingerprint: 1, shards },
            detect: config.detect.clone(),
            windows: config.windows.clone(),
            config_version: config.version.clone(),
            budget: 64 << 20,
        };
        let (posts, closed_at) = posts(&mut random);
        let cluster = Cluster {
            rules,
            config,
            setup,
            posts,
            committed: BTreeMap::new(),
            mentions: vec![Vec::new(); shards as usize],
            reports: Vec::new(),
            state: vec![BTreeMap::new(); shards as usize + 1],
            alerts: Vec::new(),
            epoch: 0,
            source_owner: BTreeMap::new(),
            shard_owner: BTreeMap::new(),
            decider: 0,
            base: instant(),
            seen: Seen::default(),
            random,
        };
        let mut world = World { cluster, processes: Vec::new(), next: 0, closed_at };
        (0..world.cluster.random.random_range(1..=3)).for_each(|_| world.start());
        world.share_out();
        world
    }

    fn start(&mut self) {
        self.next += 1;
        self.processes.push(Process::new(self.next, &self.cluster));
    }

    /// Gives everything that nobody owns, or that the dead own, to somebody.
    fn share_out(&mut self) {
        let alive: Vec<u64> = self.processes.iter().map(|process| process.number).collect();
        let pick = |random: &mut ChaCha8Rng| alive[random.random_range(0..alive.len())];
        let Cluster { posts, source_owner, shard_owner, decider, random, setup, .. } = &mut self.cluster;
        for source in posts.keys() {
            if source_owner.get(source).is_none_or(|owner| !alive.contains(owner)) {
                source_owner.insert(*source, pick(random));
            }
        }
        for shard in 0..setup.owner.shards {
            if shard_owner.get(&shard).is_none_or(|owner| !alive.contains(owner)) {
                shard_owner.insert(shard, pick(random));
            }
        }
        if !alive.contains(decider) {
            *decider = pick(random);
        }
        self.take_over();
    }

    /// Who owns something and does not know it yet takes it over.
    fn take_over(&mut self) {
        for process in &mut self.processes {
            process.take_over(&mut self.cluster);
        }
    }

    /// Moves something to another process. Half the time the one that has it hands over; else it does not know, and goes on
    /// until it finds out.
    fn rebalance(&mut self) {
        let count = self.processes.len();
        let to = self.processes[self.cluster.random.random_range(0..count)].number;
        let graceful = self.cluster.random.random_bool(0.5);
        let what = self.cluster.random.random_range(0..3);
        let sources: Vec<i32> = self.cluster.posts.keys().copied().collect();
        let source = sources[self.cluster.random.random_range(0..sources.len())];
        let shard = self.cluster.random.random_range(0..self.cluster.shards());
        if graceful {
            for process in &mut self.processes {
                match what {
                    0 => process.hand_over_source(&mut self.cluster, source),
                    1 => process.hand_over_shard(&mut self.cluster, shard),
                    _ => process.hand_over_role(&mut self.cluster),
                }
            }
        } else {
            self.cluster.seen.zombies += 1;
        }
        match what {
            0 => drop(self.cluster.source_owner.insert(source, to)),
            1 => drop(self.cluster.shard_owner.insert(shard, to)),
            _ => self.cluster.decider = to,
        }
        self.take_over();
    }

    /// Processes work, are killed, come, and are told of changes late, in any order.
    pub fn storm(&mut self) -> Result<(), String> {
        for _ in 0..self.cluster.random.random_range(100..400) {
            let count = self.processes.len();
            let at = self.cluster.random.random_range(0..count);
            match self.cluster.random.random_range(0..100) {
                0..3 => {
                    self.cluster.seen.crashes += 1;
                    self.processes.swap_remove(at);
                    self.start();
                    self.share_out();
                }
                3..5 if count < 4 => self.start(),
                5..9 => self.rebalance(),
                9..14 => self.processes[at].find_out(&mut self.cluster),
                _ => self.processes[at].work(&mut self.cluster)?,
            }
        }
        Ok(())
    }

    /// One process does what is left.
    pub fn settle(&mut self) -> Result<(), String> {
        self.processes.clear();
        self.start();
        self.share_out();
        let end = EventTime(self.closed_at - 10_000);
        for _ in 0..5_000 {
            self.processes[0].work_all(&mut self.cluster)?;
            if self.processes[0].watermark() >= end {
                return Ok(());
            }
        }
        Err(format!("stands still at {} of {end}", self.processes[0].watermark()))
    }

    pub fn compare(&mut self) -> Result<Seen, String> {
        let end = EventTime(self.closed_at - 10_000).closed_tick();
        let expected = expected(&self.cluster.config, &self.cluster.posts, end);
        let lines: Vec<&String> = self.cluster.alerts.iter().map(|(_, line)| line).collect();
        self.cluster.seen.lines = lines.len() as u64;
        for at in 0..lines.len().max(expected.lines.len()) {
            let (found, wanted) = (lines.get(at).copied(), expected.lines.get(at));
            if found != wanted {
                return Err(format!("line {at}\n found: {found:?}\nwanted: {wanted:?}"));
            }
        }
        let (mut posts, wanted) = (self.processes[0].posts(end), expected.posts);
        posts.retain(|hashtag, _| wanted.contains_key(hashtag));
        if posts != wanted {
            return Err(format!("posts by hashtag\n found: {posts:?}\nwanted: {wanted:?}"));
        }
        Ok(self.cluster.seen)
    }
}

/// Posts over a few partitions: noise, a push, a crowd, some late ones, some twice; a closing post in each.
fn posts(random: &mut ChaCha8Rng) -> (BTreeMap<i32, Vec<Written>>, i64) {
    let partitions = random.random_range(1..=4);
    let mut all: Vec<(i64, String, Vec<String>)> = Vec::new();
    let minutes = random.random_range(5..40);
    for _ in 0..random.random_range(20..80) {
        let count = random.random_range(1..3);
        let tags: Vec<String> = (0..count).map(|_| format!("Noise{}", random.random_range(0..6))).collect();
        let at = BEGIN + random.random_range(0..minutes * 60_000);
        all.push((at, format!("a{}", random.random_range(0..40)), tags));
    }
    for push in 0..random.random_range(1..3) {
        let (from, accounts) = (random.random_range(0..minutes * 60_000), random.random_range(10..40));
        for _ in 0..random.random_range(40..120) {
            let at = BEGIN + from + random.random_range(0..240_000);
            all.push((at, format!("p{push}-{}", random.random_range(0..accounts)), vec![format!("Push{push}")]));
        }
    }
    all.sort_unstable();
    let closed_at = all.last().unwrap().0 + CLOSE_AFTER_MS;
    let mut logs: BTreeMap<i32, Vec<Written>> = (0..partitions).map(|partition| (partition, Vec::new())).collect();
    let mut write = |random: &mut ChaCha8Rng, partition: i32, mut post: Written| {
        let log = logs.get_mut(&partition).unwrap();
        let gap = if random.random_ratio(1, 10) { random.random_range(1..4) } else { 0 };
        post.offset = log.last().map_or(0, |last: &Written| last.offset + 1) + gap;
        log.push(post);
    };
    // Watched for so long that what is new is known to be new.
    for partition in 0..partitions {
        let (id, account, hashtags) = (format!("opening{partition}"), "opening".into(), vec!["Old".into()]);
        write(random, partition, Written { offset: 0, ts: BEGIN - OPEN_BEFORE_MS, id, account, hashtags });
    }
    for (n, (at, account, hashtags)) in all.into_iter().enumerate() {
        let late = if random.random_ratio(1, 12) { random.random_range(0..25_000) } else { 0 };
        let post = Written { offset: 0, ts: at - late, id: format!("i{n}"), account, hashtags };
        let partition = random.random_range(0..partitions);
        write(random, partition, post);
    }
    for partition in 0..partitions {
        let id = format!("closing{partition}");
        let post = Written { offset: 0, ts: closed_at, id, account: "closing".into(), hashtags: Vec::new() };
        write(random, partition, post);
    }
    (logs, closed_at)
}

/// Some instant; time passes by adding to it.
#[expect(clippy::disallowed_methods, reason = "an instant can only be had from the clock; nothing depends on which")]
fn instant() -> Instant {
    Instant::now() + Duration::from_secs(1)
}
