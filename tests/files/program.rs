//! The program in a folder of its own, and what it said.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// How a run of the program ended.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Answer {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Answer {
    /// The summary of a replay that went well.
    pub fn summary(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }
}

/// A folder with files, and the program in it.
pub struct Desk(tempfile::TempDir);

impl Desk {
    pub fn new() -> Desk {
        Desk(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and gives its name back.
    pub fn file<'n>(&self, name: &'n str, bytes: &[u8]) -> &'n str {
        std::fs::write(self.path(name), bytes).unwrap();
        name
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program in this folder, without any variable of tagwatch.
    pub fn tagwatch(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TAGWATCH_")) {
            command.env_remove(name);
        }
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        self.tagwatch().args(args).output().unwrap().into()
    }

    /// `replay` with its summary as JSON.
    pub fn replay(&self, args: &[&str]) -> Answer {
        self.run(&[&["replay", "--summary", "json"], args].concat())
    }

    /// The same with `input` on stdin.
    pub fn replay_stdin(&self, args: &[&str], input: &[u8]) -> Answer {
        let mut command = self.tagwatch();
        command.args(["replay", "--summary", "json"]).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let answer = child.wait_with_output().unwrap().into();
        writer.join().unwrap().unwrap();
        answer
    }
}

/// Posts of a simulated push, enough for dozens of alert lines.
pub fn push() -> &'static [u8] {
    static PUSH: OnceLock<Vec<u8>> = OnceLock::new();
    PUSH.get_or_init(|| {
        let args = ["simulate", "--scenario", "push", "--posts", "15000"];
        let output = Desk::new().tagwatch().args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    })
}

/// The first good posts of the corpus, a line each.
pub fn good(count: usize) -> Vec<u8> {
    let mut text = crate::corpus::good(count).join(&b'\n');
    text.push(b'\n');
    text
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// With a checksum, as the program `zstd` writes them.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Most memory that a running process has had so far, in KiB; none once it has ended.
pub fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().trim_end_matches(" kB").parse().unwrap())
}
