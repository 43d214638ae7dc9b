//! Membership in a consumer group, and nothing else: the group says which partitions are ours, offsets are committed in its
//! name, and the reading itself is a [`Reader`](super::reader::Reader)'s, by assignment. So whoever loses a partition stops
//! reading when it has drained, not when a callback says so.
//!
//! Assigned partitions are paused at once. Rebalances are cooperative: what is not moved is not interrupted, and what is
//! moved waits for [`Member::release`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tracing::warn;

use super::Error;
use super::batch::commit;
use super::client::{Role, bridge, properties};
use super::wait::{self, REQUEST_TIMEOUT, RETRY_TIMEOUT, retry};
use crate::config;

/// Longest wait for the answer to a commit.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A partition of one of the member's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// Which of the topics that were joined for.
    pub topic: usize,
    /// Its number in Kafka.
    pub partition: i32,
}

/// What the group has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These are ours now.
    Assigned(Vec<Part>),
    /// These are to go to others, which wait until they are [released](Member::release).
    Revoked(Vec<Part>),
    /// These may have other owners already: the group took us for dead. Nothing of them can be committed.
    Lost(Vec<Part>),
}

/// What is committed of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: i64,
    /// What was written beside it.
    pub note: String,
}

/// A member of a group. Dropping it leaves the group, within five seconds.
pub struct Member {
    /// Taken out only by `drop`.
    consumer: Option<BaseConsumer<Membership>>,
    topics: Vec<String>,
    group: String,
}

/// What the callbacks of the client know.
struct Membership {
    topics: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Not told yet.
    changes: VecDeque<Change>,
    owned: BTreeSet<Part>,
    /// Whether nobody is there any more to release anything.
    leaving: bool,
}

impl Membership {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self, list: &TopicPartitionList) -> Vec<Part> {
        let part = |topic: &str, partition| {
            let topic = self.topics.iter().position(|name| name == topic)?;
            Some(Part { topic, partition })
        };
        let mut parts: Vec<Part> =
            list.elements().iter().filter_map(|element| part(element.topic(), element.partition())).collect();
        parts.sort_unstable();
        parts
    }

    fn assigned(&self, consumer: &BaseConsumer<Membership>, list: &TopicPartitionList) {
        let parts = self.parts(list);
        let mut ours = TopicPartitionList::new();
        for element in list.elements() {
            // Where it would read does not matter, it never does.
            let added = ours.add_partition_offset(element.topic(), element.partition(), Offset::End);
            debug_assert!(added.is_ok(), "End is an offset");
        }
        if let Err(error) = consumer.incremental_assign(&ours) {
            warn!(%error, "partitions were given and cannot be taken");
            return;
        }
        if let Err(error) = consumer.pause(&ours) {
            warn!(%error, "partitions of a group cannot be paused; they are read twice");
        }
        let mut state = self.state();
        state.owned.extend(&parts);
        if !parts.is_empty() {
            state.changes.push_back(Change::Assigned(parts));
        }
    }

    fn revoked(&self, consumer: &BaseConsumer<Membership>, list: &TopicPartitionList) {
        let parts = self.parts(list);
        let lost = consumer.assignment_lost();
        let mut state = self.state();
        if lost {
            state.owned.retain(|part| !parts.contains(part));
        }
        if (lost || parts.is_empty() || state.leaving)
            && let Err(error) = consumer.incremental_unassign(list)
        {
            warn!(%error, "lost partitions cannot be let go of");
        }
        if !parts.is_empty() {
            state.changes.push_back(if lost { Change::Lost(parts) } else { Change::Revoked(parts) });
        }
    }
}

impl ClientContext for Membership {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, text: &str) {
        bridge(level as i32, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        bridge(rdkafka::config::RDKafkaLogLevel::Error as i32, "ERROR", &format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Membership {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assigned(consumer, list);
        } else {
            self.revoked(consumer, list);
        }
    }
}

impl Member {
    /// Joins `group` for `topics`. Does not wait for brokers: [`poll`](Self::poll) does the work.
    ///
    /// # Errors
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn join(kafka: &config::Kafka, group: &str, topics: &[&str]) -> Result<Member, Error> {
        let mut properties = properties(kafka, Role::Consumer);
        properties.set("group.id", group);
        properties.set("partition.assignment.strategy", "cooperative-sticky");
        // It never reads, so there is nothing that could be missed.
        properties.set("auto.offset.reset", "latest");
        // New partitions are found this soon.
        properties.set("topic.metadata.refresh.interval.ms", "5000");
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let what = format!("joining group {group} at {}", kafka.brokers);
        let context = Membership { topics: topics.clone(), state: Mutex::default() };
        let consumer: BaseConsumer<Membership> =
            properties.create_with_context(context).map_err(|error| Error::from_kafka(&what, &error))?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(|error| Error::from_kafka(&what, &error))?;
        Ok(Member { consumer: Some(consumer), topics, group: group.to_owned() })
    }

    /// Serves the group for at most `timeout` and tells the next change, if there is one. To be called every few seconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the coordinator is away, [`Error::Fatal`] where the group may not be joined.
    pub fn poll(&self, timeout: Duration) -> Result<Option<Change>, Error> {
        if let Some(change) = self.next() {
            return Ok(Some(change));
        }
        let polled = self.consumer().poll(timeout);
        if let Some(change) = self.next() {
            return Ok(Some(change));
        }
        match polled {
            Some(Err(error)) => Err(Error::from_kafka(&format!("serving group {}", self.group), &error)),
            // A record that slipped in before the pause is the reader's to read.
            Some(Ok(_)) | None => Ok(None),
        }
    }

    fn next(&self) -> Option<Change> {
        self.consumer().context().state().changes.pop_front()
    }

    /// Lets go of partitions that were [revoked](Change::Revoked): their next owners may begin.
    pub fn release(&self, parts: &[Part]) {
        let list = self.list(parts.iter().map(|part| (*part, Offset::Invalid, "")));
        self.consumer().context().state().owned.retain(|part| !parts.contains(part));
        if let Err(error) = list.and_then(|list| {
            self.consumer()
                .incremental_unassign(&list)
                .map_err(|error| Error::from_kafka("letting partitions go", &error))
        }) {
            warn!(%error, "partitions are not let go of; the group gives up on us and shares them out anew");
        }
    }

    /// Commits what is owned and waits for the answer, for ten seconds at most. False where the group no longer knows us by
    /// this generation, so that somebody else may own them: nothing was committed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the coordinator did not answer or the group is being shared out anew: committed or not
    /// is then unknown.
    pub fn commit(&self, committed: &BTreeMap<Part, Committed>) -> Result<bool, Error> {
        let owned = self.consumer().context().state().owned.clone();
        if !committed.keys().all(|part| owned.contains(part)) {
            return Ok(false);
        }
        let offsets = committed.iter().map(|(part, at)| (*part, Offset::Offset(at.offset), at.note.as_str()));
        let list = self.list(offsets)?;
        let what = format!("committing offsets of group {}", self.group);
        match commit(self.consumer().client(), &list, COMMIT_TIMEOUT) {
            Some(Code::NoError) => Ok(true),
            Some(Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId) => Ok(false),
            Some(code @ Code::RebalanceInProgress) => Err(Error::Unavailable(format!("{what}: {code}"))),
            Some(code) => Err(Error::from_code(&what, code, &code.to_string())),
            None => Err(Error::Unavailable(format!("{what}: no answer within {COMMIT_TIMEOUT:?}"))),
        }
    }

    /// What is committed of partitions, whoever owns them; those of which nothing is are left out. Tries for half a minute.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no coordinator answers in that time.
    pub fn committed(&self, parts: &[Part]) -> Result<BTreeMap<Part, Committed>, Error> {
        let what = format!("asking for committed offsets of group {}", self.group);
        retry(RETRY_TIMEOUT, || {
            let asked = self.list(parts.iter().map(|part| (*part, Offset::Invalid, "")))?;
            let answer = self.consumer().committed_offsets(asked, REQUEST_TIMEOUT);
            let answer = answer.map_err(|error| Error::from_kafka(&what, &error))?;
            let mut committed = BTreeMap::new();
            for element in answer.elements() {
                element.error().map_err(|error| Error::from_kafka(&what, &error))?;
                let topic = self.topics.iter().position(|name| name == element.topic());
                if let (Some(topic), Offset::Offset(offset)) = (topic, element.offset()) {
                    let part = Part { topic, partition: element.partition() };
                    committed.insert(part, Committed { offset, note: element.metadata().to_owned() });
                }
            }
            Ok(committed)
        })
    }

    fn list<'a>(&self, parts: impl Iterator<Item = (Part, Offset, &'a str)>) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::new();
        for (part, offset, note) in parts {
            let topic = &self.topics[part.topic];
            let what = || format!("naming {topic}[{}] at {offset:?}", part.partition);
            list.add_partition_offset(topic, part.partition, offset)
                .map_err(|error| Error::from_kafka(&what(), &error))?;
            if let (false, Some(mut element)) = (note.is_empty(), list.find_partition(topic, part.partition)) {
                element.set_metadata(note);
            }
        }
        Ok(list)
    }

    fn consumer(&self) -> &BaseConsumer<Membership> {
        self.consumer.as_ref().expect("only drop takes the consumer out")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.context().state().leaving = true;
            // What was taken back and not released would keep the group from letting us go.
            let revoked = consumer.assignment().and_then(|all| consumer.incremental_unassign(&all));
            if let Err(error) = revoked {
                warn!(%error, "partitions are not let go of; the group finds out by itself");
            }
            wait::close("member", consumer);
        }
    }
}
