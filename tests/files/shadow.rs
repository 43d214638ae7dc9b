//! The shadow of a replay: its log is that of a replay by its rules alone, and ours does not change.

use std::sync::OnceLock;

use crate::program::Desk;

const LISTED: &str = "[[expected]]\npattern = \"*fraud*\"\nfrom = 2021-05-07T20:00:00Z\nto = 2021-05-07T20:40:00Z\nreason = \"a drill\"\n";

/// A desk with the posts of a push.
fn desk() -> Desk {
    static POSTS: OnceLock<String> = OnceLock::new();
    let desk = Desk::new();
    let posts = POSTS.get_or_init(|| desk.run(&["simulate", "--scenario", "push", "--seed", "7"]).stdout);
    desk.file("posts", posts.as_bytes());
    desk
}

fn log(desk: &Desk, args: &[&str]) -> String {
    let answer = desk.run(&[&["replay", "-q", "posts"], args].concat());
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""), "{args:?}");
    answer.stdout
}

/// Rules that ask the shards the same and ones that do not, more and fewer candidates, timers and lists.
#[test]
fn a_shadow_writes_the_log_of_its_rules_alone_and_ours_is_untouched() {
    let desk = desk();
    let own = log(&desk, &[]);
    let rules = [
        "[detect]\ncoordination_enter = 64\nminimum_hold = \"20m\"\n".to_owned(),
        "[detect]\ncandidate_posts = 40\ncandidate_accounts = 12\nburst_enter = 60\n".to_owned(),
        "[detect]\ncandidate_posts = 10\ncandidate_accounts = 3\nquiet = \"3m\"\n".to_owned(),
        LISTED.to_owned(),
    ];
    for rules in &rules {
        let file = desk.file("rules.toml", rules.as_bytes());
        let alone = log(&desk, &["--config", file]);
        assert_ne!(alone, own, "{rules}");
        for spread in [&["--set", "track.shards=1"][..], &["--set", "track.shards=4", "--partitions", "7"]] {
            let beside = ["--shadow", file, "--shadow-alerts", "shadow.ndjson"];
            assert!(log(&desk, &[&beside, spread].concat()) == own, "our log is another one beside {rules} {spread:?}");
            assert!(desk.read("shadow.ndjson") == alone, "the log of the shadow is another one: {rules} {spread:?}");
        }
    }
}

#[test]
fn a_shadow_stands_over_the_config_and_the_summary_counts_it_apart() {
    let desk = desk();
    desk.file("ours.toml", format!("[detect]\nquiet = \"20m\"\n{LISTED}").as_bytes());
    desk.file("theirs.toml", b"expected = []\n[detect]\ncoordination_enter = 99\n");
    let args = ["--config", "ours.toml", "--set", "detect.coordination_enter=64"];
    let beside = ["posts", "--alerts", "a", "--shadow", "theirs.toml", "--shadow-alerts", "b"];
    let summary = desk.replay(&[&args[..], &beside].concat()).summary();
    assert_eq!(desk.read("a"), log(&desk, &args));
    assert_eq!(desk.read("b"), log(&desk, &["--set", "detect.quiet=20m", "--set", "detect.coordination_enter=99"]));
    let counted = summary["shadow"]["lines"].as_object().unwrap().values().map(|n| n.as_u64().unwrap());
    assert_eq!(counted.sum::<u64>(), desk.read("b").lines().count() as u64);
    assert_ne!(summary["shadow"]["config_version"], summary["config_version"]);
    assert!(summary["lines"]["coordinated_burst firing"].as_u64() > Some(0), "{summary}");
    assert!(summary["shadow"]["lines"].get("coordinated_burst firing").is_none(), "{summary}");
}

#[test]
fn what_a_shadow_cannot_be_is_refused_before_anything_is_written() {
    let desk = desk();
    desk.file("a", b"an older log");
    desk.file("rules.toml", b"[detect]\nburst_exit = 90\n[track]\nshards = 3\n");
    let beside = ["--shadow", "rules.toml", "--shadow-alerts", "b"];
    let answer = desk.run(&[&["replay", "posts", "--alerts", "a", "--set", "metrics.top_k=0"], &beside[..]].concat());
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(78), ""));
    for words in ["rules.toml:2:14", "rules.toml:3:2", "metrics.top_k (0)", "3 faults in the config"] {
        assert!(answer.stderr.contains(words), "{words}: {}", answer.stderr);
    }
    for args in [
        &["replay", "posts", "--shadow", "rules.toml"][..],
        &["replay", "posts", "--shadow-alerts", "b"],
        &["replay", "--counts", "posts", "--shadow", "rules.toml", "--shadow-alerts", "b"],
        &["run", "--shadow-alerts", "b"],
    ] {
        assert_eq!(desk.run(args).code, Some(2), "{args:?}");
    }
    assert_eq!((desk.read("a").as_str(), desk.path("b").exists()), ("an older log", false));
    desk.file("rules.toml", b"");
    for (log, name) in [("a", "./a"), ("new", "./new")] {
        let beside = ["--shadow", "rules.toml", "--shadow-alerts", name];
        let answer = desk.run(&[&["replay", "posts", "--alerts", log], &beside[..]].concat());
        assert_eq!(answer.code, Some(2), "{}", answer.stderr);
        assert!(answer.stderr.contains("give each log its own"), "{}", answer.stderr);
    }
    let read = ["replay", "posts", "--alerts", "a", "--shadow", "rules.toml", "--shadow-alerts", "posts"];
    assert_eq!(desk.run(&read).code, Some(2));
    assert_eq!((desk.read("a").as_str(), desk.path("new").exists()), ("an older log", false));
    let nowhere =
        ["replay", "posts", "--alerts", "/dev/null", "--shadow", "rules.toml", "--shadow-alerts", "/dev/null"];
    assert_eq!(desk.run(&nowhere).code, Some(0));
    let answer = desk.run(&["check", "--shadow", desk.file("good.toml", b"[detect]\nburst_enter = 60\n")]);
    assert!(answer.stdout.contains("\n  detect.burst_enter = 60   ours: 50\n"), "{}{}", answer.stdout, answer.stderr);
}
