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
    /// What new ones are created with, and what those that exist must have.
    pub settings: &'static [Setting],
}

/// A setting of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in Kafka.
    pub key: &'static str,
    /// What it must be.
    pub value: &'static str,
    /// Why, in a few words.
    pub why: &'static str,
}

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
    const DELETE: &[Setting] =
        &[Setting { key: "cleanup.policy", value: "delete", why: "compaction takes records away" }];
    let need = |topic: &str, role, partitions| Need { topic: topic.to_owned(), role, partitions, settings: DELETE };
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
        let what = format!("kafka.brokers ({}) do not list their topics", self.brokers);
        // All topics: asking for one by name would create it where the cluster creates topics by itself.
        let metadata = retry(RETRY_TIMEOUT, || {
            let metadata = self.client.inner().fetch_metadata(None, REQUEST_TIMEOUT);
            metadata.map_err(|error| Error::from_kafka(&what, &error))
        })?;
        let mut standings = Vec::with_capacity(needs.len());
        for need in needs {
            let found = metadata.topics().iter().find(|found| found.name() == need.topic && found.error().is_none());
            standings.push(match found {
                None => Standing::Missing,
                Some(found) => {
                    let partitions = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX);
                    let settings = self.settings(&need.topic)?;
                    Standing::Present { partitions, drift: drift(need, partitions, &settings) }
                }
            });
        }
        Ok(standings)
    }

    /// Creates those needed topics that are missing and returns their names. Replication is the brokers' default.
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
                let new = NewTopic::new(&need.topic, need.partitions.unwrap_or(-1), TopicReplication::Fixed(-1));
                need.settings.iter().fold(new, |new, setting| new.set(setting.key, setting.value))
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

    /// The topic's settings; none where the cluster does not let us see them.
    fn settings(&self, topic: &str) -> Result<BTreeMap<String, String>, Error> {
        let what = format!("reading settings of '{topic}'");
        let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        let asked = [ResourceSpecifier::Topic(topic)];
        let answer = self.runtime.block_on(self.client.describe_configs(&asked, &options));
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

/// What of an existing topic is not as it must be. A cluster may forbid looking; then nothing is said of settings.
fn drift(need: &Need, partitions: i32, settings: &BTreeMap<String, String>) -> Vec<String> {
    let mut drift = Vec::new();
    if let Some(needed) = need.partitions
        && needed != partitions
    {
        drift.push(format!("has {partitions} partitions and must have {needed}: make it anew"));
    }
    for Setting { key, value, why } in need.settings {
        if let Some(found) = settings.get(*key)
            && found != value
        {
            drift.push(format!("{key} is {found} and must be {value}: {why}"));
        }
    }
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
        const SETTINGS: &[Setting] = &[Setting { key: "cleanup.policy", value: "delete", why: "lines would go" }];
        let alerts = Need { topic: "alerts".into(), role: "alerts", partitions: Some(1), settings: SETTINGS };
        let policy = |policy: &str| BTreeMap::from([("cleanup.policy".to_owned(), policy.to_owned())]);
        assert!(drift(&alerts, 1, &policy("delete")).is_empty());
        assert_eq!(
            drift(&alerts, 3, &policy("compact,delete")),
            [
                "has 3 partitions and must have 1: make it anew",
                "cleanup.policy is compact,delete and must be delete: lines would go"
            ]
        );
        let posts = Need { partitions: None, ..alerts };
        assert!(drift(&posts, 12, &BTreeMap::new()).is_empty());
    }
}
