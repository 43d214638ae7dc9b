//! `tagwatch replay` on real posts: the same bytes however the posts arrive and are spread, lines that keep their
//! contract, and alerts that beat the naive rule. Streams that are absent are skipped by name.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const SMALL: [&str; 2] = ["conferences_2017_2019", "fake_trends_july_2015"];
const LARGE: [&str; 2] = ["crisis_july_2015", "pushes_2014_2015"];

fn shared() -> PathBuf {
    std::env::var_os("TAGWATCH_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from)
}

/// A stream's posts; says so where they are absent.
fn stream(name: &str) -> Option<PathBuf> {
    let path = shared().join("data").join(format!("{name}.ndjson.gz"));
    if !path.exists() {
        println!("skipped: {name} is not at {}", path.display());
        return None;
    }
    Some(path)
}

fn tagwatch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TAGWATCH_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The alert log of a replay.
fn log(path: &Path, more: &[&str]) -> String {
    let output = tagwatch().args(["replay", "-q", "--summary", "none"]).args(more).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn same(name: &str, ways: &[&[&str]]) {
    let Some(path) = stream(name) else { return };
    let plain = log(&path, &[]);
    check_lines(name, &plain);
    for way in ways {
        let other = log(&path, way);
        let differ = plain.lines().zip(other.lines()).position(|(a, b)| a != b);
        assert!(plain == other, "{name} {way:?}: first other line {differ:?}");
    }
}

const P7_S1: &[&str] = &["--partitions", "7", "--set", "track.shards=1"];
const P64_S12: &[&str] = &["--partitions", "64", "--set", "track.shards=12"];

#[test]
fn small_streams_give_the_same_bytes_however_they_are_spread() {
    let mut ways = Vec::new();
    for partitions in ["1", "7", "64"] {
        for shards in ["track.shards=1", "track.shards=4", "track.shards=12"] {
            ways.push(vec!["--partitions", partitions, "--set", shards]);
        }
    }
    let ways: Vec<&[&str]> = ways.iter().map(Vec::as_slice).collect();
    SMALL.iter().for_each(|name| same(name, &ways));
}

#[test]
fn large_streams_give_the_same_bytes_however_they_are_spread() {
    LARGE.iter().for_each(|name| same(name, &[P7_S1, P64_S12]));
}

/// The contract of every line.
fn check_lines(name: &str, log: &str) {
    assert!(!log.is_empty(), "{name}: no alert at all");
    let mut last = (i64::MIN, 0);
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for text in log.lines() {
        let line: Value = serde_json::from_str(text).unwrap();
        let now = (line["tick"].as_i64().unwrap(), line["n"].as_i64().unwrap());
        assert!(now > last, "{name}: {now:?} after {last:?}");
        last = now;
        let hundredths = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as i64;
        let sum: i64 = line["signals"].as_array().unwrap().iter().map(|s| hundredths(&s["contribution"])).sum();
        assert_eq!(sum, hundredths(&line["coordination"]), "{name}: contributions do not add up: {text}");
        let id = line["alert_id"].as_str().unwrap().to_owned();
        let owner = format!("{} {}", line["hashtag"], line["onset"]);
        assert_eq!(ids.entry(id).or_insert_with(|| owner.clone()), &owner, "{name}: one id, two alerts");
        for word in ["\"bot\"", " bot ", "fake"] {
            assert!(!line["explanation"].to_string().contains(word), "{name}: {text}");
        }
        for field in ["kind", "state", "severity", "display", "at", "degraded", "warming", "suppressed", "burst"] {
            assert!(!line[field].is_null(), "{name}: no {field}: {text}");
        }
        for window in ["1m", "5m", "1h", "24h"] {
            assert!(line["windows"][window].is_object(), "{name}: no {window}: {text}");
        }
        assert!(line["evidence"].is_object() && line["config_version"].is_string(), "{name}: {text}");
    }
}

/// What the scoring tool says of a stream's alerts.
fn score(name: &str) -> Option<Value> {
    score_in(&shared().join("data"), name, &stream(name)?)
}

/// The same of a stream in any folder, with its labels beside it.
fn score_in(data: &Path, name: &str, path: &Path) -> Option<Value> {
    let tool = shared().join("tools/score_alerts.py");
    let folder = tempfile::tempdir().unwrap();
    let alerts = folder.path().join("alerts.ndjson");
    std::fs::write(&alerts, log(path, &[])).unwrap();
    let ids = data.join(format!("{name}.coordinated_ids.txt.gz"));
    let ids = if ids.exists() { ids } else { PathBuf::from("-") };
    let episodes = data.join(format!("{name}.episodes.json"));
    let output = Command::new("python3").arg(tool).arg(path).arg(&alerts).arg(episodes).arg(ids).arg("--json").output();
    let Ok(output) = output else {
        println!("skipped: {name} cannot be scored without python3");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let scored = serde_json::from_slice(&output.stdout).unwrap();
    println!("{name}: {scored}");
    Some(scored)
}

fn recalled(scored: &Value, subkind: &str) -> u64 {
    let text = scored[format!("recall[{subkind}]")].as_str().unwrap_or_else(|| panic!("no {subkind}: {scored}"));
    text.split('/').next().unwrap().parse().unwrap()
}

/// Minutes of event time from the 20th post to the alert, median over the episodes of a kind.
fn minutes(scored: &Value, subkind: &str) -> f64 {
    scored[format!("minutes_to_detect[{subkind}]")]["median"].as_f64().unwrap()
}

#[test]
fn crisis_all_pushes_and_no_organic_burst_called_coordinated() {
    let Some(scored) = score("crisis_july_2015") else { return };
    assert_eq!(scored["organic_called_coordinated"], 0, "{scored}");
    assert_eq!(scored["alerts_false"], 0, "{scored}");
    assert_eq!(recalled(&scored, "hashtag-game"), 5, "{scored}");
    assert_eq!(recalled(&scored, "push"), 2, "{scored}");
    assert!(["hashtag-game", "push"].iter().all(|subkind| minutes(&scored, subkind) <= 7.0), "{scored}");
}

#[test]
fn pushes_are_found_where_the_naive_rule_finds_nine() {
    let Some(scored) = score("pushes_2014_2015") else { return };
    assert_eq!(recalled(&scored, "hashtag-game"), 25, "{scored}");
    assert_eq!(recalled(&scored, "push"), 23, "{scored}");
    assert!(["hashtag-game", "push"].iter().all(|subkind| minutes(&scored, subkind) <= 9.0), "{scored}");
}

/// One organic post for each pushed one, or three, from a crisis night or from a conference: any share over all accounts
/// drowns.
#[test]
fn pushes_that_the_public_joins_are_found() {
    if stream("pushes_2014_2015").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (k, donor, least) in [("1", "greek", 46), ("1", "conference", 46), ("3", "greek", 28), ("3", "conference", 33)]
    {
        let name = format!("{donor}-{k}");
        let out = folder.path().join(&name);
        let tool = shared().join("tools/dilute.py");
        let diluted = Command::new("python3").arg(tool).arg(shared().join("data")).args([k, donor]).arg(&out).output();
        let Ok(diluted) = diluted else { return println!("skipped: nothing is diluted without python3") };
        assert!(diluted.status.success(), "{}", String::from_utf8_lossy(&diluted.stderr));
        let path = folder.path().join(format!("{name}.ndjson.gz"));
        let Some(scored) = score_in(folder.path(), &name, &path) else { return };
        let found = recalled(&scored, "hashtag-game") + recalled(&scored, "push");
        assert!(found >= least, "{name}: {found} of 48, {scored}");
    }
}

#[test]
fn ephemeral_pushes_are_all_found() {
    let Some(scored) = score("fake_trends_july_2015") else { return };
    assert_eq!(scored["recall"], 1.0, "{scored}");
    assert!(scored["precision"].as_f64().unwrap() >= 0.99, "{scored}");
}

#[test]
fn conferences_are_not_called_coordinated() {
    let Some(scored) = score("conferences_2017_2019") else { return };
    assert_eq!(scored["organic_called_coordinated"], 0, "{scored}");
    assert!(scored["alerts_false"].as_u64().unwrap() <= 1, "{scored}");
}

#[test]
fn a_missing_file_ends_with_1_and_is_named() {
    let output = tagwatch().args(["replay", "-q", "no-such-file.ndjson"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-file.ndjson"));
}
