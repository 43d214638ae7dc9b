//! The HTTP server over real sockets, fed with made-up ticks: every answer, every error, the token, hostile hashtags
//! through the pages, and readers that do not read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use serde_json::Value;
use tagwatch::decide::line::{AlertLine, Counts, Evidence, Kind, Score, Severity, Signal, State, Windows};
use tagwatch::decide::view::{HashtagView, TickView};
use tagwatch::model::Tick;
use tagwatch::report::Report;
use tagwatch::report::board::{Board, Limits};
use tagwatch::report::health::Health;
use tagwatch::report::http::{self, About, AppState, Token};
use tagwatch::report::metrics::Metrics;
use tokio_util::sync::{CancellationToken, DropGuard};

const TICK: i64 = 149_401_440;
const TOKEN: &str = "correct-horse-battery";

/// A server of its own for a test; stops when dropped.
struct Server {
    address: SocketAddr,
    report: Report,
    health: Arc<Health>,
    runtime: Option<tokio::runtime::Runtime>,
    _stop: DropGuard,
}

impl Server {
    fn start(token: Option<&str>) -> Server {
        let limits = Limits { hashtags_max: 1_000, lines_max: 1_000, open_max: 1_000, top_k: 50, alerts_max: 50 };
        let board = Arc::new(Board::new(limits));
        let metrics = Arc::new(Metrics::new(Arc::clone(&board), &["json"]));
        let (report, health) = (Report { board, metrics }, Arc::new(Health::new()));
        let about = About { id: "test".into(), config_version: "00112233aabbccdd".into() };
        let token = token.map(|token| Token::new(token).unwrap());
        let state = AppState::new(report.clone(), Arc::clone(&health), about, token);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(http::bind("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        runtime.spawn(http::serve(listener, state, stop.clone()));
        Server { address, report, health, runtime: Some(runtime), _stop: stop.drop_guard() }
    }

    fn publish(&self, tick: i64, top: Vec<HashtagView>, lines: Vec<AlertLine>) {
        let tick = Tick(tick);
        self.report.publish(TickView { tick, watermark: tick.end(), top, lines, ..TickView::default() });
    }

    /// Sends a request; gives status, content type and body.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(()).unwrap()).unwrap();
        let headers = response.headers().clone();
        Answer { status: response.status().as_u16(), headers, body: response.body_mut().read_to_string().unwrap() }
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Checks that the answer is a problem of this status and gives it.
    fn problem(&self, status: u16) -> Value {
        let problem = self.json();
        assert_eq!((self.status, self.header("content-type")), (status, "application/problem+json"), "{}", self.body);
        assert_eq!((&problem["status"], &problem["type"]), (&Value::from(status), &Value::from("about:blank")));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 8), "{problem}");
        problem
    }
}

fn view(hashtag: &str, posts: u64) -> HashtagView {
    let counts = Counts { posts, reposts: posts / 2, accounts: posts, accounts_low: posts, accounts_high: posts };
    let windows = Windows { m1: counts, m5: counts, h1: counts, h24: counts };
    HashtagView { hashtag: hashtag.into(), display: hashtag.into(), windows, ..HashtagView::default() }
}

fn line(tick: i64, id: &str, hashtag: &str, kind: Kind, state: State) -> AlertLine {
    let signal = Signal {
        name: "top_share".into(),
        family: "concentration".into(),
        value: Some(0.4),
        low: Some(0.37),
        high: Some(0.43),
        baseline: Some(0.11),
        contribution: Score(7_251),
        available: true,
    };
    AlertLine {
        tick,
        n: 0,
        alert_id: id.into(),
        kind,
        state,
        severity: if kind == Kind::CoordinatedBurst { Severity::Page } else { Severity::Info },
        hashtag: hashtag.into(),
        display: hashtag.into(),
        at: Tick(tick).end().to_string(),
        onset: Tick(tick - 9).end().to_string(),
        degraded: false,
        warming: false,
        suppressed: false,
        burst: Score(8_800),
        coordination: Score(7_251),
        windows: view(hashtag, 47_000).windows,
        adjusted: None,
        signals: vec![signal],
        evidence: Evidence { top_accounts: vec![("5f0c2ab1".into(), 412)], ..Evidence::default() },
        explanation: format!("#{hashtag} had 47 000 posts where 83 were expected."),
        config_version: "00112233aabbccdd".into(),
        ..AlertLine::default()
    }
}

const PUSHED: &str = "5f1c0a9be2d34477";
const ORGANIC: &str = "aaaabbbbccccdddd";

fn story() -> Server {
    let server = Server::start(None);
    let firing = line(TICK + 1, PUSHED, "macronleaks", Kind::CoordinatedBurst, State::Firing);
    let provisional = AlertLine { tick: TICK, state: State::Provisional, ..firing.clone() };
    let organic = line(TICK, ORGANIC, "psgmonaco", Kind::OrganicBurst, State::Firing);
    server.publish(TICK, vec![view("macronleaks", 90)], vec![provisional, organic]);
    let mut loud = view("debattv", 5);
    loud.coordination = Score(900);
    server.publish(TICK + 1, vec![view("macronleaks", 100), loud, view("élection", 1)], vec![firing]);
    server
}

#[test]
fn hashtags_are_listed_by_the_order_asked_for() {
    let server = story();
    let names = |path: &str| {
        let json = server.get(path).json();
        let list = json["hashtags"].as_array().unwrap().clone();
        list.iter().map(|item| item["hashtag"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("/api/v1/hashtags"), ["macronleaks", "debattv", "élection"]);
    assert_eq!(names("/api/v1/hashtags?sort=coordination&limit=1"), ["debattv"]);
    let json = server.get("/api/v1/hashtags?limit=1").json();
    assert_eq!(json["tick"], TICK + 1);
    assert_eq!(json["watermark"], Tick(TICK + 1).end().to_string());
    assert_eq!(json["hashtags"][0]["windows"]["1h"]["posts"], 100);
}

#[test]
fn a_hashtag_is_found_in_any_spelling() {
    let server = story();
    for path in ["%C3%A9lection", "%C3%89LECTION", "%23%C3%89lection"] {
        let answer = server.get(&format!("/api/v1/hashtags/{path}"));
        assert_eq!(answer.json()["hashtag"], "élection", "{path}");
    }
    let json = server.get("/api/v1/hashtags/macronleaks").json();
    assert_eq!(json["history"].as_array().unwrap().len(), 2);
    assert_eq!((&json["history"][1]["posts"], &json["seen_tick"]), (&Value::from(100), &Value::from(TICK + 1)));
}

#[test]
fn alerts_are_given_as_their_latest_line_word_for_word() {
    let server = story();
    let ids = |path: &str| {
        let json = server.get(path).json();
        let list = json["alerts"].as_array().unwrap().clone();
        list.iter().map(|item| item["alert_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("/api/v1/alerts"), [PUSHED, ORGANIC]);
    assert_eq!(ids("/api/v1/alerts?state=open&kind=organic_burst"), [ORGANIC]);
    assert_eq!(ids("/api/v1/alerts?state=resolved"), Vec::<String>::new());
    let json = server.get(&format!("/api/v1/alerts/{PUSHED}")).json();
    let states: Vec<_> = json["lines"].as_array().unwrap().iter().map(|line| line["state"].clone()).collect();
    assert_eq!(states, ["provisional", "firing"]);
    let line = line(TICK + 1, PUSHED, "macronleaks", Kind::CoordinatedBurst, State::Firing);
    assert_eq!(json["lines"][1], serde_json::to_value(&line).unwrap());
    server.publish(TICK + 2, vec![], vec![AlertLine { tick: TICK + 2, state: State::Resolved, ..line }]);
    assert_eq!(ids("/api/v1/alerts?state=open"), [ORGANIC]);
    assert_eq!(ids("/api/v1/alerts?state=resolved"), [PUSHED]);
}

#[test]
fn an_expected_alert_says_so_to_people_and_programs() {
    let server = story();
    let firing = line(TICK + 2, PUSHED, "macronleaks", Kind::CoordinatedBurst, State::Firing);
    let evidence = Evidence { expected: Some("debate <tonight>".into()), ..firing.evidence.clone() };
    let lowered = AlertLine { severity: Severity::Ticket, evidence, ..firing };
    server.publish(TICK + 2, vec![view("macronleaks", 90)], vec![lowered]);
    let json = server.get(&format!("/api/v1/alerts/{PUSHED}")).json();
    assert_eq!(json["lines"].as_array().unwrap().last().unwrap()["evidence"]["expected"], "debate <tonight>");
    let alert = server.get(&format!("/alerts/{PUSHED}")).body;
    assert!(alert.contains(">expected</span>") && alert.contains("debate &lt;tonight&gt;"), "{alert}");
    assert!(server.get("/").body.contains(">expected</span>"));
    let active = |severity: &str| {
        let series = format!(r#"{{hashtag="macronleaks",kind="coordinated_burst",severity="{severity}"}}"#);
        server.get("/metrics").body.contains(&format!("tagwatch_alert_active{series} 1"))
    };
    assert!(active("ticket") && !active("page"), "it pages nobody");
}

#[test]
fn status_says_how_far_and_how_much() {
    let server = story();
    server.report.metrics.posts(12);
    server.report.metrics.position("posts", 3, (0, Some(7)));
    server.report.metrics.memory("panes", 4_096);
    let status = server.get("/api/v1/status").json();
    assert_eq!((&status["id"], &status["config_version"]), (&"test".into(), &"00112233aabbccdd".into()));
    assert_eq!((&status["tick"], &status["lag_records"]), (&Value::from(TICK + 1), &Value::from(7)));
    assert_eq!((&status["counts"]["posts"], &status["memory_bytes"]["panes"]), (&Value::from(12), &Value::from(4_096)));
    assert_eq!(Server::start(None).get("/api/v1/status").json()["watermark"], Value::Null);
}

#[test]
fn every_error_is_a_problem_that_says_the_way_out() {
    let server = story();
    let allowed = |problem: Value| problem["allowed"].to_string();
    assert!(allowed(server.get("/nowhere").problem(404)).contains("/api/v1/hashtags/{tag}"));
    assert!(allowed(server.get("/api/v1/hashtags?sort=size").problem(400)).contains("coordination"));
    assert!(allowed(server.get("/api/v1/hashtags?top=5").problem(400)).contains("limit"));
    assert!(allowed(server.get("/api/v1/alerts?kind=spam").problem(400)).contains("organic_burst"));
    assert!(allowed(server.get("/api/v1/alerts?state=closed").problem(400)).contains("open"));
    for limit in ["0", "-1", "1001", "ten", "", "99999999999999999999"] {
        assert!(
            allowed(server.get(&format!("/api/v1/alerts?limit={limit}")).problem(400)).contains("1..1000"),
            "{limit}"
        );
    }
    server.get("/api/v1/alerts?limit=1&limit=2").problem(400);
    server.get("/api/v1/hashtags/%ff").problem(400);
    server.get("/api/v1/hashtags/unheard").problem(404);
    server.get("/api/v1/alerts/0000000000000000").problem(404);
    for method in ["POST", "DELETE", "PUT"] {
        let answer = server.send(method, "/api/v1/alerts", &[("content-length", "0")]);
        answer.problem(405);
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    server.send("POST", "/metrics", &[("content-length", "0")]).problem(405);
}

#[test]
fn a_large_body_is_refused_before_it_is_read() {
    let server = story();
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n").unwrap();
    let mut head = [0; 16];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head[..12], b"HTTP/1.1 413");
}

#[test]
fn probes_say_why_not() {
    let server = Server::start(None);
    assert_eq!((server.get("/live").status, server.get("/live").json()["status"].clone()), (200, "live".into()));
    let reasons = server.get("/ready").problem(503)["reasons"].to_string();
    assert!(reasons.contains("restoring") && reasons.contains("kafka_unreachable"), "{reasons}");
    server.health.set_restored();
    server.report.metrics.kafka_up(true);
    assert_eq!(server.get("/ready").status, 200);
    server.report.metrics.position("posts", 0, (0, Some(1_000_000)));
    assert!(server.get("/ready").problem(503)["reasons"].to_string().contains("behind"));
    let _heart = server.health.heart("the decider", std::time::Duration::ZERO);
    while server.health.not_live().is_empty() {
        std::thread::yield_now();
    }
    assert!(server.get("/live").problem(503)["reasons"].to_string().contains("the decider"));
}

#[test]
fn the_token_guards_everything_but_the_probes() {
    let server = Server::start(Some(TOKEN));
    for path in ["/", "/metrics", "/api/v1/alerts", "/style.css", "/openapi.json", "/nowhere"] {
        let refused = server.get(path);
        refused.problem(401);
        let challenges: Vec<_> =
            refused.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
        assert!(challenges[0].starts_with("Bearer") && challenges[1].starts_with("Basic"), "{challenges:?}");
        assert!(!refused.body.contains(TOKEN));
        let wrong = format!("Bearer {}", &TOKEN[1..]);
        server.send("GET", path, &[("authorization", &wrong)]).problem(401);
        let right = format!("Bearer {TOKEN}");
        assert_ne!(server.send("GET", path, &[("authorization", &right)]).status, 401, "{path}");
    }
    assert_eq!(server.get("/live").status, 200);
    assert_eq!(server.get("/ready").status, 503);
}

#[test]
fn answers_carry_the_headers_that_keep_browsers_safe() {
    let server = story();
    for path in ["/", "/metrics", "/api/v1/status", "/nowhere", "/style.css", "/page.js"] {
        let answer = server.get(path);
        assert!(answer.header("content-security-policy").starts_with("default-src 'self'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
    let page = server.get("/").body;
    assert!(
        !page.contains("style=") && !page.contains("<style") && !page.contains("onclick"),
        "the policy forbids inline"
    );
}

#[test]
fn metrics_are_served_as_prometheus_wants_them() {
    let server = story();
    let answer = server.get("/metrics");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let active = "tagwatch_alert_active{hashtag=\"macronleaks\",kind=\"coordinated_burst\",severity=\"page\"} 1";
    assert!(answer.body.contains(active));
    server.get("/api/v1/hashtags/unheard");
    let counted = "tagwatch_http_requests_total{code=\"404\",route=\"/api/v1/hashtags/{tag}\"} 1";
    assert!(server.get("/metrics").body.contains(counted), "the route is the pattern, never the path as sent");
    assert!(!server.get("/metrics").body.contains(PUSHED), "no alert id is a label");
}

#[test]
fn the_page_shows_what_is_open_and_why() {
    let server = story();
    let page = server.get("/").body;
    let (open, quiet) = page.split_once("id=\"organic\"").unwrap();
    assert!(open.contains("#macronleaks") && open.contains("#macronleaks had 47 000 posts where 83 were expected."));
    assert!(open.contains("Coordinated burst") && open.contains("72.51") && !open.contains("psgmonaco"));
    assert!(quiet.contains("psgmonaco") && quiet.contains("class=\"spark\""));
    let alert = server.get(&format!("/alerts/{PUSHED}")).body;
    for said in ["5f0c2ab1", "provisional", "firing", "0.37 … 0.43", "Coordination score"] {
        assert!(alert.contains(said), "{said}");
    }
    assert_eq!(server.get("/hashtags/%C3%89lection").status, 200);
    let absent = server.get("/alerts/0000000000000000");
    assert_eq!((absent.status, absent.header("content-type")), (404, "text/html; charset=utf-8"));
    let empty = Server::start(None).get("/").body;
    assert!(empty.contains("Nothing is decided yet.") && empty.contains("kafka.posts_topic"));
}

#[test]
fn no_word_on_any_page_accuses() {
    let server = story();
    for path in [
        "/",
        &format!("/alerts/{PUSHED}"),
        "/hashtags/macronleaks",
        "/metrics",
        "/openapi.json",
        "/style.css",
        "/page.js",
    ] {
        let text = server.get(path).body.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
        assert!(!words.iter().any(|word| ["bot", "bots", "fake", "fakes", "botnet"].contains(word)), "{path}");
    }
}

#[test]
fn hostile_hashtags_stay_text_on_every_page() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</bdi></title></textarea><svg/onload=alert(1)>",
        "javascript:alert(1)",
        "a/../../metrics?x#y",
        "&lt;b&gt;&#x3c;i&#x3e;",
        "{{constructor.constructor('alert(1)')()}}",
        "\u{202e}gnp.exe\u{2066}",
        "nul\u{0}line\nbreak\u{2028}",
    ];
    for (index, hashtag) in hostile.iter().enumerate() {
        let server = Server::start(None);
        let mut seen = view(hashtag, 5);
        seen.alert_id = Some(PUSHED.into());
        let line = line(TICK, PUSHED, hashtag, Kind::CoordinatedBurst, State::Firing);
        server.publish(TICK, vec![seen], vec![line]);
        let pages = ["/".to_owned(), format!("/alerts/{PUSHED}"), hashtag_page(&server)];
        for path in &pages {
            let answer = server.get(path);
            assert_eq!(answer.status, 200, "{index} {path}");
            // The page's own markup has one script element, no image, no handler, and double quotes around attributes,
            // so a single quote in a hashtag ends nothing.
            assert_eq!(answer.body.matches("<script").count(), 1, "{index} {path}");
            for markup in ["<img", "<svg/", "<i>", "<b>", "</textarea", "onerror=alert(1)>", "href=\"javascript"] {
                assert!(!answer.body.contains(markup), "{index} {path} {markup}");
            }
            let harmful = |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c) || c == '\u{2066}';
            assert!(!answer.body.chars().any(harmful), "{index} {path}");
        }
    }
}

/// Where the start page says that the only hashtag's page is.
fn hashtag_page(server: &Server) -> String {
    let page = server.get("/").body;
    let start = page.find("href=\"/hashtags/").unwrap() + 6;
    let length = page[start..].find('"').unwrap();
    page[start..start + length].to_owned()
}

#[test]
fn readers_that_do_not_read_hold_up_nobody() {
    let server = story();
    let idle: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            // Pipelined requests for more than the socket's buffers hold, never read.
            for _ in 0..50 {
                write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            }
            stream
        })
        .collect();
    for tick in TICK + 2..TICK + 500 {
        server.publish(tick, vec![view("macronleaks", 1)], vec![]);
    }
    assert_eq!(server.get("/api/v1/status").json()["tick"], TICK + 499);
    assert_eq!(idle.len(), 100);
}

#[test]
fn told_to_stop_the_server_ends() {
    let mut server = story();
    let runtime = server.runtime.take().unwrap();
    let listener = runtime.block_on(http::bind("127.0.0.1:0".parse().unwrap())).unwrap();
    let about = About { id: "x".into(), config_version: String::new() };
    let state = AppState::new(server.report.clone(), Arc::new(Health::new()), about, None);
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(runtime.block_on(http::serve(listener, state, stop)).is_ok());
    runtime.shutdown_background();
}
