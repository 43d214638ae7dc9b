//! Actions: what they take out is what would never have been counted, whatever their order, and nothing they hold is
//! worse than to be counted and left aside.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::Value;
use tagwatch::assess::report::overview;
use tagwatch::assess::top::top;
use tagwatch::config::Windows;
use tagwatch::model::keyed::id_of;
use tagwatch::model::{Act, EventTime, Mention, MentionBatch, TagHash, Taken, Tick, mention};
use tagwatch::track::Shard;
use tagwatch::track::ladder::{HOUR, MINUTE};

const WINDOWS: Windows = Windows {
    baseline_days: 28,
    row_posts_min: 20,
    hour_sample_accounts_min: 20,
    hour_total_accounts_below: 5,
    actions_max: 100_000,
};
/// An hour's end.
const START: i64 = 150_000_120;

/// SplitMix64: uniform and distinct, as keyed hashes are.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One post of a hashtag, by an account, so many seconds after the start.
#[derive(Clone, Copy, Debug)]
struct Said {
    tag: u64,
    number: u64,
    account: u64,
    second: i64,
    repost: bool,
}

impl Said {
    fn mention(&self) -> Mention {
        Mention {
            post: mix(self.number + 1),
            account: mix(self.account),
            second: (START * 10 + self.second) as u32,
            flags: if self.repost { mention::FLAG_REPOST } else { 0 },
            ..Mention::default()
        }
    }
}

fn taken(second: i64, act: Act, target: u64) -> Taken {
    Taken { at: EventTime((START * 10 + second) * 1000), act, target }
}

fn shard(said: &[Said], actions: &[Taken], to: i64) -> Shard {
    let mut shard = Shard::new(WINDOWS, 1 << 34);
    shard.watched(EventTime(START * 10_000));
    let mut batch = MentionBatch::default();
    for one in said {
        let tick = EventTime((START * 10 + one.second) * 1000).tick();
        batch.push(TagHash(mix(one.tag)), tick, &format!("tag{}", one.tag), "Tag", true, one.mention());
    }
    shard.apply(&batch);
    shard.act(actions);
    while let Some(due) = shard.next_due(Tick(to).end()) {
        shard.close(due);
    }
    shard
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let one = (0..60u64, 0..3600i64, any::<bool>());
    prop::collection::vec(one, 1..300).prop_map(|all| {
        let numbered = all.into_iter().zip(0..);
        numbered.map(|((account, second, repost), number)| Said { tag: 1, number, account, second, repost }).collect()
    })
}

proptest! {
    /// Small hashtags are known exactly: what stands is what a shard counts that never saw the rest.
    #[test]
    fn what_is_taken_out_of_small_hashtags_was_never_there(
        said in said(),
        actioned in prop::collection::btree_set(0..60u64, 0..20),
        deleted in prop::collection::btree_set(0..300u64, 0..60),
        ticks in 360..400i64,
    ) {
        let mut actions: Vec<Taken> =
            actioned.iter().map(|account| taken(3599, Act::AccountActioned, mix(*account))).collect();
        actions.extend(deleted.iter().map(|n| taken(3000, Act::PostDeleted, u64::from(id_of(mix(n + 1))))));
        let gone = |one: &Said| actioned.contains(&one.account) || deleted.contains(&one.number);
        let kept: Vec<Said> = said.iter().filter(|one| !gone(one)).copied().collect();
        let to = START + ticks;
        let (whole, rest) = (shard(&said, &actions, to), shard(&kept, &[], to));
        let row = overview(&whole, mix(1), to).unwrap();
        let raw = overview(&shard(&said, &[], to), mix(1), to).unwrap();
        prop_assert_eq!(&row.windows, &raw.windows, "no action changes a pane");
        // Hours of fewer than five accounts are totals, of fewer than twenty they keep no posts.
        let twin = overview(&rest, mix(1), to).map(|row| row.windows).unwrap_or_default();
        let Some(adjusted) = row.adjusted else {
            for ((name, raw), (_, twin)) in row.windows.labelled().into_iter().zip(twin.labelled()).take(3) {
                prop_assert_eq!((raw.posts, raw.accounts), (twin.posts, twin.accounts), "{}: nothing was taken out", name);
            }
            return Ok(());
        };
        for (left, (name, twin)) in adjusted.all().into_iter().zip(twin.labelled()).take(3) {
            prop_assert_eq!((left.posts, left.posts_low, left.posts_high), (twin.posts, twin.posts, twin.posts), "{}", name);
            prop_assert_eq!((left.reposts, left.accounts), (twin.reposts, twin.accounts), "{}", name);
        }
    }
}

/// From samples it is an estimate that says how far it may be off.
#[test]
fn what_stands_of_a_large_hashtag_lies_in_its_interval() {
    let (mut posts_missed, mut accounts_missed) = (0, 0);
    for seed in 0..20_u64 {
        let of = |n: u64| mix(seed << 32 | n);
        let said: Vec<Said> = (0..6000)
            .map(|number| {
                let account = of(number % 2500) % 1_000_000;
                Said {
                    tag: 1,
                    number: seed << 20 | number,
                    account,
                    second: (number / 2) as i64,
                    repost: number % 3 == 0,
                }
            })
            .collect();
        let accounts: BTreeSet<u64> = said.iter().map(|one| one.account).collect();
        let out: BTreeSet<u64> = accounts.iter().filter(|account| *account % 10 < 4).copied().collect();
        let actions: Vec<Taken> = out.iter().map(|account| taken(3300, Act::AccountActioned, mix(*account))).collect();
        let to = START + HOUR;
        let hour = overview(&shard(&said, &actions, to), mix(1), to).unwrap().adjusted.unwrap().h1;
        let posts = said.iter().filter(|one| !out.contains(&one.account)).count() as u64;
        let stand = (accounts.len() - out.len()) as u64;
        posts_missed += i32::from(!(hour.posts_low..=hour.posts_high).contains(&posts));
        accounts_missed += i32::from(!(hour.accounts_low..=hour.accounts_high).contains(&stand));
        assert!(hour.posts.abs_diff(posts) < posts / 8 && hour.accounts.abs_diff(stand) < stand / 8, "{hour:?}");
    }
    assert!(posts_missed <= 3 && accounts_missed <= 3, "{posts_missed} and {accounts_missed} of 20 missed at 95 %");
}

#[test]
fn a_hashtag_whose_accounts_are_actioned_falls_out_of_the_top_at_the_next_tick() {
    let pushed = (0..80).map(|n| Said { tag: 1, number: n, account: n % 20, second: 590, repost: false });
    let public = (100..120).map(|n| Said { tag: 2, number: n, account: n, second: 590, repost: false });
    let said: Vec<Said> = pushed.chain(public).collect();
    let names = |actions: &[Taken], tick: i64| -> Vec<String> {
        top(&shard(&said, actions, tick), tick, 5).into_iter().map(|row| row.hashtag).collect()
    };
    let tick = START + 10 * MINUTE;
    let mut actions: Vec<Taken> = (0..20).map(|account| taken(605, Act::AccountActioned, mix(account))).collect();
    assert_eq!(names(&actions, tick), ["tag1", "tag2"], "not before its tick");
    assert_eq!(names(&actions, tick + 1), ["tag2"]);
    actions.push(taken(615, Act::AccountRestored, mix(3)));
    assert_eq!(names(&actions, tick + 1), ["tag2"]);
    assert_eq!(names(&actions, tick + 2), ["tag2", "tag1"], "one of them is back, with four posts");
}

/// Runs the program on some input; what it wrote to stdout and the summary.
fn replay(input: &[u8], args: &[&str]) -> (Vec<u8>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
    command.args(["replay", "--summary", "json", "-"]).args(args).env_remove("TAGWATCH_KEY");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let feeding = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.stdout, serde_json::from_slice(&output.stderr).unwrap())
}

fn simulate(scenario: &str) -> Vec<u8> {
    let tagwatch = env!("CARGO_BIN_EXE_tagwatch");
    let output = Command::new(tagwatch).args(["simulate", "--scenario", scenario, "--seed", "7"]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn lines(log: &[u8]) -> Vec<Value> {
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn is_action(line: &[u8]) -> bool {
    line.starts_with(br#"{"at":"#)
}

#[test]
fn a_push_that_vanishes_has_an_alert_of_its_own_beside_the_bursts() {
    let (log, summary) = replay(&simulate("ephemeral"), &[]);
    assert!(summary["actions"]["taken"]["post_deleted"].as_u64().unwrap() > 500, "{summary}");
    let about: Vec<Value> = lines(&log).into_iter().filter(|line| line["hashtag"] == "gümüşvadiyalanı").collect();
    let of = |kind: &str| about.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let (main, further) = (of("coordinated_burst"), of("ephemeral_amplification"));
    assert_eq!(main[0]["state"], "firing");
    assert_eq!(main[0]["adjusted"], Value::Null, "nothing was gone yet");
    let states: Vec<&str> = further.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["firing", "resolved"]);
    let fired = further[0];
    assert_eq!((&fired["severity"], &fired["suppressed"]), (&Value::from("ticket"), &Value::from(false)));
    assert_ne!(fired["alert_id"], main[0]["alert_id"]);
    assert_eq!(fired["onset"], main[0]["onset"]);
    let minutes = (fired["tick"].as_i64().unwrap() - main[0]["tick"].as_i64().unwrap()) / MINUTE;
    assert!(minutes <= 5, "{minutes} minutes after the burst's own");
    let posts = |counts: &Value| counts["24h"]["posts"].as_u64().unwrap();
    let (counted, stand) = (posts(&fired["windows"]), posts(&fired["adjusted"]["windows"]));
    assert!(stand * 10 < counted * 6, "{stand} of {counted} stand");
    let accounts = fired["adjusted"]["windows"]["24h"]["accounts"].as_u64().unwrap();
    assert!(accounts <= stand, "{accounts} accounts for {stand} posts");
    let sentence = fired["explanation"].as_str().unwrap();
    assert!(sentence.contains(&counted.to_string()) && sentence.contains(&stand.to_string()), "{sentence}");
    let signal = fired["signals"].as_array().unwrap().iter().find(|signal| signal["name"] == "ephemerality").unwrap();
    assert!(signal["available"] == true && signal["value"].as_f64().unwrap() > 0.4, "{signal}");
    for line in lines(&log) {
        let hundredths = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as i64;
        let sum: i64 = line["signals"].as_array().unwrap().iter().map(|s| hundredths(&s["contribution"])).sum();
        assert_eq!(sum, hundredths(&line["coordination"]), "{line}");
    }
}

/// From a file of their own, each twice, with other partitions and shards: the same bytes.
#[test]
fn the_alert_log_does_not_know_how_actions_came() {
    let records = simulate("ephemeral");
    let (expected, _) = replay(&records, &[]);
    for args in [&["--partitions", "5", "--set", "track.shards=3"][..], &["--set", "track.shards=1"]] {
        assert!(replay(&records, args).0 == expected, "{args:?}");
    }
    let (actions, posts): (Vec<&[u8]>, Vec<&[u8]>) =
        records.split_inclusive(|byte| *byte == b'\n').partition(|line| is_action(line));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("actions.ndjson");
    let twice: Vec<u8> = actions.iter().flat_map(|line| [*line, *line].concat()).collect();
    std::fs::write(&file, twice).unwrap();
    let (log, summary) = replay(&posts.concat(), &["--actions", file.to_str().unwrap()]);
    assert!(log == expected, "from a file of its own");
    assert_eq!(summary["actions"]["taken"]["post_deleted"].as_u64().unwrap() % 2, 0);
    let (without, _) = replay(&posts.concat(), &[]);
    let kinds = |log: &[u8]| -> Vec<String> {
        let main = lines(log).into_iter().filter(|line| line["kind"] != "ephemeral_amplification");
        main.map(|line| format!("{} {} {} {}", line["tick"], line["kind"], line["state"], line["windows"])).collect()
    };
    assert_eq!(kinds(&without), kinds(&expected), "actions move no main alert here");
}

#[test]
fn unusable_and_late_actions_are_counted_and_change_nothing() {
    let posts = simulate("push");
    let (expected, _) = replay(&posts, &[]);
    let last = posts.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
    let ts = serde_json::from_slice::<Value>(last).unwrap()["ts"].as_i64().unwrap();
    let mut poisoned = posts.clone();
    for (record, times) in [
        (r#"{"at":5,"action":"post_deleted","post":"p"}"#.to_owned(), 3),
        (format!(r#"{{"at":{ts},"action":"post_shamed","post":"p"}}"#), 2),
        (format!(r#"{{"at":{ts},"action":"post_deleted"}}"#), 4),
        (format!(r#"{{"at":{ts},"action":"post_deleted","post":"p","post":"p"}}"#), 1),
        (format!(r#"{{"at":{ts},"action":"account_actioned","account":"{}"}}"#, "x".repeat(300)), 2),
        (format!(r#"{{"at":{},"action":"account_actioned","account":"a"}}"#, ts - 10_001), 7),
        (r#"{"action":{"deep":[[[[[[]]]]]]}}"#.to_owned(), 1),
    ] {
        (0..times).for_each(|_| poisoned.extend([record.as_bytes(), b"\n"].concat()));
    }
    let (log, summary) = replay(&poisoned, &[]);
    assert!(log == expected);
    let actions = &summary["actions"];
    assert_eq!(actions["late"], 7, "{summary}");
    assert_eq!(
        actions["rejected"],
        serde_json::json!({"duplicate_key": 1, "id_too_long": 2, "invalid_field": 3, "missing_field": 4, "time_range": 3})
    );
    assert_eq!((&summary["late"], &summary["rejected"]), (&Value::from(0), &serde_json::json!({})));
}

/// Strangers by the hundred thousand: bounded, counted, and the alerts are those of no action at all.
#[test]
fn a_flood_of_actions_on_unknown_accounts_is_bounded_and_counted() {
    let posts = simulate("push");
    let (expected, _) = replay(&posts, &["--set", "windows.actions_max=2000"]);
    let mut flooded = Vec::with_capacity(posts.len() * 2);
    for (number, line) in posts.split_inclusive(|byte| *byte == b'\n').enumerate() {
        flooded.extend_from_slice(line);
        let ts = serde_json::from_slice::<Value>(line).unwrap()["ts"].as_i64().unwrap();
        for n in 0..3 {
            writeln!(flooded, r#"{{"at":{ts},"action":"account_actioned","account":"stranger-{number}-{n}"}}"#)
                .unwrap();
        }
    }
    let (log, summary) = replay(&flooded, &["--set", "windows.actions_max=2000"]);
    let without_ephemerality = |log: &[u8]| -> Vec<Value> {
        let mut all = lines(log);
        for line in &mut all {
            line["signals"].as_array_mut().unwrap().retain(|signal| signal["name"] != "ephemerality");
        }
        all
    };
    assert_eq!(without_ephemerality(&log), without_ephemerality(&expected));
    let (taken, evicted) = (
        summary["actions"]["taken"]["account_actioned"].as_u64().unwrap(),
        summary["actions"]["evicted"].as_u64().unwrap(),
    );
    assert!(taken > 100_000 && evicted > taken - 2001, "{summary}");
}
