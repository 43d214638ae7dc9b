//! What readers see of a firing alert: a browser on the pages, promtool on the metrics, programs on the API.

use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::demo::{Demo, PUSHED};
use crate::tools::{Need, find, trial};

/// Slow enough that the alert fires for a quarter of a minute and a browser has time to start.
const SPEED: u32 = 1_000;
/// When the alert fires at that speed, and much more.
const FIRES: Duration = Duration::from_secs(240);

pub fn trials() -> Vec<Trial> {
    let needs = [Need::Tool("chromium"), Need::Tool("promtool")];
    vec![trial("page::page_in_chromium", &needs, page_in_chromium)]
}

/// A fresh browser's document of an address once its script has run.
fn dom(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
    let output = Command::new(find("chromium").unwrap())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
        .args(quiet)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=2000", "--dump-dom", url])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The text of a document, without its tags.
fn text(html: &str) -> String {
    let words: Vec<&str> = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Points as the page writes them, in hundredths.
fn hundredths(points: &Value) -> i64 {
    (points.as_f64().unwrap() * 100.0).round() as i64
}

fn page_in_chromium() {
    let mut demo = Demo::start(SPEED);
    demo.wait_for("ALERT #CandidateLeaks", FIRES);
    let page = dom(&format!("http://{}/", demo.address()));
    let metrics = demo.get("/metrics");
    let lines = demo.alert();
    let firing = lines.iter().find(|line| line["state"] == "firing").unwrap();

    let read = text(&page);
    let explanation = text(firing["explanation"].as_str().unwrap());
    assert!(read.contains("Open alerts") && read.contains("Top hashtags"), "{read}");
    assert!(read.contains(&explanation), "{explanation:?} is not on the page: {read}");
    assert!(page.contains("/hashtags/candidateleaks") && !page.contains("does not answer"), "{read}");

    let id = firing["alert_id"].as_str().unwrap();
    let read = text(&dom(&format!("http://{}/alerts/{id}", demo.address())));
    assert!(read.contains("Signals") && read.contains("History"), "{read}");
    for line in &lines {
        let signals = line["signals"].as_array().unwrap();
        let sum: i64 = signals.iter().map(|signal| hundredths(&signal["contribution"])).sum();
        assert_eq!(sum, hundredths(&line["coordination"]), "contributions do not add up: {line}");
    }

    metrics_pass_promtool(&metrics);
    api_answers(&demo);
}

fn metrics_pass_promtool(metrics: &str) {
    let alert = format!(r#"tagwatch_alert_active{{hashtag="{PUSHED}",kind="coordinated_burst",severity="page"}} 1"#);
    assert!(metrics.contains(&alert), "no {alert} in:\n{metrics}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics");
    std::fs::write(&path, metrics).unwrap();
    let mut command = Command::new(find("promtool").unwrap());
    let checked = command.args(["check", "metrics"]).stdin(std::fs::File::open(path).unwrap()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(checked.stderr.is_empty() && checked.stdout.is_empty(), "{checked:?}");
}

fn api_answers(demo: &Demo) {
    let status = demo.json("/api/v1/status");
    assert!(status["id"].is_string() && status["watermark"].is_string(), "{status}");
    let hashtags = demo.json("/api/v1/hashtags?limit=5");
    assert_eq!(hashtags["hashtags"].as_array().unwrap().len(), 5);
    let pushed = demo.json(&format!("/api/v1/hashtags/{PUSHED}"));
    assert_eq!(pushed["display"], "CandidateLeaks");
    assert!(pushed["windows"]["24h"]["posts"].as_u64().unwrap() > 500, "{pushed}");
    assert!(pushed["history"].as_array().is_some_and(|minutes| !minutes.is_empty()), "{pushed}");
    let paths = demo.json("/openapi.json")["paths"].clone();
    for path in ["/api/v1/status", "/api/v1/hashtags", "/api/v1/hashtags/{tag}", "/api/v1/alerts"] {
        assert!(paths[path]["get"].is_object(), "{path} is not described: {paths}");
    }
}
