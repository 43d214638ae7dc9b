//! Writes alert lines and commits offsets, each exactly once, by transactions under one fixed transactional id.
//!
//! Connecting takes over: it fences every older writer of the same id and aborts what that one left open. Whoever was
//! fenced learns of it at the next write or commit, at the latest in `commit_offsets`, which runs even when there is
//! nothing to say. Every call has a deadline; one that ran out is settled at the start of the next.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use serde::Deserialize;
use tracing::{debug, info, warn};

use super::Error;
use super::client::{Role, properties};
use super::producer::{Deliveries, UnderWay};
use super::reader::{GroupHandle, partition_list};
use super::tail::last_record;
use super::wait::{self, Patience, RETRY_PAUSE, RETRY_TIMEOUT, left};
use crate::{clock, config};

/// Longest that brokers leave a transaction open whose writer is gone. Until then its records hold back everyone who
/// reads committed records; a transaction of ours is a matter of milliseconds.
const TRANSACTION_TIMEOUT_MS: &str = "15000";
/// Longest a write or commit may take. Two of them fit into the time in which the process must end.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The decider's writer. Dropping it takes at most five seconds.
pub struct AlertWriter {
    /// The client; taken out only by `drop`.
    client: Option<ThreadedProducer<Deliveries>>,
    /// For reading the end of the topic that is written.
    kafka: config::Kafka,
    /// Name of the deployment.
    id: String,
    /// Group under which the reads are done and offsets committed.
    group: String,
    /// What the last call left behind.
    left: Left,
    /// Whether a commit may have succeeded without our hearing of it.
    unsure: bool,
}

/// What a call that failed left behind in the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// No transaction is open.
    Nothing,
    /// A transaction must be aborted.
    Open,
    /// A commit was asked for and not answered; it can only be asked for again.
    Committing,
}

/// A step of a transaction that failed.
enum Failed {
    /// The same step may be tried again.
    Retry(Error),
    /// The transaction must be aborted; then all of it may be tried again.
    Abort(Error),
    /// Nothing more can be done with this client.
    End(Error),
}

/// What `last` wants to know of a line.
#[derive(Deserialize)]
struct Place {
    /// The tick that made the line.
    tick: i64,
    /// Its number within the tick.
    n: u32,
}

impl AlertWriter {
    /// Takes over as the writer of `id`, waiting half a minute for brokers.
    ///
    /// # Errors
    /// As [`connect_until`](Self::connect_until).
    pub fn connect(kafka: &config::Kafka, id: &str) -> Result<AlertWriter, Error> {
        let deadline = clock::monotonic() + RETRY_TIMEOUT;
        Self::connect_until(kafka, id, &|| clock::monotonic() >= deadline)
    }

    /// Takes over as the writer of `id`: older ones are fenced, what they left open is aborted. Waits for brokers until
    /// `stop` says otherwise, and says at once and then every ten seconds what it waits for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when stopped, [`Error::Fatal`] where the transactional id may not be used,
    /// [`Error::Other`] for a property that librdkafka refuses.
    pub fn connect_until(kafka: &config::Kafka, id: &str, stop: &dyn Fn() -> bool) -> Result<AlertWriter, Error> {
        let name = format!("{id}-decide");
        let what = format!("transaction coordinator of '{name}' at {}", kafka.brokers);
        let mut properties = properties(kafka, Role::Producer);
        properties.set("transactional.id", &name);
        properties.set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS);
        properties.remove("delivery.timeout.ms").set("message.timeout.ms", TRANSACTION_TIMEOUT_MS);
        let client: ThreadedProducer<Deliveries> = properties
            .create_with_context(Deliveries::default())
            .map_err(|error| Error::from_kafka(&format!("connecting to {what}"), &error))?;
        let (id, group) = (id.to_owned(), format!("{id}-ingest"));
        let writer =
            AlertWriter { client: Some(client), kafka: kafka.clone(), id, group, left: Left::Nothing, unsure: false };
        let mut patience = Patience::default();
        loop {
            match writer.client().init_transactions(Duration::from_secs(2)) {
                Ok(()) => {
                    patience.over(&what);
                    return Ok(writer);
                }
                Err(error) => match writer.sort("taking over", &error) {
                    Failed::Retry(error) | Failed::Abort(error) => patience.say(&what, &error),
                    Failed::End(error) => return Err(error),
                },
            }
            if stop() {
                return Err(Error::Unavailable(format!("stopped while waiting for {what}")));
            }
            thread::sleep(RETRY_PAUSE);
        }
    }

    /// The `tick` and `n` of the last committed line of `topic`, or none where it has none. Reads only its end.
    ///
    /// # Errors
    /// [`Error::Other`] where the topic has more than one partition or its last record is no alert line;
    /// [`Error::Unavailable`] where it does not exist or cannot be read to its end within half a minute.
    pub fn last(&self, topic: &str, stop: &dyn Fn() -> bool) -> Result<Option<(i64, u32)>, Error> {
        let Some(line) = last_record(&self.kafka, &self.group, topic, stop)? else { return Ok(None) };
        let place: Place = serde_json::from_slice(&line).map_err(|error| {
            Error::Other(format!("the last record of '{topic}' is no alert line ({error}): is it our topic?"))
        })?;
        Ok(Some((place.tick, place.n)))
    }

    /// Writes `lines` (key and value) to partition 0 of `topic` in one transaction: all of them or none, and never
    /// twice. Every record carries `headers`. No line, no transaction.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after ten seconds: call again *with the same lines*, which are written only if they are
    /// not there yet. [`Error::Fenced`] and [`Error::Fatal`] end the process. [`Error::Other`] for a line that is too
    /// large.
    pub fn write(
        &mut self,
        topic: &str,
        lines: &[(Vec<u8>, Vec<u8>)],
        headers: &[(&str, Vec<u8>)],
    ) -> Result<(), Error> {
        let Some((_, last)) = lines.last() else { return Ok(()) };
        let what = format!("writing {} lines to {topic}", lines.len());
        let deadline = clock::monotonic() + CALL_TIMEOUT;
        loop {
            let done = self.settle(deadline).and_then(|()| {
                if self.unsure {
                    let there = last_record(&self.kafka, &self.group, topic, &|| false)?;
                    self.unsure = false;
                    if there.as_ref() == Some(last) {
                        info!(topic, "the lines of an unanswered commit are there");
                        return Ok(());
                    }
                }
                self.transact(&what, deadline, |client| send(client, topic, lines, headers, deadline))
            });
            match done {
                Err(error) if error.is_passing() && clock::monotonic() < deadline => {
                    debug!(topic, %error, "trying to write again");
                    thread::sleep(RETRY_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// Commits positions (next offsets) of `topic` for the group of the reader, in a transaction of their own. Also the
    /// way to learn of a takeover where there is nothing to write.
    ///
    /// # Errors
    /// As [`write`](Self::write); calling again with other offsets is harmless.
    pub fn commit_offsets(
        &mut self,
        group: &GroupHandle,
        topic: &str,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<(), Error> {
        let what = format!("committing offsets of {topic}");
        let list = partition_list(topic, offsets.iter().map(|(partition, at)| (*partition, Offset::Offset(*at))))?;
        let deadline = clock::monotonic() + CALL_TIMEOUT;
        loop {
            let done = self.settle(deadline).and_then(|()| {
                let unsure = self.unsure;
                let done = self.transact(&what, deadline, |client| {
                    client.send_offsets_to_transaction(&list, &group.0, left(deadline))
                });
                // Offsets may be committed twice; only lines must be looked for.
                self.unsure = unsure;
                done
            });
            match done {
                Err(error) if error.is_passing() && clock::monotonic() < deadline => {
                    debug!(topic, %error, "trying to commit again");
                    thread::sleep(RETRY_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// One transaction around `fill`.
    fn transact(
        &mut self,
        what: &str,
        deadline: Instant,
        fill: impl FnOnce(&ThreadedProducer<Deliveries>) -> Result<(), KafkaError>,
    ) -> Result<(), Error> {
        let begun = self.client().begin_transaction();
        begun.map_err(|error| self.sort(what, &error).into_error())?;
        self.left = Left::Open;
        fill(self.client()).map_err(|error| self.sort(what, &error).into_error())?;
        let flushed = self.client().flush(left(deadline));
        flushed.map_err(|error| self.sort(what, &error).into_error())?;
        self.unsure = true;
        self.left = Left::Committing;
        self.commit(what, deadline)?;
        self.unsure = false;
        Ok(())
    }

    /// Asks for the commit until it is answered.
    fn commit(&mut self, what: &str, deadline: Instant) -> Result<(), Error> {
        self.repeat(what, deadline, |client, timeout| client.commit_transaction(timeout))
    }

    /// Brings what the last call left behind to an end: no transaction is open afterwards.
    fn settle(&mut self, deadline: Instant) -> Result<(), Error> {
        if self.is_astray() {
            return self.renew(deadline);
        }
        if self.left == Left::Committing {
            match self.commit("settling a commit", deadline) {
                Err(error) if self.left == Left::Open => debug!(%error, "an unanswered commit must be aborted"),
                other => return other,
            }
        }
        if self.left == Left::Open {
            self.repeat("aborting", deadline, |client, timeout| client.abort_transaction(timeout))?;
        }
        Ok(())
    }

    /// Whether client and broker disagree about the transaction: a broker that was away may have ended it by itself, or
    /// never have begun it (librdkafka's issue 4849). The broker would not say so to one that was fenced.
    fn is_astray(&self) -> bool {
        self.client().client().fatal_error().is_some_and(|(code, _)| code == Code::InvalidTransactionalState)
    }

    /// Goes on with a new client, which aborts what the old one has left open.
    fn renew(&mut self, deadline: Instant) -> Result<(), Error> {
        warn!(id = self.id, "the broker does not know our transaction; taking over from ourselves");
        let mut fresh = Self::connect_until(&self.kafka, &self.id, &|| clock::monotonic() >= deadline)?;
        std::mem::swap(&mut self.client, &mut fresh.client);
        self.left = Left::Nothing;
        Ok(())
    }

    /// Repeats the end of a transaction, commit or abort, while it may be asked for again, and keeps `left` true.
    fn repeat(
        &mut self,
        what: &str,
        deadline: Instant,
        end: impl Fn(&ThreadedProducer<Deliveries>, Duration) -> Result<(), KafkaError>,
    ) -> Result<(), Error> {
        loop {
            let Err(error) = end(self.client(), left(deadline)) else {
                self.left = Left::Nothing;
                return Ok(());
            };
            match self.sort(what, &error) {
                Failed::Retry(_) if clock::monotonic() < deadline => thread::sleep(RETRY_PAUSE),
                Failed::Retry(error) | Failed::End(error) => return Err(error),
                Failed::Abort(error) => {
                    self.left = Left::Open;
                    return Err(error);
                }
            }
        }
    }

    /// Sorts an error by what is to be done with the transaction. Of librdkafka's transactional errors, one that is
    /// neither retriable nor abortable is the end of the client.
    fn sort(&self, what: &str, error: &KafkaError) -> Failed {
        if let Some((code, text)) = self.client().client().fatal_error() {
            return Failed::End(match Error::from_code(what, code, &text) {
                fenced @ Error::Fenced(_) => fenced,
                astray if code == Code::InvalidTransactionalState => astray.passing(), // by `settle`
                other => Error::Fatal(other.to_string()),
            });
        }
        let sorted = Error::from_kafka(what, error);
        match error {
            KafkaError::Transaction(cause) if cause.txn_requires_abort() => Failed::Abort(sorted.passing()),
            KafkaError::Transaction(cause) if cause.is_retriable() => Failed::Retry(sorted.passing()),
            KafkaError::Transaction(cause) if cause.is_fatal() => Failed::End(match sorted {
                fenced @ Error::Fenced(_) => fenced,
                other => Error::Fatal(other.to_string()),
            }),
            KafkaError::Transaction(_) if !sorted.is_passing() => Failed::End(match sorted {
                Error::Other(text) => Error::Fatal(text),
                other => other,
            }),
            _ if sorted.is_passing() => Failed::Retry(sorted),
            _ => Failed::End(sorted),
        }
    }

    fn client(&self) -> &ThreadedProducer<Deliveries> {
        self.client.as_ref().expect("only drop takes the client out")
    }
}

impl Drop for AlertWriter {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            wait::close("writer", client);
        }
    }
}

impl Failed {
    /// The error for one who leaves the transaction to the next call.
    fn into_error(self) -> Error {
        match self {
            Failed::Retry(error) | Failed::Abort(error) | Failed::End(error) => error,
        }
    }
}

/// Hands the lines to the client, waiting for room until `deadline`.
fn send(
    client: &ThreadedProducer<Deliveries>,
    topic: &str,
    lines: &[(Vec<u8>, Vec<u8>)],
    headers: &[(&str, Vec<u8>)],
    deadline: Instant,
) -> Result<(), KafkaError> {
    for (key, value) in lines {
        let named = headers
            .iter()
            .fold(OwnedHeaders::new(), |named, (key, value)| named.insert(Header { key, value: Some(value) }));
        let record = BaseRecord::with_opaque_to(topic, UnderWay::default());
        let mut record = record.partition(0).key(key).payload(value).headers(named);
        loop {
            match client.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) if clock::monotonic() < deadline => {
                    record = back;
                    thread::sleep(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
    Ok(())
}
