//! `check --sample`: what it says of a file of posts, before anything runs on them.

use std::collections::BTreeMap;

use crate::program::{Answer, Desk, good, gzip, zstd};

/// What `check` says of the sample, without what it says of the config.
fn told(desk: &Desk, args: &[&str]) -> (Option<i32>, String) {
    let answer: Answer = desk.run(&[&["check", "--sample"], args].concat());
    assert_eq!(answer.stderr, "", "{args:?}");
    let (_, sample) = answer.stdout.split_once("\nunderstood ").unwrap_or_else(|| panic!("{}", answer.stdout));
    (answer.code, format!("understood {sample}"))
}

/// One post of each platform as it sends them: format, record, mentions.
const POSTS: [(&str, &str, u64); 6] = [
    ("native", r#"{"id":7,"ts":1494014400000,"account":"a","hashtags":["X","é"]}"#, 2),
    (
        "jetstream",
        r#"{"did":"did:plc:x","time_us":1494014400000000,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.post","rkey":"k","record":{"text":"x","createdAt":"2017-05-05T20:00:00Z","facets":[{"features":[{"$type":"app.bsky.richtext.facet#tag","tag":"a"}]}]}}}"#,
        1,
    ),
    (
        "mastodon",
        r#"{"id":"7","created_at":"2017-05-05T20:00:00.000Z","visibility":"public","account":{"acct":"a"},"content":"<p>x</p>","tags":[{"name":"v"}]}"#,
        1,
    ),
    (
        "activitypub",
        r##"{"type":"Create","actor":"a","object":{"type":"Note","id":"n","content":"x","published":"2017-05-05T20:00:00Z","tag":[{"type":"Hashtag","name":"#m"}]}}"##,
        1,
    ),
    ("x-v1.1", r##"{"id":7,"id_str":"7","timestamp_ms":"1494014400000","text":"#x #y","user":{"id_str":"8"}}"##, 2),
    (
        "x-v2",
        r#"{"data":{"id":"7","author_id":"8","created_at":"2017-05-05T20:00:00Z","text":"x","entities":{"hashtags":[{"tag":"a"}]}}}"#,
        1,
    ),
];

#[test]
fn a_sample_of_each_format_is_understood_by_name_and_in_auto() {
    let desk = Desk::new();
    for (format, record, mentions) in POSTS {
        desk.file("sample", [record, "\n"].concat().as_bytes());
        let expected = format!(
            "understood 1 of 1 lines, rejected 0
  1 as {format}
  1 posts with a hashtag, {mentions} mentions
  event times from 2017-05-05T20:00:00.000Z to 2017-05-05T20:00:00.000Z
"
        );
        for given in [&["sample", "--format", format][..], &["sample", "--format", "auto"], &["sample"]] {
            assert_eq!(told(&desk, given), (Some(0), expected.clone()), "{given:?}");
        }
    }
}

/// What platforms really send, where such samples are at hand: each record is told as a post or rejected by reason.
#[test]
fn real_samples_are_understood_in_auto() {
    let shared = std::env::var_os("TAGWATCH_SHARED").map_or_else(|| "../shared".into(), std::path::PathBuf::from);
    for (file, format) in [
        ("activitypub_create_note_hashtag.json", "activitypub"),
        ("bluesky_jetstream_posts_other.json", "jetstream"),
        ("bluesky_jetstream_posts_with_tag_facets.json", "jetstream"),
        ("mastodon_status_rest.json", "mastodon"),
        ("twitter_v1_1_extended_tweet.json", "x-v1.1"),
        ("twitter_v1_1_stream.json", "x-v1.1"),
        ("twitter_v2_flattened.json", "x-v2"),
        ("twitter_v2_stream_lines.json", "x-v2"),
    ] {
        let path = shared.join("data/schemas").join(file);
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: {} is absent", path.display());
            continue;
        };
        let records: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
        let desk = Desk::new();
        desk.file("sample", lines.join("\n").as_bytes());
        let (code, sample) = told(&desk, &["sample"]);
        assert_eq!(code, Some(0), "{file}:\n{sample}");
        let number = |before: &str, after: &str| -> usize {
            let rest = sample.split_once(before).unwrap_or_else(|| panic!("{file}: {before}:\n{sample}")).1;
            rest.split_once(after).unwrap().0.parse().unwrap()
        };
        assert_eq!(number(" of ", " lines"), lines.len(), "{file}");
        let understood = number("understood ", " of ");
        assert_eq!(understood + number("rejected ", "\n"), lines.len(), "{file}:\n{sample}");
        assert_eq!(number("\n  ", " as "), understood, "{file} has one format:\n{sample}");
        assert!(
            sample.contains(&format!(" as {format}\n")) && sample.contains("event times from 20"),
            "{file}:\n{sample}"
        );
        println!("{file}: {sample}");
    }
}

#[test]
fn a_sample_in_another_format_than_named_is_a_failure_with_reasons() {
    let desk = Desk::new();
    for (written, record, _) in POSTS {
        desk.file("sample", record.as_bytes());
        for (named, ..) in POSTS.iter().filter(|(named, ..)| *named != written) {
            let (code, sample) = told(&desk, &["sample", "--format", named]);
            assert_eq!(code, Some(1), "{written} as {named}:\n{sample}");
            assert!(
                sample.starts_with("understood 0 of 1 lines, rejected 1\nrejected("),
                "{written} as {named}:\n{sample}"
            );
            assert!(sample.contains("first in line 1: "), "{written} as {named}:\n{sample}");
        }
    }
}

#[test]
fn the_corpus_is_told_by_reason_with_the_line_of_the_first() {
    let desk = Desk::new();
    let mut text = good(1);
    let (mut lines, mut blank) = (1_u64, 0);
    let mut expected: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    // An action is understood as one.
    let is_action = |record: &[u8]| record.windows(8).any(|key| key == br#""action""#);
    let poison = crate::corpus::poison();
    for (record, reason) in poison.iter().filter(|(record, _)| !record.contains(&b'\n') && !is_action(record)) {
        text.extend([record.as_slice(), b"\n"].concat());
        lines += 1;
        // A blank line of a file is no record.
        if record.trim_ascii().is_empty() {
            blank += 1;
            continue;
        }
        expected.entry(reason).or_insert((0, lines)).0 += 1;
    }
    desk.file("sample", &text);
    let (code, sample) = told(&desk, &["sample", "--format", "native"]);
    assert_eq!(code, Some(0), "one post is understood");
    let read = lines - blank;
    assert!(sample.starts_with(&format!("understood 1 of {read} lines, rejected {}\n", read - 1)), "{sample}");
    for (reason, (count, first)) in &expected {
        let words = format!("\nrejected({reason}): {count}, first in line {first}: ");
        assert!(sample.contains(&words), "{words}{sample}");
    }
    assert_eq!(sample.matches("\nrejected(").count(), expected.len(), "{sample}");
}

#[test]
fn times_in_another_unit_are_said_with_the_unit_that_they_look_like() {
    let desk = Desk::new();
    for (time, unit) in
        [("1494014400", "seconds"), ("1494014400000000", "microseconds"), ("1494014400000000000", "nanoseconds")]
    {
        let line = format!("{{\"id\":\"p\",\"ts\":{time},\"account\":\"a\",\"hashtags\":[\"x\"]}}\n");
        desk.file("sample", line.repeat(3).as_bytes());
        let (code, sample) = told(&desk, &["sample"]);
        assert_eq!(code, Some(1), "{sample}");
        let warning =
            format!("warning: the times of 3 lines look like {unit}; tagwatch expects milliseconds or RFC 3339\n");
        assert!(sample.ends_with(&warning), "{sample}");
    }
    // A time that only is out of range looks like no unit.
    desk.file("sample", br#"{"id":"p","ts":946684799999,"account":"a"}"#);
    let (_, sample) = told(&desk, &["sample"]);
    assert!(sample.contains("rejected(time_range): 1") && !sample.contains("warning"), "{sample}");
}

#[test]
fn a_sample_that_is_cut_short_is_understood_as_far_as_it_goes() {
    let desk = Desk::new();
    for (name, packed) in [("posts.gz", gzip(&good(40_000))), ("posts.zst", zstd(&good(40_000)))] {
        desk.file(name, &packed[..packed.len() / 10]);
        let (code, sample) = told(&desk, &[name]);
        assert_eq!(code, Some(0), "{sample}");
        let warning = sample.lines().last().unwrap();
        assert!(warning.starts_with(&format!("warning: cannot read {name} after ")), "{sample}");
        assert!(warning.contains(" lines: it is cut short, "), "{sample}");
        let understood: u64 = sample.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(understood > 1000 && warning.contains(&format!("after {understood} lines")), "{sample}");
    }
}

#[test]
fn a_sample_that_holds_or_is_nothing_is_a_failure() {
    let desk = Desk::new();
    desk.file("empty", b"");
    let (code, sample) = told(&desk, &["empty"]);
    assert_eq!(code, Some(1));
    assert_eq!(sample, "understood 0 of 0 lines, rejected 0\nwarning: the sample holds no line\n");
    let missing = desk.run(&["check", "--sample", "none"]);
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.stderr, "tagwatch: cannot open none: No such file or directory (os error 2)\n");
}

/// Ten thousand lines are looked at, each too large to be a post.
#[test]
fn a_sample_of_giant_lines_takes_bounded_memory() {
    use std::io::Write;
    use std::process::Stdio;
    let desk = Desk::new();
    let mut zstd = ::zstd::Encoder::new(std::fs::File::create(desk.path("sample")).unwrap(), 1).unwrap();
    let large = [vec![b'x'; 300 << 10], vec![b'\n']].concat();
    (0..2000).for_each(|_| zstd.write_all(&large).unwrap());
    zstd.finish().unwrap();
    let mut command = desk.tagwatch();
    let mut child = command.args(["check", "--sample", "sample"]).stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = crate::program::peak_kib(child.id()).unwrap_or(0).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(child.wait().unwrap().code(), Some(1), "nothing is understood");
    assert!(peak > 0 && peak < 100 << 10, "{peak} KiB at the most");
}
