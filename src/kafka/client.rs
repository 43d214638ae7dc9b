//! Properties of every client, and the bridge from librdkafka's log lines to `tracing`.
//!
//! Three layers, later ones win: what suits a reader or writer of posts; what the config passes through; what
//! correctness rests on and nobody may change.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tracing::{debug, error, trace, warn};

use crate::{clock, config};

/// Which properties of `[kafka.client]` a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Reads.
    Consumer,
    /// Writes, or administers (librdkafka's admin client is a producer).
    Producer,
}

/// Properties of every client. Backoffs are short: a broker that is back is used again within two seconds.
const BASE: &[(&str, &str)] = &[
    ("client.id", "tagwatch"),
    ("socket.keepalive.enable", "true"),
    ("socket.timeout.ms", "10000"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "2000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("log.connection.close", "false"),
];

/// Properties of a reader. Prefetch is bounded in bytes for the whole client (32 MiB, and one response of 16 MiB on
/// top); `fetch.queue.backoff.ms` at its default of a second cuts a fast reader to less than half (measured).
const READER: &[(&str, &str)] = &[
    ("fetch.queue.backoff.ms", "5"),
    ("queued.min.messages", "10000"),
    ("queued.max.messages.kbytes", "32768"),
    ("fetch.max.bytes", "16777216"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.wait.max.ms", "500"),
    ("session.timeout.ms", "10000"),
];

/// What reading rests on: we alone say where to start and what is committed, and aborted records do not exist.
const READER_FORCED: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("enable.partition.eof", "false"),
    ("allow.auto.create.topics", "false"),
];

/// Properties of a writer.
const WRITER: &[(&str, &str)] = &[("linger.ms", "5"), ("compression.codec", "lz4")];

/// What writing rests on: a retry inside librdkafka neither doubles nor reorders.
const WRITER_FORCED: &[(&str, &str)] = &[("enable.idempotence", "true"), ("acks", "all")];

/// Properties that only consumers know; on a producer they are no fault, only unused.
const CONSUMER_ONLY: &[&str] = &[
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "check.crcs",
    "consume.callback.max.messages",
    "coordinator.query.interval.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "partition.assignment.strategy",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "session.timeout.ms",
];

/// Properties that only producers know.
const PRODUCER_ONLY: &[&str] = &[
    "acks",
    "batch.num.messages",
    "batch.size",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "linger.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "partitioner",
    "produce.offset.report",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queuing.strategy",
    "request.required.acks",
    "request.timeout.ms",
    "retries",
    "sticky.partitioning.linger.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// The properties of a client of this role; those that name the one client (group, transactional id) come on top.
pub(super) fn properties(kafka: &config::Kafka, role: Role) -> ClientConfig {
    let (usual, forced, foreign) = match role {
        Role::Consumer => (READER, READER_FORCED, PRODUCER_ONLY),
        Role::Producer => (WRITER, WRITER_FORCED, CONSUMER_ONLY),
    };
    let mut properties = ClientConfig::new();
    for (key, value) in BASE.iter().chain(usual) {
        properties.set(*key, *value);
    }
    for (key, value) in &kafka.client {
        if !foreign.contains(&key.as_str()) {
            properties.set(key, value);
        }
    }
    for (key, value) in forced {
        properties.set(*key, *value);
    }
    properties.set("bootstrap.servers", &kafka.brokers);
    // librdkafka writes debug lines only where the property `debug` asks for them; `tracing` filters the rest.
    properties.set_log_level(RDKafkaLogLevel::Debug);
    properties
}

/// What librdkafka finds wrong with `[kafka.client]`, without connecting anywhere: config key and sentence.
pub fn faults(kafka: &config::Kafka) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    for (key, value) in &kafka.client {
        let mut one = ClientConfig::new();
        one.set(key, value);
        if let Err(KafkaError::ClientConfig(_, description, ..)) = one.create_native_config() {
            faults.push((format!("kafka.client.{key}"), lower_first(&description)));
        }
    }
    faults
}

/// House style begins messages in lower case; librdkafka does not.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Context of a consumer: nothing but the bridge of log lines.
pub(super) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        bridge(level as i32, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        bridge(RDKafkaLogLevel::Error as i32, "ERROR", &format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Context {}

/// Writes one line of librdkafka's log. An error of librdkafka is a warning of ours: it carries on, reconnects, and
/// what a person must act on comes back from a call. The same facility speaks at most once in ten seconds, because a
/// broker that is away makes every connection of every client say so again and again.
pub(super) fn bridge(level: i32, facility: &str, text: &str) {
    match level {
        0..=2 => error!(target: "librdkafka", facility, "{text}"),
        3 | 4 => match SPOKEN.lock().unwrap_or_else(PoisonError::into_inner).may_say(facility, clock::monotonic()) {
            Some(unsaid) => warn!(target: "librdkafka", facility, unsaid, "{text}"),
            None => debug!(target: "librdkafka", facility, "{text}"),
        },
        5 | 6 => debug!(target: "librdkafka", facility, "{text}"),
        _ => trace!(target: "librdkafka", facility, "{text}"),
    }
}

/// When each facility last spoke.
static SPOKEN: Mutex<Spoken> = Mutex::new(Spoken { facilities: BTreeMap::new() });

/// Time for which a facility that spoke keeps silent.
const SILENCE: Duration = Duration::from_secs(10);
/// librdkafka has a few dozen facilities; anything beyond that is not remembered and so not silenced.
const FACILITIES_MAX: usize = 64;

/// Keeps repeated lines apart.
struct Spoken {
    /// By facility: when it last spoke, and how often it was silenced since.
    facilities: BTreeMap<String, (Instant, u64)>,
}

impl Spoken {
    /// How many lines were left out since the last one, or none where this one must be left out as well.
    fn may_say(&mut self, facility: &str, now: Instant) -> Option<u64> {
        match self.facilities.get_mut(facility) {
            Some((spoken, unsaid)) if now.duration_since(*spoken) < SILENCE => {
                *unsaid = unsaid.saturating_add(1);
                None
            }
            Some((spoken, unsaid)) => {
                *spoken = now;
                Some(std::mem::take(unsaid))
            }
            None => {
                if self.facilities.len() < FACILITIES_MAX {
                    self.facilities.insert(facility.to_owned(), (now, 0));
                }
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Start;

    fn kafka(client: &[(&str, &str)]) -> config::Kafka {
        config::Kafka {
            brokers: "127.0.0.1:9092".into(),
            posts_topic: "posts".into(),
            actions_topic: None,
            alerts_topic: None,
            rejected_topic: None,
            start: Start::Earliest,
            client: client.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn a_property_of_the_other_role_is_left_out() {
        let kafka = kafka(&[("fetch.max.bytes", "2000000"), ("linger.ms", "50"), ("security.protocol", "plaintext")]);
        let reader = properties(&kafka, Role::Consumer);
        assert_eq!((reader.get("fetch.max.bytes"), reader.get("linger.ms")), (Some("2000000"), None));
        let writer = properties(&kafka, Role::Producer);
        assert_eq!((writer.get("fetch.max.bytes"), writer.get("linger.ms")), (None, Some("50")));
        assert_eq!(reader.get("security.protocol"), writer.get("security.protocol"));
    }

    #[test]
    fn what_correctness_rests_on_cannot_be_configured_away() {
        let kafka = kafka(&[("auto.offset.reset", "latest"), ("isolation.level", "read_uncommitted"), ("acks", "0")]);
        assert_eq!(properties(&kafka, Role::Consumer).get("auto.offset.reset"), Some("error"));
        assert_eq!(properties(&kafka, Role::Consumer).get("isolation.level"), Some("read_committed"));
        assert_eq!(properties(&kafka, Role::Producer).get("acks"), Some("all"));
    }

    #[test]
    fn librdkafka_accepts_our_properties_and_names_bad_ones() {
        for role in [Role::Consumer, Role::Producer] {
            assert!(properties(&kafka(&[]), role).create_native_config().is_ok(), "{role:?}");
        }
        let faults = faults(&kafka(&[("linger.ms", "soon"), ("fetch.max.bites", "1"), ("client.id", "ours")]));
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!(faults[0].0, "kafka.client.fetch.max.bites", "{faults:?}");
        assert!(faults[0].1.starts_with("no such configuration property"), "{faults:?}");
        assert_eq!(faults[1].0, "kafka.client.linger.ms", "{faults:?}");
    }

    #[test]
    fn a_facility_speaks_once_in_ten_seconds_and_counts_what_it_left_out() {
        let mut spoken = Spoken { facilities: BTreeMap::new() };
        let start = clock::monotonic();
        assert_eq!(spoken.may_say("FAIL", start), Some(0));
        assert_eq!(spoken.may_say("FAIL", start + Duration::from_secs(9)), None);
        assert_eq!(spoken.may_say("OFFSET", start + Duration::from_secs(9)), Some(0));
        assert_eq!(spoken.may_say("FAIL", start + Duration::from_secs(10)), Some(1));
    }
}
