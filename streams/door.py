"""The door for events of whoever has no Kafka client: looked at as consumers will, sent, and told where each lies.

One idempotent producer serves all; it is opened by the first event. What is on its way at once is bounded: whoever
comes on top of that is told to come again, and nothing piles up while the broker is away.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from confluent_kafka import KafkaError, Message

from scv.errors import Busy, CerebroError, Unreachable
from scv.events import country as countries
from scv.events.arrival import Recorded
from scv.events.clock import wall_us
from scv.events.offered import Fault, Offered, look
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer

MOST = 20_000
"""Events on their way at once."""
PATIENCE_S = 10.0
"""How long a broker may take to say that events are safe."""
OPENING_S = 3
"""How long an open door waits for a broker that is not there."""


Heard = tuple[KafkaError | None, dict[str, Any]]
"""What the broker said of a record, and where it lies."""


class Door:
    """Takes events into their topics. Safe to share between threads."""

    def __init__(self, settings: Settings, most: int = MOST, patience_s: float = PATIENCE_S) -> None:
        self._settings = msgspec.structs.replace(settings, wait_s=min(settings.wait_s, OPENING_S))
        self._most, self._patience_s, self._lock = most, patience_s, threading.Lock()
        self._producer: Producer | None = None
        self._on_way = 0

    def take(self, records: Sequence[bytes]) -> tuple[list[dict[str, Any]], list[Fault]]:
        """Send all of these JSON objects or none: where each lies (family, topic, partition, offset; without one an
        earlier try of the same record had come through), and the fields that nobody reads.

        Raises BadEvents, Busy, or Unreachable: then some may be there and others not, and the same again is harmless.
        """
        known = countries.known(self._settings.countries_path)
        offered = look(records, known, Recorded(wall_us(), by_broker=True, replayed=False))
        with self._room(len(offered)):
            return self._sent(offered), [fault for one in offered for fault in one.ignored]

    @contextlib.contextmanager
    def _room(self, count: int) -> Iterator[None]:
        with self._lock:
            if self._on_way and self._on_way + count > self._most:
                raise Busy(f"{self._on_way:,} events are on their way to the broker. Come again in a second.")
            self._on_way += count
        try:
            yield
        finally:
            with self._lock:
                self._on_way -= count

    def _sent(self, offered: Sequence[Offered]) -> list[dict[str, Any]]:
        producer = self._opened()
        told: dict[int, Heard] = {}
        try:
            for number, one in enumerate(offered):
                topic, heard = topics.events(self._settings, one.family), partial(_hear, told, number)
                producer.send(topic, one.value, one.key, heard=heard)
            deadline = time.monotonic() + self._patience_s
            while len(told) < len(offered) and time.monotonic() < deadline:
                producer.poll(0.02)
        except CerebroError:
            self._forget(producer)
            raise
        safe = sum(error is None for error, _ in told.values())
        if safe < len(offered):
            self._forget(producer)
            raise Unreachable(
                f"The broker said of {safe} of {len(offered)} events that they are safe. Send the same again: an event "
                "that is there already counts once."
            )
        return [{"family": one.family} | told[number][1] for number, one in enumerate(offered)]

    def _opened(self) -> Producer:
        with self._lock:
            if self._producer is None:
                topics.ensure(self._settings, say=lambda _: None)
                self._producer = Producer(self._settings, client_id="cerebro-door")
            return self._producer

    def _forget(self, producer: Producer) -> None:
        """The next event opens another: one that met an error takes no more."""
        with self._lock:
            if self._producer is producer:
                self._producer = None
        producer.abandon()


def _hear(told: dict[int, Heard], number: int, error: KafkaError | None, message: Message) -> None:
    offset = message.offset()
    known = offset is not None and offset >= 0
    told[number] = error, {
        "topic": message.topic(), "partition": message.partition(), "offset": offset if known else None,
    }  # fmt: skip
