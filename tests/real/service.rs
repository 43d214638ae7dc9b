//! `tagwatch run` as a child process, and `tagwatch replay` beside it: started, asked over HTTP, stopped, and compared.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::tools::{Guard, free_port, http_get, within};

/// The sketch key of both commands, so that both draw the same samples.
pub const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// What a service is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Bootstrap brokers.
    pub brokers: String,
    /// Name of the deployment.
    pub id: String,
    /// Topic of posts.
    pub posts: String,
    /// Topic of alert lines.
    pub alerts: String,
    /// State folder; its log lies beside it.
    pub state: PathBuf,
    /// More config, `key=value`.
    pub set: Vec<String>,
}

impl Setup {
    /// The same with one more `key=value`.
    pub fn with(&self, set: &str) -> Setup {
        let mut setup = self.clone();
        setup.set.push(set.to_owned());
        setup
    }

    /// Its config, `key=value`.
    pub fn sets(&self) -> Vec<String> {
        let own = [
            format!("id={}", self.id),
            format!("kafka.brokers={}", self.brokers),
            format!("kafka.posts_topic={}", self.posts),
            format!("kafka.alerts_topic={}", self.alerts),
            format!("state.dir={}", self.state.display()),
        ];
        own.into_iter().chain(self.set.clone()).collect()
    }

    /// Starts `tagwatch run`.
    pub fn start(&self) -> Service {
        self.start_with(&[])
    }

    /// The same with more arguments.
    pub fn start_with(&self, args: &[&str]) -> Service {
        let port = free_port();
        let log = self.state.with_extension(format!("{port}.log"));
        let mut command = tagwatch();
        command.args(["run", "--format", "native", "--log-format", "text"]).args(args);
        if self.set.iter().any(|set| set.starts_with("privacy.key_file=")) {
            command.env_remove("TAGWATCH_KEY");
        }
        for set in self.sets() {
            command.args(["--set", &set]);
        }
        command.args(["--set", &format!("http.listen=127.0.0.1:{port}")]);
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Service { guard: Guard::start(&mut command), url: format!("http://127.0.0.1:{port}"), log }
    }
}

/// A running `tagwatch run`; killed when dropped.
pub struct Service {
    guard: Guard,
    url: String,
    log: PathBuf,
}

impl Service {
    /// What it wrote to stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its process.
    pub fn id(&mut self) -> u32 {
        self.guard.child().id()
    }

    /// Host and port that it listens on.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Status and body of a path, or nothing where it does not listen.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        http_get(&format!("{}{path}", self.url)).ok()
    }

    /// The sum of a metric's series whose name and labels contain all of `parts`; nothing where there is none.
    pub fn metric(&self, name: &str, parts: &[&str]) -> Option<f64> {
        let (_, body) = self.get("/metrics")?;
        let lines = body.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| line.rsplit_once(' '));
        let mine = series.filter(|(series, _)| {
            series.split('{').next() == Some(name) && parts.iter().all(|part| series.contains(part))
        });
        let values: Vec<f64> = mine.map(|(_, value)| value.parse().unwrap()).collect();
        if values.is_empty() { None } else { Some(values.iter().sum()) }
    }

    /// Waits for `done` while the service lives; its log is shown where it ends or time runs out.
    pub fn wait<T>(&mut self, what: &str, timeout: Duration, mut done: impl FnMut(&Service) -> Option<T>) -> T {
        let value = within(timeout, || {
            if let Some(status) = self.guard.child().try_wait().unwrap() {
                panic!("{what}: the service ended with {status}:\n{}", self.log());
            }
            done(self)
        });
        value.unwrap_or_else(|| panic!("{what}: not within {timeout:?}:\n{}", self.log()))
    }

    /// Waits until everything up to an event time, in milliseconds, is decided.
    pub fn wait_for_watermark(&mut self, at_ms: i64, timeout: Duration) {
        let at = (at_ms / 1000) as f64;
        self.wait(&format!("the watermark at {at}"), timeout, |service| {
            (service.metric("tagwatch_watermark_timestamp_seconds", &[])? >= at).then_some(())
        });
    }

    /// Resident memory.
    pub fn resident_kib(&mut self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.guard.child().id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends a signal by name.
    pub fn signal(&mut self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(status.unwrap().success(), "kill -{name}");
    }

    /// Waits for its end.
    pub fn ended(&mut self, timeout: Duration) -> ExitStatus {
        let status = within(timeout, || self.guard.child().try_wait().unwrap());
        status.unwrap_or_else(|| panic!("not ended within {timeout:?}:\n{}", self.log()))
    }

    /// Tells it to stop and expects it to drain in time.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let status = self.ended(Duration::from_secs(25));
        assert_eq!(status.code(), Some(0), "after SIGTERM:\n{}", self.log());
    }

    /// `kill -9`, and waits until it is gone. Whether it was the kill that ended it.
    pub fn kill(&mut self) -> bool {
        let _ = self.guard.child().kill();
        self.guard.child().wait().unwrap().signal() == Some(9)
    }

    /// Whether it has not ended yet.
    pub fn lives(&mut self) -> bool {
        self.guard.child().try_wait().unwrap().is_none()
    }

    /// Waits for words in its log.
    pub fn wait_for_words(&mut self, words: &str, timeout: Duration) {
        self.wait(words, timeout, |service| service.log().contains(words).then_some(()));
    }

    /// Waits until it is ready.
    pub fn wait_until_ready(&mut self) {
        self.wait("ready", Duration::from_secs(60), |service| (service.get("/ready")?.0 == 200).then_some(()));
    }

    /// Waits until a metric is there and `holds`.
    pub fn wait_for_metric(&mut self, name: &str, timeout: Duration, holds: impl Fn(f64) -> bool) {
        self.wait(name, timeout, |service| holds(service.metric(name, &[])?).then_some(()));
    }
}

/// The program, with nothing of the tests' environment in its config.
pub fn tagwatch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TAGWATCH_") {
            command.env_remove(name);
        }
    }
    command.env("TAGWATCH_KEY", KEY);
    command
}

/// The alert lines of `tagwatch replay` on one file, and its summary.
pub fn replay(file: &Path, set: &[String]) -> (Vec<Vec<u8>>, serde_json::Value) {
    let mut command = tagwatch();
    command.args(["replay", "--quiet", "--format", "native", "--summary", "json"]).arg(file);
    for set in set {
        command.args(["--set", set]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "replay: {said}");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec);
    let summary = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
    (lines.collect(), summary.unwrap_or_else(|| panic!("no summary: {said}")))
}

/// Panics with the first difference where two alert logs differ.
pub fn assert_same_lines(topic: &[Vec<u8>], replayed: &[Vec<u8>], what: &str) {
    let show = |lines: &[Vec<u8>], at: usize| {
        lines.get(at).map_or("nothing".into(), |line| String::from_utf8_lossy(line).into_owned())
    };
    let longest = topic.len().max(replayed.len());
    if let Some(at) = (0..longest).find(|&at| topic.get(at) != replayed.get(at)) {
        panic!(
            "{what}: line {at} differs ({} in the topic, {} replayed)\n topic: {}\nreplay: {}",
            topic.len(),
            replayed.len(),
            show(topic, at),
            show(replayed, at)
        );
    }
}
