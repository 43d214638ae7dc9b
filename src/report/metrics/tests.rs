//! The exposition as Prometheus reads it.

use std::process::{Command, Stdio};

use super::*;
use crate::decide::line::{Counts, Evidence, Kind, Score, Severity, Windows};
use crate::decide::view::{HashtagView, TickView};
use crate::model::Tick;
use crate::report::Report;
use crate::report::board::Limits;

fn report() -> Report {
    let limits = Limits { hashtags_max: 100, lines_max: 100, open_max: 100, top_k: 3, alerts_max: 1 };
    let board = Arc::new(Board::new(limits));
    let metrics = Arc::new(Metrics::new(Arc::clone(&board), &["json", "future"]));
    Report { board, metrics }
}

fn view(hashtag: &str, posts: u64) -> HashtagView {
    let counts = Counts { posts, accounts: posts / 2, ..Counts::default() };
    let windows = Windows { m1: counts, m5: counts, h1: counts, h24: counts };
    let (burst, coordination) = (Score(8_100), Score(7_325));
    HashtagView { hashtag: hashtag.into(), windows, burst, coordination, ..HashtagView::default() }
}

fn line(id: &str, hashtag: &str, state: State, coordination: i32) -> AlertLine {
    AlertLine {
        tick: 1,
        n: 0,
        alert_id: id.into(),
        kind: Kind::CoordinatedBurst,
        state,
        severity: Severity::Page,
        hashtag: hashtag.into(),
        display: hashtag.into(),
        at: String::new(),
        onset: String::new(),
        degraded: false,
        warming: false,
        suppressed: false,
        burst: Score(8_000),
        coordination: Score(coordination),
        windows: Windows::default(),
        adjusted: None,
        signals: Vec::new(),
        evidence: Evidence::default(),
        ..AlertLine::default()
    }
}

fn publish(report: &Report, tick: i64, top: Vec<HashtagView>, lines: Vec<AlertLine>) {
    let tick = Tick(tick);
    let watermark = EventTime(1_494_014_400_000).plus_ms(tick.0);
    report.publish(TickView { tick, watermark, top, lines, ..TickView::default() });
}

fn text(report: &Report) -> String {
    String::from_utf8(report.metrics.render()).unwrap()
}

/// The samples whose name begins so, as exposed.
fn samples(report: &Report, prefix: &str) -> Vec<String> {
    text(report).lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn series_of_sets_known_beforehand_start_at_zero() {
    let report = report();
    let rejected =
        ["tagwatch_posts_rejected_total{reason=\"future\"} 0", "tagwatch_posts_rejected_total{reason=\"json\"} 0"];
    assert_eq!(samples(&report, "tagwatch_posts_rejected_total"), rejected);
    assert_eq!(samples(&report, "tagwatch_alerts_suppressed_total").len(), SUPPRESSED_REASONS.len());
    assert_eq!(samples(&report, "tagwatch_alerts_total").len(), 21);
    assert_eq!(samples(&report, "tagwatch_actions_total{").len(), 3);
    assert_eq!(samples(&report, "tagwatch_actions_rejected_total{").len(), 2);
    assert_eq!(samples(&report, "tagwatch_decider_waiting_shard"), ["tagwatch_decider_waiting_shard -1"]);
    assert_eq!(samples(&report, "tagwatch_watermark_timestamp_seconds"), ["tagwatch_watermark_timestamp_seconds 0"]);
}

#[test]
fn a_hashtag_that_leaves_the_top_leaves_no_series() {
    let report = report();
    publish(&report, 1, vec![view("a", 40), view("b", 10)], vec![]);
    let posts = samples(&report, "tagwatch_hashtag_posts{hashtag=\"a\"");
    assert_eq!(posts.len(), 4);
    assert!(posts.contains(&"tagwatch_hashtag_posts{hashtag=\"a\",window=\"5m\"} 40".to_owned()), "{posts:?}");
    let accounts = samples(&report, "tagwatch_hashtag_accounts{hashtag=\"a\",window=\"24h\"}");
    assert_eq!(accounts, ["tagwatch_hashtag_accounts{hashtag=\"a\",window=\"24h\"} 20"]);
    let burst = samples(&report, "tagwatch_hashtag_burst_score{hashtag=\"a\"}");
    assert_eq!(burst, ["tagwatch_hashtag_burst_score{hashtag=\"a\"} 81"]);
    let coordination = samples(&report, "tagwatch_hashtag_coordination_score{hashtag=\"a\"}");
    assert_eq!(coordination, ["tagwatch_hashtag_coordination_score{hashtag=\"a\"} 73.25"]);
    publish(&report, 2, vec![view("b", 10)], vec![]);
    assert!(!text(&report).contains("hashtag=\"a\""));
    publish(&report, 3, (0..9).map(|i| view(&format!("t{i}"), 1)).collect(), vec![]);
    assert_eq!(samples(&report, "tagwatch_hashtag_burst_score").len(), 3, "top_k bounds the series");
}

#[test]
fn an_alert_has_its_series_while_it_is_open() {
    let report = report();
    publish(&report, 1, vec![], vec![line("1", "x", State::Firing, 7_000)]);
    let active = ["tagwatch_alert_active{hashtag=\"x\",kind=\"coordinated_burst\",severity=\"page\"} 1"];
    assert_eq!(samples(&report, "tagwatch_alert_active"), active);
    publish(&report, 2, vec![], vec![line("2", "y", State::Provisional, 6_000)]);
    assert_eq!(samples(&report, "tagwatch_alert_active"), active, "alerts_max is 1 and x scores higher");
    let over = samples(&report, "tagwatch_alerts_suppressed_total{reason=\"alerts_max\"}");
    assert_eq!(over, ["tagwatch_alerts_suppressed_total{reason=\"alerts_max\"} 1"]);
    publish(&report, 3, vec![], vec![line("1", "x", State::Resolved, 0), line("2", "y", State::Resolved, 0)]);
    assert_eq!(samples(&report, "tagwatch_alert_active"), Vec::<String>::new());
    let fired = samples(&report, "tagwatch_alerts_total{kind=\"coordinated_burst\",severity=\"page\"}");
    assert_eq!(fired, ["tagwatch_alerts_total{kind=\"coordinated_burst\",severity=\"page\"} 1"], "only x fired");
}

#[test]
fn held_back_alerts_count_by_reason() {
    let report = report();
    let mut budget = line("1", "x", State::Firing, 1);
    budget.suppressed = true;
    let mut warming = line("2", "y", State::Firing, 1);
    (warming.suppressed, warming.warming) = (true, true);
    publish(&report, 1, vec![], vec![budget, warming]);
    let count = |reason: &str| samples(&report, &format!("tagwatch_alerts_suppressed_total{{reason=\"{reason}\"}}"));
    assert_eq!(count("budget"), ["tagwatch_alerts_suppressed_total{reason=\"budget\"} 1"]);
    assert_eq!(count("warming"), ["tagwatch_alerts_suppressed_total{reason=\"warming\"} 1"]);
}

#[test]
fn what_is_fed_is_what_is_counted() {
    let report = report();
    let metrics = &report.metrics;
    metrics.posts(10);
    metrics.rejected("json", 2);
    metrics.rejected("never announced", 1);
    metrics.dead_letters_lost(2);
    metrics.dead_letters_lost(3);
    metrics.late("posts", 4, 3);
    metrics.duplicate(1);
    metrics.mentions(12);
    metrics.tracked(7);
    metrics.evicted(5);
    metrics.position("posts", 0, (0, Some(40)));
    metrics.position("posts", 1, (0, Some(2)));
    metrics.memory("panes", 1 << 20);
    let counted = Counted {
        posts: 10,
        rejected: 3,
        late: 3,
        duplicate: 1,
        mentions: 12,
        hashtags_tracked: 7,
        hashtags_evicted: 5,
    };
    assert_eq!(metrics.counted(), counted);
    assert_eq!(metrics.lag_records(), 42);
    assert_eq!(metrics.memory_bytes(), [("panes".to_owned(), 1 << 20)]);
    let rejected = samples(&report, "tagwatch_posts_rejected_total{reason=\"other\"}");
    assert_eq!(rejected, ["tagwatch_posts_rejected_total{reason=\"other\"} 1"]);
    assert_eq!(samples(&report, "tagwatch_dead_letters_lost_total"), ["tagwatch_dead_letters_lost_total 3"]);
    metrics.partition_watermark("posts", 1, EventTime(1_494_014_400_500));
    metrics.partition_removed("posts", 1);
    metrics.partition_removed("posts", 9);
    assert_eq!(samples(&report, "tagwatch_kafka_lag"), ["tagwatch_kafka_lag{partition=\"0\",topic=\"posts\"} 40"]);
    assert!(samples(&report, "tagwatch_partition_watermark_timestamp_seconds").is_empty());
}

#[test]
fn hostile_hashtags_cannot_leave_their_label() {
    let report = report();
    let hostile = ["a\"} 1\nevil 1", "b\\", "\u{202e}gnp.exe", "nul\u{0}", "line\u{2028}sep"];
    for (tick, hashtags) in hostile.chunks(3).enumerate() {
        publish(&report, tick as i64, hashtags.iter().map(|hashtag| view(hashtag, 1)).collect(), vec![]);
        let text = text(&report);
        assert!(!text.lines().any(|line| line.starts_with("evil")));
        assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "control characters are replaced");
        assert!(!text.contains(['\u{202e}', '\u{2028}']));
        promtool(&text);
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let report = report();
    let metrics = &report.metrics;
    metrics.posts(1);
    metrics.position("posts", 0, (0, Some(1)));
    metrics.late("posts", 0, 1);
    metrics.memory("panes", 1);
    metrics.kafka_up(true);
    metrics.checkpoint(10, 1_494_014_400_000);
    metrics.checkpoint_error();
    metrics.restored(std::time::Duration::from_millis(1_500));
    metrics.shard_watermark(0, EventTime(1_494_014_400_000));
    metrics.partition_watermark("posts", 0, EventTime(1_494_014_400_000));
    metrics.waiting_for(Some(1));
    metrics.http_request("/metrics", 200);
    publish(&report, 1, vec![view("a", 1), view("選挙", 1)], vec![line("1", "a", State::Firing, 1)]);
    let text = text(&report);
    assert!(text.contains("tagwatch_build_info{version=") && text.contains("process_resident_memory_bytes"));
    promtool(&text);
}

/// Holds the text against Prometheus' own linter; says so where it is not installed.
fn promtool(text: &str) {
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: promtool check metrics (promtool is not installed; Debian package `prometheus`)");
        return;
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
}
