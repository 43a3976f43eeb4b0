"""While the broker is away a process says so now and then, in our words, and its other words can be read."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.services import Services
from scv import talk
from scv.settings import Settings
from store.client import connect
from store.heartbeat import members
from streams.kafka import librdkafka
from streams.kafka.log import Broker
from streams.kafka.producer import Producer
from tests.streams import shop
from tests.streams.conftest import BROKER, STORE

ROOT = Path(__file__).parents[2]
AWAY_S = 10.0
MOST_LINES = 4
"""In ten seconds: the first is said at once, and a minute may have ten."""
PROCESSES = {"online": ["consume", "online"], "lake": ["consume", "lake"], "reactor": ["react"]}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Services]:
    with Services(BROKER, STORE, tmp_path / "home") as running:
        yield running


def test_consumers_and_reactor_are_quiet_while_the_broker_is_away(own: Services, tmp_path: Path) -> None:
    environment = os.environ | own.environment() | {"CEREBRO_HOME": str(own.home)}
    logs = {name: tmp_path / f"{name}.log" for name in PROCESSES}
    running = []
    for name, arguments in PROCESSES.items():
        with logs[name].open("wb") as out:
            command = [sys.executable, str(ROOT / "cli.py"), *arguments]
            running.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
    try:
        with connect(Settings(store=own.store_url)) as store:
            shop.wait(lambda: all(members(store, name) for name in PROCESSES), 60)
        before = {name: len(log.read_text().splitlines()) for name, log in logs.items()}
        own.kill_broker()
        time.sleep(AWAY_S)
        assert [one.poll() for one in running] == [None] * len(running)
        for name, log in logs.items():
            lines = log.read_text().splitlines()[before[name] :]
            assert 1 <= len(lines) <= MOST_LINES, (name, len(lines), lines[:12])
            assert any(f"The broker {own.broker_address} is in trouble" in line for line in lines), (name, lines)
    finally:
        for process in running:
            process.kill()
            process.wait(30)


def test_clients_of_a_closed_port_say_it_once(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    trouble = librdkafka.Trouble(said.append)
    nowhere = Settings(broker="127.0.0.1:1")
    producers = [Producer(nowhere, trouble=trouble) for _ in range(3)]
    broker = Broker(nowhere, trouble)
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        for producer in producers:
            producer.poll(0.05)
    broker.close()
    assert said == ["The broker 127.0.0.1:1 is in trouble (it cannot be reached); trying on."]
    assert capfd.readouterr().err == ""


def test_what_was_not_said_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    trouble = librdkafka.Trouble(said.append)
    for _ in range(4):
        trouble("127.0.0.1:1", "it cannot be reached")
    monkeypatch.setattr(talk, "SAY_EVERY_S", 0.0)
    trouble("127.0.0.1:1", "it cannot be reached")
    assert len(said) == 2 and said[1].endswith("trying on. (3 more times since)")


def sources() -> list[Path]:
    packages = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "bench"]
    return [path for package in packages for path in sorted(package.rglob("*.py"))]


def test_every_client_is_made_in_one_place() -> None:
    """One that is made elsewhere logs by librdkafka's own defaults: some twenty lines a second."""
    made = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if path.name != "librdkafka.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("confluent_kafka")
        and {"Consumer", "Producer", "AdminClient", "SerializingProducer"} & {one.name for one in node.names}
    ]
    assert made == []
    assert len(sources()) > 100


OF_A_COORDINATOR = {"describe_consumer_groups", "list_consumer_group_offsets", "alter_consumer_group_offsets"}


def test_nobody_asks_a_groups_coordinator_what_may_time_out() -> None:
    """librdkafka 2.16 aborts the process once the broker is back for which such a question waited in vain.

    `make faults` sees it (broker killed in mid-batch). To forget a group is asked of an embedded broker that answers.
    """
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in OF_A_COORDINATOR
    ]
    assert asked == []
