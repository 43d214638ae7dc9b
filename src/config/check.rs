//! From what was written to what is meant: every key is read here, once, with its range, and then held against the others.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Fault;
use super::file::Setting;
use super::reader::{Reader, Wrong};
use super::unknown::unknown;
use super::value::show_duration;
use super::{
    Config, Detect, Exchange, FAMILIES, Http, KNOWN_SIGNALS, Kinds, Limits, Memory, Metrics, Privacy, Ramp, State,
    Time, Track, Windows, client, entries, expected,
};
use crate::model::mention::ROUTING;
use crate::model::time::TICK_MS;

/// Longest id: leaves room for `-mentions` in the 249 characters of a topic's name.
const ID_CHARS_MAX: usize = 200;
/// Longest duration of any key; longer ones are slips of the unit.
const DURATION_MAX: Duration = Duration::from_secs(7 * 86_400);
const POINTS: RangeInclusive<f64> = 0.0..=100.0;
const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// Counter-evidence takes points off.
const RAMP_POINTS: RangeInclusive<f64> = -100.0..=100.0;
/// Values of signals are shares, ratios and seconds; nothing sensible is larger.
const RAMP_VALUE: RangeInclusive<f64> = 0.0..=1e9;

const MILLISECOND: Duration = Duration::from_millis(1);
const TICK: Duration = Duration::from_millis(TICK_MS as u64);

/// Builds the config, or says everything that is wrong with it. `faults` are those that reading the layers found.
pub(super) fn check(settings: &[Setting], faults: Vec<Fault>) -> Result<Config, Vec<Fault>> {
    let signal_keys: Vec<[String; 3]> = KNOWN_SIGNALS
        .iter()
        .map(|name| ["points", "from", "to"].map(|part| format!("detect.signals.{name}.{part}")))
        .collect();
    let family_keys: Vec<String> = FAMILIES.iter().map(|name| format!("detect.family_points_max.{name}")).collect();
    let mut reader = Reader::new(settings, faults);
    let id = reader.text("id", String::new(), id);
    let mut config = Config {
        exchange: reader.text("exchange", Exchange::InProcess, exchange),
        kafka: client::kafka(&mut reader, &id),
        http: http(&mut reader),
        state: state(&mut reader),
        privacy: Privacy { key_file: reader.text("privacy.key_file", None, optional_path) },
        memory: Memory { budget_bytes: reader.size("memory.budget", 16 << 20..=1 << 50) },
        metrics: Metrics {
            top_k: reader.whole("metrics.top_k", 1..=1000) as usize,
            alerts_max: reader.whole("metrics.alerts_max", 1..=10_000) as usize,
        },
        track: Track {
            shards: reader.whole("track.shards", 1..=256) as usize,
            routing: reader.whole("track.routing", 1..=u32::from(ROUTING)) as u16,
        },
        time: time(&mut reader),
        limits: limits(&mut reader),
        windows: windows(&mut reader),
        detect: detect(&mut reader, &family_keys, &signal_keys),
        expected: expected::expected(settings, &mut reader.faults),
        version: String::new(),
        id,
    };
    if config.exchange == Exchange::Kafka && config.kafka.alerts_topic.is_none() {
        let place = settings.iter().rev().find(|setting| setting.key == "kafka.alerts_topic").map(Setting::place);
        let message = "kafka.alerts_topic (empty) must name a topic where exchange is kafka".to_string();
        let help = "whoever takes over deciding reads its end; leave the key out for <id>-alerts".to_string();
        reader.faults.push(Fault { message, help: Some(help), place });
    }
    reader.asked.insert(expected::LIST);
    let mut faults = unknown(settings, &reader.asked);
    faults.append(&mut reader.faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    config.version = entries::version(&config);
    Ok(config)
}

fn id(text: &str) -> Result<String, Wrong> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if first && text.len() <= ID_CHARS_MAX && text.bytes().all(legal) {
        return Ok(text.to_string());
    }
    let must = format!("must be 1 to {ID_CHARS_MAX} of a-z 0-9 . _ - and begin with a letter or a digit");
    Err(Wrong::must(must).help("topics, group and transactional ids are named after it"))
}

fn exchange(text: &str) -> Result<Exchange, Wrong> {
    match text {
        "in-process" => Ok(Exchange::InProcess),
        "kafka" => Ok(Exchange::Kafka),
        _ => Err(Wrong::must("must be in-process or kafka")),
    }
}

fn optional_path(text: &str) -> Result<Option<PathBuf>, Wrong> {
    Ok(if text.is_empty() { None } else { Some(PathBuf::from(text)) })
}

fn http(reader: &mut Reader<'_>) -> Http {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let http = Http {
        listen: reader.text("http.listen", nowhere, |text| {
            text.parse()
                .map_err(|_| Wrong::must("must be an IP address and a port such as 127.0.0.1:9700 or [::1]:9700"))
        }),
        token_file: reader.text("http.token_file", None, optional_path),
    };
    let loopback = http.listen.ip().to_canonical().is_loopback();
    if !loopback && http.token_file.is_none() && reader.good(&["http.listen", "http.token_file"]) {
        let message = format!("{} can be reached by others and has no http.token_file", reader.named("http.listen"));
        let help = "set http.token_file to a file that holds a long random token, or listen on 127.0.0.1";
        reader.conflict(&["http.listen"], &message, Some(help.to_string()));
    }
    http
}

fn state(reader: &mut Reader<'_>) -> State {
    State {
        dir: reader.text("state.dir", PathBuf::new(), |text| {
            if text.is_empty() { Err(Wrong::must("must name a folder")) } else { Ok(PathBuf::from(text)) }
        }),
        checkpoint_interval: reader.duration("state.checkpoint_interval", MILLISECOND..=Duration::from_secs(3600)),
    }
}

fn time(reader: &mut Reader<'_>) -> Time {
    Time {
        watermark_delay: reader.duration("time.watermark_delay", MILLISECOND..=DURATION_MAX),
        idle_timeout: reader.duration("time.idle_timeout", MILLISECOND..=DURATION_MAX),
        actions_idle_timeout: reader.duration("time.actions_idle_timeout", MILLISECOND..=DURATION_MAX),
        max_future: reader.duration("time.max_future", MILLISECOND..=DURATION_MAX),
    }
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        // Bounded by 64 MiB, so it fits any usize.
        post_bytes_max: reader.size("limits.post_bytes_max", 1 << 10..=64 << 20) as usize,
        hashtags_max: reader.whole("limits.hashtags_max", 1..=1000) as usize,
        hashtag_chars_max: reader.whole("limits.hashtag_chars_max", 1..=1000) as usize,
        id_bytes_max: reader.whole("limits.id_bytes_max", 16..=4096) as usize,
    }
}

fn windows(reader: &mut Reader<'_>) -> Windows {
    let windows = Windows {
        baseline_days: reader.whole("windows.baseline_days", 1..=365),
        row_posts_min: reader.whole("windows.row_posts_min", 1..=1_000_000),
        hour_sample_accounts_min: reader.whole("windows.hour_sample_accounts_min", 1..=1_000_000),
        hour_total_accounts_below: reader.whole("windows.hour_total_accounts_below", 0..=1_000_000),
        actions_max: reader.whole("windows.actions_max", 1_000..=10_000_000),
    };
    let keys = ["windows.hour_total_accounts_below", "windows.hour_sample_accounts_min"];
    let above = windows.hour_total_accounts_below > windows.hour_sample_accounts_min;
    order(reader, keys, above, "must not be above");
    windows
}

fn detect<'a>(reader: &mut Reader<'a>, family_keys: &'a [String], signal_keys: &'a [[String; 3]]) -> Detect {
    let detect = Detect {
        candidate_posts: reader.whole("detect.candidate_posts", 1..=1_000_000),
        candidate_accounts: reader.whole("detect.candidate_accounts", 1..=1_000_000),
        false_discovery_rate: reader.number("detect.false_discovery_rate", 0.0001..=0.5),
        burst_enter: reader.number("detect.burst_enter", POINTS),
        burst_exit: reader.number("detect.burst_exit", POINTS),
        coordination_enter: reader.number("detect.coordination_enter", POINTS),
        coordination_exit: reader.number("detect.coordination_exit", POINTS),
        family_points_min: reader.number("detect.family_points_min", POINTS),
        strong_points_min: reader.number("detect.strong_points_min", POINTS),
        minimum_hold: reader.duration("detect.minimum_hold", TICK..=DURATION_MAX),
        quiet: reader.duration("detect.quiet", TICK..=DURATION_MAX),
        pages_per_hour: reader.whole("detect.pages_per_hour", 0..=100_000),
        tickets_per_hour: reader.whole("detect.tickets_per_hour", 0..=100_000),
        kinds: kinds(reader),
        ephemeral_enter: reader.number("detect.ephemeral_enter", SHARE),
        ephemeral_exit: reader.number("detect.ephemeral_exit", SHARE),
        family_points_max: FAMILIES
            .iter()
            .zip(family_keys)
            .map(|(name, key)| ((*name).to_string(), reader.number(key, POINTS)))
            .collect(),
        signals: signals(reader, signal_keys),
    };
    let exit = |enter: f64, exit: f64| exit >= enter;
    let late = exit(detect.burst_enter, detect.burst_exit);
    order(reader, ["detect.burst_exit", "detect.burst_enter"], late, "must be below");
    let late = exit(detect.coordination_enter, detect.coordination_exit);
    order(reader, ["detect.coordination_exit", "detect.coordination_enter"], late, "must be below");
    let late = exit(detect.ephemeral_enter, detect.ephemeral_exit);
    order(reader, ["detect.ephemeral_exit", "detect.ephemeral_enter"], late, "must be below");
    let weak = detect.family_points_min > detect.strong_points_min;
    order(reader, ["detect.family_points_min", "detect.strong_points_min"], weak, "must not be above");
    for (key, duration) in [("detect.minimum_hold", detect.minimum_hold), ("detect.quiet", detect.quiet)] {
        if reader.good(&[key]) && !duration.as_millis().is_multiple_of(TICK.as_millis()) {
            let message = format!("{} must be a multiple of 10s, the length of a tick", reader.named(key));
            let below = duration - Duration::from_millis((duration.as_millis() % TICK.as_millis()) as u64);
            let help = format!("write \"{}\" or \"{}\"", show_duration(below), show_duration(below + TICK));
            reader.conflict(&[key], &message, Some(help));
        }
    }
    detect
}

fn kinds(reader: &mut Reader<'_>) -> Kinds {
    Kinds {
        feed_share: reader.number("detect.kinds.feed_share", 0.5..=1.0),
        campaign_share: reader.number("detect.kinds.campaign_share", 0.05..=1.0),
        slow_posts: reader.whole("detect.kinds.slow_posts", 24..=1_000_000),
        slow_accounts: reader.whole("detect.kinds.slow_accounts", 8..=1_000_000),
        slow_rhythm: reader.number("detect.kinds.slow_rhythm", 0.0..=1.0),
    }
}

fn signals<'a>(reader: &mut Reader<'a>, keys: &'a [[String; 3]]) -> BTreeMap<String, Ramp> {
    let mut signals = BTreeMap::new();
    for (name, [points, from, to]) in KNOWN_SIGNALS.iter().zip(keys) {
        let ramp = Ramp {
            points: reader.number(points, RAMP_POINTS),
            from: reader.number(from, RAMP_VALUE),
            to: reader.number(to, RAMP_VALUE),
        };
        order(reader, [to, from], ramp.from == ramp.to, "must differ from");
        signals.insert((*name).to_string(), ramp);
    }
    signals
}

/// Tells `keys[0] (value) <must> keys[1] (value)` where `violated`, unless one of them is wrong by itself.
fn order(reader: &mut Reader<'_>, keys: [&str; 2], violated: bool, must: &str) {
    if violated && reader.good(&keys) {
        let message = format!("{} {must} {}", reader.named(keys[0]), reader.named(keys[1]));
        let help = format!("{}; {}; change one of them", reader.set_by(keys[0]), reader.set_by(keys[1]));
        reader.conflict(&[keys[1], keys[0]], &message, Some(help));
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Exchange, Sources, load};

    fn loaded(set: &[&str]) -> Result<Exchange, String> {
        let sources = Sources { set: set.iter().map(|set| (*set).to_owned()).collect(), ..Sources::default() };
        load(sources).map(|config| config.exchange).map_err(|report| format!("{report:?}"))
    }

    #[test]
    fn several_processes_need_an_alerts_topic() {
        assert_eq!(loaded(&["exchange=kafka"]), Ok(Exchange::Kafka));
        let refused = loaded(&["exchange=kafka", "kafka.alerts_topic="]).unwrap_err();
        assert!(refused.contains("must name a topic where exchange is kafka"), "{refused}");
    }
}
