"""Every key lies where `scv.events.partition` says, and what was sent was acknowledged."""

from __future__ import annotations

import zlib

import pytest
from aiokafka.partitioner import DefaultPartitioner

from scv.errors import CerebroError, Unreachable
from scv.events.partition import partition_of
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from tests.streams.topic_reading import described, read

KEYS = (
    [f"US:{number}".encode() for number in range(1500)]
    + [f"ZZ:ü{number}".encode() for number in range(200)]
    + [b"a" * length for length in range(1, 80)]
    + [bytes([byte]) * 3 for byte in range(256)]
)


def test_keys_lie_where_the_pure_function_says(live: Settings) -> None:
    topic = topics.ensure(live)[topics.events(live, "app")]
    with Producer(live) as producer:
        for key in KEYS:
            producer.send(topic.name, b"{}", key)
    assert producer.acknowledged == len(KEYS)
    found = read(live, topic, count=len(KEYS))
    assert {partition for _, partition, _, _ in found} == {0, 1, 2}
    assert all(partition == partition_of(key or b"", topic.partitions) for _, partition, key, _ in found)


def test_a_partition_can_be_chosen(live: Settings) -> None:
    topic = topics.ensure(live)[topics.alerts(live)]
    with Producer(live) as producer:
        for partition in range(3):
            producer.send(topic.name, b"x", b"US:", partition, headers=[("reason", b"why")])
    assert sorted(partition for _, partition, _, _ in read(live, topic, count=3)) == [0, 1, 2]


def test_an_oversized_event_passes_to_be_refused_by_the_consumer(live: Settings) -> None:
    topic = topics.ensure(live)[topics.events(live, "orders")]
    with Producer(live) as producer:
        producer.send(topic.name, b"x" * 2_000_000, b"US:1")
    assert [len(value or b"") for _, _, _, value in read(live, topic, count=1)] == [2_000_000]


def test_a_record_beyond_every_limit_is_an_error(live: Settings) -> None:
    with pytest.raises(CerebroError, match="cannot be sent"), Producer(live) as producer:
        producer.send("any", b"x" * 6_000_000)


def test_no_broker_is_said_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Settings(broker="127.0.0.1:1", wait_s=1)
    with pytest.raises(Unreachable, match="cerebro up"):
        topics.ensure(nowhere)
    assert "Waiting up to 1 s for the broker 127.0.0.1:1" in capsys.readouterr().err
    with pytest.raises(Unreachable, match="1 records were not acknowledged"):
        producer = Producer(nowhere)
        producer.send("any", b"x")
        try:
            producer.flush(timeout_s=0.6)
        finally:
            producer.abandon()


def test_topics_are_created_once_and_described(live: Settings) -> None:
    first = topics.ensure(live)
    assert topics.ensure(live) == first == described(live)
    assert set(first) == set(topics.wanted(live))
    assert all(topic.partitions == 3 and topic.topic_id for topic in first.values())
    assert described(live, ["nobody.made.this"]) == {}


def test_clients_in_python_by_the_names_of_the_page() -> None:
    """What docs/producing.md says of aiokafka, on which Faust sends, and of librdkafka's default."""
    parts = [0, 1, 2, 3, 4, 5, 6]
    assert all(DefaultPartitioner()(key, parts, parts) == partition_of(key, len(parts)) for key in KEYS)
    away = [key for key in KEYS if zlib.crc32(key) % len(parts) != partition_of(key, len(parts))]
    assert len(away) > len(KEYS) / 2
