//! The command line, on the built program: what goes to stdout, what to stderr, and the exit code.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The program in an empty folder, without any variable of tagwatch.
fn tagwatch(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwatch"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TAGWATCH_")) {
        command.env_remove(name);
    }
    command.current_dir(folder.path()).stdin(Stdio::null());
    command
}

struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn answer(output: Output) -> Answer {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn run(args: &[&str]) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    answer(tagwatch(&folder).args(args).output().unwrap())
}

const COMMANDS: [&str; 8] = ["demo", "run", "replay", "evaluate", "compare", "check", "topics", "simulate"];

#[test]
fn help_names_every_command_and_goes_to_stdout() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}:\n{}", help.stdout);
        let own = run(&[command, "--help"]);
        assert_eq!((own.code, own.stderr.as_str()), (Some(0), ""), "{command}");
        for word in ["Examples:", "--config <FILE>", "--set <KEY=VALUE>", "--log-format", "--format", "--quiet"] {
            assert!(own.stdout.contains(word), "{command} --help does not say {word}:\n{}", own.stdout);
        }
    }
    let version = run(&["--version"]);
    assert_eq!(version.stdout, format!("tagwatch {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_2_and_says_so_on_stderr() {
    let cases: [&[&str]; 15] = [
        &[],
        &["watch"],
        &["--no-such-flag"],
        &["check", "--no-such-flag"],
        &["run", "-q", "-v"],
        &["replay"],
        &["replay", "--as-of", "yesterday", "x"],
        &["replay", "--partitions", "0", "x"],
        &["replay", "--counts", "x.csv", "y"],
        &["replay", "--counts", "x.csv", "--partitions", "2"],
        &["topics"],
        &["simulate", "--topic", "a", "--out", "b"],
        &["simulate", "--speed", "0"],
        &["simulate", "--speed", "nan"],
        &["simulate", "--rate", "1e300"],
    ];
    for args in cases {
        let answer = run(args);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(answer.stderr.contains("--help"), "{args:?}:\n{}", answer.stderr);
    }
}

#[test]
fn a_wrong_config_ends_every_command_with_78_and_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("my.toml")).unwrap();
    file.write_all(b"[kafka]\nbrokrs = \"a:1\"\n[time]\nidle_timeout = \"10x\"\n").unwrap();
    let told = |args: &[&str]| {
        let answer = answer(tagwatch(&folder).args(args).args(["--config", "my.toml"]).output().unwrap());
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(78), ""), "{args:?}:\n{}", answer.stderr);
        answer.stderr
    };
    let check = told(&["check"]);
    for words in [
        "my.toml:2:1",
        "unknown key kafka.brokrs",
        "did you mean kafka.brokers?",
        "my.toml:4:16",
        "time.idle_timeout (10x) must be a duration",
        "2 faults in the config",
    ] {
        assert!(check.contains(words), "{words}:\n{check}");
    }
    assert_eq!(told(&["run"]), check);
    assert_eq!(told(&["replay", "x.ndjson"]), check);
    assert_eq!(told(&["topics", "plan"]), check);
}

#[test]
fn what_librdkafka_or_the_disk_refuses_is_78_before_anything_is_started() {
    let refused = |command: &str, sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let answer = run(&[command].into_iter().chain(sets).collect::<Vec<_>>());
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(78), ""), "{command}:\n{}", answer.stderr);
        answer.stderr
    };
    let sets = ["kafka.client.socket.timeout.mss=3", "kafka.client.linger.ms=soon", "state.dir=/proc/none"];
    let check = refused("check", &sets);
    for words in [
        "kafka.client.socket.timeout.mss (--set kafka.client.socket.timeout.mss): no such configuration property",
        "kafka.client.linger.ms (--set kafka.client.linger.ms): ",
        "state.dir (--set state.dir): /proc/none cannot be written",
    ] {
        assert!(check.contains(words), "{words}:\n{check}");
    }
    assert_eq!(refused("run", &sets), check);
    let public = ["--listen", "0.0.0.0:0"];
    let demo = run(&["demo", public[0], public[1]]);
    assert_eq!(demo.code, Some(78), "{}", demo.stderr);
    assert!(demo.stderr.contains("can be reached by others and has no http.token_file"), "{}", demo.stderr);
}

#[test]
fn stdin_is_read_once() {
    let twice = run(&["replay", "-", "-"]);
    assert_eq!((twice.code, twice.stderr.as_str()), (Some(2), "tagwatch: stdin (`-`) can be read once\n"));
}

#[test]
fn a_good_config_is_shown_with_what_differs_and_who_set_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), "[memory]\nbudget = \"1GiB\"\n[kafka]\nstart = \"latest\"\n")
        .unwrap();
    let checked = answer(
        tagwatch(&folder)
            .env("TAGWATCH_CONFIG", "my.toml")
            .env("TAGWATCH_ID", "france")
            .args(["check", "--set", "kafka.client.sasl.password=hunter2", "--set", "track.shards=1"])
            .output()
            .unwrap(),
    );
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    for words in [
        "config ok, version ",
        "  id = france                          TAGWATCH_ID\n",
        "  kafka.alerts_topic = france-alerts   follows from id\n",
        "  kafka.client.sasl.password = ***     --set kafka.client.sasl.password\n",
        "  memory.budget = 1GiB                 my.toml:2\n",
        "sketch key: none yet; the first `tagwatch run` makes tagwatch-state/key\n",
        "  kafka.start is latest: posts written before the first start are never read\n",
    ] {
        assert!(checked.stdout.contains(words), "{words}:\n{}", checked.stdout);
    }
    assert!(!checked.stdout.contains("hunter2"));
    // Checking makes nothing.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn where_no_broker_answers_a_check_of_several_processes_leaves_the_topics() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["exchange=kafka", "kafka.brokers=127.0.0.1:1"].into_iter().flat_map(|set| ["--set", set]);
    let mut command = tagwatch(&folder);
    command.env("TAGWATCH_KEY", "000102030405060708090a0b0c0d0e0f").arg("check").args(sets);
    let checked = answer(command.output().unwrap());
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    let words = "\ntopics: not compared, kafka.brokers (127.0.0.1:1) do not say how many they are: ";
    assert!(checked.stdout.contains(words), "{}", checked.stdout);
}

#[test]
fn the_flag_goes_before_the_variable_that_names_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.toml"), "id = \"a\"\n").unwrap();
    std::fs::write(folder.path().join("b.toml"), "id = \"b\"\n").unwrap();
    let mut command = tagwatch(&folder);
    let checked =
        answer(command.env("TAGWATCH_CONFIG", "a.toml").args(["check", "--config", "b.toml"]).output().unwrap());
    assert!(checked.stdout.contains("id = b "), "{}", checked.stdout);
}

#[test]
fn the_printed_defaults_are_a_config_that_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let printed = answer(tagwatch(&folder).args(["check", "--print-defaults"]).output().unwrap());
    assert_eq!(printed.code, Some(0));
    assert_eq!(printed.stdout, tagwatch::config::DEFAULTS);
    std::fs::write(folder.path().join("my.toml"), &printed.stdout).unwrap();
    let checked = answer(tagwatch(&folder).args(["check", "--config", "my.toml"]).output().unwrap());
    assert_eq!(checked.code, Some(0));
    assert!(checked.stdout.contains("everything is at its default\n"), "{}", checked.stdout);
}

#[test]
fn a_reader_that_closed_the_pipe_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tagwatch(&folder);
    let mut child =
        command.args(["check", "--print-defaults"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = answer(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn secrets_of_the_wrong_form_are_78_and_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "too-short\n").unwrap();
    let key = answer(tagwatch(&folder).env("TAGWATCH_KEY", "c0ffee").arg("check").output().unwrap());
    assert_eq!(key.code, Some(78));
    assert_eq!(key.stderr, "tagwatch: TAGWATCH_KEY must hold 32 hex digits (128 bits), and holds 6\n");
    let token = answer(tagwatch(&folder).args(["check", "--set", "http.token_file=token"]).output().unwrap());
    assert_eq!(token.code, Some(78));
    assert!(token.stderr.contains("token must hold one line of 16 or more"), "{}", token.stderr);
    assert!(!token.stderr.contains("too-short"));
}

#[test]
fn a_key_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "000102030405060708090a0b0c0d0e0f\n").unwrap();
    let shown = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        answer(tagwatch(&folder).args(["check", "--set", "privacy.key_file=key"]).output().unwrap()).stdout
    };
    assert!(shown(0o644).contains("key has mode 644: others can read the sketch key; chmod 600 key\n"));
    let closed = shown(0o600);
    assert!(closed.contains("sketch key: key, fingerprint ") && !closed.contains("chmod"), "{closed}");
}

#[test]
fn a_log_filter_that_is_none_is_78() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = answer(tagwatch(&folder).env("TAGWATCH_LOG", "tagwatch=loud").arg("check").output().unwrap());
    assert_eq!(wrong.code, Some(78));
    assert!(wrong.stderr.starts_with("tagwatch: TAGWATCH_LOG (tagwatch=loud) is no filter"), "{}", wrong.stderr);
}
