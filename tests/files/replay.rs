//! What `replay` makes of a file.

use serde_json::{Value, json};

use crate::program::{Answer, Desk, good, gzip, push, zstd};

/// Posts read, mentions counted and records rejected.
fn counts(answer: &Answer) -> (u64, u64, Value) {
    let summary = answer.summary();
    (summary["posts"].as_u64().unwrap(), summary["mentions"].as_u64().unwrap(), summary["rejected"].clone())
}

#[test]
fn however_a_file_is_packed_ended_or_handed_over_it_is_the_same_file() {
    let desk = Desk::new();
    let plain = good(500);
    let expected = (500, 1000, json!({}));
    let returns = String::from_utf8(plain.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let marked = [b"\xef\xbb\xbf", plain.as_slice()].concat();
    for (name, bytes) in [
        ("plain", plain.clone()),
        ("gzip", gzip(&plain)),
        ("gzip in two parts", [gzip(&plain[..9_999]), gzip(&plain[9_999..])].concat()),
        ("zstd", zstd(&plain)),
        ("no newline at the end", plain.trim_ascii_end().to_vec()),
        ("CRLF", returns.clone()),
        ("CRLF but for the last line", returns.trim_ascii_end().to_vec()),
        ("byte order mark", marked.clone()),
        ("byte order mark, packed", gzip(&marked)),
    ] {
        let of_file = counts(&desk.replay(&[desk.file(name, &bytes)]));
        assert_eq!(of_file, expected, "{name}");
        assert_eq!(counts(&desk.replay_stdin(&["-"], &bytes)), expected, "{name} on stdin");
        assert_eq!(counts(&desk.replay(&[name, "--partitions", "7"])), expected, "{name} dealt");
    }
}

#[test]
fn an_empty_file_is_no_failure() {
    let desk = Desk::new();
    for (name, bytes) in
        [("empty", vec![]), ("packed", gzip(b"")), ("zstd", zstd(b"")), ("mark", b"\xef\xbb\xbf".to_vec())]
    {
        let answer = desk.replay(&[desk.file(name, &bytes)]);
        assert_eq!(counts(&answer), (0, 0, json!({})), "{name}");
        let summary = answer.summary();
        assert_eq!((&summary["from"], &summary["to"]), (&Value::Null, &Value::Null), "{name}");
        assert_eq!(answer.stdout, "");
    }
}

#[test]
fn several_files_are_counted_together_and_give_what_one_gives() {
    let desk = Desk::new();
    let whole = desk.replay(&[desk.file("whole", push())]);
    assert!(whole.stdout.lines().count() > 20, "{}", whole.stdout.len());
    // Every third line apart: both files go side by side in event time.
    let lines: Vec<&[u8]> = push().split_inclusive(|byte| *byte == b'\n').collect();
    let part = |of: bool| -> Vec<u8> {
        let mine = lines.iter().enumerate().filter(|(at, _)| (at % 3 == 0) == of);
        mine.flat_map(|(_, line)| line.iter().copied()).collect()
    };
    desk.file("first", &gzip(&part(true)));
    desk.file("second", &part(false));
    let both = desk.replay(&["first", "second"]);
    assert_eq!(counts(&both), counts(&whole));
    assert!(both.stdout == whole.stdout, "other alert lines");
    let piped = desk.replay_stdin(&["first", "-"], &part(false));
    assert!(piped.stdout == whole.stdout, "other alert lines with one part on stdin");
}

#[test]
fn a_file_cut_short_is_1_and_says_how_far_it_was_read() {
    let desk = Desk::new();
    let whole = desk.replay(&[desk.file("whole", push())]).stdout;
    for (name, packed) in [("posts.gz", gzip(push())), ("posts.zst", zstd(push()))] {
        let cut = desk.file(name, &packed[..packed.len() / 10 * 9]);
        let answer = desk.replay(&[cut]);
        assert_eq!(answer.code, Some(1), "{}", answer.stderr);
        let (before, after) =
            answer.stderr.split_once(" lines: it is cut short, ").unwrap_or_else(|| panic!("{answer:?}"));
        let read =
            before.strip_prefix(&format!("tagwatch: cannot read {name} after ")).unwrap_or_else(|| panic!("{before}"));
        let read: usize = read.parse().unwrap();
        assert!((5_000..15_000).contains(&read), "{read} of 15000 lines");
        assert_eq!(after.lines().count(), 1, "{after}");
        // What was decided by then is in the log, whole lines, the same as of the whole file.
        assert!(answer.stdout.lines().count() > 5 && answer.stdout.ends_with('\n'), "{}", answer.stdout);
        assert!(whole.starts_with(&answer.stdout), "{name}: another beginning");
        // Cut so early that no line came out.
        let answer = desk.replay(&[desk.file(name, &packed[..20])]);
        assert_eq!(answer.code, Some(1));
        assert!(answer.stderr.starts_with(&format!("tagwatch: cannot read {name}: it is cut short, ")), "{answer:?}");
        // Damaged in the middle.
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 64].fill(0x55);
        let answer = desk.replay(&[desk.file(name, &damaged)]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stderr.starts_with(&format!("tagwatch: cannot read {name} after ")), "{answer:?}");
        assert!(!answer.stderr.contains("cut short"), "{answer:?}");
    }
}

#[test]
fn what_cannot_be_read_is_1_and_named_and_costs_no_alert_log() {
    let desk = Desk::new();
    desk.file("good", &good(10));
    desk.file("alerts", b"of yesterday\n");
    std::fs::create_dir(desk.path("folder")).unwrap();
    for (files, said) in [
        (&["none"][..], "tagwatch: cannot open none: No such file or directory (os error 2)\n"),
        (&["folder"], "tagwatch: cannot read folder: Is a directory (os error 21)\n"),
        (&["good", "none"], "tagwatch: cannot open none: No such file or directory (os error 2)\n"),
    ] {
        let answer = desk.replay(&[files, &["--alerts", "alerts"]].concat());
        assert_eq!((answer.code, answer.stdout.as_str(), answer.stderr.as_str()), (Some(1), "", said), "{files:?}");
        assert_eq!(desk.read("alerts"), "of yesterday\n", "{files:?}");
    }
}

#[test]
fn posts_after_as_of_are_rejected_as_of_the_future() {
    let desk = Desk::new();
    // A post a second from 20:00:00 on; five minutes ahead are allowed.
    desk.file("posts", &good(600));
    let all = desk.replay(&["posts"]).summary();
    assert_eq!((&all["from"], &all["to"]), (&json!("2017-05-05T20:00:00.000Z"), &json!("2017-05-05T20:10:00.000Z")));
    for as_of in ["2017-05-05T20:00:00Z", "1494014400000", "2017-05-05T22:00:00+02:00"] {
        let some = desk.replay(&["posts", "--as-of", as_of]);
        assert_eq!(counts(&some), (600, 602, json!({"future": 299})), "{as_of}");
    }
    let wide = desk.replay(&["posts", "--as-of", "2017-05-05T20:00:00Z", "--set", "time.max_future=1h"]);
    assert_eq!(counts(&wide), (600, 1200, json!({})));
}

#[test]
fn bad_lines_are_counted_by_reason_between_good_ones() {
    let desk = Desk::new();
    // An action is no bad line of a replay.
    let is_action = |record: &[u8]| record.windows(8).any(|key| key == br#""action""#);
    let one_line = |record: &&(Vec<u8>, &'static str)| !record.0.contains(&b'\n') && !is_action(&record.0);
    let poison: Vec<_> = crate::corpus::poison();
    let poison: Vec<_> = poison.iter().filter(one_line).collect();
    let mut text = Vec::new();
    let mut expected = std::collections::BTreeMap::new();
    for (bad, post) in poison.iter().zip(crate::corpus::good(poison.len())) {
        text.extend([bad.0.as_slice(), b"\n", &post, b"\n"].concat());
        *expected.entry(bad.1).or_insert(0) += 1;
    }
    desk.file("posts", &text);
    let (read, mentions, rejected) = counts(&desk.replay(&["posts", "--format", "native"]));
    assert_eq!(rejected, json!(expected));
    assert_eq!((read, mentions), (2 * poison.len() as u64, 2 * poison.len() as u64));
}
