//! An embedded Kafka: librdkafka's own mock cluster, which speaks the real wire protocol on loopback ports. It is the
//! demo's broker and carries tests of faults that a real one cannot be asked for.
//!
//! What it is not (measured): it keeps 5 MiB a partition, shows aborted records to everyone, accepts fenced writers,
//! loses offsets sent in a transaction, and answers "the end" to every question by time. Nothing that must be exactly
//! once is tested on it.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::Error;

type Cluster = MockCluster<'static, DefaultProducerContext>;
/// Something to do with the cluster, on its thread.
type Order = Box<dyn FnOnce(&Cluster) + Send>;

/// The one broker's id.
const BROKER: i32 = 1;

/// The last version of the fetch protocol whose answer has errors for partitions only.
const FETCH_VERSION_WITHOUT_ERROR: i16 = 6;

/// A running embedded broker; dropping it ends it.
pub struct Mock {
    /// Bootstrap brokers, `host:port`.
    brokers: String,
    /// Orders to the thread that owns the cluster, which may not change threads. Dropping it ends the thread.
    orders: Option<mpsc::Sender<Order>>,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

/// A request that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Reading records. The client repeats it and says nothing.
    Fetch,
    /// Reading records of a partition; the client says so and goes on. Only for clients that connect after it, because
    /// it takes the broker back to a protocol in which a whole request cannot fail.
    FetchOfPartition,
    /// Writing records.
    Produce,
    /// Asking for committed offsets.
    OffsetFetch,
    /// Committing offsets.
    OffsetCommit,
    /// Ending a transaction, which the broker says it does not know.
    EndTransaction,
}

impl Mock {
    /// Starts a broker with these topics, each with so many partitions.
    ///
    /// # Errors
    /// [`Error::Other`] where no port can be had or a topic has a bad name.
    pub fn start(topics: &[(&str, i32)]) -> Result<Mock, Error> {
        let (orders, received) = mpsc::channel::<Order>();
        let (said, started) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("mock-kafka".into())
            .spawn(move || {
                let cluster = match MockCluster::new(1) {
                    Ok(cluster) => cluster,
                    Err(error) => {
                        let _ = said.send(Err(Error::from_kafka("starting the embedded broker", &error)));
                        return;
                    }
                };
                let _ = said.send(Ok(cluster.bootstrap_servers()));
                for order in received {
                    order(&cluster);
                }
            })
            .map_err(|error| Error::Other(format!("starting the embedded broker: {error}")))?;
        let brokers = started.recv().map_err(|_| Error::Other("the embedded broker did not start".into()))??;
        let mock = Mock { brokers, orders: Some(orders), thread: Some(thread) };
        for (topic, partitions) in topics {
            mock.create_topic(topic, *partitions)?;
        }
        Ok(mock)
    }

    /// Where to connect to.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Creates a topic; the protocol's own way of doing so is not supported.
    ///
    /// # Errors
    /// [`Error::Other`] where it exists or has a bad name.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), Error> {
        let name = topic.to_owned();
        self.order(move |cluster| {
            let created = cluster.create_topic(&name, partitions, 1);
            created.map_err(|error| Error::from_kafka(&format!("creating topic '{name}'"), &error))
        })
    }

    /// Makes the broker refuse connections, as if it were gone; what it holds stays.
    ///
    /// # Errors
    /// [`Error::Other`] where the cluster is ending.
    pub fn down(&self) -> Result<(), Error> {
        self.order(|cluster| cluster.broker_down(BROKER).map_err(|error| Error::from_kafka("stopping", &error)))
    }

    /// Makes the broker accept connections again.
    ///
    /// # Errors
    /// [`Error::Other`] where the cluster is ending.
    pub fn up(&self) -> Result<(), Error> {
        self.order(|cluster| cluster.broker_up(BROKER).map_err(|error| Error::from_kafka("starting", &error)))
    }

    /// Makes every answer take this much longer.
    ///
    /// # Errors
    /// [`Error::Other`] where the cluster is ending.
    pub fn delay(&self, delay: Duration) -> Result<(), Error> {
        self.order(move |cluster| {
            cluster.broker_round_trip_time(BROKER, delay).map_err(|error| Error::from_kafka("delaying", &error))
        })
    }

    /// Makes the next `count` requests of this kind fail as on a broker that cannot serve them right now.
    ///
    /// # Errors
    /// [`Error::Other`] where the cluster is ending.
    pub fn fail(&self, request: Request, count: usize) -> Result<(), Error> {
        self.order(move |cluster| {
            if request == Request::FetchOfPartition {
                let limited = cluster.apiversion(RDKafkaApiKey::Fetch, Some(0), Some(FETCH_VERSION_WITHOUT_ERROR));
                limited.map_err(|error| Error::from_kafka("limiting the protocol", &error))?;
            }
            let (key, error) = match request {
                Request::Fetch | Request::FetchOfPartition => {
                    (RDKafkaApiKey::Fetch, RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT)
                }
                Request::Produce => (RDKafkaApiKey::Produce, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS),
                Request::OffsetFetch => {
                    (RDKafkaApiKey::OffsetFetch, RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS)
                }
                Request::OffsetCommit => {
                    (RDKafkaApiKey::OffsetCommit, RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS)
                }
                Request::EndTransaction => (RDKafkaApiKey::EndTxn, RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
            };
            cluster.request_errors(key, &vec![error; count]);
            Ok(())
        })
    }

    /// Has the thread do something and waits for its answer.
    fn order(&self, what: impl FnOnce(&Cluster) -> Result<(), Error> + Send + 'static) -> Result<(), Error> {
        let (answer, answered) = mpsc::channel();
        let gone = || Error::Other("the embedded broker has ended".into());
        let order: Order = Box::new(move |cluster| {
            let _ = answer.send(what(cluster));
        });
        self.orders.as_ref().ok_or_else(gone)?.send(order).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            super::wait::close("mock", Joining(Some(thread)));
        }
    }
}

/// Waits for its thread when dropped, so that ending has the same deadline as closing a client.
struct Joining(Option<JoinHandle<()>>);

impl Drop for Joining {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}
