//! Every format that one process writes and another reads: golden files of version 1 read to what they meant when they
//! were written. `TAGWATCH_WRITE_GOLDEN=1 cargo test --test compat` writes missing ones; whoever changes a format raises
//! its number, keeps the old files and adds new ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tagwatch::config::{Config, defaults};
use tagwatch::decide::Decider;
use tagwatch::decide::line::AlertLine;
use tagwatch::decide::view::TickView;
use tagwatch::exchange::fold::Fold;
use tagwatch::exchange::ingest::Ingest;
use tagwatch::exchange::note::Note;
use tagwatch::exchange::tracker::{Setup, Tracker};
use tagwatch::exchange::wire::board::{Showing, Shown};
use tagwatch::exchange::wire::manifest::{DeciderManifest, Owner, ShardManifest};
use tagwatch::exchange::wire::mentions::Mentions;
use tagwatch::exchange::wire::said::{Assembler, Said};
use tagwatch::model::{EventTime, Keyed, Tick};
use tagwatch::simulate;
use tagwatch::source::IntakeOptions;
use tagwatch::source::decode::Format;
use tagwatch::store::payload::chunks;
use tagwatch::store::{ChunkKey, seal_chunk, unseal_chunk};

/// Posts in one batch of mentions.
const BATCH: usize = 500;

/// One of each record that a small push leaves behind.
struct Written {
    mentions: Vec<Vec<u8>>,
    said: Vec<(&'static str, Vec<u8>)>,
    board: Vec<(&'static str, Vec<u8>)>,
    shard: ShardManifest,
    decider: DeciderManifest,
    chunk: (ChunkKey, Vec<u8>),
    lines: Vec<AlertLine>,
}

fn setup(config: &Config) -> Setup {
    Setup {
        owner: Owner { id: "tagwatch".into(), key_fingerprint: 0xfeed_beef, shards: 1 },
        detect: config.detect.clone(),
        windows: config.windows.clone(),
        config_version: "0123456789abcdef".into(),
        budget: 64 << 20,
    }
}

fn ingest(config: &Config) -> Ingest {
    ingest_to(config, 1)
}

fn ingest_to(config: &Config, shards: usize) -> Ingest {
    let intake = IntakeOptions {
        format: Format::Native,
        limits: config.limits.clone(),
        delay: config.time.watermark_delay,
        max_future: Duration::from_secs(1),
        covered: None,
        mixed: false,
    };
    Ingest::new(&intake, keyed(), shards)
}

fn keyed() -> Keyed {
    Keyed::new([7; 16])
}

/// The push, as mentions of one source partition for one shard.
fn mentions(config: &Config) -> (Vec<Mentions>, usize) {
    let mut text = Vec::new();
    simulate::write(simulate::scenario("push", &simulate::Options::new(3)).unwrap(), &mut text).unwrap();
    let mut ingest = ingest(config);
    ingest.grown((1, 0));
    ingest.add(0, 0, Note::new(1));
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let (now, mut all) = (instant(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        assert!(ingest.record(0, at as i64, None, line).is_none());
        if at % BATCH == BATCH - 1 {
            ingest.flush(0, true, now, |_, record| all.push(record));
        }
    }
    ingest.flush(0, true, now, |_, record| all.push(record));
    (all, lines.len())
}

fn written() -> Written {
    let config = defaults();
    let (batches, _) = mentions(&config);
    let mut tracker = Tracker::new(setup(&config), 0, 0, false);
    let mut fold = Fold::new(setup(&config).owner, Decider::new(config.detect.clone(), config.version.clone()), 0);
    let (mut said, mut view, mut lines, mut at) = (BTreeMap::new(), None, Vec::new(), 0);
    for (offset, batch) in batches.iter().enumerate() {
        let mut reports = Vec::new();
        tracker.take(offset as i64, batch, |report| reports.push(report)).unwrap();
        let (tick, rows) = tracker.top(3);
        let mut all: Vec<Said> =
            reports.into_iter().map(|report| Said::Report { shard: 0, report: Box::new(report) }).collect();
        all.extend([Said::Passed(tracker.passed()), Said::Top { shard: 0, tick, rows }]);
        for word in all {
            let name = match &word {
                Said::Report { report, .. } if report.hashtags.is_empty() => "said-report-small",
                Said::Report { .. } => "said-report",
                Said::Passed(_) => "said-passed",
                Said::Top { .. } => "said-top",
            };
            said.insert(name, word.encode(7, &mut 0).remove(0));
            fold.take((at, at), word, |tick, decided| {
                view = decided.assessed.into_iter().next().map(|seen| (tick, seen)).or(view.take());
                lines.extend(decided.lines);
            });
            at += 1;
        }
    }
    let (tick, view) = view.unwrap();
    let line = lines[0].clone();
    let shown =
        TickView { tick, watermark: EventTime(1_494_014_400_000), top: vec![view.clone()], ..TickView::default() };
    let record = |shown: Shown| shown.encode().remove(0).1;
    let board = vec![
        ("board-hashtag", record(Shown::Hashtag(tick, Box::new(view)))),
        ("board-line", record(Shown::Line(9, Box::new(line)))),
        ("board-tick", record(Shown::Tick(Box::new(shown)))),
    ];
    let checkpoint = tracker.checkpoint(28).unwrap();
    let (place, payload) = &checkpoint.chunks[0];
    let key = ChunkKey { shard: place.0, level: place.1, pane: place.2, chunk: 0 };
    let bytes = payload.encode();
    let chunk = (key, chunks(|_| key, &bytes)[0].1.to_vec());
    let shard = ShardManifest { chunks: vec![key], ..checkpoint.manifest };
    let (decider, _) = fold.checkpoint("0123456789abcdef", None).unwrap();
    let mentions = batches.iter().map(Mentions::encode).collect();
    Written { mentions, said: said.into_iter().collect(), board, shard, decider, chunk, lines }
}

/// The golden file, its meaning beside it; both written where they are missing and that is asked for.
fn golden<T: Debug>(name: &str, now: &[u8], read: impl Fn(&[u8]) -> T) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compat");
    let (bytes, meaning) = (dir.join(format!("{name}.1.bin")), dir.join(format!("{name}.1.txt")));
    if std::env::var_os("TAGWATCH_WRITE_GOLDEN").is_some() && !bytes.exists() {
        fs::create_dir_all(&dir).unwrap();
        fs::write(&bytes, now).unwrap();
        fs::write(&meaning, format!("{:?}\n", read(now))).unwrap();
    }
    let golden = fs::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", bytes.display()));
    let wanted = fs::read_to_string(&meaning).unwrap();
    assert_eq!(format!("{:?}\n", read(&golden)), wanted, "{name} reads as it did");
}

#[test]
fn what_version_1_wrote_reads_as_it_did() {
    let written = written();
    let last = written.mentions.last().unwrap();
    golden("mentions", last, |bytes| Mentions::decode(bytes, &keyed()).unwrap());
    for (name, record) in &written.said {
        golden(name, record, |bytes| Assembler::default().take(5, bytes).unwrap().unwrap());
    }
    for (name, record) in &written.board {
        golden(name, record, |bytes| Showing::default().take(bytes).unwrap().unwrap());
    }
    golden("manifest-shard", &written.shard.encode(), |bytes| ShardManifest::decode(bytes).unwrap());
    golden("manifest-decider", &written.decider.encode(), |bytes| DeciderManifest::decode(bytes).unwrap());
    let (key, payload) = &written.chunk;
    golden("chunk", &seal_chunk(key, payload), |bytes| unseal_chunk(key, bytes).unwrap().len());
    let note = Note { greatest: Some(1_494_014_400_000), since: Some(1_494_014_300_000), idle: true, ..Note::new(12) };
    golden("note", note.encode().as_bytes(), |bytes| Note::decode(std::str::from_utf8(bytes).unwrap()).unwrap());
}

/// What a build reads it writes again to the same bytes, and what it writes it reads.
#[test]
fn every_record_reads_back_to_the_last_bit() {
    let written = written();
    assert!(written.said.iter().any(|(name, _)| *name == "said-report") && !written.lines.is_empty());
    for record in &written.mentions {
        let again = Mentions::decode(record, &keyed()).unwrap();
        assert_eq!(&again.encode(), record);
        assert!(again.batch.items.iter().all(|item| item.tick == Tick(i64::from(item.mention.second) / 10 + 1)));
    }
    for (name, record) in &written.said {
        let (_, said) = Assembler::default().take(0, record).unwrap().unwrap();
        assert_eq!(&said.encode(7, &mut 0)[0], record, "{name}");
    }
    for (name, record) in &written.board {
        assert_eq!(&Showing::default().take(record).unwrap().unwrap().encode()[0].1, record, "{name}");
    }
    assert_eq!(ShardManifest::decode(&written.shard.encode()).unwrap(), written.shard);
    assert_eq!(ShardManifest::tick_of(&ShardManifest::key(0, written.shard.tick), 0), Some(written.shard.tick));
    assert_eq!(DeciderManifest::decode(&written.decider.encode()).unwrap(), written.decider);
}

/// Cut or flipped anywhere, a batch of mentions is refused and nothing panics.
#[test]
fn a_damaged_batch_is_refused() {
    let record = written().mentions.pop().unwrap();
    for at in (0..record.len()).step_by(7) {
        assert!(Mentions::decode(&record[..at], &keyed()).is_err(), "cut at {at}");
        let mut flipped = record.clone();
        flipped[at] ^= 1;
        assert!(Mentions::decode(&flipped, &keyed()).is_err(), "flipped at {at}");
    }
    // A newer one is told from a damaged one.
    let newer = r#"{"v":2,"greatest":null,"since":null,"born":1,"idle":false,"routing":1}"#;
    assert!(Note::decode(newer).unwrap_err().contains("upgrade"));
}

/// A later way of routing begins at an offset that is committed, no owner goes back, and who does not know it refuses.
#[test]
fn the_routing_switches_at_a_committed_offset() {
    let config = defaults();
    let owner = |routing| {
        let mut ingest = ingest(&config);
        ingest.route_by(routing);
        ingest
    };
    let post =
        |n: i64| format!(r#"{{"id":"{n}","ts":{},"account":"a","hashtags":["x"]}}"#, 1_494_014_400_000 + n * 1000);
    let (now, mut at, mut said) = (instant(), (0, Note::new(1)), Vec::new());
    // As it is, upgraded, and one of before that is still there.
    for routing in [1, 2, 1] {
        let mut ingest = owner(routing);
        ingest.grown((1, 0));
        ingest.add(0, at.0, at.1);
        for n in at.0..at.0 + 10 {
            assert!(ingest.record(0, n, None, post(n).as_bytes()).is_none());
        }
        ingest.flush(0, true, now, |_, record| said.push(record));
        at = ingest.standing(0).unwrap();
    }
    let switched: Vec<_> = said.iter().map(|record| (record.from, record.to, record.routing)).collect();
    assert_eq!((switched, at.1.routing), (vec![(0, 10, 1), (10, 20, 2), (20, 30, 2)], 2));
    let refused = Note::decode(&at.1.encode()).unwrap_err();
    assert!(refused.contains("routed by version 2 already and this tagwatch knows up to 1: upgrade"), "{refused}");
    let mut tracker = Tracker::new(setup(&config), 0, 0, false);
    tracker.take(0, &said[0], |_| ()).unwrap();
    let refused = tracker.take(1, &said[1], |_| ()).unwrap_err().to_string();
    assert!(
        refused.contains("routed by version 2 and this build knows up to 1: upgrade the processes that read"),
        "{refused}"
    );
}

/// What a stream of 1 000 posts a second costs on the wire, over four partitions and four shards, sent once a second and
/// compressed as the writer compresses it; with the frame of a batch of Kafka's for each record.
#[test]
fn a_mention_takes_few_bytes() {
    const FRAME: usize = 75;
    let options = simulate::Options { posts: Some(60_000), rate: Some(1000.0), ..simulate::Options::new(3) };
    let mut ingest = ingest_to(&defaults(), 4);
    ingest.grown((4, 0));
    (0..4).for_each(|source| ingest.add(source, 0, Note::new(4)));
    let (now, mut offsets, mut next) = (instant(), [0; 4], [0; 4]);
    let (mut mentions, mut records, mut bytes) = (0, 0, 0);
    let (_, sent) = simulate::send(simulate::scenario("story", &options).unwrap(), |post, json| {
        let source = (post.account.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 62) as usize;
        assert!(ingest.record(source as i32, offsets[source], None, json).is_none());
        offsets[source] += 1;
        if post.ts >= next[source] {
            next[source] = post.ts + 1000;
            ingest.flush(source as i32, true, now, |_, record| {
                mentions += record.batch.items.len();
                records += 1;
                bytes += FRAME + zstd::bulk::compress(&record.encode(), 1).unwrap().len();
            });
        }
        Ok(())
    });
    sent.unwrap();
    println!("{mentions} mentions in {records} records: {:.1} bytes each", bytes as f64 / mentions as f64);
    assert!(bytes <= 48 * mentions, "{} bytes a mention", bytes / mentions);
}

/// Posts full of long hashtags: no record is longer than a broker takes, and the shard misses none.
#[test]
fn no_record_is_too_long_for_a_broker() {
    let config = defaults();
    let mut ingest = ingest(&config);
    ingest.grown((1, 0));
    ingest.add(0, 0, Note::new(1));
    let many = config.limits.hashtags_max as u64;
    let (posts, mut random) = (500, 7_u64);
    for n in 0..posts {
        // Nothing that compression could find.
        let mut letter = || {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            char::from_u32(0x4e00 + (random >> 51) as u32).unwrap()
        };
        let mut tag = || (0..config.limits.hashtag_chars_max).map(|_| letter()).collect::<String>();
        let tags: Vec<String> = (0..many).map(|_| format!("\"{}\"", tag())).collect();
        let tags = tags.join(",");
        let post = format!(r#"{{"id":"{n}","ts":1494014400000,"account":"a{n}","hashtags":[{tags}]}}"#);
        assert!(ingest.record(0, n as i64, None, post.as_bytes()).is_none());
    }
    let (mut tracker, mut records, mut longest) = (Tracker::new(setup(&config), 0, 0, false), 0, 0);
    ingest.flush(0, true, instant(), |_, record| {
        let bytes = record.encode();
        longest = longest.max(bytes.len());
        tracker.take(records, &Mentions::decode(&bytes, &keyed()).unwrap(), |_| ()).unwrap();
        records += 1;
    });
    println!("{} mentions in {records} records of at most {longest} bytes", posts * many);
    assert!(records > 1 && longest < 900_000, "{records} records, {longest} bytes");
    assert_eq!((tracker.passed().applied.mentions, tracker.heard()[&0].applied), (posts * many, posts as i64));
}

/// Some instant; nothing depends on which.
#[expect(clippy::disallowed_methods, reason = "an instant can only be had from the clock")]
fn instant() -> std::time::Instant {
    std::time::Instant::now()
}
