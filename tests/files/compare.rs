//! `compare`: two logs of the same posts, from files and from a pipe, as a table and as JSON.

use serde_json::Value;

use crate::program::{Desk, gzip};

/// A desk with a push, its log, and a log under gates that neither it nor small crowds pass.
fn desk() -> Desk {
    let desk = Desk::new();
    let posts = desk.run(&["simulate", "--scenario", "push", "--seed", "7"]);
    desk.file("posts", posts.stdout.as_bytes());
    for (log, set) in [("a", ["detect.coordination_enter=56"; 2]), ("b", GATES)] {
        let answer = desk.run(&["replay", "-q", "posts", "--alerts", log, "--set", set[0], "--set", set[1]]);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    }
    desk
}

const GATES: [&str; 2] = ["detect.coordination_enter=99", "detect.candidate_posts=40"];

#[test]
fn a_log_and_itself_agree() {
    let desk = desk();
    let packed = gzip(desk.read("a").as_bytes());
    let answer = desk.run(&["compare", "a", desk.file("a.gz", &packed), "--json"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    let comparison: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(comparison["differences"], Value::Array(Vec::new()));
    assert_eq!(comparison["a"], comparison["b"]);
    assert_eq!(comparison["a"]["lines"].as_u64().unwrap(), desk.read("a").lines().count() as u64);
    assert!(comparison["a"]["pages"].as_u64().unwrap() >= 1, "{}", answer.stdout);
    let table = desk.run(&["compare", "a", "a"]).stdout;
    assert!(table.contains("both were written under the same config version"), "{table}");
}

#[test]
fn a_page_that_is_lost_is_listed_with_its_reason_and_the_other_way_round() {
    let desk = desk();
    let json =
        |a: &str, b: &str| -> Value { serde_json::from_str(&desk.run(&["compare", a, b, "--json"]).stdout).unwrap() };
    let (there, back) = (json("a", "b"), json("b", "a"));
    assert_eq!(there["counts"]["no_longer_pages"], there["a"]["pages"]);
    assert_eq!(there["counts"]["no_longer_pages"], back["counts"]["newly_pages"]);
    assert_eq!((&there["b"]["pages"], &there["counts"]["newly_pages"]), (&Value::from(0), &Value::from(0)));
    assert_ne!(there["a"]["config_versions"], there["b"]["config_versions"]);
    let lost = there["differences"].as_array().unwrap().iter().find(|one| one["became"] == "no_longer_pages").unwrap();
    assert_eq!((&lost["a"]["kind"], &lost["a"]["severity"]), (&"coordinated_burst".into(), &"page".into()));
    let table = desk.run(&["compare", "a", "b"]).stdout;
    for words in
        ["no longer pages\n  #", lost["a"]["explanation"].as_str().unwrap(), "are not listed; --all lists them"]
    {
        assert!(table.contains(words), "{words}:\n{table}");
    }
    let all = desk.run(&["compare", "a", "b", "--all"]).stdout;
    assert!(all.lines().count() > table.lines().count() && !all.contains("--all"), "{all}");
}

#[test]
fn a_pipe_is_a_log_and_two_are_wrong_usage() {
    let desk = desk();
    let mut command = desk.tagwatch();
    command.args(["compare", "a", "-", "--json"]).stdin(std::fs::File::open(desk.path("b")).unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.stdout, desk.run(&["compare", "a", "b", "--json"]).stdout.into_bytes());
    assert_eq!(desk.run(&["compare", "-", "-"]).code, Some(2));
    assert_eq!(desk.run(&["compare", "a"]).code, Some(2));
}

#[test]
fn what_is_no_log_is_refused_with_its_line() {
    let desk = desk();
    let answer = desk.run(&["compare", "a", "nowhere"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.contains("nowhere"), "{}", answer.stderr);
    let torn = format!("{}\n{{\"tick\":1", desk.read("a").lines().next().unwrap());
    let answer = desk.run(&["compare", "a", desk.file("torn", torn.as_bytes())]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.contains("the alert log torn, line 2: no alert line of tagwatch"), "{}", answer.stderr);
    // A log of nothing is a log.
    let answer = desk.run(&["compare", "a", desk.file("empty", b"")]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(answer.stdout.contains("no longer pages"), "{}", answer.stdout);
}
