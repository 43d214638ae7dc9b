//! `[kafka]`: brokers, topics, and the librdkafka properties that pass through. What tagwatch's promises rest on is refused
//! with the reason, because librdkafka would take it and lose posts quietly.

use std::collections::BTreeMap;

use super::file::{CLIENT, Setting, Written};
use super::reader::{Reader, Wrong};
use super::{Kafka, Start, value};
use crate::config::fault::Fault;

/// Longest name of a topic that Kafka takes.
const TOPIC_CHARS_MAX: usize = 249;

/// Properties that tagwatch sets itself, and why.
const OWNED: [(&str, &str); 27] = [
    ("bootstrap.servers", "brokers are set with kafka.brokers"),
    ("metadata.broker.list", "brokers are set with kafka.brokers"),
    ("group.id", "the group is named after id, and state belongs to it"),
    ("group.instance.id", "a static member would keep its successor out after a crash"),
    ("group.protocol", "partitions are given out by tagwatch"),
    ("group.remote.assignor", "partitions are given out by tagwatch"),
    ("partition.assignment.strategy", "partitions are given out by tagwatch"),
    ("enable.auto.commit", "offsets are committed after the state that covers them; automatic commits lose posts"),
    ("auto.commit.enable", "offsets are committed after the state that covers them; automatic commits lose posts"),
    ("auto.commit.interval.ms", "offsets are committed after the state that covers them"),
    ("enable.auto.offset.store", "offsets are stored after the state that covers them; automatic stores lose posts"),
    ("offset.store.method", "offsets are committed to the brokers only"),
    ("offset.store.path", "offsets are committed to the brokers only"),
    ("auto.offset.reset", "where to begin is set with kafka.start; an offset out of range must not be a silent jump"),
    ("isolation.level", "aborted records must not be counted; reading is always read_committed"),
    ("enable.partition.eof", "it decides how the end of a partition is seen, and with it idleness"),
    ("transactional.id", "it is <id>-decide, which fences an older process"),
    ("enable.idempotence", "without it a retry doubles or reorders lines"),
    ("enable.gapless.guarantee", "a failed delivery always ends the task"),
    ("acks", "an alert line counts as written when all in-sync replicas have it"),
    ("request.required.acks", "an alert line counts as written when all in-sync replicas have it"),
    ("partitioner", "tagwatch chooses partitions itself"),
    ("delivery.report.only.error", "every delivery is waited for"),
    ("produce.offset.report", "every delivery is waited for"),
    (
        "allow.auto.create.topics",
        "a misspelt topic would be made and read for ever; `tagwatch topics apply` creates topics",
    ),
    ("plugin.library.paths", "a config file must not load code"),
    ("test.mock.num.brokers", "it would replace the brokers by a mock; `tagwatch demo` is there for that"),
];

impl std::fmt::Debug for Kafka {
    /// Without the values of secret properties, so that a logged config gives no password away.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |(name, value): (&String, &String)| match super::is_secret(&format!("{CLIENT}.{name}")) {
            true => (name.clone(), "***".to_string()),
            false => (name.clone(), value.clone()),
        };
        let client: BTreeMap<String, String> = self.client.iter().map(shown).collect();
        f.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("posts_topic", &self.posts_topic)
            .field("actions_topic", &self.actions_topic)
            .field("alerts_topic", &self.alerts_topic)
            .field("rejected_topic", &self.rejected_topic)
            .field("start", &self.start)
            .field("client", &client)
            .finish()
    }
}

/// Reads `[kafka]`. `id` stands in for `<id>` in the names of topics.
pub(super) fn kafka(reader: &mut Reader<'_>, id: &str) -> Kafka {
    let topic = |text: &str| {
        let name = text.replace("<id>", id);
        if name.is_empty() { Ok(None) } else { topic_name(&name).map(|()| Some(name)) }
    };
    let kafka = Kafka {
        brokers: reader.text("kafka.brokers", String::new(), brokers),
        posts_topic: reader.text("kafka.posts_topic", String::new(), |text| {
            let name = text.replace("<id>", id);
            topic_name(&name).map(|()| name)
        }),
        actions_topic: reader.text("kafka.actions_topic", None, topic),
        alerts_topic: reader.text("kafka.alerts_topic", None, topic),
        rejected_topic: reader.text("kafka.rejected_topic", None, topic),
        start: start(reader),
        client: client(reader),
    };
    distinct(reader, &kafka);
    kafka
}

fn brokers(text: &str) -> Result<String, Wrong> {
    let wrong =
        |must: String| Wrong::must(must).help("write host:port,host:port, such as \"kafka-1:9092,kafka-2:9092\"");
    let mut list = Vec::new();
    for broker in text.split(',').map(str::trim) {
        if broker.contains("://") {
            return Err(wrong("must be host:port without a scheme".to_string()));
        }
        let (host, port) = broker.rsplit_once(':').unwrap_or((broker, ""));
        let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !(bracketed || plain) || port.parse::<u16>().unwrap_or(0) == 0 {
            let broker = if broker.is_empty() { "an empty entry" } else { broker };
            return Err(wrong(format!("must be host:port, separated by commas; {broker} is not")));
        }
        list.push(broker);
    }
    Ok(list.join(","))
}

fn topic_name(name: &str) -> Result<(), Wrong> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() {
        return Err(Wrong::must("must name a topic"));
    }
    if name.len() > TOPIC_CHARS_MAX || name == "." || name == ".." || !name.chars().all(legal) {
        let must = format!("must be a legal topic name: 1 to {TOPIC_CHARS_MAX} of a-z A-Z 0-9 . _ -");
        return Err(Wrong::must(must));
    }
    Ok(())
}

fn start(reader: &mut Reader<'_>) -> Start {
    reader.value("kafka.start", Start::Earliest, |written| {
        let wrong = || Wrong::must("must be earliest, latest or a time from 2000 to 2099 such as 2017-05-05T20:00:00Z");
        let (Written::Quoted(text) | Written::Loose(text) | Written::Bare(text)) = written else { return Err(wrong()) };
        match text.as_str() {
            "earliest" => Ok(Start::Earliest),
            "latest" => Ok(Start::Latest),
            time => value::parse_time(time).map(Start::At).ok_or_else(wrong),
        }
    })
}

/// Kafka takes '.' and '_' in names for the same, so names that differ only there are one topic.
fn distinct(reader: &mut Reader<'_>, kafka: &Kafka) {
    let named = [
        ("kafka.posts_topic", Some(&kafka.posts_topic)),
        ("kafka.actions_topic", kafka.actions_topic.as_ref()),
        ("kafka.alerts_topic", kafka.alerts_topic.as_ref()),
        ("kafka.rejected_topic", kafka.rejected_topic.as_ref()),
    ];
    for (index, (key, name)) in named.iter().enumerate() {
        for (earlier, other) in &named[..index] {
            let same = name.zip(*other).is_some_and(|(a, b)| a.replace('.', "_") == b.replace('.', "_"));
            if same && reader.good(&[key, earlier]) {
                let message = format!("{} must be another topic than {}", reader.named(key), reader.named(earlier));
                let help = "every topic has its own kind of records; Kafka takes '.' and '_' for the same letter";
                reader.conflict(&[earlier, key], &message, Some(help.to_string()));
            }
        }
    }
}

fn client(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for setting in reader.client() {
        match property(setting) {
            Ok((name, value)) => drop(properties.insert(name, value)),
            Err(fault) => reader.faults.push(fault),
        }
    }
    properties
}

fn property(setting: &Setting) -> Result<(String, String), Fault> {
    let name = setting.key[CLIENT.len() + 1..].to_string();
    let at_key = |message: String, help: &str| Fault {
        message,
        help: Some(help.to_string()),
        place: Some(setting.key_place(setting.parts.len() - 1)),
    };
    if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| *owned == name) {
        return Err(at_key(format!("{CLIENT}.{name} is set by tagwatch itself"), reason));
    }
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b)) {
        let help = "names are those of librdkafka's CONFIGURATION.md: lower-case words and dots";
        return Err(at_key(format!("{CLIENT}.{name} cannot be a property of librdkafka"), help));
    }
    let value = match &setting.value {
        Written::Quoted(text) | Written::Loose(text) | Written::Bare(text) => text.clone(),
        Written::Other(what) => {
            let message = format!("{CLIENT}.{name} must be a string, a number or a boolean, not {what}");
            return Err(at_key(message, "lists are written as librdkafka takes them: \"a,b\""));
        }
    };
    if !cfg!(feature = "tls") && needs_tls(&name, &value) {
        let help = "build with: cargo build --release --features tls";
        return Err(at_key(format!("{CLIENT}.{name} needs TLS, which this build has not"), help));
    }
    Ok((name, value))
}

/// Whether a property makes sense only in a build with TLS; librdkafka would refuse it when the first client is made.
fn needs_tls(name: &str, value: &str) -> bool {
    let value = value.to_ascii_uppercase();
    name.starts_with("ssl.")
        || (name == "security.protocol" && value.contains("SSL"))
        || (name.starts_with("sasl.mechanism") && (value.starts_with("SCRAM") || value.starts_with("OAUTHBEARER")))
}
