"""Whatever is away or broken for a minute, a consumer says few lines, in our words. The clock is ours; nothing runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError
from redis.exceptions import ConnectionError, OutOfMemoryError

from scv import talk
from scv.errors import Unreachable
from scv.settings import Settings
from streams import poison, reactor
from streams.kafka import librdkafka
from streams.kafka.log import Part
from streams.online.consumer import OnlineConsumer
from streams.online.folding import Moved, Name
from streams.poison import MANY, Poison

A_MINUTE_S, LINES = 60.0, 10
PART = Part("cerebro.app", 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    found = SimpleNamespace(now_s=1_000.0)
    monkeypatch.setattr(talk, "time", SimpleNamespace(monotonic=lambda: found.now_s))
    return found


def minute(clock: SimpleNamespace, each_s: float, deed: Callable[[], object]) -> None:
    until = clock.now_s + A_MINUTE_S
    while clock.now_s < until:
        clock.now_s += each_s
        deed()


def few(said: list[str], *words: str) -> None:
    assert 1 <= len(said) <= LINES, said[:20]
    assert all(any(word in line for word in words) for line in said), said


def test_a_broker_that_is_away(clock: SimpleNamespace) -> None:
    """Every client of a process reports an error at each attempt: some twenty a second."""
    said: list[str] = []
    report = librdkafka._report(Settings(broker="b:1"), librdkafka.Trouble(said.append))
    minute(clock, 0.05, lambda: report(KafkaError(KafkaError._ALL_BROKERS_DOWN)))
    few(said, "The broker b:1 is in trouble (it cannot be reached)")


def test_a_broker_that_is_away_from_the_reactor(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(librdkafka, "Seldom", lambda _: talk.Seldom(said.append))
    handler = reactor._Seldom(Settings(broker="b:1"))
    record = logging.makeLogRecord({"levelno": logging.ERROR, "msg": "Unable to connect"})
    minute(clock, 0.1, lambda: handler.handle(record))
    few(said, "The broker b:1 is in trouble")


TROUBLES: dict[str, Exception] = {
    "away": ConnectionError("Error 111 connecting to row:{US:7}"),
    "full": OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
    "moved": Moved([PART]),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_store_that_takes_nothing(trouble: str, clock: SimpleNamespace) -> None:
    """It reads and refuses to write, so that every round begins well."""
    said: list[str] = []

    def apply(*_: Any) -> None:
        raise TROUBLES[trouble]

    consumer = OnlineConsumer(Settings(), said.append)
    consumer._intake = SimpleNamespace(unplaced={PART}, take=lambda *_: [], next={PART: 5}, unplace=lambda: None,
                                       placed={PART})  # type: ignore[assignment]  # fmt: skip
    consumer._folding = SimpleNamespace(behind=apply, end=lambda _: None)  # type: ignore[assignment]

    def place() -> None:
        consumer._down = False

    consumer._place = place  # type: ignore[method-assign]
    minute(clock, 0.3, consumer._round)
    few(said, "The store does not answer", "The store is full", "going back to where the store stands")
    assert consumer._waits is (trouble != "moved")


def test_changed_customers_that_cannot_be_told(clock: SimpleNamespace) -> None:
    said: list[str] = []

    def send(*_: Any) -> None:
        raise Unreachable("b:1 did not take a record")

    consumer = OnlineConsumer(Settings(), said.append)
    consumer._logs = {PART.topic: SimpleNamespace(family="app")}  # type: ignore[dict-item]
    consumer._producer = SimpleNamespace(send=send, abandon=lambda: None)  # type: ignore[assignment]
    consumer._sending = lambda: consumer._producer  # type: ignore[method-assign]
    one = Name(PART, "US", "7")
    batch: Any = SimpleNamespace(work={})
    consumer._moved = lambda *_: {}  # type: ignore[method-assign]
    minute(clock, 0.1, lambda: consumer._tell([one], batch))
    few(said, "Changed customers were not told")


def poisoned(minutes: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    """What was said of minutes of (records, dead letters among them), and what ailed at the end of each."""
    said, ails, now_s, taken, dead = [], [], 0.0, 0, 0
    flood = Poison(lambda text: said.append(text), lambda: now_s)
    for records, letters in minutes:
        for _ in range(60):
            now_s, taken, dead = now_s + 1.0, taken + records // 60, dead + letters // 60
            flood.look(taken, dead)
        ails.append(flood.ails)
    return said, ails


def test_a_flood_of_poison_is_an_alarm_once_a_minute() -> None:
    said, ails = poisoned([(6_000, 3_600)] * 3 + [(6_000, 60)] * 2)
    assert len(said) == 3 and all("ALARM, poison: " in line and "dead letters" in line for line in said)
    assert [bool(one) for one in ails] == [True, True, True, False, False]
    assert ails[0].startswith("poison: ")


@pytest.mark.parametrize("minute", [(6_000, 3_000), (MANY - 60, MANY - 60), (0, 0)], ids=["half", "few", "none"])
def test_half_of_them_or_few_are_no_flood(minute: tuple[int, int]) -> None:
    assert poisoned([minute] * 5) == ([], [""] * 5)


def test_it_is_told_as_soon_as_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(poison, "MINUTE_S", 1e9)
    flood = Poison(said.append)
    flood.look(MANY - 1, MANY - 1)
    assert said == []
    flood.look(MANY, MANY)
    assert len(said) == 1 and flood.ails == "poison: 1,000 of 1,000 records within a minute are dead letters"
