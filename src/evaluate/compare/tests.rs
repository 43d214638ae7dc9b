//! Stories of two logs, each ending in one expected text.

use super::*;

/// Lines as `minute alert_id kind state severity`, all about one hashtag; a `!` after the severity says suppressed.
fn log(hashtag: &str, lines: &[&str]) -> Log {
    let read = |line: &&str| {
        let [minute, id, kind, state, severity] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let at = EventTime(1_494_014_400_000 + minute.parse::<i64>().unwrap() * 60_000);
        let (severity, suppressed) = severity.strip_suffix('!').map_or((severity, false), |severity| (severity, true));
        let json = serde_json::json!({
            "hashtag": hashtag, "alert_id": id, "kind": kind, "state": state, "severity": severity,
            "suppressed": suppressed, "at": at.to_string(), "explanation": "why", "config_version": "c0",
        });
        LogLine::read(json.to_string().as_bytes()).unwrap()
    };
    Log::of(lines.iter().map(read).collect())
}

/// Each difference as `became: kind severity minute -> kind severity minute`.
fn check(a: &[&str], b: &[&str], expected: &str) {
    let told = |alert: &Option<LogAlert>| match alert {
        Some(alert) => {
            let minute = (alert.at.0 - 1_494_014_400_000) / 60_000;
            let held = if alert.suppressed { "!" } else { "" };
            format!("{} {}{held} {minute}", alert.kind, alert.severity.as_str())
        }
        None => "none".to_owned(),
    };
    let comparison = Comparison::of(log("vote", a), log("#Vote", b));
    let differences =
        comparison.differences.iter().map(|d| format!("{:?}: {} -> {}", d.became, told(&d.a), told(&d.b)));
    let told: Vec<String> = differences.chain([format!("same {}", comparison.same)]).collect();
    assert_eq!(told.join("\n"), expected);
    assert_eq!(comparison.counts.values().sum::<usize>(), comparison.differences.len());
}

const PUSH: &[&str] = &[
    "0 x organic_burst pending info",
    "2 x coordinated_burst provisional ticket",
    "5 x coordinated_burst firing page",
    "60 x coordinated_burst resolved page",
];

#[test]
fn the_same_alert_under_another_id_is_the_same() {
    let other: Vec<String> = PUSH.iter().map(|line| line.replace(" x ", " y ")).collect();
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    check(PUSH, &other, "same 1");
}

#[test]
fn what_newly_pages_and_what_no_longer() {
    let ticket = &["3 z suspected_coordination firing ticket", "50 z suspected_coordination resolved ticket"];
    check(ticket, PUSH, "NewlyPages: suspected_coordination ticket 3 -> coordinated_burst page 5\nsame 0");
    check(PUSH, ticket, "NoLongerPages: coordinated_burst page 5 -> suspected_coordination ticket 3\nsame 0");
    check(PUSH, &[], "NoLongerPages: coordinated_burst page 5 -> none\nsame 0");
}

#[test]
fn a_page_that_was_held_back_pages_nobody() {
    let held = &["0 x coordinated_burst firing page!", "60 x coordinated_burst resolved page!"];
    check(held, PUSH, "NewlyPages: coordinated_burst page! 0 -> coordinated_burst page 5\nsame 0");
}

#[test]
fn another_time_is_a_change_and_another_burst_is_another_alert() {
    let later = &["9 y coordinated_burst firing page", "60 y coordinated_burst resolved page"];
    check(PUSH, later, "Changed: coordinated_burst page 5 -> coordinated_burst page 9\nsame 0");
    // Resolved when the other began: never open at once.
    let next = &["60 y coordinated_burst firing page", "90 y coordinated_burst resolved page"];
    check(
        PUSH,
        next,
        "NewlyPages: none -> coordinated_burst page 60\nNoLongerPages: coordinated_burst page 5 -> none\nsame 0",
    );
}

#[test]
fn pages_answer_to_pages_before_what_was_open_longer() {
    let calmed = &[
        "0 x coordinated_burst firing page",
        "10 x coordinated_burst resolved page",
        "10 w organic_burst pending info",
        "11 w organic_burst firing info",
        "90 w organic_burst resolved info",
    ];
    let late = &["5 y coordinated_burst firing page", "90 y coordinated_burst resolved page"];
    check(
        calmed,
        late,
        "Changed: coordinated_burst page 0 -> coordinated_burst page 5\nOnlyInA: organic_burst info 11 -> none\nsame 0",
    );
}

#[test]
fn an_id_that_comes_again_is_two_alerts_and_pending_alone_is_none() {
    let twice = &[
        "0 x organic_burst firing info",
        "20 x organic_burst resolved info",
        "40 x organic_burst pending info",
        "50 x organic_burst resolved info",
        "70 x organic_burst firing info",
    ];
    let log = log("vote", twice);
    assert_eq!((log.infos, log.pages, log.lines), (2, 0, 5));
    check(twice, twice, "same 2");
    check(twice, &[], "OnlyInA: organic_burst info 0 -> none\nOnlyInA: organic_burst info 70 -> none\nsame 0");
}

#[test]
fn records_are_counted_and_not_listed_and_a_lowered_page_shows_as_such() {
    let burst = &["0 x organic_burst firing info"];
    let comparison = Comparison::of(log("a", burst), log("b", burst)).without_records();
    assert_eq!(comparison.differences, []);
    assert_eq!(comparison.counts.into_values().collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
    let lowered = &["5 x coordinated_burst firing ticket", "60 x coordinated_burst resolved ticket"];
    check(PUSH, lowered, "NoLongerPages: coordinated_burst page 5 -> coordinated_burst ticket 5\nsame 0");
}

#[test]
fn faults_say_what_is_wanted() {
    let fault = |line: &str| LogLine::read(line.as_bytes()).unwrap_err().to_string();
    assert!(fault(r#"{"hashtag":"a","kind":"b","at":1}"#).contains("want hashtag, alert_id, kind, state, severity"));
    let line = r#"{"hashtag":"a","alert_id":"x","kind":"b","state":"firing","severity":"page","at":1}"#;
    assert_eq!(fault(line), format!("at is 1; want {TIME_FORM}"));
}
