"""Reads a topic from its beginning."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Consumer, TopicCollection, TopicPartition

from scv.settings import Settings
from streams.kafka import topics

_PATIENCE_S = 20.0


class Found(NamedTuple):
    """One record as it lies in a topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


def described(settings: Settings, names: Iterable[str] | None = None) -> dict[str, topics.Topic]:
    """The named topics (default: all of ours) as the broker has them now; one that is missing is left out."""
    client = topics.wait(settings)  # held on to: a client that is gone answers nothing
    asked = TopicCollection(list(topics.wanted(settings) if names is None else names))
    return topics.described(client.describe_topics(asked))


def read(settings: Settings, *read_topics: topics.Topic, count: int | None = None) -> list[Found]:
    """The first `count` records (default: all that are there), in order within each partition.

    The end is where fetching finds none: Tansu's list of offsets names the start of the last batch plus one.
    """
    config = {"bootstrap.servers": settings.broker, "group.id": "test", "enable.auto.commit": False}
    config |= {"fetch.message.max.bytes": topics.MAX_DEAD_LETTER_BYTES, "enable.partition.eof": True}
    consumer = Consumer(config)
    parts = [TopicPartition(topic.name, number, 0) for topic in read_topics for number in range(topic.partitions)]
    consumer.assign(parts)
    found: list[Found] = []
    ended: set[tuple[str | None, int | None]] = set()
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while len(ended) < len(parts) if count is None else len(found) < count:
            assert time.monotonic() < deadline, f"only {len(found)} records arrived"
            for one in consumer.consume(2000, timeout=0.1):
                if one.error() is None:
                    found.append(Found(one.topic() or "", one.partition() or 0, one.key(), one.value()))
                else:
                    ended.add((one.topic(), one.partition()))
    finally:
        consumer.close()
    return found
