//! Stories of `simulate` through the whole program: what a crowd does by itself must page nobody, what a few do must fire,
//! and every line's arithmetic must come out. The scenarios are synthetic; real posts are judged in `tests/replay.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Plays a scenario and gives its alert lines.
fn play(scenario: &str, seed: &str) -> Vec<Value> {
    play_with(scenario, seed, None)
}

/// The same under a sketch key, which decides what is sampled; none is the documented one.
fn play_with(scenario: &str, seed: &str, key: Option<&str>) -> Vec<Value> {
    let tagwatch = env!("CARGO_BIN_EXE_tagwatch");
    let posts = Command::new(tagwatch).args(["simulate", "--scenario", scenario, "--seed", seed]).output().unwrap();
    assert!(posts.status.success(), "{}", String::from_utf8_lossy(&posts.stderr));
    let mut replay = Command::new(tagwatch);
    replay.args(["replay", "--quiet", "--format", "native", "--summary", "none", "-"]).env_remove("TAGWATCH_KEY");
    replay.envs(key.map(|key| ("TAGWATCH_KEY", key)));
    let mut replay = replay.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = replay.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || input.write_all(&posts.stdout).unwrap());
    let output = replay.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success());
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

/// The lines of that state that say more than that a crowd is there.
fn coordinated<'a>(lines: &'a [Value], state: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["kind"] != "organic_burst" && line["state"] == state)
}

#[test]
fn crowds_are_recorded_and_page_nobody() {
    for scenario in ["goal", "election", "fandom", "breaking", "conference", "copypasta"] {
        let lines = play(scenario, "7");
        assert!(lines.iter().any(|line| line["kind"] == "organic_burst" && line["state"] == "firing"), "{scenario}");
        let wrong: Vec<String> = coordinated(&lines, "firing").map(|line| line["explanation"].to_string()).collect();
        assert!(wrong.is_empty(), "{scenario}: {wrong:#?}");
    }
}

#[test]
fn pushes_fire_and_say_why() {
    for (scenario, hashtag) in [
        ("leaks", "candidateleaks"),
        ("push", "harvestfraud"),
        ("ephemeral", "gümüşvadiyalanı"),
        ("campaign", "whopaidthemayor"),
        ("joined-1", "savethelongpier"),
    ] {
        let lines = play(scenario, "7");
        let fired = coordinated(&lines, "firing").find(|line| line["hashtag"] == hashtag);
        let fired = fired.unwrap_or_else(|| panic!("{scenario}: {hashtag} did not fire"));
        assert_eq!(fired["kind"], "coordinated_burst");
        assert_eq!(fired["severity"], "page");
        let sentence = fired["explanation"].as_str().unwrap();
        assert!(sentence.contains(fired["display"].as_str().unwrap()), "{sentence}");
        assert!(sentence.bytes().any(|byte| byte.is_ascii_digit()), "{sentence}");
        let families = fired["signals"].as_array().unwrap().iter();
        let paying = families.filter(|signal| signal["contribution"].as_f64().unwrap() > 0.0);
        let mut families: Vec<&str> = paying.map(|signal| signal["family"].as_str().unwrap()).collect();
        families.dedup();
        assert!(families.len() >= 2, "{families:?}");
    }
}

/// The lines of a kind that fire.
fn fired<'a>(lines: &'a [Value], kind: &'a str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind && line["state"] == "firing").collect()
}

#[test]
fn a_declared_feed_that_keeps_a_clock_is_offered_for_the_list_and_pages_nobody() {
    let lines = play("feed", "7");
    let feeds = fired(&lines, "automated_feed");
    assert_eq!(feeds.len(), 1, "{feeds:#?}");
    assert_eq!((&feeds[0]["hashtag"], &feeds[0]["severity"]), (&"rivergauges".into(), &"info".into()));
    assert!(feeds[0]["explanation"].as_str().unwrap().contains("[[expected]] hashtag = \"rivergauges\""));
    assert!(lines.iter().all(|line| line["severity"] == "info"));
}

#[test]
fn a_slow_push_opens_one_ticket_and_communities_that_sleep_open_none() {
    let lines = play("slow", "7");
    let slow = fired(&lines, "low_and_slow");
    assert_eq!(slow.len(), 1, "{slow:#?}");
    assert_eq!((&slow[0]["hashtag"], &slow[0]["severity"]), (&"quietriverpact".into(), &"ticket".into()));
    let main = lines.iter().filter(|line| line["hashtag"] == "quietriverpact" && line["kind"] != "low_and_slow");
    assert!(main.into_iter().all(|line| line["alert_id"] != slow[0]["alert_id"]));
    for scenario in ["fanclub", "stamp"] {
        assert!(coordinated(&play(scenario, "7"), "firing").next().is_none(), "{scenario}");
    }
}

#[test]
fn one_crowd_is_one_campaign_that_calls_for_those_who_join() {
    let lines = play("campaign", "7");
    let campaign = fired(&lines, "campaign");
    let members: Vec<usize> = campaign.iter().map(|line| line["members"].as_array().unwrap().len()).collect();
    assert_eq!(members, [2, 3]);
    let id = &campaign[0]["alert_id"];
    assert!(campaign.iter().all(|line| line["alert_id"] == *id && line["severity"] == "page"));
    let calling: Vec<&Value> = lines.iter().filter(|l| l["severity"] == "page" && l["suppressed"] == false).collect();
    let calling: std::collections::BTreeSet<&str> = calling.iter().map(|l| l["hashtag"].as_str().unwrap()).collect();
    assert_eq!(calling.into_iter().collect::<Vec<_>>(), ["whopaidthemayor"], "the first, and the campaign by its name");
    for joined in ["whopaidforthebridge", "askthemayornow"] {
        let page = fired(&lines, "coordinated_burst").into_iter().find(|line| line["hashtag"] == joined).unwrap();
        assert_eq!((&page["suppressed"], &page["campaign"]), (&true.into(), id));
    }
    let apart = play("two-pushes", "7");
    assert!(fired(&apart, "campaign").is_empty() && fired(&apart, "coordinated_burst").len() >= 2);
    assert!(coordinated(&play("final", "7"), "firing").next().is_none());
}

/// Under any key: what is sampled must not decide whether an alert holds.
#[test]
fn the_mockery_calms_the_alert_while_the_volume_rises() {
    for key in [None, Some("00000000000000000000000000001eef"), Some("000000000000000000000000000116a7")] {
        let lines = play_with("mockery", "7", key);
        let paged = |state: &str| -> Vec<usize> {
            let of = |line: &Value| {
                line["hashtag"] == "candidateleaks" && line["kind"] == "coordinated_burst" && line["state"] == state
            };
            (0..lines.len()).filter(|at| of(&lines[*at])).collect()
        };
        let (fired, calmed) = (paged("firing"), paged("resolved"));
        let ([fired], [calmed]) = (&fired[..], &calmed[..]) else {
            panic!("{key:?}: fired at lines {fired:?}, calmed at {calmed:?}");
        };
        assert!(fired < calmed);
        let hour = |at: usize| lines[at]["windows"]["1h"]["posts"].as_u64().unwrap();
        assert!(hour(*calmed) > 10 * hour(*fired), "{} posts an hour after {}", hour(*calmed), hour(*fired));
    }
}

#[test]
fn contributions_add_up_and_what_resolves_was_open_at_that_severity() {
    let lines = play("leaks", "11");
    let mut open = std::collections::BTreeMap::new();
    for line in &lines {
        let signals = line["signals"].as_array().unwrap();
        let hundredths = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as i64;
        let sum: i64 = signals.iter().map(|signal| hundredths(&signal["contribution"])).sum();
        assert_eq!(sum, hundredths(&line["coordination"]), "{line}");
        for signal in signals.iter().filter(|signal| signal["available"] == false) {
            assert!(signal["value"].is_null() && hundredths(&signal["contribution"]) == 0, "{signal}");
        }
        let rank = |severity: &str| ["info", "ticket", "page"].iter().position(|name| *name == severity).unwrap();
        let (id, severity) = (line["alert_id"].as_str().unwrap(), line["severity"].as_str().unwrap());
        if line["state"] == "resolved" {
            assert_eq!(open.remove(id), Some(rank(severity)), "{line}");
        } else {
            let highest = open.entry(id).or_insert(0);
            *highest = (*highest).max(rank(severity));
        }
    }
}

/// Every number of a line but those in its sentence.
fn numbers(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Number(number) => found.extend(number.as_f64()),
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| *key != "explanation").for_each(|(_, value)| numbers(value, found));
            found.extend(fields.get("members").and_then(Value::as_array).map(|members| members.len() as f64));
        }
        _ => {}
    }
}

/// The numbers that a sentence prints, with their decimals; digits inside of names are none.
fn printed(sentence: &str) -> Vec<(f64, usize)> {
    let words = sentence.split(|c: char| !(c.is_alphanumeric() || ".-#_".contains(c)));
    let words = words.filter(|word| !word.starts_with('#')).map(|word| word.trim_end_matches('.'));
    let number =
        |word: &str| Some((word.parse().ok()?, word.split_once('.').map_or(0, |(_, decimals)| decimals.len())));
    words.filter(|word| word.chars().any(|c| c.is_ascii_digit())).filter_map(number).collect()
}

#[test]
fn a_sentence_has_no_number_that_its_line_lacks() {
    // What words stand for: the most active 5 %, the 20th account, of 100, of 24 hours, of 1, the rhythm of people who sleep.
    const IN_WORDS: [f64; 7] = [0.05, 20.0, 100.0, 24.0, 1.0, 0.12, 12.0];
    let mut checked = 0;
    for scenario in ["leaks", "goal", "feed", "slow", "campaign", "giveaway", "ephemeral"] {
        for line in play(scenario, "3") {
            let mut known = IN_WORDS.to_vec();
            numbers(&line, &mut known);
            let sentence = line["explanation"].as_str().unwrap();
            for (number, decimals) in printed(sentence) {
                let unit = 10_f64.powi(i32::try_from(decimals).unwrap());
                // As it is, as a percentage, or seconds as minutes; a line has four decimals, which may round once more.
                let says = |known: f64| (known * unit - number * unit).abs() <= 0.5 + 0.0001 * unit;
                let stands = known.iter().any(|known| says(*known) || says(known * 100.0) || says(known / 60.0));
                assert!(stands, "{number} is nowhere in the line of: {sentence}\n{line}");
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "{checked} numbers checked");
}
