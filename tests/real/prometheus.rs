//! A real Prometheus with the shipped rules scrapes the demo, and a real Alertmanager tells a receiver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::demo::{Demo, PUSHED};
use crate::tools::{Guard, Need, eventually, find, free_port, http_get, trial};

/// At this speed the alert is up for some ten scrapes.
const SPEED: u32 = 1_500;

pub fn trials() -> Vec<Trial> {
    let needs = [Need::Tool("prometheus"), Need::Tool("prometheus-alertmanager")];
    vec![trial("prometheus::prometheus_and_alertmanager", &needs, prometheus_and_alertmanager)]
}

/// A webhook receiver: its port, and the payloads it was sent.
fn receiver() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = Arc::<Mutex<Vec<Value>>>::default();
    let to = Arc::clone(&received);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let mut length = 0;
            for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            to.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    (port, received)
}

/// Starts a program that logs into the folder, and waits until it says that it is ready.
fn start(program: &str, folder: &Path, port: u16, arguments: &[String]) -> Guard {
    let log = folder.join(format!("{program}.log"));
    let mut command = Command::new(find(program).unwrap());
    command.args(arguments).arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--log.level=warn");
    let guard = Guard::start(command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap()));
    let ready = format!("http://127.0.0.1:{port}/-/ready");
    eventually(&format!("{program}, see {}", log.display()), Duration::from_secs(60), || {
        http_get(&ready).is_ok_and(|(status, _)| status == 200).then_some(())
    });
    guard
}

fn alertmanager(folder: &Path, webhook: u16) -> (Guard, u16) {
    // The shipped routes wait for minutes to gather alerts; what is tested here is that they arrive.
    let config = format!(
        "route: {{ receiver: test, group_by: [alertname, hashtag], group_wait: 0s, group_interval: 1s }}\n\
         receivers:\n- name: test\n  webhook_configs: [{{ url: 'http://127.0.0.1:{webhook}/', send_resolved: true }}]\n"
    );
    let (file, port) = (folder.join("alertmanager.yml"), free_port());
    std::fs::write(&file, config).unwrap();
    let arguments = [
        format!("--config.file={}", file.display()),
        format!("--storage.path={}", folder.join("alertmanager").display()),
        "--cluster.listen-address=".to_owned(),
    ];
    (start("prometheus-alertmanager", folder, port, &arguments), port)
}

fn prometheus(folder: &Path, target: &str, alertmanager: u16) -> (Guard, u16) {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/*.rules.yml");
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
         rule_files: ['{rules}']\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{alertmanager}'] }}] }}] }}\n\
         scrape_configs: [{{ job_name: tagwatch, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
    );
    let (file, port) = (folder.join("prometheus.yml"), free_port());
    std::fs::write(&file, config).unwrap();
    let arguments = [
        format!("--config.file={}", file.display()),
        format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
        "--rules.alert.resend-delay=1s".to_owned(),
    ];
    (start("prometheus", folder, port, &arguments), port)
}

fn prometheus_and_alertmanager() {
    let folder = tempfile::tempdir().unwrap();
    let (webhook, received) = receiver();
    let demo = Demo::start(SPEED);
    let (_alertmanager, port) = alertmanager(folder.path(), webhook);
    let (_prometheus, prometheus) = prometheus(folder.path(), demo.address(), port);

    let told = |status: &str| {
        let received = received.lock().unwrap();
        let labels = |payload: &Value| payload["commonLabels"].clone();
        let mut mine = received.iter().filter(|payload| {
            labels(payload)["alertname"] == "TagwatchCoordinatedBurst" && labels(payload)["hashtag"] == PUSHED
        });
        mine.find(|payload| payload["status"] == status).cloned()
    };
    let firing = eventually("the alert at the receiver", Duration::from_secs(170), || told("firing"));
    assert_eq!(firing["version"], "4");
    let alert = &firing["alerts"][0];
    assert_eq!((&alert["labels"]["severity"], &alert["labels"]["kind"]), (&"page".into(), &"coordinated_burst".into()));
    let annotations = &alert["annotations"];
    assert!(annotations["summary"].as_str().unwrap().contains("#candidateleaks"), "{annotations}");
    assert!(annotations["description"].as_str().unwrap().contains("two families of signals"), "{annotations}");

    // The rule holds the alert for a minute after tagwatch has let go of it.
    let resolved = eventually("its end at the receiver", Duration::from_secs(150), || told("resolved"));
    assert_eq!(resolved["alerts"][0]["labels"], alert["labels"]);
    // It fires before the hashtag is one of the busiest, whose scores alone are series; at its end it long was.
    let last = &resolved["alerts"][0]["annotations"];
    assert!(last["description"].as_str().unwrap().contains(" of 100."), "{last}");
    nobody_else_was_paged(&received.lock().unwrap(), prometheus);
}

/// No hashtag of an ordinary crowd ever reached the receiver, or was a page in Prometheus.
fn nobody_else_was_paged(received: &[Value], prometheus: u16) {
    let told = received.iter().flat_map(|payload| payload["alerts"].as_array().unwrap()).map(|alert| &alert["labels"]);
    for labels in told.filter(|labels| labels["alertname"] == "TagwatchCoordinatedBurst") {
        assert_eq!(labels["hashtag"], PUSHED, "{labels}");
    }
    let query = "max_over_time(tagwatch_alert_active%7Bseverity%3D%22page%22%7D%5B10m%5D)";
    let (status, body) = http_get(&format!("http://127.0.0.1:{prometheus}/api/v1/query?query={query}")).unwrap();
    let answer: Value = serde_json::from_str(&body).unwrap();
    let hashtags: Vec<&Value> =
        answer["data"]["result"].as_array().unwrap().iter().map(|s| &s["metric"]["hashtag"]).collect();
    assert!(status == 200 && hashtags == [PUSHED], "{body}");
}
