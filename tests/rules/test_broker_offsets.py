"""What a broker says of its logs: an offset that is none is no answer, and never a place to begin at."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from scv.errors import Unreachable
from scv.settings import Settings
from streams.kafka import log, question
from streams.kafka.log import Broker, Part

INVALID = -1001
"""librdkafka's, for an answer of a broker that was stopped and woke."""


def told(offset: int) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(SimpleNamespace(offset=offset))
    return future


class Admin:
    """Answers by the next of some offsets."""

    def __init__(self, *offsets: int) -> None:
        self._offsets: Iterator[int] = iter(offsets)
        self.asked: list[int] = []

    def list_offsets(self, asked: dict[TopicPartition, OffsetSpec], **_: Any) -> dict[TopicPartition, Future[Any]]:
        self.asked.append(len(asked))
        return {one: told(next(self._offsets, INVALID)) for one in asked}


def broker(admin: Admin) -> Broker:
    made = object.__new__(Broker)
    made.admin, made._settings = admin, Settings()
    return made


PARTS = [Part("cerebro.orders", 0), Part("cerebro.orders", 1)]


def test_an_offset_that_is_none_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "AGAIN_S", 0.0)
    admin = Admin(INVALID, 7, INVALID, 5)
    assert broker(admin)._offsets(PARTS, OffsetSpec.earliest()) == {PARTS[0]: 5, PARTS[1]: 7}
    assert admin.asked == [2, 1, 1], "who answered is not asked again"


def test_a_broker_that_never_names_one_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "ANSWER_S", 0.2)
    with pytest.raises(Unreachable, match="does not say where its logs end: it names no offset"):
        broker(Admin())._offsets(PARTS, OffsetSpec.earliest())


def test_an_end_that_is_none_is_silence() -> None:
    group: Future[Any] = Future()
    group.set_result([])
    assert question._ends({PARTS[0]: told(INVALID), PARTS[1]: told(3)}, group) == {PARTS[1]: 3}
    assert question._ends({PARTS[0]: told(INVALID)}, group) is None
