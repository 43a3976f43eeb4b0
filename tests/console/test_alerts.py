"""Alerts of the last day are read on from where they were left; an older one, or none of ours, is not shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scv.events.calendar import to_us
from scv.settings import Settings
from streams import recent_alerts
from streams.alert import Alert, Risk
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.recent_alerts import RecentAlerts


def alert(customer: str) -> bytes:
    risk = Risk(country="US", customer_id=customer, target="lapse", probability=0.4, band="high", reason="silent")
    return msgspec.json.encode(Alert(change="raised", risk=risk))


def test_alerts_are_read_on_and_grow_old(services: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Settings(
        home=str(tmp_path), broker=services.broker_address, topic_prefix=tmp_path.name, partitions=2, wait_s=10
    )
    reader = RecentAlerts(live)
    assert reader.read() == [], "no topic yet"
    topics.ensure(live)
    for told in (["1", "2"], ["3"], []):
        with Producer(live) as producer:
            for one in told:
                producer.send(topics.alerts(live), alert(one), one.encode())
            producer.send(topics.alerts(live), b"{", b"x")
        found = reader.read()
        assert len(found) == {2: 2, 1: 3, 0: 3}[len(told)]
    assert {one["customer_id"] for one in found} == {"1", "2", "3"} and found[0]["reason"] == "silent"
    assert {one["customer_id"] for one in RecentAlerts(live).read()} == {"1", "2", "3"}, "a new console reads the tail"
    tomorrow = to_us(found[0]["at"] + timedelta(days=1, seconds=5))
    monkeypatch.setattr(recent_alerts, "wall_us", lambda: tomorrow)
    assert reader.read() == []
