"""Bad records go to the dead-letter topic with the reason and the original bytes, are counted, and hold up nobody."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

import cli
from local.services.process import free_port
from local.services.valkey import binary
from scv.errors import Unreachable
from scv.events import event
from scv.events.partition import partition_of
from scv.settings import Settings
from store.client import connect
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from tests.streams import shop
from tests.streams.topic_reading import described

KEY = b"US:7"
GOOD = event.Placed(
    id="good", country="US", customer_id="7", occurred_at=shop.FIRST, seen_at=shop.FIRST, amount_cents=100, items=2
)


def body(**changes: Any) -> bytes:
    """A good order with some fields changed; None leaves a field out."""
    fields = msgspec.to_builtins(GOOD) | changes
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})


def times(occurred: Any, seen: Any) -> bytes:
    return body(occurred_at=occurred.isoformat(), seen_at=seen.isoformat())


CASES: dict[str, tuple[str, bytes | None, bytes | None]] = {
    "corrupt JSON": ("not JSON", KEY, b'{"kind": "placed", '),
    "bytes that are no text": ("not JSON", KEY, b"\xff\xfe\x00"),
    "10,000 deep": ("not JSON", KEY, b'{"kind": "placed", "x": ' + b"[" * 10_000),
    "a lone surrogate": ("not JSON", KEY, body(id="X").replace(b'"X"', b'"\\ud800"')),
    "no body": ("empty", KEY, None),
    "an empty body": ("empty", KEY, b""),
    "a list": ("wrong type", KEY, b"[1, 2]"),
    "a word for a number": ("wrong type", KEY, body(amount_cents="100")),
    "a fraction of a cent": ("wrong type", KEY, body(amount_cents=99.5)),
    "too large a number": ("wrong type", KEY, body(amount_cents=2**70)),
    "a missing field": ("wrong type", KEY, body(amount_cents=None)),
    "an unknown kind": ("wrong type", KEY, body(kind="bought")),
    "another family's kind": ("wrong type", KEY, body(kind="session", duration_s=3)),
    "NaN": ("not JSON", KEY, body(amount_cents=777_777).replace(b"777777", b"NaN")),
    "infinity": ("not JSON", KEY, body(amount_cents=777_777).replace(b"777777", b"Infinity")),
    "1e999": ("wrong type", KEY, body(amount_cents=777_777).replace(b"777777", b"1e999")),
    "seconds as a time": ("wrong type", KEY, body(seen_at=1488369600)),
    "a time without offset": ("wrong type", KEY, body(seen_at="2017-03-01T12:00:00")),
    "a time that is none": ("wrong type", KEY, body(seen_at="2017-02-30T12:00:00Z")),
    "no key": ("no key", None, body()),
    "an empty key": ("no key", b"", body()),
    "another customer's key": ("key differs", b"US:8", body()),
    "another country's key": ("key differs", b"ZZ:7", body()),
    "an unknown country": ("unknown country", b"QQ:7", body(country="QQ")),
    "before the span": ("outside span", KEY, times(shop.FIRST - timedelta(days=900), shop.FIRST - timedelta(days=900))),
    "after the span": ("outside span", KEY, times(shop.FIRST, shop.FIRST + timedelta(days=900))),
    "occurred after seen": ("occurred after seen", KEY, times(shop.FIRST + timedelta(minutes=6), shop.FIRST)),
    "two megabytes": ("too large", KEY, body(voucher="x" * 2_000_000)),
    "a wrong partition": ("wrong partition", KEY, body()),
}


def letters(settings: Settings, family: str) -> list[Any]:
    """Every record of a dead-letter topic."""
    found = described(settings, [topics.dead_letters(settings, family)])
    config = {"bootstrap.servers": settings.broker, "group.id": "letters", "enable.auto.commit": False}
    consumer = Consumer(
        config | {"enable.partition.eof": True, "fetch.message.max.bytes": topics.MAX_DEAD_LETTER_BYTES}
    )
    read, ended = [], 0
    (topic,) = found.values()
    consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])
    while ended < topic.partitions:
        for message in consumer.consume(100, 0.1):
            if message.error():
                ended += 1
            else:
                read.append(message)
    consumer.close()
    return read


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What `cerebro dead-letters` prints."""
    capsys.readouterr()
    assert cli.main(["dead-letters", *words]) == code, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_every_bad_record_is_kept_and_counted_and_the_good_ones_go_on(
    live: Settings, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = topics.ensure(live)
    name = topics.events(live, "orders")
    home = partition_of(KEY, found[name].partitions)
    with Producer(live) as producer:
        for reason, key, value in CASES.values():
            away = (home + 1) % live.partitions
            producer.send(name, value, key, away if reason == "wrong partition" else home if key == KEY else 0)
        producer.send(name, event.encode(GOOD), KEY)
    shop.send(live, [])
    with shop.Running(live, OnlineConsumer, LakeConsumer, until_idle=True) as running:
        running.join()
    online, lake = (one.counters.facts() for one in running.consumers)
    wanted = {reason: sum(one[0] == reason for one in CASES.values()) for reason, _, _ in CASES.values()}
    assert online["dead"] == lake["dead"] == wanted
    assert online["admitted"] == lake["delivered"] == 1, "the good one behind them"
    of_each = [line for line in running.said if " is a dead letter: " in line]
    assert Counter(line.split(": ")[1] for line in of_each) == dict.fromkeys(wanted, 2), "each reason at once, by both"
    (rest, _) = (line for line in running.said if " records were dead letters" in line)
    assert f"wrong type {wanted['wrong type'] - 1}" in rest and "cerebro dead-letters list" in rest
    kept = letters(live, "orders")
    assert {one["reason"]: one["waiting"] for one in json.loads(told(capsys, "list", "--json"))} == wanted
    by_bytes = sorted((dict(one.headers())["reason"], one.key() or b"", one.value() or b"") for one in kept)
    assert by_bytes == sorted((reason.encode(), key or b"", value or b"") for reason, key, value in CASES.values())
    for one in kept:
        headers = dict(one.headers())
        assert headers["message"] and headers["topic"] == name.encode()
        assert int(headers["partition"]) in range(live.partitions) and int(headers["offset"]) >= 0
    shop.compare(live, client)


def test_a_wrong_watermark_is_a_dead_letter_too(live: Settings, client: Any) -> None:
    topics.ensure(live)
    with Producer(live) as producer:
        producer.send(
            topics.events(live, "app"), b'{"kind":"watermark","country":"QQ","seen_at":"2017-01-01T00:00:00Z"}'
        )
        producer.send(topics.events(live, "app"), b'{"kind":"watermark","country":"US","seen_at":5}')
    (lake,) = shop.consume(live, LakeConsumer)
    assert lake["dead"] == {"unknown country": 1, "wrong type": 1}


@pytest.mark.parametrize("kind", [OnlineConsumer, LakeConsumer])
def test_a_store_that_is_not_there_is_waited_for_and_named(live: Settings, kind: Any) -> None:
    said: list[str] = []
    away = msgspec.structs.replace(live, store="redis://:hush@127.0.0.1:1/0", wait_s=1)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1/0.*cerebro up"):
        kind(away, said.append).run(threading.Event())
    assert len(said) == 1 and "Waiting" in said[0] and "hush" not in said[0]


@pytest.mark.parametrize("kind", [OnlineConsumer, LakeConsumer])
def test_a_broker_that_is_not_there_is_waited_for_and_named(live: Settings, client: Any, kind: Any) -> None:
    away = msgspec.structs.replace(live, broker="127.0.0.1:1", wait_s=1)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1.*cerebro up"):
        kind(away, lambda _: None).run(threading.Event())


def test_a_store_that_comes_up_late_is_found(live: Settings) -> None:
    port = free_port()
    late = msgspec.structs.replace(live, store=f"redis://127.0.0.1:{port}/0", wait_s=20)
    said: list[str] = []
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        time.sleep(1)
        started.append(subprocess.Popen([str(binary()), "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL))

    thread = threading.Thread(target=start)
    thread.start()
    try:
        with connect(late, said.append) as found:
            assert found.ping()
    finally:
        thread.join()
        started[0].kill()
        started[0].wait()
    assert len(said) == 1
