"""Apache Kafka: one real KRaft node on loopback, with its data on disk. For tests, and for whoever wants it locally."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from local.services.probe import broker_answers
from local.services.process import LOOPBACK, Child, free_port
from scv.errors import UserError

READY_S = 60.0
FORMAT_S = 60.0
DOWNLOAD_S = 600.0
JAVA = 17
ROOT = Path(__file__).resolve().parents[2]
POM = ROOT / "deploy" / "kafka" / "pom.xml"
CACHE = ROOT / ".cache" / "kafka-lib"
LIB_VARIABLE = "CEREBRO_TEST_KAFKA_LIB"
INSTALL = "Debian and Ubuntu: the packages openjdk-17-jre-headless and maven; macOS: brew install openjdk@17 maven"

# Replication 1 because there is one node; few partitions and no initial delay because a start should take seconds;
# a short session because a killed node may come back only when its old session has ended (9 s by default).
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes=4194304
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
"""
LOGGING = """\
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
"""


class Kafka:
    """A broker on a free loopback port. Its topics, offsets and transactions live in `folder` and survive any stop."""

    name = "Kafka"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "kafka"
        self._java = java()
        self._lib = jars(folder)
        self.port = free_port()
        self.address = f"{LOOPBACK}:{self.port}"
        # Native libraries unpack into our own folder: after a SIGKILL they would stay in the machine's.
        flags = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", f"-Djava.io.tmpdir={self._folder / 'temp'}"]
        flags.append(f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}")
        self._run = [self._java, *flags, "-cp", f"{self._lib}/*"]
        self.child = Child(self.name, [*self._run, "kafka.Kafka", str(self._properties)], folder / "kafka.log")

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def start(self) -> None:
        """Returns when it answers clients; raises Unreachable when it does not."""
        self._configure()
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()
        self.child.start()
        self.child.wait_ready(lambda: broker_answers(self.port), READY_S)

    def stop(self, kill: bool = False) -> None:
        self.child.stop(kill=kill)
        shutil.rmtree(self._folder / "temp", ignore_errors=True)

    def _configure(self) -> None:
        (self._folder / "temp").mkdir(parents=True, exist_ok=True)
        values = {"host": LOOPBACK, "port": self.port, "data": self._folder / "data"}
        if not self.child.alive:
            self._properties.write_text(PROPERTIES.format(controller=free_port(), **values), encoding="utf-8")
            (self._folder / "log4j2.properties").write_text(LOGGING, encoding="utf-8")

    def _format(self) -> None:
        # Cluster ids are 16 bytes in URL-safe base64; one that starts with "-" would read as an option.
        cluster = "c" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        command = [*self._run, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)]
        _finish(Child("Kafka's format", command, self._folder.parent / "kafka-format.log"), FORMAT_S)


def java() -> str:
    """The Java program; raises UserError, saying what to install, when there is none or it is too old."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if found is None:
        raise UserError(f"Apache Kafka needs Java {JAVA}, and there is no java on PATH. Install it ({INSTALL}).")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < JAVA:
        line = told.strip().splitlines()[0] if told.strip() else "nothing"
        raise UserError(f"Apache Kafka needs Java {JAVA} or newer; {found} says {line}. Install it ({INSTALL}).")
    return found


def jars(logs: Path) -> Path:
    """The folder of Kafka's jars; Maven fetches them once. Raises UserError when it cannot."""
    chosen = os.environ.get(LIB_VARIABLE)
    if chosen:
        if not any(Path(chosen).glob("kafka_*.jar")):
            raise UserError(f"{LIB_VARIABLE}={chosen} holds no kafka_*.jar. Unset it, and Maven fetches the jars.")
        return Path(chosen)
    if not POM.is_file():
        raise UserError(f"Kafka's jars are fetched from a source tree only. Set {LIB_VARIABLE} to a folder of them.")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with CACHE.with_name(f"{CACHE.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once: the second finds what the first fetched
        kept = CACHE / POM.name  # which recipe the jars came from: a new version is fetched, not mixed in
        if not (kept.is_file() and kept.read_bytes() == POM.read_bytes()):
            _fetch(logs)
    return CACHE


def _fetch(logs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UserError(
            f"Kafka's jars are fetched with Maven, and there is no mvn on PATH. Install it ({INSTALL}), or set "
            f"{LIB_VARIABLE} to a folder that holds them."
        )
    beside = CACHE.with_name(f"{CACHE.name}.{os.getpid()}")
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={beside}", "-DincludeScope=runtime"]
    try:
        _finish(Child("Maven", command, logs / "maven.log", environment={"MAVEN_OPTS": "-XX:-UsePerfData"}), DOWNLOAD_S)
        shutil.copyfile(POM, beside / POM.name)
        shutil.rmtree(CACHE, ignore_errors=True)
        beside.rename(CACHE)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _finish(child: Child, within_s: float) -> None:
    try:
        child.start()
        child.wait_done(within_s)
    finally:
        child.stop()
