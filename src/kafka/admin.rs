//! The topics that the config needs: which are there, which are missing, which are not as they must be, and creating
//! the missing ones. What exists is never changed: partitions and retention belong to whoever runs the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::Error;
use super::client::{Context, Role, properties};
use super::wait::{REQUEST_TIMEOUT, RETRY_TIMEOUT, retry};
use crate::config;

/// Longest that creating topics may take at the brokers.
const CREATE_TIMEOUT: Duration = Duration::from_secs(15);

/// A topic that the config needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its name.
    pub topic: String,
    /// What it is for, in a word or two.
    pub role: &'static str,
    /// How many partitions it must have, where that matters; new ones then get them, others the brokers' own number.
    pub partitions: Option<i32>,
    /// On how many brokers each record must lie, where that is ours to say; else the brokers' own number.
    pub replicas: Option<i32>,
    /// What new ones are created with, and what those that exist must have.
    pub settings: Vec<Setting>,
}

/// A setting of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in Kafka.
    pub key: &'static str,
    /// What new topics get.
    pub value: &'static str,
    /// What else would do.
    pub rule: Rule,
    /// Why, in a few words.
    pub why: &'static str,
}

/// Which values of a setting do as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No other.
    Is,
    /// Greater ones; -1 is without end.
    AtLeast,
    /// Smaller ones.
    AtMost,
}

impl Setting {
    /// What is wrong with `found`, if anything.
    fn fault(&self, found: &str) -> Option<String> {
        let Setting { key, value, rule, why } = self;
        let number = |text: &str| text.parse().map(|n: i64| if n < 0 { i64::MAX } else { n }).ok();
        let (good, must) = match (rule, number(found), number(value)) {
            (Rule::AtLeast, Some(found), Some(value)) => (found >= value, "must be at least"),
            (Rule::AtMost, Some(found), Some(value)) => (found <= value, "must be at most"),
            _ => (found == *value, "must be"),
        };
        (!good).then(|| format!("{key} is {found} and {must} {value}: {why}"))
    }
}

/// What a cluster is, as far as new topics care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Brokers that are up.
    pub brokers: i32,
    /// `default.replication.factor`; none where the cluster does not let us see it.
    pub default_replicas: Option<i32>,
}

impl Size {
    /// Replicas of a topic that must outlive a broker: three where there are three brokers, or more where that is usual.
    pub fn replicas(self) -> i32 {
        self.default_replicas.unwrap_or(1).max(self.brokers.clamp(1, REPLICAS))
    }
}

/// With three, one may be lost while one is being mended.
const REPLICAS: i32 = 3;
/// With fewer than three replicas, asking for two would stop writing when one is lost.
const IN_SYNC: Setting = Setting {
    key: "min.insync.replicas",
    value: "2",
    rule: Rule::AtLeast,
    why: "what is acknowledged must outlive the loss of a broker",
};

/// How a needed topic stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not exist.
    Missing,
    /// It exists with this many partitions; the sentences say what is not as it must be.
    Present {
        /// Number of partitions.
        partitions: i32,
        /// Each a sentence; empty where all is well.
        drift: Vec<String>,
    },
}

/// The topics of `kafka`, in the order in which a post passes them. Deleting by time is set on the new ones, because a
/// cluster may compact by default, and compaction would take lines away.
pub fn needs(kafka: &config::Kafka) -> Vec<Need> {
    let need = |topic: &str, role, partitions| {
        let delete =
            Setting { key: "cleanup.policy", value: "delete", rule: Rule::Is, why: "compaction takes records away" };
        Need { topic: topic.to_owned(), role, partitions, replicas: None, settings: vec![delete] }
    };
    let mut needs = vec![need(&kafka.posts_topic, "posts", None)];
    let optional = [
        (&kafka.actions_topic, "actions", None),
        // One partition: the lines have one order, and the decider reads where they end.
        (&kafka.alerts_topic, "alerts", Some(1)),
        (&kafka.rejected_topic, "rejected records", None),
    ];
    for (topic, role, partitions) in optional {
        if let Some(topic) = topic {
            needs.push(need(topic, role, partitions));
        }
    }
    needs
}

/// A connection that looks at topics and creates them.
pub struct Admin {
    /// The client.
    client: AdminClient<Context>,
    /// Runs librdkafka's futures; they need no reactor.
    runtime: tokio::runtime::Runtime,
    /// Brokers as configured, for messages.
    brokers: String,
}

impl Admin {
    /// A connection. Does not wait for brokers.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn connect(kafka: &config::Kafka) -> Result<Admin, Error> {
        let what = format!("connecting to {}", kafka.brokers);
        let client = properties(kafka, Role::Producer)
            .create_with_context(Context)
            .map_err(|error| Error::from_kafka(&what, &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Error::Other(format!("{what}: no runtime: {error}")))?;
        Ok(Admin { client, runtime, brokers: kafka.brokers.clone() })
    }

    /// How each needed topic stands, in the same order.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no broker answers within half a minute.
    pub fn plan(&self, needs: &[Need]) -> Result<Vec<Standing>, Error> {
        self.plan_within(RETRY_TIMEOUT, needs)
    }

    /// The same with less or more patience.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no broker answers within `patience`.
    pub fn plan_within(&self, patience: Duration, needs: &[Need]) -> Result<Vec<Standing>, Error> {
        let what = format!("kafka.brokers ({}) do not list their topics", self.brokers);
        // All topics: asking for one by name would create it where the cluster creates topics by itself.
        let metadata = retry(patience, || {
            let metadata = self.client.inner().fetch_metadata(None, REQUEST_TIMEOUT.min(patience));
            metadata.map_err(|error| Error::from_kafka(&what, &error))
        })?;
        let mut standings = Vec::with_capacity(needs.len());
        for need in needs {
            let found = metadata.topics().iter().find(|found| found.name() == need.topic && found.error().is_none());
            standings.push(match found {
                None => Standing::Missing,
                Some(found) => {
                    let partitions = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX);
                    let replicas = found.partitions().iter().map(|partition| partition.replicas().len()).min();
                    let stands = (partitions, i32::try_from(replicas.unwrap_or(0)).unwrap_or(i32::MAX));
                    let settings = self.settings(ResourceSpecifier::Topic(&need.topic), &need.topic)?;
                    Standing::Present { partitions, drift: drift(need, stands, &settings) }
                }
            });
        }
        Ok(standings)
    }

    /// How large the cluster is.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no broker answers within `patience`.
    pub fn size(&self, patience: Duration) -> Result<Size, Error> {
        let what = format!("kafka.brokers ({}) do not say how many they are", self.brokers);
        let brokers: Vec<i32> = retry(patience, || {
            let metadata = self.client.inner().fetch_metadata(None, REQUEST_TIMEOUT.min(patience));
            let metadata = metadata.map_err(|error| Error::from_kafka(&what, &error))?;
            Ok(metadata.brokers().iter().map(|broker| broker.id()).collect())
        })?;
        let Some(first) = brokers.first() else { return Err(Error::Unavailable(what)) };
        // Asking for it may be forbidden or unknown; then three of three are good.
        let settings = self.settings(ResourceSpecifier::Broker(*first), &format!("broker {first}")).unwrap_or_default();
        let default_replicas = settings.get("default.replication.factor").and_then(|n| n.parse().ok());
        Ok(Size { brokers: i32::try_from(brokers.len()).unwrap_or(i32::MAX), default_replicas })
    }

    /// Creates those needed topics that are missing and returns their names.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no broker answers, [`Error::Fatal`] where creating is not allowed.
    pub fn apply(&self, needs: &[Need]) -> Result<Vec<String>, Error> {
        let standings = self.plan(needs)?;
        let missing: Vec<&Need> =
            needs.iter().zip(&standings).filter(|(_, s)| **s == Standing::Missing).map(|(need, _)| need).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let topics: Vec<NewTopic<'_>> = missing
            .iter()
            .map(|need| {
                let replication = TopicReplication::Fixed(need.replicas.unwrap_or(-1));
                let new = NewTopic::new(&need.topic, need.partitions.unwrap_or(-1), replication);
                need.settings().fold(new, |new, setting| new.set(setting.key, setting.value))
            })
            .collect();
        self.create(&topics)
    }

    /// Creates one topic with so many partitions; that it exists is no error.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn create_topic(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<(), Error> {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        let new = settings.iter().fold(new, |new, (key, value)| new.set(key, value));
        self.create(&[new]).map(|_| ())
    }

    /// Creates topics and returns the names of those that did not exist.
    fn create(&self, topics: &[NewTopic<'_>]) -> Result<Vec<String>, Error> {
        let options = AdminOptions::new()
            .request_timeout(Some(CREATE_TIMEOUT + REQUEST_TIMEOUT))
            .operation_timeout(Some(CREATE_TIMEOUT));
        let answer = self.runtime.block_on(self.client.create_topics(topics, &options));
        let what = format!("creating topics at {}", self.brokers);
        let results = answer.map_err(|error| Error::from_kafka(&what, &error))?;
        let mut created = Vec::new();
        for result in results {
            match result {
                Ok(topic) => created.push(topic),
                Err((_, Code::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    return Err(Error::from_code(&format!("creating topic '{topic}'"), code, &code.to_string()));
                }
            }
        }
        Ok(created)
    }

    /// The settings of a topic or broker; none where the cluster does not let us see them.
    fn settings(&self, of: ResourceSpecifier<'_>, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let what = format!("reading settings of '{name}'");
        let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        let answer = self.runtime.block_on(self.client.describe_configs(&[of], &options));
        let resources = answer.map_err(|error| Error::from_kafka(&what, &error))?;
        match resources.into_iter().next() {
            Some(Ok(resource)) => {
                Ok(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect())
            }
            Some(Err(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) | None => Ok(BTreeMap::new()),
            Some(Err(code)) => Err(Error::from_code(&what, code, &code.to_string())),
        }
    }
}

impl Need {
    /// What a new topic gets.
    pub fn settings(&self) -> impl Iterator<Item = Setting> + '_ {
        self.settings.iter().copied().chain(self.replicas.and_then(in_sync))
    }
}

/// How many replicas must have a record before it is acknowledged, with so many of them.
fn in_sync(replicas: i32) -> Option<Setting> {
    (replicas >= REPLICAS).then_some(IN_SYNC)
}

/// What of an existing topic with so many partitions and replicas is not as it must be. A cluster may forbid looking; then
/// nothing is said of settings.
fn drift(need: &Need, (partitions, replicas): (i32, i32), settings: &BTreeMap<String, String>) -> Vec<String> {
    let mut drift = Vec::new();
    if let Some(needed) = need.partitions
        && needed != partitions
    {
        drift.push(format!("has {partitions} partitions and must have {needed}: make it anew"));
    }
    if let Some(needed) = need.replicas
        && needed > replicas
    {
        drift.push(format!(
            "lies on {replicas} of the brokers and must lie on {needed}: with a lost broker all is lost that lies on it              alone; kafka-reassign-partitions adds replicas"
        ));
    }
    // What stands says how many are in sync, not what should stand.
    let wanted = need.settings.iter().copied().chain(need.replicas.and_then(|_| in_sync(replicas)));
    drift.extend(wanted.filter_map(|setting| setting.fault(settings.get(setting.key)?)));
    drift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Start;

    #[test]
    fn empty_names_need_no_topic() {
        let mut kafka = config::Kafka {
            brokers: "localhost:9092".into(),
            posts_topic: "posts".into(),
            actions_topic: None,
            alerts_topic: Some("tagwatch-alerts".into()),
            rejected_topic: None,
            start: Start::Earliest,
            client: std::collections::BTreeMap::new(),
        };
        let names = |kafka: &config::Kafka| needs(kafka).into_iter().map(|need| need.topic).collect::<Vec<_>>();
        assert_eq!(names(&kafka), ["posts", "tagwatch-alerts"]);
        kafka.rejected_topic = Some("rejected".into());
        kafka.actions_topic = Some("actions".into());
        assert_eq!(names(&kafka), ["posts", "actions", "tagwatch-alerts", "rejected"]);
    }

    #[test]
    fn drift_names_what_must_be() {
        let setting = |key, value, rule, why| Setting { key, value, rule, why };
        let settings = vec![
            setting("cleanup.policy", "delete", Rule::Is, "lines would go"),
            setting("retention.ms", "5000", Rule::AtLeast, "restores read back"),
            setting("max.compaction.lag.ms", "5000", Rule::AtMost, "restores read all"),
        ];
        let alerts = Need { topic: "alerts".into(), role: "alerts", partitions: Some(1), replicas: Some(3), settings };
        let found = |policy: &str, retention: &str, lag: &str, in_sync: &str| {
            let found = [
                ("cleanup.policy", policy),
                ("retention.ms", retention),
                ("max.compaction.lag.ms", lag),
                ("min.insync.replicas", in_sync),
            ];
            found.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        };
        for fine in [found("delete", "5000", "5000", "2"), found("delete", "-1", "1", "3")] {
            assert_eq!(drift(&alerts, (1, 3), &fine), Vec::<String>::new());
        }
        assert_eq!(
            drift(&alerts, (3, 3), &found("compact,delete", "4999", "5001", "1")),
            [
                "has 3 partitions and must have 1: make it anew",
                "cleanup.policy is compact,delete and must be delete: lines would go",
                "retention.ms is 4999 and must be at least 5000: restores read back",
                "max.compaction.lag.ms is 5001 and must be at most 5000: restores read all",
                "min.insync.replicas is 1 and must be at least 2: what is acknowledged must outlive the loss of a broker",
            ]
        );
        // Two of two in sync would stop everything with the first broker.
        let on_two = drift(&alerts, (1, 2), &found("delete", "5000", "5000", "1"));
        assert!(
            matches!(&on_two[..], [said] if said.starts_with("lies on 2 of the brokers and must lie on 3")),
            "{on_two:?}"
        );
        let posts = Need { partitions: None, replicas: None, ..alerts };
        assert!(drift(&posts, (12, 1), &BTreeMap::new()).is_empty());
    }

    #[test]
    fn internal_topics_lie_on_three_brokers_where_there_are_three() {
        let replicas = |brokers, default_replicas| Size { brokers, default_replicas }.replicas();
        assert_eq!([replicas(1, None), replicas(2, Some(1)), replicas(5, Some(1)), replicas(5, Some(4))], [1, 2, 3, 4]);
        let need = |replicas| Need { topic: "t".into(), role: "", partitions: None, replicas, settings: vec![] };
        let in_sync = |replicas| need(replicas).settings().map(|setting| setting.value).collect::<Vec<_>>();
        assert_eq!([in_sync(None), in_sync(Some(1)), in_sync(Some(3))], [vec![], vec![], vec!["2"]]);
    }
}
