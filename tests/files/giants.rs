//! Lines far too large to be posts, between posts: counted as rejected, in bounded memory.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Answer, Desk, good, peak_kib};

/// Bytes of a giant line.
const GIANT: u64 = 100 << 20;
/// Most memory that reading them may take, whatever they hold.
const PEAK_MAX_KIB: u64 = 200 << 10;
/// Posts between two giants, and after the last one: more than one batch.
const BETWEEN: usize = 3000;

/// A giant line whose first bytes are `head`, then `fill` over and over, then `tail`.
fn giant(head: &str, fill: u8, tail: &str) -> impl Read {
    let (head, tail) = (head.as_bytes().to_vec(), tail.as_bytes().to_vec());
    std::io::Cursor::new(head).chain(std::io::repeat(fill).take(GIANT)).chain(std::io::Cursor::new(tail))
}

/// Posts around what looks like a post with a text of 100 MB, brackets 100 MB deep and, without a newline, zeros.
fn write_giants(out: &mut impl Write) {
    let posts = good(3 * BETWEEN);
    let lines: Vec<&[u8]> = posts.split_inclusive(|byte| *byte == b'\n').collect();
    let some = |part: usize| lines[part * BETWEEN..(part + 1) * BETWEEN].concat();
    out.write_all(&some(0)).unwrap();
    let valid = r##"{"id":"giant","ts":1494014400000,"account":"a","hashtags":["giant"],"text":""##;
    std::io::copy(&mut giant(valid, b'x', "\"}\n"), out).unwrap();
    out.write_all(&some(1)).unwrap();
    std::io::copy(&mut giant("", b'[', "\n"), out).unwrap();
    out.write_all(&some(2)).unwrap();
    std::io::copy(&mut giant("", 0, ""), out).unwrap();
    out.flush().unwrap();
}

/// Replays a file; its summary and the most memory it took.
fn replay(desk: &Desk, args: &[&str]) -> (Value, u64) {
    let mut command = desk.tagwatch();
    command.args(["replay", "--summary", "json"]).args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id();
    let ended = std::thread::spawn(move || child.wait_with_output().unwrap());
    // The most so far never sinks, so that any look after the giants sees them.
    let mut peak = 0;
    while !ended.is_finished() {
        peak = peak_kib(id).unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    (Answer::from(ended.join().unwrap()).summary(), peak)
}

fn check(desk: &Desk, args: &[&str]) {
    let (summary, peak) = replay(desk, args);
    println!("{args:?}: {peak} KiB");
    assert_eq!(summary["rejected"], json!({"oversize": 3}), "{args:?}");
    assert_eq!(summary["posts"], 3 * BETWEEN + 3, "{args:?}");
    assert_eq!((&summary["mentions"], &summary["late"]), (&json!(6 * BETWEEN), &json!(0)), "{args:?}");
    assert!(peak > 0 && peak < PEAK_MAX_KIB, "{args:?}: {peak} KiB at the most");
}

#[test]
fn lines_of_100_mb_are_rejected_in_bounded_memory() {
    let desk = Desk::new();
    write_giants(&mut BufWriter::new(File::create(desk.path("plain")).unwrap()));
    check(&desk, &["plain"]);
    check(&desk, &["plain", "--partitions", "64"]);
}

/// Some hundred KB on the disk, hundreds of MB inside.
#[test]
fn packed_lines_of_100_mb_are_rejected_in_bounded_memory() {
    let desk = Desk::new();
    let gzip = File::create(desk.path("posts.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(gzip, flate2::Compression::fast());
    write_giants(&mut gzip);
    gzip.finish().unwrap();
    check(&desk, &["posts.gz"]);
    let mut zstd = ::zstd::Encoder::new(File::create(desk.path("posts.zst")).unwrap(), 1).unwrap();
    write_giants(&mut zstd);
    zstd.finish().unwrap();
    check(&desk, &["posts.zst"]);
}

/// Lines just too large, thousands of them: where posts are dealt over partitions, some are held back.
#[test]
fn many_lines_that_are_too_large_take_no_more_memory_than_one() {
    let desk = Desk::new();
    let mut out = BufWriter::new(File::create(desk.path("posts")).unwrap());
    let large = [vec![b'{'; 300 << 10], vec![b'\n']].concat();
    for post in good(1000).split_inclusive(|byte| *byte == b'\n') {
        out.write_all(&large).unwrap();
        out.write_all(post).unwrap();
    }
    out.into_inner().unwrap();
    for partitions in ["1", "64"] {
        let (summary, peak) = replay(&desk, &["posts", "--partitions", partitions]);
        assert_eq!((&summary["rejected"], &summary["mentions"]), (&json!({"oversize": 1000}), &json!(2000)));
        assert!(peak > 0 && peak < PEAK_MAX_KIB, "{partitions} partitions: {peak} KiB at the most");
    }
}

#[test]
fn depth_is_no_danger() {
    let desk = Desk::new();
    let nested = |open: &str, close: &str, depth: usize| [open.repeat(depth), "1".into(), close.repeat(depth)].concat();
    let post = |key: &str, value: &str| {
        format!(r#"{{"id":"{key}","ts":1494014400000,"account":"a","{key}":{value},"hashtags":["deep"]}}"#)
    };
    let lines = [
        // An unknown key is passed over, however deep it is; a known one has a wrong type.
        post("junk", &nested("[", "]", 100_000)),
        post("other", &nested("{\"a\":", "}", 40_000)),
        post("text", &nested("[", "]", 100_000)),
        nested("[", "]", 100_000),
        "{\"a\":".repeat(40_000),
    ];
    desk.file("posts", lines.join("\n").as_bytes());
    for format in ["native", "auto", "jetstream", "mastodon", "activitypub", "x-v1.1", "x-v2"] {
        let summary = desk.replay(&["posts", "--format", format]).summary();
        assert_eq!(summary["posts"], 5, "{format}");
        let rejected: u64 = summary["rejected"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        let native = matches!(format, "native" | "auto");
        assert_eq!(rejected, if native { 3 } else { 5 }, "{format}: {summary}");
        assert_eq!(summary["mentions"], if native { 2 } else { 0 }, "{format}: {summary}");
    }
}
