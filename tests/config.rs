//! The config, from outside: what is read, what is refused, and what a person is told. Every fault is looked for by its
//! whole message, and the drawing of one of each layer stands here as it appears on a terminal without colours.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the functions with #[test]")]

use std::io::Write;
use std::time::Duration;

use proptest::prelude::*;
use tagwatch::config::{
    self, Config, DEFAULTS, Exchange, FAMILIES, Faults, KNOWN_SIGNALS, Sources, Start, load, load_with_origins,
};
use tagwatch::model::EventTime;

/// A config file that goes away with the value.
struct Written(tempfile::NamedTempFile);

fn file(text: &str) -> Written {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Written(file)
}

fn sources(text: &str, env: &[(&str, &str)], set: &[&str]) -> (Written, Sources) {
    let written = file(text);
    let sources = Sources {
        file: Some(written.0.path().to_path_buf()),
        env: env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        set: set.iter().map(|text| text.to_string()).collect(),
    };
    (written, sources)
}

fn good(text: &str, env: &[(&str, &str)], set: &[&str]) -> Config {
    let (_written, sources) = sources(text, env, set);
    load(sources).unwrap_or_else(|faults| panic!("{faults}"))
}

/// All faults as drawn, with the file's path replaced.
fn drawn(text: &str, env: &[(&str, &str)], set: &[&str]) -> String {
    let (written, sources) = sources(text, env, set);
    let faults = load(sources).expect_err("a fault");
    faults.to_string().replace(&written.0.path().display().to_string(), "my.toml")
}

fn messages(text: &str, env: &[(&str, &str)], set: &[&str]) -> Vec<String> {
    let (_written, sources) = sources(text, env, set);
    load(sources).expect_err("a fault").messages().map(str::to_string).collect()
}

/// The only fault of a `--set`.
fn fault_of(set: &str) -> String {
    let mut faults = messages("", &[], &[set]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = config::defaults();
    assert_eq!(config.id, "tagwatch");
    assert_eq!(config.exchange, Exchange::InProcess);
    assert_eq!(config.kafka.brokers, "127.0.0.1:9092");
    assert_eq!(config.kafka.posts_topic, "posts");
    assert_eq!(config.kafka.actions_topic, None);
    assert_eq!(config.kafka.alerts_topic.as_deref(), Some("tagwatch-alerts"));
    assert_eq!(config.kafka.rejected_topic, None);
    assert_eq!(config.kafka.start, Start::Earliest);
    assert!(config.kafka.client.is_empty());
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9700");
    assert_eq!(config.state.checkpoint_interval, Duration::from_secs(10));
    assert_eq!(config.memory.budget_bytes, 512 << 20);
    assert_eq!((config.metrics.top_k, config.track.shards), (50, 2));
    assert_eq!(config.time.watermark_delay, Duration::from_secs(10));
    assert_eq!(config.time.idle_timeout, Duration::from_secs(60));
    assert_eq!(config.time.max_future, Duration::from_secs(300));
    assert_eq!(config.limits.post_bytes_max, 256 << 10);
    assert_eq!(config.detect.pages_per_hour, 20);
    assert_eq!(config.detect.minimum_hold, Duration::from_secs(600));
    assert!(config.detect.signals.keys().map(String::as_str).eq({
        let mut names = KNOWN_SIGNALS;
        names.sort_unstable();
        names
    }));
    assert_eq!(config.detect.family_points_max.len(), FAMILIES.len());
    assert_eq!(config.detect.signals["birth_speed"].from, 60.0);
}

#[test]
fn every_key_of_the_file_has_a_comment_above_it() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    let mut keys = 0;
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.starts_with('#') && line.contains(" = ")) {
        assert!(lines[number - 1].starts_with("# "), "line {}: {line} has no comment", number + 1);
        keys += 1;
    }
    // Two keys are missing from neither: what is written and what is read are the same set.
    assert_eq!(keys, config::defaults().entries().len());
    assert!(lines.iter().all(|line| line.chars().count() <= 125), "a line is too long for a terminal");
}

#[test]
fn flags_go_over_the_environment_over_the_file_over_the_defaults() {
    let text = "[metrics]\ntop_k = 10\nalerts_max = 11\n[track]\nshards = 12\n";
    let env = [("TAGWATCH_METRICS__ALERTS_MAX", "21"), ("TAGWATCH_TRACK__SHARDS", "22")];
    let config = good(text, &env, &["track.shards=31", "track.shards=32"]);
    assert_eq!((config.metrics.top_k, config.metrics.alerts_max, config.track.shards), (10, 21, 32));
    assert_eq!(config.limits.hashtags_max, 30);
}

#[test]
fn every_value_says_who_set_it() {
    let (written, sources) = sources("\n[metrics]\ntop_k = 10\n", &[("TAGWATCH_ID", "x")], &["track.shards=1"]);
    let (_, origins) = load_with_origins(&sources).unwrap();
    assert_eq!(origins["metrics.top_k"], format!("{}:3", written.0.path().display()));
    assert_eq!(origins["id"], "TAGWATCH_ID");
    assert_eq!(origins["track.shards"], "--set track.shards");
    assert_eq!(origins.len(), 3);
}

#[test]
fn every_key_can_be_set_by_flag_by_variable_and_by_file() {
    let set = ["id=x", "kafka.client.socket.timeout.ms=10", "kafka.client.client.rack=r", "detect.burst_exit=24.5"];
    let config = good("", &[], &set);
    for (key, value) in config.entries() {
        let one = good("", &[], &[&set[..], &[&format!("{key}={value}")]].concat());
        assert_eq!(one, config, "--set {key}={value}");
        let name = match key.strip_prefix("kafka.client.") {
            Some(property) => format!("TAGWATCH_KAFKA__CLIENT__{}", property.replace('.', "_").to_uppercase()),
            None => format!("TAGWATCH_{}", key.replace('.', "__").to_uppercase()),
        };
        let by_variable = good("", &[(&name, &value)], &[]);
        assert_eq!(by_variable.entries()[&key], value, "{name}={value}");
    }
    let all: Vec<String> = config.entries().iter().map(|(key, value)| format!("{key}={value}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(good("", &[], &all), config);
    assert_eq!(good(DEFAULTS, &[], &[]), config::defaults());
}

#[test]
fn values_take_the_form_of_their_key() {
    let config = good("", &[], &["memory.budget=33554432", "time.idle_timeout=1h30m", "detect.burst_exit=7.25"]);
    assert_eq!(config.memory.budget_bytes, 32 << 20);
    assert_eq!(config.time.idle_timeout, Duration::from_secs(5400));
    assert_eq!(config.detect.burst_exit, 7.25);
    let config = good("[memory]\nbudget = 33_554_432\n[kafka]\nstart = 2017-05-05T20:00:00Z\n", &[], &[]);
    assert_eq!(config.memory.budget_bytes, 32 << 20);
    assert_eq!(config.kafka.start, Start::At(EventTime(1_494_014_400_000)));
    assert_eq!(good("", &[], &["kafka.start=latest"]).kafka.start, Start::Latest);
}

#[test]
fn the_alerts_topic_is_named_after_the_id_unless_it_is_named() {
    let named = |set: &[&str]| good("", &[], set).kafka.alerts_topic;
    assert_eq!(named(&["id=france"]).as_deref(), Some("france-alerts"));
    assert_eq!(named(&["id=france", "kafka.alerts_topic=all"]).as_deref(), Some("all"));
    assert_eq!(named(&["kafka.alerts_topic="]), None);
}

#[test]
fn properties_of_librdkafka_pass_through_from_every_layer() {
    let text = "[kafka.client]\nsocket.timeout.ms = 10\n\"client.rack\" = \"a\"\nsocket.keepalive.enable = true\n";
    let env = [("TAGWATCH_KAFKA__CLIENT__CLIENT_RACK", "b"), ("TAGWATCH_KAFKA__CLIENT__FETCH_MAX_BYTES", "1")];
    let client = good(text, &env, &["kafka.client.fetch.max.bytes=2", "kafka.client.debug=a=b"]).kafka.client;
    let expected = [
        ("client.rack", "b"),
        ("debug", "a=b"),
        ("fetch.max.bytes", "2"),
        ("socket.keepalive.enable", "true"),
        ("socket.timeout.ms", "10"),
    ];
    assert!(client.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected));
}

#[test]
fn variables_that_are_not_keys_are_left_alone() {
    let env = [
        ("TAGWATCH_CONFIG", "x"),
        ("TAGWATCH_LOG", "debug"),
        ("TAGWATCH_KEY", "x"),
        ("TAGWATCH_SHARED", "x"),
        ("TAGWATCH_TEST_BROKERS", "x"),
        ("PATH", "x"),
        // What Kubernetes sets for Services called tagwatch and tagwatch-alerts.
        ("TAGWATCH_SERVICE_HOST", "10.0.0.1"),
        ("TAGWATCH_SERVICE_PORT", "9700"),
        ("TAGWATCH_SERVICE_PORT_HTTP", "9700"),
        ("TAGWATCH_PORT", "tcp://10.0.0.1:9700"),
        ("TAGWATCH_PORT_9700_TCP", "tcp://10.0.0.1:9700"),
        ("TAGWATCH_PORT_9700_TCP_PROTO", "tcp"),
        ("TAGWATCH_PORT_9700_TCP_PORT", "9700"),
        ("TAGWATCH_PORT_9700_TCP_ADDR", "10.0.0.1"),
        ("TAGWATCH_ALERTS_SERVICE_HOST", "10.0.0.1"),
        ("TAGWATCH_ALERTS_PORT_9700_UDP_ADDR", "10.0.0.1"),
    ];
    assert_eq!(good("", &env, &[]), config::defaults());
}

#[test]
fn all_faults_are_told_at_once_each_where_it_stands() {
    let text = "id = \"Tag Watch\"\n\n[kafka]\nbroker = \"a:1\"\n[time]\nidle_timeout = 60\n";
    let env = [("TAGWATCH_TRACK__SHARDS", "0")];
    let told = drawn(text, &env, &["metrics.topk=3"]);
    let expected = r#"  x id (Tag Watch) must be 1 to 200 of a-z 0-9 . _ - and begin with a letter or a digit
   ,-[my.toml:1:6]
 1 | id = "Tag Watch"
   :      ^^^^^^^^^^^
   `----
  help: topics, group and transactional ids are named after it

  x unknown key kafka.broker
   ,-[my.toml:4:1]
 4 | broker = "a:1"
   : ^^^^^^
   `----
  help: did you mean kafka.brokers?

  x time.idle_timeout (60) must be a duration
   ,-[my.toml:6:16]
 6 | idle_timeout = 60
   :                ^^
   `----
  help: a duration has a unit and quotes: "60s"

  x track.shards (0) must be a whole number from 1 to 256
   ,-[environment:1:24]
 1 | TAGWATCH_TRACK__SHARDS=0
   :                        ^
   `----
  help: the default is 2

  x unknown key metrics.topk
   ,-[command line:1:7]
 1 | --set metrics.topk=3
   :       ^^^^^^^^^^^^
   `----
  help: did you mean --set metrics.top_k=...?

5 faults in the config"#;
    assert_eq!(told, expected);
}

#[test]
fn a_broken_line_does_not_hide_the_lines_after_it() {
    let faults = messages("[http]\nlisten = 127.0.0.1:9700\n[track]\nshards = 0\nshards = 3\n", &[], &[]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].starts_with("invalid float"), "{faults:?}");
    assert_eq!(faults[1], "track.shards (0) must be a whole number from 1 to 256");
    assert_eq!(faults[2], "duplicate key");
}

#[test]
fn a_fault_is_told_even_where_a_stronger_layer_overrides_it() {
    let faults = messages("[track]\nshards = 0\n", &[("TAGWATCH_TRACK__SHARDS", "many")], &["track.shards=3"]);
    let expected = ["(0)", "(many)"].map(|value| format!("track.shards {value} must be a whole number from 1 to 256"));
    assert_eq!(faults, expected);
}

#[test]
fn a_misspelt_key_is_answered_with_the_one_that_was_meant() {
    let meant = |text: &str, env: &[(&str, &str)], set: &[&str], help: &str| {
        let told = drawn(text, env, set);
        assert!(told.contains(&format!("did you mean {help}?")), "{told}");
        assert!(told.contains("1 fault in"), "{told}");
    };
    meant("[kafka]\nbrokrs = 1\n", &[], &[], "kafka.brokers");
    meant("[kakfa]\nbrokers = 1\nstart = 2\n", &[], &[], "kafka");
    meant("[kafka]\nlisten = 1\n", &[], &[], "http.listen");
    meant("brokers = 1\n", &[], &[], "kafka.brokers");
    meant("[detect.signals.evennes]\npoints = 1\nfrom = 2\n", &[], &[], "detect.signals.evenness");
    meant("[detect.signals.evenness]\npoint = 1\n", &[], &[], "detect.signals.evenness.points");
    meant("[detect.family_points_max]\nsynchronicity = 1\n", &[], &[], "detect.family_points_max.synchrony");
    meant("", &[("TAGWATCH_KAFKA_BROKERS", "a:1")], &[], "TAGWATCH_KAFKA__BROKERS");
    meant("", &[("TAGWATCH_MEMORY__BUGDET", "1GiB")], &[], "TAGWATCH_MEMORY__BUDGET");
    meant("", &[], &["time.idletimeout=1m"], "--set time.idle_timeout=...");
    let told = drawn("", &[], &["quite.another=1"]);
    assert!(told.contains("`tagwatch check --print-defaults` lists every key"), "{told}");
}

#[test]
fn tables_and_values_are_told_apart() {
    assert_eq!(messages("kafka = 1\n", &[], &[]), ["kafka is a table of keys, not a value"]);
    assert_eq!(messages("[kafka.start]\nx = 1\ny = 1\n", &[], &[]), ["kafka.start is a value, not a table of keys"]);
    assert_eq!(messages("[kafka.start]\n", &[], &[])[0].split(" must").next(), Some("kafka.start (a table)"));
    assert_eq!(messages("[kafak]\n", &[], &[]), ["unknown key kafak"]);
    assert_eq!(good("[kafka]\n[kafka.client]\n[detect]\n", &[], &[]), config::defaults());
}

#[test]
fn every_value_out_of_its_range_is_refused() {
    let cases = [
        ("id=", "id (empty) must be 1 to 200 of a-z 0-9 . _ - and begin with a letter or a digit"),
        ("id=.x", "id (.x) must be 1 to 200 of a-z 0-9 . _ - and begin with a letter or a digit"),
        ("exchange=x", "exchange (x) must be in-process or kafka"),
        ("kafka.brokers=", "kafka.brokers (empty) must be host:port, separated by commas; an empty entry is not"),
        ("kafka.brokers=a", "kafka.brokers (a) must be host:port, separated by commas; a is not"),
        ("kafka.brokers=a:1,b:0", "kafka.brokers (a:1,b:0) must be host:port, separated by commas; b:0 is not"),
        ("kafka.brokers=::1:9092", "kafka.brokers (::1:9092) must be host:port, separated by commas; ::1:9092 is not"),
        ("kafka.brokers=SSL://a:1", "kafka.brokers (SSL://a:1) must be host:port without a scheme"),
        ("kafka.posts_topic=", "kafka.posts_topic (empty) must name a topic"),
        ("kafka.posts_topic=a b", "kafka.posts_topic (a b) must be a legal topic name: 1 to 249 of a-z A-Z 0-9 . _ -"),
        ("kafka.alerts_topic=..", "kafka.alerts_topic (..) must be a legal topic name: 1 to 249 of a-z A-Z 0-9 . _ -"),
        (
            "http.listen=localhost:1",
            "http.listen (localhost:1) must be an IP address and a port such as 127.0.0.1:9700 or [::1]:9700",
        ),
        ("http.listen=0.0.0.0:1", "http.listen (0.0.0.0:1) can be reached by others and has no http.token_file"),
        ("http.listen=[::]:1", "http.listen ([::]:1) can be reached by others and has no http.token_file"),
        ("state.dir=", "state.dir (empty) must name a folder"),
        ("state.checkpoint_interval=0s", "state.checkpoint_interval (0s) must be from 1ms to 1h"),
        ("memory.budget=15MiB", "memory.budget (15MiB) must be at least 16MiB"),
        ("memory.budget=64MB", "memory.budget (64MB) must be a size such as 64MiB, 256KiB or 1048576"),
        ("metrics.top_k=0", "metrics.top_k (0) must be a whole number from 1 to 1000"),
        ("metrics.top_k=1001", "metrics.top_k (1001) must be a whole number from 1 to 1000"),
        ("metrics.alerts_max=-1", "metrics.alerts_max (-1) must be a whole number from 1 to 10000"),
        ("track.shards=257", "track.shards (257) must be a whole number from 1 to 256"),
        ("time.watermark_delay=0s", "time.watermark_delay (0s) must be from 1ms to 7d"),
        ("time.idle_timeout=8d", "time.idle_timeout (8d) must be from 1ms to 7d"),
        ("time.max_future=soon", "time.max_future (soon) must be a duration such as 10s, 1m, 1h30m or 500ms"),
        ("limits.post_bytes_max=1", "limits.post_bytes_max (1) must be at least 1KiB"),
        ("limits.post_bytes_max=1GiB", "limits.post_bytes_max (1GiB) must be at most 64MiB"),
        ("limits.hashtags_max=1.5", "limits.hashtags_max (1.5) must be a whole number from 1 to 1000"),
        ("detect.false_discovery_rate=0", "detect.false_discovery_rate (0) must be a number from 0.0001 to 0.5"),
        ("detect.burst_enter=101", "detect.burst_enter (101) must be a number from 0 to 100"),
        ("detect.burst_enter=nan", "detect.burst_enter (nan) must be a number from 0 to 100"),
        ("detect.quiet=15s", "detect.quiet (15s) must be a multiple of 10s, the length of a tick"),
        ("detect.minimum_hold=5s", "detect.minimum_hold (5s) must be from 10s to 7d"),
        ("detect.signals.alone.points=-101", "detect.signals.alone.points (-101) must be a number from -100 to 100"),
        ("detect.signals.alone.to=inf", "detect.signals.alone.to (inf) must be a number from 0 to 1000000000"),
        (
            "kafka.start=2017",
            "kafka.start (2017) must be earliest, latest or a time from 2000 to 2099 such as 2017-05-05T20:00:00Z",
        ),
        ("nonsense", "--set nonsense has no value"),
    ];
    for (set, message) in cases {
        assert_eq!(fault_of(set), message);
    }
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    let cases = [
        ("detect.burst_exit=50", "detect.burst_exit (50) must be below detect.burst_enter (50)"),
        ("detect.coordination_enter=30", "detect.coordination_exit (32) must be below detect.coordination_enter (30)"),
        (
            "detect.family_points_min=26",
            "detect.family_points_min (26) must not be above detect.strong_points_min (10)",
        ),
        (
            "detect.signals.alone.to=0.4",
            "detect.signals.alone.to (0.4) must differ from detect.signals.alone.from (0.40)",
        ),
        (
            "kafka.rejected_topic=posts",
            "kafka.rejected_topic (posts) must be another topic than kafka.posts_topic (posts)",
        ),
        (
            "windows.hour_total_accounts_below=21",
            "windows.hour_total_accounts_below (21) must not be above windows.hour_sample_accounts_min (20)",
        ),
    ];
    for (set, message) in cases {
        assert_eq!(fault_of(set), message);
    }
    // Kafka refuses to create a.b beside a_b.
    let faults = messages("", &[], &["kafka.posts_topic=a.b", "kafka.actions_topic=a_b"]);
    assert_eq!(faults, ["kafka.actions_topic (a_b) must be another topic than kafka.posts_topic (a.b)"]);
    // The caret stands under what somebody wrote, not under a default.
    let told = drawn("[detect]\nburst_enter = 20\n", &[], &[]);
    assert!(told.contains(" 2 | burst_enter = 20\n   :               ^^\n"), "{told}");
    assert!(told.contains("detect.burst_exit is at its default; detect.burst_enter is set by my.toml:2"), "{told}");
}

#[test]
fn a_public_address_needs_a_token() {
    let config = good("", &[], &["http.listen=0.0.0.0:9700", "http.token_file=/token"]);
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:9700");
    assert_eq!(good("", &[], &["http.listen=[::1]:9700"]).http.listen.to_string(), "[::1]:9700");
}

#[test]
fn what_tagwatch_rests_on_cannot_be_set_behind_its_back() {
    let names = [
        "enable.auto.commit",
        "enable.auto.offset.store",
        "auto.offset.reset",
        "group.id",
        "group.instance.id",
        "transactional.id",
        "enable.idempotence",
        "acks",
        "bootstrap.servers",
        "metadata.broker.list",
        "enable.partition.eof",
        "isolation.level",
        "partition.assignment.strategy",
        "plugin.library.paths",
    ];
    for name in names {
        assert_eq!(
            fault_of(&format!("kafka.client.{name}=x")),
            format!("kafka.client.{name} is set by tagwatch itself")
        );
    }
    let faults = messages("[kafka.client]\ngroup.id = \"x\"\n", &[("TAGWATCH_KAFKA__CLIENT__ACKS", "1")], &[]);
    assert_eq!(faults, ["group.id", "acks"].map(|name| format!("kafka.client.{name} is set by tagwatch itself")));
    assert!(fault_of("kafka.client.Socket Timeout=1").ends_with("cannot be a property of librdkafka"));
    assert!(fault_of("kafka.client.=1").ends_with("cannot be a property of librdkafka"));
    let lists = messages("[kafka.client]\ndebug = [\"a\"]\n", &[], &[]);
    assert_eq!(lists, ["kafka.client.debug must be a string, a number or a boolean, not an array"]);
    if !cfg!(feature = "tls") {
        for set in ["ssl.ca.location=x", "security.protocol=sasl_ssl", "sasl.mechanisms=SCRAM-SHA-512"] {
            let name = set.split('=').next().unwrap();
            assert_eq!(
                fault_of(&format!("kafka.client.{set}")),
                format!("kafka.client.{name} needs TLS, which this build has not")
            );
        }
    }
}

#[test]
fn no_fault_and_no_debug_output_shows_a_password() {
    let text = "[kafka]\nclient = { \"sasl.password\" = \"hunter2\", \"group.id\" = \"x\" }\n";
    let env = [("TAGWATCH_KAFKA__CLIENT__SSL_KEY_PASSWORD", "hunter2")];
    let told = drawn(text, &env, &["kafka.client.sasl.oauthbearer.client.secret=hunter2", "id=A"]);
    assert!(told.contains("group.id is set by tagwatch itself"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    let lines = drawn("[kafka.client]\nsasl.password = \"hunter2\"\ngroup.id = \"x\"\n", &[], &[]);
    assert!(lines.contains("group.id") && !lines.contains("hunter2"), "{lines}");
    let config = good("", &[], &["kafka.client.sasl.password=hunter2"]);
    assert_eq!(config.kafka.client["sasl.password"], "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_among_the_others() {
    let sources = Sources { file: Some("/nowhere/x.toml".into()), env: Vec::new(), set: vec!["id=A".to_string()] };
    let faults: Vec<String> = load(sources).expect_err("faults").messages().map(str::to_string).collect();
    assert_eq!(faults.len(), 2);
    assert!(faults[0].starts_with("cannot read the config file /nowhere/x.toml: "), "{faults:?}");
    let folder = Sources { file: Some("/".into()), ..Sources::default() };
    assert!(load(folder).expect_err("a fault").to_string().contains("cannot read the config file /: "));
    let mut latin = tempfile::NamedTempFile::new().unwrap();
    latin.write_all(b"id = \"\xe9\"\n").unwrap();
    let latin1 = Sources { file: Some(latin.path().to_path_buf()), ..Sources::default() };
    assert!(load(latin1).expect_err("a fault").to_string().contains("byte 6 is not UTF-8"));
    let big = file(&"# x\n".repeat(300_000));
    let big = Sources { file: Some(big.0.path().to_path_buf()), ..Sources::default() };
    assert!(load(big).expect_err("a fault").to_string().contains("larger than 1MiB"));
}

#[test]
fn the_version_is_that_of_what_changes_an_alert() {
    let version = |set: &[&str]| good("", &[], set).version;
    let default = version(&[]);
    assert!(default.len() == 16 && default.bytes().all(|b| b.is_ascii_hexdigit()), "{default}");
    for same in ["id=x", "track.shards=7", "http.listen=127.0.0.1:1", "memory.budget=1GiB", "detect.quiet=600s"] {
        assert_eq!(version(&[same]), default, "{same}");
    }
    for other in ["detect.quiet=20m", "detect.signals.alone.to=0.9", "time.max_future=6m", "windows.row_posts_min=21"] {
        assert_ne!(version(&[other]), default, "{other}");
    }
    // However it is written, the same meaning has the same version.
    assert_eq!(version(&["detect.burst_enter=50.0"]), default);
    assert_eq!(version(&["detect.family_points_max.content=-0"]), version(&["detect.family_points_max.content=0"]));
}

fn torn() -> impl Strategy<Value = String> {
    // The defaults with some bytes cut out and others put in: nearly a config, in every way.
    let edit = (0..DEFAULTS.len(), 0_usize..40, "[\\[\\]{}\"'=.#\n\\\\ é0a€\u{1f600}-]{0,6}");
    proptest::collection::vec(edit, 0..6).prop_map(|edits| {
        let mut text = DEFAULTS.to_string();
        for (at, cut, put) in edits {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((start + cut).min(text.len()));
            text.replace_range(start..end, &put);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in the layers, there is a config or a list of faults that can be drawn, never a panic.
    #[test]
    fn nothing_that_is_written_makes_it_panic(text in torn(), set in "(kafka|detect|id|time)?[a-z._= \"é\n]{0,12}", value in ".{0,20}") {
        let (_written, sources) = sources(&text, &[("TAGWATCH_KAFKA__BROKERS", &value)], &[&set]);
        let told = load(sources).map_err(|faults: Faults| (faults.render(true), faults.render(false), faults.count()));
        if let Err((styled, plain, count)) = told {
            let noun = if count == 1 { "fault" } else { "faults" };
            let end = format!("{count} {noun} in the config\n");
            prop_assert!(styled.ends_with(&end) && plain.ends_with(&end));
        }
    }
}
