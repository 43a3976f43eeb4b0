"""The alerts of the last day, as the reactor published them: the tail of their topic, read on when it is asked for."""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import timedelta
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.settings import Settings
from streams.alert import Alert
from streams.kafka import librdkafka, topics
from streams.kafka.log import ANSWER_S, Broker, Part

DAY = timedelta(days=1)
MOST = 200
"""Alerts that are kept: whoever needs more reads the topic."""


class RecentAlerts:
    """Reads on each time it is asked; one asker after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._next: dict[Part, int] = {}
        self._kept: deque[dict[str, Any]] = deque(maxlen=MOST)

    def read(self) -> list[dict[str, Any]]:
        """Those of the last day, newest first: at, change, country, customer_id, target, band, probability, reason.

        Raises Unreachable.
        """
        with self._lock:
            for message in self._records():
                self._keep(message)
            since = from_us(wall_us()) - DAY
            found = [one for one in self._kept if one["at"] >= since]
            return sorted(found, key=lambda one: one["at"], reverse=True)

    def _keep(self, message: Message) -> None:
        try:
            alert = msgspec.json.decode(message.value() or b"", type=Alert)
        except msgspec.MsgspecError:  # of another release
            return
        at = from_us(max(message.timestamp()[1], 0) * 1000)
        self._kept.append({"at": at, "change": alert.change} | msgspec.structs.asdict(alert.risk))

    def _records(self) -> list[Message]:
        ahead = self._ahead()
        if not ahead:
            return []
        found, left, deadline = list[Message](), dict(ahead), time.monotonic() + ANSWER_S
        consumer = librdkafka.consumer(self._settings, _config(self._settings))
        try:
            consumer.assign([TopicPartition(*part, start) for part, (start, _) in ahead.items()])
            while left and time.monotonic() < deadline:
                for message in consumer.consume(500, 0.05):
                    part, error = Part(message.topic() or "", message.partition() or 0), message.error()
                    if error is None:
                        found.append(message)
                        self._next[part] = (message.offset() or 0) + 1
                    ended = error is not None and error.code() == KafkaError._PARTITION_EOF
                    if part in left and (ended or self._next.get(part, 0) >= left[part][1]):
                        del left[part]
        finally:
            consumer.close()
        return found

    def _ahead(self) -> dict[Part, tuple[int, int]]:
        """What is new in each partition of the topic; of one that is read for the first time its tail."""
        name, broker = topics.alerts(self._settings), Broker(self._settings)
        try:
            known = broker.admin.list_topics(timeout=ANSWER_S).topics
            parts = [Part(name, number) for number in known[name].partitions] if name in known else []
            bounds = broker.bounds(parts) if parts else {}
        except KafkaException as error:
            raise topics.unreachable(self._settings, error) from error
        finally:
            broker.close()
        starts = {part: max(low, high - MOST, self._next.get(part, 0)) for part, (low, high) in bounds.items()}
        return {part: (starts[part], high) for part, (_, high) in bounds.items() if starts[part] < high}


def _config(settings: Settings) -> dict[str, Any]:
    return {
        "group.id": f"{settings.topic_prefix}.recent-alerts",  # required by the client; it never joins
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 20,
    }
