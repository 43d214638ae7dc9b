//! An Apache Kafka of one node, and one of three, for the whole test binary, each started at the first test that wants it.
//!
//! Both are, in this order: the brokers of `TAGWATCH_TEST_BROKERS`; Java 17 and the jars of Kafka 4.1 (from
//! `TAGWATCH_TEST_KAFKA_LIBS`, or fetched once by Maven into `target/kafka-libs`). A shell stands between the tests and the
//! broker and kills it when its input ends, so the brokers end with the tests however those end.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tagwatch::config::{Kafka, Start};
use tagwatch::kafka::admin::Admin;
use tagwatch::kafka::producer::Producer;

use crate::tools::{eventually, find, free_port};

/// Environment variable with brokers to use in place of an own one.
pub const BROKERS: &str = "TAGWATCH_TEST_BROKERS";
/// Environment variable with a folder of Kafka's jars.
const LIBS: &str = "TAGWATCH_TEST_KAFKA_LIBS";

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tagwatch</groupId><artifactId>kafka-libs</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.0</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
  </dependencies>
</project>
"#;

const LOG4J: &str = "Configuration:
  Appenders:
    Console:
      name: out
      PatternLayout: { pattern: '%d %p %m (%c)%n' }
  Loggers:
    Root: { level: WARN, AppenderRef: { ref: out } }
";

/// Starts the broker, obeys a line at a time, and kills the broker when there are no more lines. It answers each line
/// when it is done, so that nobody waits for a clock. A signal to all of the tests does not end it before the broker.
const KEEPER: &str = r#"
dir=$1; shift
trap '' HUP INT TERM
start() { "$@" </dev/null >>"$dir/broker.log" 2>&1 & pid=$!; }
start "$@"
echo started
while read -r order; do
  case $order in
    kill) kill -9 $pid; wait $pid ;;
    start) start "$@" ;;
    freeze) kill -STOP $pid ;;
    thaw) kill -CONT $pid ;;
  esac 2>/dev/null
  echo "$order"
done
kill -9 $pid
rm -rf "$dir"
"#;

/// A running Kafka.
pub struct Cluster {
    /// Bootstrap brokers.
    brokers: String,
    /// Each broker's address, log folder and the shell that keeps it; none where the tests did not start it.
    own: Vec<Node>,
}

/// One broker.
struct Node {
    address: String,
    dir: PathBuf,
    keeper: Mutex<Keeper>,
}

/// A frozen broker; thaws when dropped.
pub struct Frozen<'a>(&'a Cluster);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.thaw();
    }
}

/// The shell that keeps the broker.
struct Keeper {
    /// Never waited for: it ends by itself after the tests.
    _shell: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static OF_THREE: OnceLock<Cluster> = OnceLock::new();
/// Tests that stop the broker hold it alone.
static USERS: RwLock<()> = RwLock::new(());

/// Why no Kafka can be had, if so.
pub fn missing() -> Option<String> {
    static MISSING: LazyLock<Option<String>> = LazyLock::new(|| {
        if env::var_os(BROKERS).is_some() {
            return None;
        }
        let how = format!("no Kafka: set {BROKERS}, or install Java 17 and Maven");
        let java = find("java").ok().and_then(|java| Command::new(java).arg("-version").output().ok());
        let Some(java) = java else { return Some(format!("{how} (java is not on the path)")) };
        let said = String::from_utf8_lossy(&java.stderr).into_owned();
        let major = said.split('"').nth(1).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        if major.is_none_or(|major| major < 17) {
            return Some(format!("{how} (java is older than 17)"));
        }
        if has_jars(&libs()) { None } else { find("mvn").err().map(|error| format!("{how} ({error})")) }
    });
    MISSING.clone()
}

/// The cluster, shared with other tests.
pub fn shared() -> (RwLockReadGuard<'static, ()>, &'static Cluster) {
    let guard = USERS.read().unwrap_or_else(PoisonError::into_inner);
    (guard, CLUSTER.get_or_init(|| start(1)))
}

/// A cluster of three brokers: everything on all of them, acknowledged by two. Who stops one of them starts it again.
pub fn of_three() -> &'static Cluster {
    OF_THREE.get_or_init(|| start(3))
}

/// The cluster for one test alone, which may stop it and must leave it running.
pub fn alone() -> (RwLockWriteGuard<'static, ()>, &'static Cluster) {
    let guard = USERS.write().unwrap_or_else(PoisonError::into_inner);
    let cluster = CLUSTER.get_or_init(|| start(1));
    // A test before this one may have failed halfway.
    cluster.thaw();
    (guard, cluster)
}

/// A name that no other test uses, also where the broker outlives the tests.
pub fn fresh(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A config that reads posts from `topic` at `brokers`.
pub fn config(brokers: &str, topic: &str) -> Kafka {
    Kafka {
        brokers: brokers.to_owned(),
        posts_topic: topic.to_owned(),
        actions_topic: None,
        alerts_topic: None,
        rejected_topic: None,
        start: Start::Earliest,
        client: BTreeMap::new(),
    }
}

impl Cluster {
    /// Bootstrap brokers, `host:port`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A config that reads posts from `topic`.
    pub fn config(&self, topic: &str) -> Kafka {
        config(&self.brokers, topic)
    }

    /// Where the broker keeps its logs, where the tests started it.
    pub fn log_dir(&self) -> Option<&Path> {
        self.own.first().map(|node| node.dir.as_path())
    }

    /// Creates a topic with a fresh name and returns the name.
    pub fn create_topic(&self, name: &str, partitions: i32) -> String {
        let topic = fresh(name);
        let admin = Admin::connect(&self.config(&topic)).unwrap();
        admin.create_topic(&topic, partitions, &[]).unwrap();
        topic
    }

    /// Creates a topic with this very name.
    pub fn create_named(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        Admin::connect(&self.config(topic)).unwrap().create_topic(topic, partitions, settings).unwrap();
    }

    /// Gives a topic more partitions.
    pub fn add_partitions(&self, topic: &str, count: i32) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let more = NewPartitions::new(topic, count as usize);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let made = runtime.block_on(admin.create_partitions(&[more], &AdminOptions::new())).unwrap();
        assert_eq!(made, [Ok(topic.to_owned())]);
    }

    /// Writes records (key, value, Kafka timestamp) to each partition, in order, and waits until all are there.
    pub fn produce(&self, topic: &str, partitions: &BTreeMap<i32, Vec<NewRecord>>) {
        produce(&self.producer(topic), topic, partitions);
    }

    /// A producer for who writes often.
    pub fn producer(&self, topic: &str) -> Producer {
        Producer::connect(&self.config(topic)).unwrap()
    }

    /// The committed values of a topic, partition after partition, up to the ends as they are now.
    pub fn consume_all(&self, topic: &str) -> Vec<Vec<u8>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", fresh("consume-all"))
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
        let count = i32::try_from(metadata.topics()[0].partitions().len()).unwrap();
        (0..count).flat_map(|partition| consume(&consumer, topic, partition)).collect()
    }

    /// Kills the broker.
    pub fn kill(&self) {
        self.kill_one(0);
    }

    /// Kills one of the brokers.
    pub fn kill_one(&self, node: usize) {
        self.order(node, "kill");
    }

    /// Starts the broker again, on the same ports and log, and waits until it listens.
    pub fn restart(&self) {
        self.restart_one(0);
    }

    /// Starts one of the brokers again.
    pub fn restart_one(&self, node: usize) {
        self.order(node, "start");
        self.await_listening();
    }

    /// Stops the broker without ending it: connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.order(0, "freeze");
    }

    /// Lets a frozen broker go on.
    pub fn thaw(&self) {
        self.order(0, "thaw");
    }

    /// Freezes the broker until what it gives is dropped, also by a test that fails.
    pub fn frozen(&self) -> Frozen<'_> {
        self.freeze();
        Frozen(self)
    }

    fn order(&self, node: usize, order: &str) {
        let node = self.own.get(node).expect("only a broker of our own is stopped");
        let mut keeper = node.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(keeper.orders, "{order}").unwrap();
        let mut answer = String::new();
        keeper.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), order);
    }

    /// Waits until every broker listens and they agree on topics.
    fn await_listening(&self) {
        eventually(&format!("Kafka at {}", self.brokers), Duration::from_secs(90), || {
            for node in &self.own {
                TcpStream::connect(&node.address).ok()?;
            }
            let admin = Admin::connect(&self.config("any")).unwrap();
            let size = admin.size(Duration::from_secs(2)).ok()?;
            (size.brokers as usize >= self.own.len()).then_some(())
        });
    }
}

/// A record to be written: key, value, Kafka timestamp.
pub type NewRecord = (Option<Vec<u8>>, Vec<u8>, Option<i64>);

/// Writes records to each partition, in order, and waits until all are there.
pub fn produce(producer: &Producer, topic: &str, partitions: &BTreeMap<i32, Vec<NewRecord>>) {
    for (partition, records) in partitions {
        for (key, value, timestamp_ms) in records {
            producer.send(topic, Some(*partition), key.as_deref(), value, *timestamp_ms).unwrap();
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
}

/// The committed values of one partition.
fn consume(consumer: &BaseConsumer, topic: &str, partition: i32) -> Vec<Vec<u8>> {
    let (low, high) = eventually(&format!("ends of {topic}[{partition}]"), Duration::from_secs(60), || {
        consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).ok()
    });
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(low)).unwrap();
    consumer.assign(&list).unwrap();
    let mut values = Vec::new();
    let mut position = low;
    eventually(&format!("the end of {topic}[{partition}]"), Duration::from_secs(60), || {
        while let Some(message) = consumer.poll(Duration::from_millis(50)) {
            match message {
                Ok(message) => values.push(message.payload().unwrap_or_default().to_vec()),
                // One of three brokers may be away; its leaders move.
                Err(KafkaError::MessageConsumption(Code::BrokerTransportFailure | Code::AllBrokersDown)) => {}
                Err(error) => panic!("{topic}[{partition}]: {error}"),
            }
        }
        let positions = consumer.position().unwrap();
        if let Some(Offset::Offset(offset)) = positions.find_partition(topic, partition).map(|found| found.offset()) {
            position = offset;
        }
        (position >= high).then_some(())
    });
    values
}

/// Takes the brokers that are named, or starts so many.
fn start(nodes: usize) -> Cluster {
    if let Ok(brokers) = env::var(BROKERS) {
        return Cluster { brokers, own: Vec::new() };
    }
    let libs = libs();
    if !has_jars(&libs) {
        fetch_jars(&libs);
    }
    let addresses = || (0..nodes).map(|_| format!("127.0.0.1:{}", free_port())).collect::<Vec<_>>();
    let (brokers, controllers) = (addresses(), addresses());
    let own = thread::scope(|scope| {
        let started: Vec<_> = (0..nodes)
            .map(|node| {
                let (brokers, controllers, libs) = (&brokers, &controllers, &libs);
                scope.spawn(move || start_node(node, brokers, controllers, libs))
            })
            .collect();
        started.into_iter().map(|node| node.join().unwrap()).collect()
    });
    let cluster = Cluster { brokers: brokers.join(","), own };
    cluster.await_listening();
    cluster
}

/// Starts one broker.
fn start_node(node: usize, brokers: &[String], controllers: &[String], libs: &Path) -> Node {
    let dir = tempfile::Builder::new().prefix("tagwatch-kafka-").tempdir().unwrap().keep();
    fs::write(dir.join("server.properties"), server_properties(node, brokers, controllers, &dir)).unwrap();
    fs::write(dir.join("log4j2.yaml"), LOG4J).unwrap();
    let classes = libs.join("*");
    let properties = dir.join("server.properties");
    let formatted = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(&classes)
        .args(["kafka.tools.StorageTool", "format", "-t", "dGFnd2F0Y2gtdGVzdHMtMQ", "-c"])
        .arg(&properties)
        .output()
        .unwrap();
    assert!(formatted.status.success(), "formatting: {}", String::from_utf8_lossy(&formatted.stderr));
    let mut shell = Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(&dir)
        .args(["java", if brokers.len() > 1 { "-Xmx400m" } else { "-Xmx512m" }, "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(&classes)
        .arg(format!("-Dlog4j2.configurationFile={}", dir.join("log4j2.yaml").display()))
        .arg("kafka.Kafka")
        .arg(&properties)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let orders = shell.stdin.take().unwrap();
    let mut answers = BufReader::new(shell.stdout.take().unwrap());
    answers.read_line(&mut String::new()).unwrap();
    Node { address: brokers[node].clone(), dir, keeper: Mutex::new(Keeper { _shell: shell, orders, answers }) }
}

/// A node that is broker and controller.
fn server_properties(node: usize, brokers: &[String], controllers: &[String], dir: &Path) -> String {
    let (broker, controller) = (&brokers[node], &controllers[node]);
    let logs = dir.join("logs").display().to_string();
    let voters: Vec<String> = (1..).zip(controllers).map(|(id, at)| format!("{id}@{at}")).collect();
    let (replicas, in_sync) = if brokers.len() >= 3 { ("3", "2") } else { ("1", "1") };
    let mut text = String::new();
    for (key, value) in [
        ("process.roles", "broker,controller"),
        ("node.id", &(node + 1).to_string()),
        ("controller.quorum.voters", &voters.join(",")),
        ("listeners", &format!("PLAINTEXT://{broker},CONTROLLER://{controller}")),
        ("advertised.listeners", &format!("PLAINTEXT://{broker}")),
        ("controller.listener.names", "CONTROLLER"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("log.dirs", &logs),
        ("auto.create.topics.enable", "false"),
        ("default.replication.factor", replicas),
        ("min.insync.replicas", in_sync),
        ("offsets.topic.num.partitions", "4"),
        ("offsets.topic.replication.factor", replicas),
        ("transaction.state.log.num.partitions", "4"),
        ("transaction.state.log.replication.factor", replicas),
        ("transaction.state.log.min.isr", in_sync),
        ("group.initial.rebalance.delay.ms", "0"),
        // A broker that was killed is found dead soon.
        ("broker.session.timeout.ms", "6000"),
        ("broker.heartbeat.interval.ms", "1000"),
        // Posts of 2017 must not be deleted for their age while a test reads them.
        ("log.retention.ms", "-1"),
    ] {
        writeln!(text, "{key}={value}").unwrap();
    }
    text
}

/// Where Kafka's jars are or will be.
fn libs() -> PathBuf {
    env::var_os(LIBS).map_or_else(
        || {
            // target/<profile>/deps/<this binary>
            let exe = env::current_exe().unwrap();
            exe.ancestors().nth(3).unwrap().join("kafka-libs")
        },
        PathBuf::from,
    )
}

fn has_jars(libs: &Path) -> bool {
    fs::read_dir(libs).is_ok_and(|mut files| {
        files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("kafka_2.13-")))
    })
}

/// Fetches the jars aside and moves them into place, so that a fetch cut short is none.
fn fetch_jars(libs: &Path) {
    let aside = libs.with_extension(format!("{}", std::process::id()));
    fs::create_dir_all(&aside).unwrap();
    let pom = aside.join("pom.xml");
    fs::write(&pom, POM).unwrap();
    let output = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-f"])
        .arg(&pom)
        .arg(format!("-DoutputDirectory={}", aside.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "mvn: {}", String::from_utf8_lossy(&output.stdout));
    fs::rename(&aside, libs).unwrap();
}
