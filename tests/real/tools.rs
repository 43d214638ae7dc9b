//! What tests need of the machine: a rule for what is missing, programs, ports, child processes that do not outlive the
//! tests, and HTTP.

use std::env;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::{cluster, posts};

/// What a test cannot run without.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A Kafka, wherever it runs.
    Kafka,
    /// A Kafka that the tests started and may stop.
    OwnKafka,
    /// A program on the path.
    Tool(&'static str),
    /// A recorded stream.
    Stream(&'static str),
}

impl Need {
    /// Why it cannot be had, if so.
    fn missing(self) -> Option<String> {
        match self {
            Need::Kafka => cluster::missing(),
            Need::OwnKafka if env::var_os(cluster::BROKERS).is_some() => {
                Some(format!("the brokers of {} cannot be stopped", cluster::BROKERS))
            }
            Need::OwnKafka => cluster::missing(),
            Need::Tool(name) => find(name).err(),
            Need::Stream(name) => posts::recorded(name).err(),
        }
    }
}

/// A test that runs where everything it needs can be had; else it is ignored and the reason printed, or fails in CI.
pub fn trial(name: &str, needs: &[Need], body: impl FnOnce() + Send + 'static) -> Trial {
    let Some(reason) = needs.iter().find_map(|need| need.missing()) else {
        return Trial::test(name, move || {
            body();
            Ok(())
        });
    };
    // Recorded streams are no part of the repository, so nobody can be held to have them.
    let recorded = needs.iter().any(|need| matches!(need, Need::Stream(_)) && need.missing().is_some());
    let in_ci = !recorded && env::var("CI").is_ok_and(|ci| ci == "true");
    if !in_ci {
        eprintln!("ignored: {name}: {reason}");
    }
    Trial::test(name, move || Err(Failed::from(reason))).with_ignored_flag(!in_ci)
}

/// The path of a program, or the sentence that says it is missing.
pub fn find(name: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("{name} is not on the path"))
}

/// A loopback port that nobody listens on. Somebody else may take it before it is used; then a test says so.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A child process, killed by its id and waited for when dropped.
pub struct Guard(Child);

impl Guard {
    /// Starts a program. Its input is empty; its output goes where `command` says.
    pub fn start(command: &mut Command) -> Guard {
        let child = command.stdin(Stdio::null()).spawn();
        Guard(child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")))
    }

    /// The process, for its id, output and end.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a local server with GET: status and body, or the reason there is no answer. Statuses are no errors.
pub fn http_get(url: &str) -> Result<(u16, String), String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let mut answer = agent.get(url).call().map_err(|error| error.to_string())?;
    let body = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok((answer.status().as_u16(), body))
}

/// Waits until `done` gives something, for at most `timeout`; `what` says what was waited for.
pub fn eventually<T>(what: &str, timeout: Duration, done: impl FnMut() -> Option<T>) -> T {
    within(timeout, done).unwrap_or_else(|| panic!("{what}: not within {timeout:?}"))
}

/// The same, where the caller says what it means that nothing came.
#[expect(clippy::disallowed_methods, reason = "a test's deadline is no result")]
pub fn within<T>(timeout: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + timeout;
    loop {
        let value = done();
        if value.is_some() || Instant::now() >= deadline {
            return value;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("tools::a_child_dies_with_its_guard", &[Need::Tool("sleep")], a_child_dies_with_its_guard),
        trial("tools::http_statuses_are_answers", &[], http_statuses_are_answers),
    ]
}

fn a_child_dies_with_its_guard() {
    let mut guard = Guard::start(Command::new(find("sleep").unwrap()).arg("1000"));
    let id = guard.child().id();
    assert!(PathBuf::from(format!("/proc/{id}")).exists());
    drop(guard);
    assert!(!PathBuf::from(format!("/proc/{id}")).exists());
}

fn http_statuses_are_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let read = stream.read(&mut asked).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone").unwrap();
        String::from_utf8_lossy(&asked[..read]).into_owned()
    });
    assert_eq!(http_get(&url), Ok((404, "gone".into())));
    assert!(server.join().unwrap().starts_with("GET /x HTTP/1.1"));
    assert!(http_get(&format!("http://127.0.0.1:{}/", free_port())).is_err());
}
