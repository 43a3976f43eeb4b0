"""`cerebro status` beside running services: every member for itself, lag against the log's end, what was refused."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

import cli
from scv.settings import Settings
from store.heartbeat import Heartbeat
from streams.counters import JUDGED, Counters
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.lake.consumer import LakeConsumer


@pytest.mark.usefixtures("here")
def test_members_lag_and_refused_records_are_told(
    live: Settings, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    topics.ensure(live)
    with Producer(live) as producer:
        producer.send(topics.events(live, "orders"), b"no JSON", b"US:1")
        producer.flush()
    LakeConsumer(live, lambda _: None).run(threading.Event(), until_idle=True)
    facts = Counters(delivered=9, admitted=3, repeated=1, changed=1, too_late=1, before_an_erasure=2, erased=1).facts()
    for _ in range(2):
        Heartbeat(client, "online").beat(facts | {"dead": {"not JSON": 4}}, partitions=3, at_end=2, lag={"orders": 4})
    capsys.readouterr()
    assert cli.main(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] and found["unknown"] == {} and found["countries"] == []
    assert len({one["member"] for one in found["members"]["online"]}) == 2 and found["members"]["lake"] == []
    assert found["counts"] == {"taken": 18, "dead": 8} | {name: 2 * facts[name] for name in JUDGED}
    assert found["behind"] == {"online": 1, "lake": 0}
    (refused,) = found["refused"]
    assert (refused["family"], refused["waiting"], refused["sent"]) == ("orders", 1, 0) and refused["oldest"]
    assert cli.main(["status"]) == 0
    said = capsys.readouterr().out
    assert "broker " in said and said.count(": answers") == 2 and "Nothing runs" not in said
    assert "online: 1 offsets behind the log" in said and "lake: 0 offsets behind the log" in said
    assert "admitted 6, repeated 2, changed 2, too late 2, before an erasure 4, erased 2, dead 8" in said
    assert said.count("2 of 3") == 2 and f"orders\t{refused['reason']}\t1\t0" in said
