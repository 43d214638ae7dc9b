//! What can go wrong with Kafka, sorted by what the caller must do about it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// A failed call to Kafka. Every error of librdkafka becomes exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Waiting cannot help, a person must: a refused permission, a client that librdkafka gave up on. End the process.
    #[error("{0}")]
    Fatal(String),
    /// A newer process with the same `id` has taken over. End the process; writing again is refused anyway.
    #[error("another process with the same id has taken over: {0}")]
    Fenced(String),
    /// Brokers are away, starting or moving leaders. The same call may succeed later; nothing was lost.
    #[error("{0}")]
    Unavailable(String),
    /// The broker no longer has (or does not yet have) the position that was asked for. Where to go on is decided
    /// above.
    #[error(
        "offset {offset} of {topic}[{partition}] is not in the log: retention has passed it, or the topic was made anew"
    )]
    OffsetOutOfRange {
        /// Topic that was read.
        topic: String,
        /// Partition that stands still since.
        partition: i32,
        /// Offset that was asked for.
        offset: i64,
    },
    /// The call itself was wrong: a bad property, a record too large, a topic that is not what it must be.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Sorts an error of librdkafka; `what` says what was tried, with the names that were asked for.
    pub(super) fn from_kafka(what: &str, error: &KafkaError) -> Error {
        if let KafkaError::MessageConsumptionFatal(_) = error {
            return Error::Fatal(format!("{what}: {error}"));
        }
        match error.rdkafka_error_code() {
            Some(code) => Error::from_code(what, code, &error.to_string()),
            None => match error {
                KafkaError::AdminOp(code) => Error::from_code(what, *code, &error.to_string()),
                KafkaError::Canceled | KafkaError::NoMessageReceived => Error::Unavailable(format!("{what}: {error}")),
                _ => Error::Other(format!("{what}: {error}")),
            },
        }
    }

    /// Sorts an error code of librdkafka or of a broker.
    pub(super) fn from_code(what: &str, code: Code, text: &str) -> Error {
        let message = format!("{what}: {text}");
        match code {
            Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::FencedInstanceId => {
                Error::Fenced(message)
            }
            Code::Fatal
            | Code::CriticalSystemResource
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion => Error::Fatal(message),
            code if is_passing(code) => Error::Unavailable(message),
            _ => Error::Other(message),
        }
    }

    /// The same error as one that the next try may overcome, because librdkafka says so.
    pub(super) fn passing(self) -> Error {
        match self {
            Error::Fatal(text) | Error::Fenced(text) | Error::Other(text) => Error::Unavailable(text),
            other => other,
        }
    }

    /// Whether the same call may succeed later without anybody's help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Error::Unavailable(_))
    }
}

/// Codes that go away by themselves: lost connections, elections, coordinators on the move, overload. A missing topic
/// is among them because a topic just created is unknown to some brokers for a moment.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::MessageTimedOut
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::InProgress
            | Code::PreviousInProgress
            | Code::Retry
            | Code::QueueFull
            | Code::NodeUpdate
            | Code::Authentication
            | Code::SSL
            | Code::BrokerDestroy
            | Code::DestroyBroker
            | Code::PurgeQueue
            | Code::PurgeInflight
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotController
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::ISRInsufficient
            | Code::ConcurrentTransactions
            | Code::KafkaStorageError
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::UnstableOffsetCommit
            | Code::ThrottlingQuotaExceeded
            | Code::SaslAuthenticationFailed
            | Code::RebootstrapRequired
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_to_do() {
        let kind = |code| Error::from_code("asked", code, "text");
        assert!(matches!(kind(Code::AllBrokersDown), Error::Unavailable(_)));
        assert!(matches!(kind(Code::ProducerFenced), Error::Fenced(_)));
        assert!(matches!(kind(Code::TopicAuthorizationFailed), Error::Fatal(_)));
        assert!(matches!(kind(Code::MessageSizeTooLarge), Error::Other(_)));
        assert_eq!(kind(Code::LeaderNotAvailable), Error::Unavailable("asked: text".into()));
        let fatal = KafkaError::MessageConsumptionFatal(Code::AllBrokersDown);
        assert!(matches!(Error::from_kafka("read", &fatal), Error::Fatal(_)));
    }
}
