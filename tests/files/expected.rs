//! Expected events: what a list in the config changes of an alert log, and that it changes nothing else.

use serde_json::Value;

use crate::program::Desk;

const HASHTAG: &str = "harvestfraud";

/// A desk with a simulated push.
fn desk() -> Desk {
    let desk = Desk::new();
    let posts = desk.run(&["simulate", "--scenario", "push", "--seed", "7"]);
    desk.file("posts", posts.stdout.as_bytes());
    desk
}

/// The alert log under a list.
fn log(desk: &Desk, list: &str, more: &[&str]) -> Vec<Value> {
    let config = desk.file("expected.toml", list.as_bytes());
    let answer = desk.run(&[&["replay", "-q", "posts", "--config", config], more].concat());
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn entry(from: &str, to: &str) -> String {
    format!("[[expected]]\npattern = \"#Harvest*\"\nfrom = \"{from}\"\nto = \"{to}\"\nreason = \"a drill\"\n")
}

/// Lines of the push as `at state severity`, without pending ones.
fn told(lines: &[Value]) -> Vec<String> {
    let about = lines.iter().filter(|line| line["hashtag"] == HASHTAG && line["state"] != "pending");
    about
        .map(|line| [&line["at"], &line["state"], &line["severity"]].map(|word| word.as_str().unwrap()).join(" "))
        .collect()
}

fn at(told: &[String], words: &str) -> String {
    let line = told.iter().find(|line| line.ends_with(words)).unwrap_or_else(|| panic!("no {words}: {told:#?}"));
    line.split(' ').next().unwrap().to_owned()
}

#[test]
fn an_expected_push_is_a_ticket_and_the_log_is_the_same_but_for_that() {
    let desk = desk();
    let plain = log(&desk, "", &[]);
    let whole = log(&desk, &entry("2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z"), &[]);
    assert!(at(&told(&plain), " firing page") < at(&told(&plain), " resolved page"));
    assert!(told(&whole).iter().all(|line| !line.ends_with(" page")), "{:#?}", told(&whole));
    assert_eq!(at(&told(&whole), " firing ticket"), at(&told(&plain), " firing page"));
    assert_eq!(whole.len(), plain.len());
    for (mut lowered, plain) in whole.into_iter().zip(plain) {
        if lowered["hashtag"] == HASHTAG {
            assert_eq!(lowered["evidence"]["expected"], "a drill");
            let sentence = format!("{}; expected: a drill", plain["explanation"].as_str().unwrap());
            assert_eq!(lowered["explanation"], sentence);
            lowered["evidence"]["expected"] = Value::Null;
            for field in ["explanation", "severity"] {
                lowered[field] = plain[field].clone();
            }
        }
        assert_eq!(lowered, plain);
    }
}

#[test]
fn an_event_that_ends_or_begins_while_the_alert_fires_has_a_line_of_its_own() {
    let desk = desk();
    let plain = told(&log(&desk, "", &[]));
    let fires = at(&plain, " firing page");
    let later = "2021-05-07T20:55:13Z";
    assert!(fires.as_str() < later, "{plain:#?}");
    let ends = log(&desk, &entry("2021-01-01T00:00:00Z", later), &[]);
    let lines = told(&ends);
    assert_eq!(at(&lines, " firing ticket"), fires);
    assert_eq!(at(&lines, " firing page"), "2021-05-07T20:55:20.000Z", "{lines:#?}");
    assert_eq!(at(&lines, " resolved page"), at(&plain, " resolved page"));
    let raised = ends.iter().find(|line| line["hashtag"] == HASHTAG && line["severity"] == "page").unwrap();
    assert!(raised["explanation"].as_str().unwrap().ends_with("; no longer expected"), "{raised}");
    assert_eq!((&raised["evidence"]["expected"], &raised["suppressed"]), (&Value::Null, &Value::from(false)));

    let begins = told(&log(&desk, &entry(later, "2022-01-01T00:00:00Z"), &[]));
    assert_eq!(at(&begins, " firing page"), fires);
    assert_eq!(at(&begins, " firing ticket"), "2021-05-07T20:55:20.000Z", "{begins:#?}");
    assert_eq!(at(&begins, " resolved page"), at(&plain, " resolved page"), "it had paged");
    // However the posts are spread.
    let spread = log(&desk, &entry("2021-01-01T00:00:00Z", later), &["--partitions", "7", "--set", "track.shards=5"]);
    assert!(spread == ends, "another log under 7 partitions and 5 shards");
}

#[test]
fn check_says_what_is_expected_and_what_is_over() {
    let desk = desk();
    let list =
        entry("2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z") + &entry("2021-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let answer = desk.run(&["check", "--config", desk.file("my.toml", list.as_bytes())]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    for words in [
        "expected events, by event time:\n  #harvest*  2021-01-01T00:00:00.000Z to 2022-01-01T00:00:00.000Z  a drill   my.toml:1\n",
        "allowed, but look again:",
        "expected (my.toml:1): #harvest* has been over since 2022-01-01T00:00:00.000Z; remove it, unless you replay that time",
    ] {
        assert!(answer.stdout.contains(words), "{words}\n{}", answer.stdout);
    }
    assert_eq!(answer.stdout.matches("has been over").count(), 1, "{}", answer.stdout);
    let wrong = desk.run(&["check", "--config", desk.file("my.toml", list.replace("a drill", "").as_bytes())]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(78), ""));
    assert!(
        wrong.stderr.contains("my.toml:5:10") && wrong.stderr.contains("2 faults in the config"),
        "{}",
        wrong.stderr
    );
}
