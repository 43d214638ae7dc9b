//! `tagwatch evaluate` on real posts: every number is the one that the scoring tool gives for the alert log of `tagwatch
//! replay`. Streams that are absent are skipped by name. And on posts of its own: what is printed, and what is refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

fn shared() -> PathBuf {
    std::env::var_os("TAGWATCH_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from)
}

/// The program in an empty folder, without any variable of tagwatch.
fn tagwatch(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TAGWATCH_")) {
        command.env_remove(name);
    }
    command.current_dir(folder.path()).stdin(Stdio::null());
    command
}

fn good(output: Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A stream, its labels and the alert log of its replay.
struct Case {
    folder: TempDir,
    stream: PathBuf,
    episodes: PathBuf,
    ids: PathBuf,
    log: PathBuf,
}

impl Case {
    /// None, and a word about it, where the stream is absent.
    fn of(name: &str) -> Option<Case> {
        // The program runs elsewhere.
        let data = std::path::absolute(shared().join("data")).unwrap();
        let stream = data.join(format!("{name}.ndjson.gz"));
        if !stream.exists() {
            println!("skipped: {name} is not at {}", stream.display());
            return None;
        }
        let ids = data.join(format!("{name}.coordinated_ids.txt.gz"));
        let ids = if ids.exists() { ids } else { PathBuf::from("-") };
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("alerts.ndjson");
        let replay = tagwatch(&folder).args(["replay", "-q", "--alerts"]).arg(&log).arg(&stream).output();
        good(replay.unwrap());
        Some(Case { folder, episodes: data.join(format!("{name}.episodes.json")), stream, ids, log })
    }

    fn evaluate(&self, more: &[&str]) -> Vec<u8> {
        let mut command = tagwatch(&self.folder);
        command.arg("evaluate").arg(&self.stream).arg("--episodes").arg(&self.episodes).arg("--ids").arg(&self.ids);
        good(command.args(more).output().unwrap())
    }

    /// A log that no detector would write: lines at, just before and just after every edge of the definitions, of every
    /// kind and state in turn; of all of them one in `every`.
    fn edges(&self, every: usize) -> PathBuf {
        let episodes: Value = serde_json::from_slice(&std::fs::read(&self.episodes).unwrap()).unwrap();
        let ms = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let kinds = ["coordinated_burst", "organic_burst", "suspected_coordination", "coordinated_burst"];
        let states = ["firing", "firing", "resolved", "firing", "pending"];
        let mut log = String::new();
        for (index, episode) in episodes.as_array().unwrap().iter().enumerate() {
            let (start, end) = (ms(&episode["start"]), ms(&episode["end"]));
            let middle = i64::midpoint(start, end);
            let edges = [start - 10 * MINUTE, start, middle, end, end + 30 * MINUTE, end + 90 * MINUTE];
            let near = edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]);
            for (turn, at) in (index..).zip(near).filter(|(turn, _)| turn % every == 0) {
                let hashtag = format!("#{}", episode["hashtag"].as_str().unwrap().to_uppercase());
                let line = json!({"hashtag": hashtag, "kind": kinds[turn % 4], "state": states[turn % 5], "at": at});
                log.push_str(&format!("{line}\n"));
            }
        }
        let path = self.folder.path().join(format!("edges-{every}.ndjson"));
        std::fs::write(&path, log).unwrap();
        path
    }

    /// What the scoring tool says of a log; none, and a word about it, without python3.
    fn score(&self, log: &Path) -> Option<String> {
        let tool = std::path::absolute(shared().join("tools/score_alerts.py")).unwrap();
        let mut command = Command::new("python3");
        let files = [self.stream.as_path(), log, &self.episodes, &self.ids];
        let Ok(output) = command.arg(tool).args(files).args(["--json", "--list"]).output() else {
            println!("skipped: {} cannot be scored without python3", self.stream.display());
            return None;
        };
        Some(String::from_utf8(good(output)).unwrap())
    }
}

/// What the tool calls a number, and where ours is.
fn pairs(ours: &Value) -> Vec<(String, Value)> {
    let (alerts, coordinated, organic) = (&ours["alerts"], &ours["coordinated"], &ours["organic"]);
    let mut pairs: Vec<(String, Value)> = vec![
        ("posts".into(), ours["posts"].clone()),
        ("days".into(), ours["days"].clone()),
        ("alerts_true".into(), alerts["true"].clone()),
        ("alerts_false".into(), alerts["false"].clone()),
        ("alerts_ambiguous".into(), alerts["ambiguous"].clone()),
        ("precision".into(), alerts["precision"].clone()),
        ("false_per_day".into(), alerts["false_per_day"].clone()),
        ("false_per_100k_posts".into(), alerts["false_per_100k_posts"].clone()),
        ("recall".into(), coordinated["all"]["recall"].clone()),
    ];
    for (subkind, found) in coordinated["by_subkind"].as_object().unwrap() {
        let of = |part: &str| json!(format!("{}/{}", found[part], found["episodes"]));
        pairs.push((format!("recall[{subkind}]"), of("detected")));
        pairs.push((format!("volume_recall[{subkind}]"), of("seen_as_burst")));
        if !found["minutes_to_detect"].is_null() {
            let mut minutes = found["minutes_to_detect"].clone();
            minutes["episode_left_median"] = found["episode_left_median"].clone();
            pairs.push((format!("minutes_to_detect[{subkind}]"), minutes));
        }
    }
    if organic["episodes"] != 0 {
        pairs.push(("organic_bursts".into(), organic["episodes"].clone()));
        pairs.push(("organic_called_coordinated".into(), organic["called_coordinated"].clone()));
        pairs.push(("organic_seen_as_burst".into(), organic["seen_as_burst"].clone()));
    }
    pairs
}

/// The lists, as the tool prints them, sorted.
fn lists(ours: &Value) -> Vec<String> {
    let second = |at: &Value| at.as_str().unwrap()[..19].replace('T', " ");
    let list = |name: &str| ours[name].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let falses =
        list("false_alerts").into_iter().map(|a| format!("false {} {}", second(&a["at"]), text(&a["hashtag"])));
    let missed = list("missed").into_iter().map(|e| {
        let burst = if e["seen_as_burst"] == true { "burst seen" } else { "no burst" };
        let (at, hashtag, subkind) = (second(&e["start"]), text(&e["hashtag"]), text(&e["subkind"]));
        format!("missed {at} {hashtag} {subkind} {} posts {} accounts {burst}", e["posts"], e["accounts"])
    });
    let called = list("organic_called_coordinated").into_iter().map(|e| {
        let (at, hashtag) = (second(&e["start"]), text(&e["hashtag"]));
        format!("organic called coordinated {at} {hashtag} {} posts {} accounts", e["posts"], e["accounts"])
    });
    let mut lines: Vec<String> = falses.chain(missed).chain(called).collect();
    lines.sort();
    lines
}

/// The tool's lists in the same form: it prints the start of an episode as the file has it.
fn listed(text: &str) -> Vec<String> {
    let is_list = |line: &&str| ["false ", "missed ", "organic called"].iter().any(|start| line.starts_with(start));
    let plain = |line: &str| {
        let words = line.split(' ').map(|word| match word.len() >= 20 && word.ends_with('Z') {
            true => word[..19].replace('T', " "),
            false => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = text.lines().skip(1).filter(is_list).map(plain).collect();
    lines.sort();
    lines
}

fn same_as_the_tool(name: &str) {
    let Some(case) = Case::of(name) else { return };
    let replayed = case.evaluate(&["--json"]);
    let ours = |log: &Path| case.evaluate(&["--json", "--alerts", log.to_str().unwrap()]);
    let text = |json: &[u8]| String::from_utf8_lossy(json).into_owned();
    assert_eq!(text(&replayed), text(&ours(&case.log)), "{name}: a log is scored alike");
    println!("{}", text(&case.evaluate(&["--alerts", case.log.to_str().unwrap()])));
    let (dense, sparse) = (case.edges(3), case.edges(11));
    for (log, json) in [(&case.log, replayed), (&dense, ours(&dense)), (&sparse, ours(&sparse))] {
        let Some(tool) = case.score(log) else { return };
        compare(name, &serde_json::from_slice(&json).unwrap(), &tool);
    }
}

/// Holds every number and every list that both print to the other.
fn compare(name: &str, ours: &Value, tool: &str) {
    let theirs: Value = serde_json::from_str(tool.lines().next().unwrap()).unwrap();
    println!("{name}: {theirs}");
    let pairs = pairs(ours);
    for (key, value) in &pairs {
        assert!(same(value, &theirs[key]), "{name}: {key} is {value}, and {} by the tool", theirs[key]);
    }
    let keys: Vec<&String> = theirs.as_object().unwrap().keys().collect();
    for key in &keys {
        assert!(pairs.iter().any(|(ours, _)| ours == *key), "{name}: {key} is in no pair");
    }
    assert_eq!(pairs.len(), keys.len(), "{name}: {keys:?}");
    assert_eq!(lists(ours), listed(tool), "{name}");
    assert_eq!(ours["rejected"], 0, "{name}");
}

/// Equal to the last digit, whether written 1 or 1.0.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len() && ours.iter().all(|(key, value)| same(value, &theirs[key]))
        }
        _ => ours == theirs,
    }
}

#[test]
fn conferences_are_scored_as_by_the_tool() {
    same_as_the_tool("conferences_2017_2019");
}

#[test]
fn a_crisis_is_scored_as_by_the_tool() {
    same_as_the_tool("crisis_july_2015");
}

#[test]
fn ephemeral_pushes_are_scored_as_by_the_tool() {
    same_as_the_tool("fake_trends_july_2015");
}

#[test]
fn an_operation_alone_is_scored_as_by_the_tool() {
    same_as_the_tool("pushes_2014_2015");
}

const T: i64 = 1_494_014_400_000;
const MINUTE: i64 = 60_000;

/// A post a minute for ten hours with two hashtags, and a line that is no post.
fn small() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut posts = String::from("{torn\n");
    for n in 0..600 {
        let post = json!({"id": format!("p{n}"), "ts": T + n * MINUTE, "account": "a", "hashtags": ["Push", "crowd"]});
        posts.push_str(&format!("{post}\n"));
    }
    std::fs::write(folder.path().join("posts.zst"), zstd::encode_all(posts.as_bytes(), 1).unwrap()).unwrap();
    let ids: String = (90..200).map(|n| format!("p{n}\n")).collect();
    std::fs::write(folder.path().join("ids"), ids).unwrap();
    let episodes = json!([
        {"hashtag": "#Push", "kind": "coordinated", "subkind": "push", "start": T + 100 * MINUTE, "end": T + 200 * MINUTE},
        {"hashtag": "push", "kind": "coordinated", "subkind": "push", "start": T + 400 * MINUTE, "end": T + 420 * MINUTE,
         "id": "x-2", "n_posts": 21, "n_accounts": 1},
        {"hashtag": "crowd", "kind": "organic", "start": T + 300 * MINUTE, "end": T + 400 * MINUTE},
    ]);
    std::fs::write(folder.path().join("episodes.json"), episodes.to_string()).unwrap();
    let alert = |hashtag: &str, minute: i64| {
        let explanation = format!("{hashtag} in minute {minute}");
        let line = json!({"hashtag": hashtag, "kind": "coordinated_burst", "at": T + minute * MINUTE,
            "explanation": explanation});
        format!("{line}\n")
    };
    std::fs::write(folder.path().join("log"), [alert("PUSH", 129), alert("#crowd", 310)].concat()).unwrap();
    folder
}

const SMALL: [&str; 8] = ["evaluate", "posts.zst", "--episodes", "episodes.json", "--ids", "ids", "--alerts", "log"];

fn run(folder: &TempDir, args: &[&str]) -> (Option<i32>, String, String) {
    let output = tagwatch(folder).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_table_says_what_was_found_missed_and_falsely_called_and_why() {
    let (code, stdout, stderr) = run(&small(), &SMALL);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let wanted = "\
600 posts in 0.42 days; lines rejected: 1

alerts of coordinated bursts
  true 1, false 1, ambiguous 0
  precision                0.5
  false a day              2.404
  false in 100 000 posts   166.667

coordinated episodes; minutes to detect count from the 20th post
        detected  recall  as burst  recall  minutes, median      p90  left of it, median
  push       1/2     0.5       1/2     0.5            10.00    10.00                0.71
  all        1/2     0.5       1/2     0.5            10.00    10.00                0.71

organic episodes
  called coordinated       1 of 1 (1)
  seen as burst            1 of 1

missed
  2017-05-06T02:40:00.000Z  #push (x-2), 21 posts by 1 accounts, push, no burst

false alerts
  2017-05-06T01:10:00.000Z  #crowd, coordinated share 0
    #crowd in minute 310

organic episodes called coordinated
  2017-05-06T01:00:00.000Z  #crowd, called at 2017-05-06T01:10:00.000Z
    #crowd in minute 310
";
    assert_eq!(stdout, wanted);
}

#[test]
fn without_ids_no_alert_is_true_and_that_is_said() {
    let folder = small();
    for ids in [&[][..], &["--ids", "-"]] {
        let args = [&SMALL[..4], &SMALL[6..], ids, &["--json"]].concat();
        let (code, stdout, stderr) = run(&folder, &args);
        assert_eq!(code, Some(0), "{stderr}");
        let ours: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((&ours["alerts"]["true"], &ours["alerts"]["false"]), (&json!(0), &json!(2)));
        assert!(stderr.contains("no post of the stream is coordinated"), "{stderr}");
    }
}

#[test]
fn labels_of_another_stream_are_pointed_out() {
    let folder = small();
    let path = folder.path().join("episodes.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"crowd\"", "\"crwd\"")).unwrap();
    let (code, _, stderr) = run(&folder, &SMALL);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("1 of 3 episodes have no post in the stream"), "{stderr}");
    assert!(stderr.contains("#crwd from 2017-05-06T01:00:00.000Z"), "{stderr}");
}

#[test]
fn what_cannot_be_read_is_named_with_the_entry_and_the_way_out() {
    let folder = small();
    let fault = |file: &str, text: &str, wanted: &[&str]| {
        let path = folder.path().join(file);
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let (code, stdout, stderr) = run(&folder, &SMALL);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        wanted.iter().for_each(|words| assert!(stderr.contains(words), "{words}:\n{stderr}"));
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        std::fs::write(&path, before).unwrap();
    };
    fault("episodes.json", "[{\"hashtag\":", &["the episodes file episodes.json: not JSON (EOF", "line 1", "want [{"]);
    fault("episodes.json", r#"[{"kind":"organic"}]"#, &["episodes.json: episode 1: no hashtag; name"]);
    let unreadable = r#"[{"hashtag":"a","kind":"organic","id":"e-7","start":"yesterday"}]"#;
    fault("episodes.json", unreadable, &["episodes.json: episode 1 (e-7): start is \"yesterday\"; want a time"]);
    fault("log", "{}", &["the alert log log, line 1: no alert line (missing field `hashtag`", "want the alert log of"]);
    let late = "\n{\"hashtag\":\"a\",\"kind\":\"organic_burst\",\"at\":\"noon\"}\n";
    fault("log", late, &["the alert log log, line 2: at is \"noon\"; want a time"]);
    fault("log", &"x".repeat((1 << 20) + 1), &["log, line 1: longer than 1048576 bytes; is it the right file?"]);
    fault(
        "posts.zst",
        "{torn\n",
        &["no post is understood in posts.zst; `tagwatch check --sample posts.zst` says why"],
    );
    for (at, name) in [(1, "posts"), (3, "episodes"), (5, "ids"), (7, "log")] {
        let mut args = SMALL;
        args[at] = "none";
        let (code, _, stderr) = run(&folder, &args);
        assert_eq!(code, Some(1), "{name}");
        assert!(stderr.contains("cannot open none: "), "{name}: {stderr}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = small();
    let cases: [&[&str]; 5] = [
        &["evaluate"],
        &["evaluate", "posts.zst"],
        &["evaluate", "--episodes", "episodes.json"],
        &["evaluate", "-", "--episodes", "episodes.json"],
        &["evaluate", "-", "--episodes", "episodes.json", "--alerts", "-"],
    ];
    for args in cases {
        let (code, stdout, stderr) = run(&folder, args);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(stderr.contains("--help"), "{args:?}:\n{stderr}");
    }
}

#[test]
fn an_alert_log_may_come_by_pipe() {
    let folder = small();
    let mut args = SMALL;
    args[7] = "-";
    let mut command = tagwatch(&folder);
    let child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let log = std::fs::read(folder.path().join("log")).unwrap();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    let piped = good(child.wait_with_output().unwrap());
    assert_eq!(String::from_utf8(piped).unwrap(), run(&folder, &SMALL).1);
}

/// The label names the hashtag as people write it.
#[test]
fn synthetic_posts_are_replayed_and_scored_as_the_log_of_their_replay() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| good(tagwatch(&folder).args(args).output().unwrap());
    run(&["simulate", "--scenario", "ephemeral", "--seed", "7", "--out", "posts"]);
    run(&["replay", "-q", "posts", "--alerts", "log"]);
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut pushes = lines.filter(|line| line["kind"] == "coordinated_burst" && line["state"] == "firing");
    let push = pushes.next().expect("the push raises an alert");
    let episodes = json!([{"hashtag": format!("#{}", push["display"].as_str().unwrap()), "kind": "coordinated",
        "start": push["onset"], "end": push["at"]}]);
    std::fs::write(folder.path().join("episodes"), episodes.to_string()).unwrap();
    let replayed = run(&["evaluate", "posts", "--episodes", "episodes", "--json"]);
    let from_log = run(&["evaluate", "posts", "--episodes", "episodes", "--json", "--alerts", "log"]);
    assert_eq!(String::from_utf8_lossy(&replayed), String::from_utf8_lossy(&from_log));
    let ours: Value = serde_json::from_slice(&replayed).unwrap();
    assert_ne!(push["display"], push["hashtag"]);
    assert_eq!(ours["coordinated"]["by_subkind"]["other"]["detected"], 1, "{ours}");
    assert_eq!(ours["false_alerts"][0]["explanation"], push["explanation"], "no ids, no true alert: {ours}");
}
