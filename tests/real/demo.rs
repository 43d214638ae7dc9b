//! The demo as a newcomer runs it: its first line comes at once, the story reads on the terminal, and a signal ends it.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::tools::{Guard, Need, eventually, find, free_port, http_get, trial};

/// The hashtag that is pushed, and those of ordinary crowds, in canonical form.
pub const PUSHED: &str = "candidateleaks";
pub const CROWDS: [&str; 3] = ["votelumina", "copameridián", "nuitdesurnes"];

/// A running demo and what it has printed so far.
pub struct Demo {
    guard: Guard,
    address: String,
    lines: Arc<Mutex<Vec<String>>>,
    /// How long the first line took.
    first: Arc<Mutex<Option<Duration>>>,
}

impl Demo {
    /// Starts it; it serves until it is ended.
    #[expect(clippy::disallowed_methods, reason = "measures how long the first line takes")]
    pub fn start(speed: u32) -> Demo {
        let began = Instant::now();
        let (lines, first) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Option<Duration>>>::default());
        let (to, took) = (Arc::clone(&lines), Arc::clone(&first));
        let demo = Demo::begin(speed, |out| {
            thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    took.lock().unwrap().get_or_insert_with(|| began.elapsed());
                    to.lock().unwrap().push(line);
                }
            });
        });
        Demo { lines, first, ..demo }
    }

    /// Starts it and hands over what it prints to.
    fn begin(speed: u32, read: impl FnOnce(ChildStdout)) -> Demo {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
        command.args(["demo", "--quiet", "--listen", &address, "--speed", &speed.to_string()]);
        let mut guard = Guard::start(command.stdout(Stdio::piped()));
        read(guard.child().stdout.take().unwrap());
        Demo { guard, address, lines: Arc::default(), first: Arc::default() }
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has printed so far.
    pub fn told(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line with these words and gives it.
    pub fn wait_for(&mut self, words: &str, timeout: Duration) -> String {
        eventually(words, timeout, || {
            let ended = self.guard.child().try_wait().unwrap();
            assert!(ended.is_none(), "the demo ended with {ended:?}:\n{}", self.told().join("\n"));
            self.told().into_iter().find(|line| line.contains(words))
        })
    }

    /// The body of an answer that must be 200.
    pub fn get(&self, path: &str) -> String {
        let (status, body) = http_get(&format!("http://{}{path}", self.address)).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The same as JSON.
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }

    /// The coordinated alert of the pushed hashtag: its lines of that kind. It began as an organic burst under the same id.
    pub fn alert(&self) -> Vec<Value> {
        let alerts = self.json("/api/v1/alerts?limit=1000");
        let of_push = |alert: &&Value| alert["hashtag"] == PUSHED && alert["kind"] == "coordinated_burst";
        let id = alerts["alerts"].as_array().unwrap().iter().find(of_push).unwrap()["alert_id"].clone();
        let mut lines =
            self.json(&format!("/api/v1/alerts/{}", id.as_str().unwrap()))["lines"].as_array().unwrap().clone();
        lines.retain(|line| line["kind"] == "coordinated_burst");
        lines
    }

    /// Asks it to end as a service manager would; it must do so in time and call it success.
    fn terminate(mut self) {
        let id = self.guard.child().id().to_string();
        assert!(Command::new(find("kill").unwrap()).args(["-TERM", &id]).status().unwrap().success());
        let status = eventually("end", Duration::from_secs(25), || self.guard.child().try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

pub fn trials() -> Vec<Trial> {
    let kill = &[Need::Tool("kill")];
    vec![
        trial("demo::a_closed_terminal_does_not_end_it", kill, a_closed_terminal_does_not_end_it),
        trial("demo::demo_tells_the_story", kill, demo_tells_the_story),
    ]
}

/// As by `tagwatch demo | head -1`: the page goes on.
fn a_closed_terminal_does_not_end_it() {
    let mut demo = Demo::begin(100_000, |_| ());
    eventually("posts read", Duration::from_secs(60), || {
        let ended = demo.guard.child().try_wait().unwrap();
        assert!(ended.is_none(), "the demo ended with {ended:?}");
        let (_, metrics) = http_get(&format!("http://{}/metrics", demo.address)).ok()?;
        let read = metrics.lines().find_map(|line| line.strip_prefix("tagwatch_posts_total "))?;
        // The first chapters are told by then.
        (read.parse::<u64>().unwrap() > 20_000).then_some(())
    });
    demo.terminate();
}

fn demo_tells_the_story() {
    let mut demo = Demo::start(3_000);
    demo.wait_for("tagwatch demo", Duration::from_secs(20));
    let first = demo.first.lock().unwrap().unwrap();
    assert!(first < Duration::from_secs(2), "the first line took {first:?}");
    demo.wait_for("the story is over", Duration::from_secs(170));
    demo.wait_for("crowd #NuitDesUrnes", Duration::from_secs(10));

    let told = demo.told();
    let story = told.join("\n");
    assert!((15..=45).contains(&told.len()), "{} lines are no story:\n{story}", told.len());
    let at = |words: &str| {
        let found = told.iter().position(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("nothing of {words:?} in:\n{story}"))
    };
    let chapters =
        ["#VoteLumina", "a goal", "nobody used before", "the polls", "make fun", "slackens", "louder", "quiet"];
    let chapters = chapters.map(|words| told.iter().position(|line| line.contains("---") && line.contains(words)));
    assert!(chapters.iter().all(Option::is_some) && chapters.is_sorted(), "{chapters:?} in:\n{story}");
    for crowd in ["crowd #VoteLumina", "crowd #CopaMeridián", "crowd #NuitDesUrnes"] {
        at(crowd);
    }
    let loud: Vec<&String> = told.iter().filter(|line| line.contains("ALERT")).collect();
    assert!(matches!(loud[..], [line] if line.contains("#CandidateLeaks")), "{loud:?} in:\n{story}");
    assert!(at("nobody used before") < at("ALERT #CandidateLeaks") && at("ALERT") < at("calm  #CandidateLeaks"));

    // It calmed down while more was posted than when it fired.
    let lines = demo.alert();
    let hour = |state: &str| {
        let line =
            lines.iter().find(|line| line["state"] == state).unwrap_or_else(|| panic!("no {state} in {lines:?}"));
        line["windows"]["1h"]["posts"].as_u64().unwrap()
    };
    assert!(hour("resolved") > hour("firing"), "{} at the end, {} at the alert", hour("resolved"), hour("firing"));
    let alerts = demo.json("/api/v1/alerts?limit=1000");
    for alert in alerts["alerts"].as_array().unwrap() {
        let crowd = CROWDS.iter().any(|crowd| alert["hashtag"] == *crowd);
        assert!(!crowd || alert["kind"] == "organic_burst", "{alert}");
    }
    demo.terminate();
}
