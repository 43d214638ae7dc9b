#!/usr/bin/env python3
"""Measures what sharing the work through Kafka costs, for docs/sizing.md: bytes in each topic, CPU, memory, restore.

    deploy/measure.py target/release/tagwatch              everything, about a quarter of an hour on two cores
    deploy/measure.py target/release/tagwatch CASE...      only these: backlog, live, hour, restore

It starts a Kafka of its own from the jars that the tests fetch (target/kafka-libs, or TAGWATCH_TEST_KAFKA_LIBS), on loopback, and
ends what it started. Bytes are those of Kafka's log files, compressed, before compaction, of one copy. CPU seconds are those
of the tagwatch processes alone; a busy machine makes them more. Posts are those of `tagwatch simulate --scenario story`.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# Without what would be config; with a key for all.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TAGWATCH_")}
ENVIRONMENT["TAGWATCH_KEY"] = "7461677761746368206d656173757265"
# When `simulate` begins, 2021-05-06T20:00:00Z, and how far the watermark is behind.
BEGIN = 1_620_331_200
DELAY_SECONDS = 10
BACKLOG_POSTS = 1_000_000
LIVE_SECONDS = 90
HOUR_POSTS = 3_000_000
WAIT_MAX = 300
children = []


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(command, log, **options):
    child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    children.append(child)
    return child


def stop(child):
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        child.wait(60)


def until(what, ask):
    """What `ask` gives as soon as that is true."""
    deadline = time.monotonic() + WAIT_MAX
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.5)
    raise SystemExit(f"measure.py: waited {WAIT_MAX} s in vain for {what}")


class Kafka:
    """One broker that is its own controller."""

    def __init__(self, folder):
        libs = os.environ.get("TAGWATCH_TEST_KAFKA_LIBS", TOP / "target/kafka-libs")
        self.logs, self.brokers, control = folder / "kafka", f"127.0.0.1:{free_port()}", free_port()
        config = folder / "server.properties"
        config.write_text(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{control}
listeners=PLAINTEXT://{self.brokers},CONTROLLER://127.0.0.1:{control}
advertised.listeners=PLAINTEXT://{self.brokers}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={self.logs}
log.message.timestamp.type=LogAppendTime
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.partitions=4
""", encoding="ascii")
        java = ["java", "-Xmx512m", "-cp", f"{libs}/*"]
        log = (folder / "kafka.log").open("w")
        format_it = [*java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(config)]
        subprocess.run(format_it, check=True, stdout=log, stderr=log)
        start([*java, "kafka.Kafka", str(config)], log)
        until("Kafka", self.listens)

    def listens(self):
        with socket.socket() as one:
            host, port = self.brokers.split(":")
            return one.connect_ex((host, int(port))) == 0

    def bytes_of(self, topic):
        return sum(file.stat().st_size for file in self.logs.glob(f"{topic}-[0-9]*/*.log"))


class Deployment:
    """Processes of one id, with topics of their own."""

    def __init__(self, program, kafka, folder, id, shards, exchange="kafka"):
        self.program, self.kafka, self.folder, self.id, self.shards = program, kafka, folder, id, shards
        self.sets = {"id": id, "kafka.brokers": kafka.brokers, "kafka.posts_topic": f"{id}-posts", "exchange": exchange, "track.shards": shards}
        self.processes = []
        self.tagwatch("topics", "apply")

    def arguments(self, **more):
        return [part for key, value in {**self.sets, **more}.items() for part in ("--set", f"{key}={value}")]

    def tagwatch(self, *command):
        done = subprocess.run([self.program, *command, *self.arguments()], capture_output=True, text=True, env=ENVIRONMENT, check=False)
        if done.returncode != 0:
            raise SystemExit(f"measure.py: tagwatch {' '.join(command)}: {done.stderr}")

    def simulate(self, *options):
        self.tagwatch("simulate", "--scenario", "story", "--topic", f"{self.id}-posts", *options)

    def start(self, count):
        for _ in range(count):
            number, listen = len(self.processes), f"127.0.0.1:{free_port()}"
            log = self.folder / f"{self.id}-{number}.log"
            arguments = self.arguments(**{"http.listen": listen, "state.dir": self.folder / f"{self.id}-{number}"})
            child = start([self.program, "run", *arguments], log.open("w"), env=ENVIRONMENT)
            self.processes.append((child, listen, log))
        until("readiness", lambda: all(self.is_ready(listen) for _, listen, _ in self.processes))

    def is_ready(self, listen):
        try:
            return urllib.request.urlopen(f"http://{listen}/ready", timeout=5).status == 200
        except OSError:
            return False

    def metric(self, name):
        """The sum over all processes and labels."""
        total = 0.0
        for _, listen, _ in self.processes:
            text = urllib.request.urlopen(f"http://{listen}/metrics", timeout=10).read().decode()
            total += sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))
        return total

    def applied(self, posts):
        """Waits until so many posts are read and nothing moves any more; lag is looked at every two seconds."""
        until("all posts", lambda: self.metric("tagwatch_posts_total") >= posts)
        seen = []
        until("rest", lambda: seen.append((self.metric("tagwatch_mentions_total"), self.metric("tagwatch_kafka_lag"))) or self.rests(seen))

    @staticmethod
    def rests(seen):
        """The same number of mentions and no lag, ten looks long."""
        return len(seen) >= 10 and len(set(seen[-10:])) == 1 and seen[-1][1] == 0

    def cpu(self):
        """CPU seconds of all processes, of the system too."""
        stats = [Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for child, _, _ in self.processes]
        return sum(int(one[11]) + int(one[12]) for one in stats) / os.sysconf("SC_CLK_TCK")

    def seconds(self, begin):
        """Event time that has passed since `begin`."""
        return self.metric("tagwatch_watermark_timestamp_seconds") / len(self.processes) + DELAY_SECONDS - begin

    def peaks(self):
        status = [Path(f"/proc/{child.pid}/status").read_text(encoding="ascii") for child, _, _ in self.processes]
        return [int(re.search(r"VmHWM:\s+(\d+)", one)[1]) // 1024 for one in status]

    def stop(self):
        for child, _, _ in self.processes:
            stop(child)

    def bytes_of(self, what):
        return self.kafka.bytes_of(f"{self.id}-{what}")

    def said(self, words):
        return [line for _, _, log in self.processes for line in log.read_text(encoding="utf-8").splitlines() if words in line]


def say_topics(deployment, mentions, seconds):
    """One line a topic; `seconds` are of event time."""
    for what in ("posts", "mentions", "state", "reports", "board"):
        size = deployment.bytes_of(what) / 1024
        print(f"    {what:9} {size * 1024 / mentions:6.1f} B a mention, {size / seconds:8.1f} KiB a second, {10 * size / seconds:8.1f} KiB a tick")


def backlog(program, kafka, folder):
    """A backlog, read as fast as can be."""
    for id, exchange, processes, shards in (("alone", "in-process", 1, 4), ("one", "kafka", 1, 4), ("two", "kafka", 2, 4), ("wide", "kafka", 2, 12)):
        deployment = Deployment(program, kafka, folder, id, shards, exchange)
        deployment.simulate("--rate", "1000", "--posts", str(BACKLOG_POSTS))
        began = time.monotonic()
        deployment.start(processes)
        deployment.applied(BACKLOG_POSTS)
        took, mentions = time.monotonic() - began - 5, deployment.metric("tagwatch_mentions_total")
        print(f"backlog of {BACKLOG_POSTS} posts, {mentions:.0f} mentions; {exchange}, {processes} processes, {shards} shards:")
        print(f"    {took:.0f} s with start-up, {deployment.cpu() * 1e6 / BACKLOG_POSTS:.1f} CPU s a million posts, peak RSS {deployment.peaks()} MiB")
        if exchange == "kafka":
            say_topics(deployment, mentions, deployment.seconds(BEGIN))
        deployment.stop()


def live(program, kafka, folder):
    """Posts as they come, for some minutes."""
    for id, rate, shards in (("slow", 100, 4), ("live", 1000, 4), ("broad", 1000, 12), ("rapid", 10000, 12)):
        deployment = Deployment(program, kafka, folder, id, shards)
        deployment.start(2)
        before, posts = deployment.cpu(), rate * LIVE_SECONDS
        deployment.simulate("--rate", str(rate), "--speed", "1", "--posts", str(posts))
        deployment.applied(posts)
        mentions, cpu, seconds = deployment.metric("tagwatch_mentions_total"), deployment.cpu() - before, deployment.seconds(BEGIN)
        print(f"live, {posts / seconds:.0f} posts a second for {seconds:.0f} s, {mentions:.0f} mentions; 2 processes, {shards} shards:")
        print(f"    {cpu / seconds:.2f} cores, peak RSS {deployment.peaks()} MiB")
        say_topics(deployment, mentions, seconds)
        deployment.stop()


def hour(program, kafka, folder):
    """Two hours of a large stream, as fast as can be: what reports cost once hashtags are assessed."""
    deployment = Deployment(program, kafka, folder, "hour", 4)
    deployment.start(2)
    seen = (0, 0)
    for number in (1, 2):
        begin = BEGIN + (number - 1) * 3600
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin))
        deployment.simulate("--rate", "1000", "--posts", str(HOUR_POSTS), "--start", start, "--seed", str(number))
        deployment.applied(number * HOUR_POSTS)
        now, seconds = (deployment.bytes_of("reports"), deployment.bytes_of("board")), deployment.seconds(begin)
        reports, board = ((after - before) * 10 / 1024 / seconds for after, before in zip(now, seen))
        seen = now
        print(f"hour {number}, {HOUR_POSTS / seconds:.0f} posts a second of event time for {seconds:.0f} s; 2 processes, 4 shards:")
        print(f"    reports {reports:.1f} KiB a tick, board {board:.1f} KiB a tick, peak RSS {deployment.peaks()} MiB, "
              f"{deployment.metric('tagwatch_hashtags_evicted_total'):.0f} hashtags evicted")
    deployment.stop()


def restore(program, kafka, folder):
    """State of a day, read by a process that has none."""
    deployment = Deployment(program, kafka, folder, "state", 4)
    deployment.start(2)
    deployment.simulate()
    until("posts", lambda: deployment.metric("tagwatch_posts_total") > 0)
    deployment.applied(deployment.metric("tagwatch_posts_total"))
    time.sleep(12)
    tracked, panes = deployment.metric("tagwatch_hashtags_tracked"), deployment.metric("tagwatch_memory_bytes")
    deployment.stop()
    deployment.processes = deployment.processes[2:]
    deployment.start(1)
    until("restores", lambda: len(deployment.said("shard restored")) == 4)
    print(f"the story's 39 hours, {tracked:.0f} hashtags tracked, {panes / 2**20:.1f} MiB of panes, {panes / tracked:.0f} B a hashtag:")
    print(f"    {deployment.bytes_of('state') / 2**20:.1f} MiB in the topic of state before compaction")
    for line in deployment.said("shard restored"):
        print("    " + re.sub(r"^.*shard restored", "shard restored", re.sub(r"\x1b\[[0-9;]*m", "", line)))
    deployment.stop()


CASES = {"backlog": backlog, "live": live, "hour": hour, "restore": restore}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= CASES.keys():
        sys.exit(__doc__)
    # Whoever ends this ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder:
        try:
            kafka = Kafka(Path(folder))
            for case in sys.argv[2:] or CASES:
                CASES[case](sys.argv[1], kafka, Path(folder))
        finally:
            for child in children:
                if child.poll() is None:
                    child.kill()
                    child.wait()


if __name__ == "__main__":
    main()
