//! Where `replay` writes: the alert log, the summary, and what happens where they cannot be written.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Answer, Desk, good, push};

#[test]
fn a_closed_pipe_ends_quietly() {
    let desk = Desk::new();
    desk.file("posts", push());
    // One line is read, then the pipe is closed, as by `head -1`; or it is closed at once.
    for lines in [1, 0] {
        let mut command = desk.tagwatch();
        command.args(["replay", "posts"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let read: Vec<String> = stdout.lines().take(lines).map(Result::unwrap).collect();
        read.iter().for_each(|line| assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}"));
        assert_eq!(read.len(), lines);
        let ended: Answer = child.wait_with_output().unwrap().into();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "after {lines} lines");
    }
    // Nobody reads the summary either.
    let mut command = desk.tagwatch();
    let mut child = command.args(["replay", "posts", "--alerts", "alerts"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(desk.read("alerts").lines().count() > 20);
}

#[test]
fn the_summary_has_one_shape() {
    let desk = Desk::new();
    desk.file("posts", &[good(30), b"{torn\n\xff\n{\"id\":1}\n".to_vec(), good(1), good(31)].concat());
    let json = desk.replay(&["posts", "--set", "time.watermark_delay=1m"]);
    let mut summary = json.summary();
    assert_eq!(json.stderr.lines().count(), 1);
    let seconds = summary["seconds"].take();
    assert!(seconds.as_f64().is_some_and(|seconds| seconds > 0.0 && seconds < 60.0), "{seconds}");
    let version = summary["config_version"].take();
    let version = version.as_str().filter(|text| text.len() == 16).unwrap().to_owned();
    let expected = json!({
        "posts": 65, "rejected": {"encoding": 1, "missing_field": 1, "syntax": 1}, "late": 0, "duplicate": 31,
        "mentions": 62, "evicted": 0, "set_aside": 0,
        "actions": {"taken": {}, "rejected": {}, "late": 0, "evicted": 0}, "lines": {}, "open": 0,
        "from": "2017-05-05T20:00:00.000Z", "to": "2017-05-05T20:00:40.000Z", "config_version": null, "seconds": null,
    });
    assert_eq!(summary, expected);

    let text = desk.run(&["replay", "posts", "--set", "time.watermark_delay=1m"]);
    let (first, rest) = text.stderr.split_once('\n').unwrap();
    assert!(first.starts_with("65 posts in 0.") && first.ends_with(" a second)"), "{first}");
    let expected = format!(
        "  event time  2017-05-05T20:00:00.000Z to 2017-05-05T20:00:40.000Z
  mentions    62
  rejected    3 (encoding 1, missing_field 1, syntax 1)
  duplicate   31
  late 0, evicted 0, set aside 0
  0 alerts still open; config {version}
"
    );
    assert_eq!(rest, expected);
    let none = desk.run(&["replay", "posts", "--summary", "none"]);
    assert_eq!((none.code, none.stderr.as_str(), none.stdout.as_str()), (Some(0), "", ""));
}

#[test]
fn the_summary_counts_the_lines_of_the_log_by_kind_and_state() {
    let desk = Desk::new();
    let answer = desk.replay(&[desk.file("posts", push())]);
    let mut expected = serde_json::Map::new();
    for line in answer.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = format!("{} {}", line["kind"].as_str().unwrap(), line["state"].as_str().unwrap());
        let count = expected.get(&name).and_then(Value::as_u64).unwrap_or(0) + 1;
        expected.insert(name, count.into());
    }
    assert!(expected.len() > 2, "{expected:?}");
    assert_eq!(answer.summary()["lines"], Value::Object(expected));
}

#[test]
fn the_alert_log_is_truncated_and_written_in_place() {
    use std::os::unix::fs::MetadataExt;
    let desk = Desk::new();
    desk.file("posts", push());
    let expected = desk.replay(&["posts"]).stdout;
    desk.file("alerts", &vec![b'x'; 2 * expected.len()]);
    let inode = || std::fs::metadata(desk.path("alerts")).unwrap().ino();
    let before = inode();
    let answer = desk.replay(&["posts", "--alerts", "alerts"]);
    answer.summary();
    assert_eq!(answer.stdout, "", "the log is in the file alone");
    assert!(desk.read("alerts") == expected, "another log than on stdout");
    assert_eq!(inode(), before, "somebody may follow the file");
}

#[test]
fn an_alert_log_that_cannot_be_written_is_said() {
    let desk = Desk::new();
    desk.file("posts", push());
    let missing = desk.replay(&["posts", "--alerts", "no/such/log"]);
    assert_eq!(missing.code, Some(1));
    let said = "tagwatch: cannot write the alert log to no/such/log: No such file or directory (os error 2)\n";
    assert_eq!(missing.stderr, said);
    let full = desk.replay(&["posts", "--alerts", "/dev/full"]);
    assert_eq!(full.code, Some(1));
    let said = "tagwatch: cannot write the alert log to /dev/full: No space left on device (os error 28)\n";
    assert_eq!(full.stderr, said);
    let device = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let full: Answer = desk.tagwatch().args(["replay", "posts"]).stdout(device).output().unwrap().into();
    assert_eq!(full.code, Some(1));
    assert_eq!(full.stderr, said.replace("/dev/full", "stdout"));
}

#[test]
fn an_alert_log_never_overwrites_what_is_read() {
    let desk = Desk::new();
    desk.file("posts", &good(3));
    std::os::unix::fs::symlink("posts", desk.path("link")).unwrap();
    std::fs::hard_link(desk.path("posts"), desk.path("twin")).unwrap();
    for log in ["posts", "./posts", "link", "twin"] {
        let answer = desk.replay(&["posts", "--alerts", log]);
        let said = format!("tagwatch: --alerts {log} would overwrite a FILE that is to be read\n");
        assert_eq!((answer.code, answer.stderr), (Some(2), said));
        assert_eq!(desk.read("posts").as_bytes(), good(3), "{log}");
    }
}

#[test]
fn wrong_usage_is_2_and_a_wrong_config_78_with_all_faults_before_anything_is_touched() {
    let desk = Desk::new();
    desk.file("posts", &good(3));
    desk.file("alerts", b"of yesterday\n");
    desk.file("my.toml", b"[kafka]\nbrokrs = \"a:1\"\n[time]\nidle_timeout = \"10x\"\n[limits]\nhashtags_max = -1\n");
    for usage in [&["--partitions", "0"][..], &["--partitions", "4097"], &["--summary", "xml"], &["--as-of", "soon"]] {
        let answer = desk.replay(&[&["posts", "--alerts", "alerts"], usage].concat());
        assert_eq!(answer.code, Some(2), "{usage:?}");
        assert!(
            answer.stderr.contains(usage[0]) || answer.stderr.contains("--summary"),
            "{usage:?}: {}",
            answer.stderr
        );
    }
    let answer = desk.run(&["replay", "posts", "--alerts", "alerts", "--config", "my.toml", "--set", "no.such=1"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(78), ""), "{}", answer.stderr);
    for words in ["kafka.brokrs", "time.idle_timeout (10x)", "limits.hashtags_max", "no.such", "4 faults in the config"]
    {
        assert!(answer.stderr.contains(words), "{words}:\n{}", answer.stderr);
    }
    assert_eq!(desk.read("alerts"), "of yesterday\n");
}
