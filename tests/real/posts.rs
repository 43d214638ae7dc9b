//! Posts to feed a topic with: the recorded streams and the simulated story, dealt unevenly over partitions, each
//! partition closed by a post three hours later so that the watermark passes everything.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cluster::NewRecord;

/// Partitions of a test's topic.
pub const PARTITIONS: i32 = 12;
/// The last partitions take runs of posts as they come, the others accounts.
const OF_ACCOUNTS: u64 = 9;
/// Posts in a run, unless said otherwise.
const RUN: usize = 6000;
/// The closing posts come so long after the last one.
const CLOSE_AFTER_MS: i64 = 3 * 3_600_000;

/// A line and what it takes to place it.
#[derive(Clone, Debug)]
pub struct Post {
    /// Event time in milliseconds.
    pub ts: i64,
    /// The post as it is written.
    pub line: Vec<u8>,
    /// Where it goes.
    pub partition: i32,
}

/// Posts in event time, the closing ones last.
#[derive(Clone, Debug)]
pub struct Stream {
    /// All posts.
    pub posts: Vec<Post>,
    /// Event time of the closing posts in milliseconds.
    pub closed_at: i64,
}

#[derive(Deserialize)]
struct Needed {
    ts: i64,
    account: String,
}

/// Where the recorded streams are, or the sentence that says they are not.
pub fn recorded(name: &str) -> Result<PathBuf, String> {
    let shared = env::var_os("TAGWATCH_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = shared.join("data").join(format!("{name}.ndjson.gz"));
    if file.is_file() { Ok(file) } else { Err(format!("{} is missing (see TAGWATCH_SHARED)", file.display())) }
}

impl Stream {
    /// A gzipped file of posts.
    pub fn from_gzip(file: &Path) -> Stream {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(File::open(file).unwrap()).read_to_end(&mut text).unwrap();
        Stream::new(&text)
    }

    /// Lines, a post each.
    pub fn new(text: &[u8]) -> Stream {
        Stream::dealt(text, RUN)
    }

    /// Lines, a post each, dealt in runs of `run`: the shorter, the less any partition holds the watermark back.
    pub fn dealt(text: &[u8], run: usize) -> Stream {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut read: Vec<(Needed, Vec<u8>)> =
            lines.map(|line| (serde_json::from_slice(line).unwrap(), line.to_vec())).collect();
        read.sort_by_key(|(needed, _)| needed.ts);
        let mut posts: Vec<Post> = read
            .into_iter()
            .enumerate()
            .map(|(at, (needed, line))| Post { ts: needed.ts, line, partition: place(at / run, &needed.account) })
            .collect();
        let closed_at = posts.last().unwrap().ts + CLOSE_AFTER_MS;
        posts.extend(closing(closed_at, PARTITIONS));
        Stream { posts, closed_at }
    }

    /// The same posts over another number of partitions.
    pub fn over(&self, partitions: i32) -> Stream {
        let posts = self.posts.iter().filter(|post| post.ts < self.closed_at);
        let spread = (partitions / PARTITIONS).max(1);
        let moved = posts.enumerate().map(|(at, post)| {
            let partition = (post.partition + PARTITIONS * ((at / 97) as i32 % spread)) % partitions;
            Post { partition, ..post.clone() }
        });
        let posts = moved.chain(closing(self.closed_at, partitions)).collect();
        Stream { posts, closed_at: self.closed_at }
    }

    /// The posts before `end` that are to be kept, closed so that every tick before `end`, and none after it, is decided
    /// where posts may be ten seconds late.
    pub fn until(&self, end: i64, keep: impl Fn(&Post) -> bool) -> Stream {
        let posts = self.posts.iter().filter(|post| post.ts < end && keep(post)).cloned();
        let closed_at = end + 10_000;
        Stream { posts: posts.chain(closing(closed_at, PARTITIONS)).collect(), closed_at }
    }

    /// The posts without those that close.
    pub fn open(&self) -> Stream {
        let posts = self.posts.iter().filter(|post| post.ts < self.closed_at).cloned().collect();
        Stream { posts, closed_at: self.closed_at }
    }

    /// Writes all posts to a file, a line each, for `replay`.
    pub fn write(&self, file: &Path) {
        let lines: Vec<&[u8]> = self.posts.iter().map(|post| post.line.as_slice()).collect();
        fs::write(file, lines.join(&b'\n')).unwrap();
    }

    /// Records by partition, each partition in its order.
    pub fn records(posts: &[Post]) -> BTreeMap<i32, Vec<NewRecord>> {
        let mut records: BTreeMap<i32, Vec<NewRecord>> = BTreeMap::new();
        for post in posts {
            records.entry(post.partition).or_default().push((None, post.line.clone(), Some(post.ts)));
        }
        records
    }
}

/// A post without hashtags for each partition, so late that the watermark passes everything.
pub fn closing(closed_at: i64, partitions: i32) -> impl Iterator<Item = Post> {
    (0..partitions).map(move |partition| {
        let id = format!("closing-{partition}");
        let line = format!(r#"{{"id":"{id}","ts":{closed_at},"account":"closing","text":"","hashtags":[]}}"#);
        Post { ts: closed_at, line: line.into_bytes(), partition }
    })
}

/// Every third run goes whole to one of the last partitions; else the account decides, and the first takes most.
fn place(run: usize, account: &str) -> i32 {
    if run % 3 == 1 {
        return (OF_ACCOUNTS as usize + run / 3 % (PARTITIONS as usize - OF_ACCOUNTS as usize)) as i32;
    }
    let mut hasher = DefaultHasher::new();
    account.hash(&mut hasher);
    let of = hasher.finish();
    if of.is_multiple_of(4) { 0 } else { (of / 4 % OF_ACCOUNTS) as i32 }
}
