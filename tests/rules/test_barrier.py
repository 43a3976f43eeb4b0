"""Where both consumers stand, and when the lake's place moves, without waiting for luck in the timing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scv.settings import Settings
from streams.kafka.log import Part
from streams.lake.consumer import LakeConsumer
from streams.positions import barrier as barriers
from streams.positions.position import Positions

PART = Part("orders", 0)


def test_a_barrier_is_where_both_stand_not_where_each_has_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    stands = iter([Positions({PART: 5}, {PART: 4}), Positions({PART: 5}, {PART: 5})])
    broker = SimpleNamespace(ends=lambda asked: {PART: 4}, close=lambda: None)
    monkeypatch.setattr(barriers, "positions", lambda *_: next(stands))
    monkeypatch.setattr(barriers, "Broker", lambda _: broker)
    monkeypatch.setattr(barriers, "request_flush", lambda _: None)
    store: Any = SimpleNamespace(logs=lambda: {"orders": SimpleNamespace(topic="orders", partitions=1)}, client=None)
    monkeypatch.setattr(barriers, "parts", lambda logs: [PART])
    lake: Any = None
    assert barriers.barrier(Settings(), store, lake, timeout_s=5).positions == {PART: 5}
    assert next(stands, None) is None, "the lake had enough before, and less"


def test_the_lake_is_due_by_what_was_read_record_or_not() -> None:
    consumer = LakeConsumer(Settings())
    consumer._buffers, consumer._starts, consumer._oldest = {}, {PART: 3}, 0.0
    consumer._intake = SimpleNamespace(next={PART: 3}, at_end=set(), assigned={PART})  # type: ignore[assignment]
    assert not consumer._due()
    consumer._intake.next = {PART: 4}  # behind a mark, and no record with it
    consumer._oldest = 0.0
    assert consumer._due()


def test_both_must_hold_it_and_each_says_what_it_lacks() -> None:
    ends, far, near = {PART: 5}, {PART: 6}, {PART: 3}
    for stands, behind in (((far, near), (0, 2)), ((near, far), (2, 0)), ((far, far), (0, 0))):
        found = Positions(*stands)
        assert found.behind(ends) == dict(zip(("online", "lake"), behind, strict=True))
        assert found.hold(ends) is (behind == (0, 0))
