//! A real Prometheus with the shipped rules scrapes the demo, and a real Alertmanager tells a receiver. Another one scrapes
//! several processes of which one reads a partition that makes no progress.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;
use tagwatch::kafka::producer::Producer;

use crate::cluster::{Cluster, of_three};
use crate::demo::{Demo, PUSHED};
use crate::service::Service;
use crate::several;
use crate::tools::{Guard, Need, eventually, find, free_port, http_get, trial};

/// At this speed the alert is up for some ten scrapes.
const SPEED: u32 = 1_500;

pub fn trials() -> Vec<Trial> {
    let needs = [Need::Tool("prometheus"), Need::Tool("prometheus-alertmanager")];
    let kafka = [Need::Kafka, Need::Tool("prometheus")];
    vec![
        trial("prometheus::prometheus_and_alertmanager", &needs, prometheus_and_alertmanager),
        trial("prometheus::a_partition_without_progress", &kafka, a_partition_without_progress),
    ]
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

/// The shipped rules, with `hurry` also their times divided by thirty, or so.
fn rules(folder: &Path, hurry: bool) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    if !hurry {
        return shipped.join("*.rules.yml").display().to_string();
    }
    for name in ["alerts.rules.yml", "recording.rules.yml"] {
        let rules = std::fs::read_to_string(shipped.join(name)).unwrap();
        std::fs::write(folder.join(name), rules.replace("[5m]", "[10s]").replace("for: 2m", "for: 3s")).unwrap();
    }
    folder.join("*.rules.yml").display().to_string()
}

fn prometheus(folder: &Path, targets: &[&str], rules: &str, alertmanager: u16) -> (Guard, u16) {
    let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
    let targets = targets.join(", ");
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
         rule_files: ['{rules}']\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{alertmanager}'] }}] }}] }}\n\
         scrape_configs: [{{ job_name: tagwatch, static_configs: [{{ targets: [{targets}] }}] }}]\n"
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
    let (_prometheus, prometheus) = prometheus(folder.path(), &[demo.address()], &rules(folder.path(), false), port);

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

/// Partitions, and the one that is to stand still.
const PARTITIONS: i32 = 4;
const FROZEN: i32 = 3;

/// A post to each partition ten times a second, until told to stop.
fn feed(producer: &Producer, topic: &str, stop: &AtomicBool) {
    for n in 0.. {
        for partition in 0..PARTITIONS {
            let ts = tagwatch::clock::wall_ms();
            let post = format!(
                r#"{{"id":"{n}-{partition}","ts":{ts},"account":"a{}","hashtags":["Steady{}"]}}"#,
                n % 50,
                n % 7
            );
            producer.send(topic, Some(partition), None, post.as_bytes(), None).unwrap();
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Stops the feeder, also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A writer of one partition opens a transaction and neither commits nor aborts it: what comes after it cannot be read.
fn freeze(cluster: &Cluster, topic: &str) -> BaseProducer {
    let writer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.brokers())
        .set("transactional.id", topic)
        .set("transaction.timeout.ms", "600000")
        .create()
        .unwrap();
    writer.init_transactions(Duration::from_secs(30)).unwrap();
    writer.begin_transaction().unwrap();
    writer.send(BaseRecord::<(), str>::to(topic).partition(FROZEN).payload("{}")).unwrap();
    writer.flush(Duration::from_secs(30)).unwrap();
    writer
}

/// The partitions of which Prometheus says that they make no progress: topic and partition.
fn stalled(prometheus: u16) -> Vec<(String, String)> {
    let (_, body) = http_get(&format!("http://127.0.0.1:{prometheus}/api/v1/alerts")).unwrap();
    let answer: Value = serde_json::from_str(&body).unwrap();
    let alerts = answer["data"]["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
    let mine = alerts.map(|alert| &alert["labels"]).filter(|labels| labels["alertname"] == "TagwatchPartitionStalled");
    let text = |labels: &Value, name| labels[name].as_str().unwrap().to_owned();
    mine.map(|labels| (text(labels, "topic"), text(labels, "partition"))).collect()
}

fn a_partition_without_progress() {
    let cluster = of_three();
    let folder = tempfile::tempdir().unwrap();
    let setup = several::setup(cluster, &folder, (2, PARTITIONS), &[]);
    let mut running: Vec<Service> = (0..2).map(|number| several::start(&setup, number)).collect();
    let targets: Vec<&str> = running.iter().map(Service::address).collect();
    let (_prometheus, port) = prometheus(folder.path(), &targets, &rules(folder.path(), true), free_port());
    let (producer, stop) = (cluster.producer(&setup.posts), AtomicBool::new(false));
    let frozen = [(setup.posts.clone(), FROZEN.to_string())];
    thread::scope(|scope| {
        scope.spawn(|| feed(&producer, &setup.posts, &stop));
        let _stop = Stop(&stop);
        let before = running[0].wait("a decided tick", several::PATIENCE, |service| {
            service.metric("tagwatch_watermark_timestamp_seconds", &[]).filter(|at| *at > 0.0)
        });
        assert_eq!(stalled(port), [], "all partitions move");
        let writer = freeze(cluster, &setup.posts);
        let fired = eventually("the alert", Duration::from_secs(90), || Some(stalled(port)).filter(|f| !f.is_empty()));
        assert_eq!(fired, frozen);
        // The others are read on, and wait for it.
        thread::sleep(Duration::from_secs(5));
        assert_eq!(stalled(port), frozen);
        writer.abort_transaction(Duration::from_secs(30)).unwrap();
        eventually("its end", Duration::from_secs(60), || stalled(port).is_empty().then_some(()));
        running[0].wait_for_watermark((before as i64 + 20) * 1000, several::PATIENCE);
    });
    running.iter_mut().for_each(Service::stop);
}
