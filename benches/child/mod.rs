//! A bench measures in child processes, each on one core: what one part allocates or keeps warm must not help another,
//! and "on one core" is a fact only where the system holds to it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The word that tells a bench it is its own child; what follows is the part and its arguments.
const CHILD: &str = "child";

/// The part and its arguments, in a child.
pub fn part() -> Option<Vec<String>> {
    let mut words = std::env::args().skip_while(|word| word != CHILD);
    words.next().map(|_| words.collect())
}

/// Starts this program again on one core and gives what it printed. Without `taskset` or a second core it runs
/// unpinned; [`pinned`] says so.
pub fn run(core: usize, words: &[&str]) -> String {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut command = if pinned() {
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let output = command
        .arg(CHILD)
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the bench can start itself");
    assert!(output.status.success(), "{words:?} ended with {}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Goes on as a process on one core, which whatever it starts inherits.
pub fn pin_self(core: usize) {
    if std::env::var_os("TAGWATCH_BENCH_PINNED").is_some() || !pinned() {
        return;
    }
    let error = Command::new("taskset")
        .args(["-c", &core.to_string()])
        .arg(std::env::current_exe().expect("a running program has a path"))
        .args(std::env::args().skip(1))
        .env("TAGWATCH_BENCH_PINNED", "1")
        .exec();
    panic!("cannot start again on core {core}: {error}");
}

/// Whether children can be pinned to a core each: there is `taskset`, and a second core.
pub fn pinned() -> bool {
    Command::new("taskset").args(["-c", "1", "true"]).status().is_ok_and(|status| status.success())
}

/// CPU seconds of this process so far, all threads, kernel included.
pub fn cpu_seconds() -> f64 {
    cpu_seconds_of("self")
}

/// The same of any process.
pub fn cpu_seconds_of(id: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold spaces; user and system time are the 12th and 13th fields after it, in 1/100 s.
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Most memory that was resident so far, in MiB.
pub fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// The numbers a child printed, separated by spaces.
pub fn numbers(printed: &str) -> Vec<f64> {
    printed.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The middle one; of an even count the mean of the two in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// How many posts: `BENCH_POSTS`, or what the bench is meant for.
pub fn posts(usual: u64) -> u64 {
    std::env::var("BENCH_POSTS").ok().and_then(|posts| posts.parse().ok()).unwrap_or(usual)
}
