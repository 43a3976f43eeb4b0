"""A member of a consumer group whose place in the log is its owner's, never Kafka's.

Partitions come to it unplaced and paused. Its owner places them at its own durable position; what was fetched before
that is dropped. Kafka's committed offsets are written as a hint for operators and never read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from scv.errors import LogChanged, Unreachable
from scv.settings import Settings
from scv.talk import say as talk
from streams.kafka import librdkafka
from streams.kafka.log import ADVICE, Bounds, Part
from streams.kafka.topics import MAX_EVENT_BYTES

COMMIT_EVERY_S = 1.0
_GONE = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
_NOT_NOW = {KafkaError._STATE, KafkaError._INVALID_ARG}
"""Assigned, or taken away, this very moment, or given back by the last attempt: the next one is in time."""
_OUT_OF_RANGE = {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET}


class Intake:
    """Takes records of the topics in `logs` for a group; not safe to share between threads.

    `next` is the one place where a reader stands in each placed partition: what `take` handed out lies before it, and
    so do marks of transactions, which are no records. Owners make it durable; they keep no count of their own.
    `dropped` is called (inside `take`) with partitions that another member has from now on.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Iterable[str],
        dropped: Callable[[list[Part]], None],
        say: Callable[[str], None] = talk,
        trouble: librdkafka.Trouble | None = None,
    ) -> None:
        self.unplaced: set[Part] = set()
        self.next: dict[Part, int] = {}
        self.at_end: set[Part] = set()
        self.taken_at = time.monotonic()
        """When the broker gave the newest batch."""
        self.drained = False
        """Did the last `take` leave nothing in hand?"""
        self.group = group_of(settings, group)
        self._dropped, self._say, self._broker = dropped, say, settings.broker
        self._trouble = trouble or librdkafka.Trouble(say)
        self._committed_at = -COMMIT_EVERY_S
        self._committed: dict[Part, int] = {}
        self._consumer = librdkafka.consumer(settings, _config(settings, self.group, group), self._trouble)
        self._consumer.subscribe(list(topics), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)

    @property
    def placed(self) -> set[Part]:
        """The partitions whose records come."""
        return set(self.next)

    @property
    def assigned(self) -> set[Part]:
        return self.unplaced | self.placed

    def facts(self) -> dict[str, int]:
        """How many partitions are ours, and of how many we stand at the end."""
        return {"partitions": len(self.assigned), "at_end": len(self.at_end)}

    def take(self, limit: int, timeout_s: float) -> list[Message]:
        """Up to `limit` records of placed partitions, in the order of each partition; as soon as there is one.

        Raises LogChanged where the log no longer holds what comes next.
        """
        first = self._consumer.poll(timeout_s)
        self.taken_at = time.monotonic()
        came = [] if first is None else [first, *self._consumer.consume(limit - 1, 0)]
        self.drained = len(came) < limit
        taken = []
        for message in came:
            part = Part(message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is not None:
                self._fail(part, message, error)
            elif part in self.next and message.offset() >= self.next[part]:
                self.next[part] = message.offset() + 1
                self.at_end.discard(part)
                taken.append(message)
        return [message for message in taken if Part(message.topic(), message.partition()) in self.next]

    def place(self, starts: Mapping[Part, int], bounds: Mapping[Part, Bounds]) -> dict[Part, int]:
        """Begin at these offsets. Raises LogChanged for one that the log does not hold.

        Offset 0 means that nothing was read before: there the log's first record is the start. Returns how many
        offsets of which partitions are lost thereby: the broker dropped them before anybody read them.
        """
        lost: dict[Part, int] = {}
        for part, wanted in starts.items():
            low, high = bounds[part]
            begin = wanted or low
            if not low <= begin <= high:
                raise LogChanged(
                    f"{part.topic}/{part.partition} holds offsets {low} to {high}, and {wanted} comes next: "
                    f"records are missing. {ADVICE}"
                )
            if not self._begin(part, begin):
                continue
            self.unplaced.discard(part)
            self.next[part] = begin
            if begin != wanted:
                lost[part] = begin
                self._say(
                    f"{part.topic}/{part.partition} begins at offset {low:,}: the broker dropped what was before, and "
                    "nobody had read it. No row and no table holds it; what you still have, `cerebro replay` sends "
                    "again. Start both consumers before topics forget (CEREBRO_EVENT_DAYS)."
                )
        return lost

    def unplace(self, parts: Iterable[Part] | None = None) -> None:
        """Take nothing more from these partitions (default: all) until they are placed again."""
        chosen = list(self.next) if parts is None else [part for part in parts if part in self.next]
        for part in chosen:
            del self.next[part]
            self.at_end.discard(part)
            self.unplaced.add(part)
        if chosen:
            self._consumer.pause([TopicPartition(*part) for part in chosen])

    def ask_anew(self, parts: Iterable[Part]) -> None:
        """Fetch these placed partitions anew, from where we stand: nothing is taken twice."""
        for part in parts:
            if part in self.next and not self._begin(part, self.next[part]):
                self.unplace([part])

    def member(self) -> str:
        """The id by which the broker knows us; empty while it does not."""
        return self._consumer.memberid() or ""

    def commit(self, positions: Mapping[Part, int]) -> None:
        """Tell Kafka, at most once a second, how far the owner is: a hint for operators' tools."""
        self._committed |= positions
        if self._committed and time.monotonic() - self._committed_at >= COMMIT_EVERY_S:
            self.commit_now(wait=False)

    def commit_now(self, wait: bool) -> None:
        mine = [TopicPartition(*part, offset) for part, offset in self._committed.items() if part in self.assigned]
        self._committed, self._committed_at = {}, time.monotonic()
        try:
            if mine:
                self._consumer.commit(offsets=mine, asynchronous=not wait)
        except KafkaException:
            pass  # only a hint

    def close(self) -> None:
        """Leave the group."""
        self.commit_now(wait=True)
        self._consumer.close()

    def _begin(self, part: Part, offset: int) -> bool:
        """Fetch a partition from an offset on; not yet, where the client says so.

        It is assigned anew: that begins at once. After a seek the client's fetcher sleeps on for up to a second, and
        where its first fetch failed (the broker dropped offset 0) it seeks no more.
        """
        start = TopicPartition(*part, offset)
        try:
            self._consumer.incremental_unassign([start])
        except KafkaException as error:
            if error.args[0].code() not in _NOT_NOW:
                raise
        try:
            self._consumer.incremental_assign([start])
            self._consumer.resume([start])
        except KafkaException as error:
            if error.args[0].code() not in _NOT_NOW:
                raise
            return False
        return True

    def _assign(self, consumer: Any, given: list[TopicPartition]) -> None:
        parts = [Part(one.topic, one.partition) for one in given]
        # Any start will do: the owner places them before a record is taken.
        consumer.incremental_assign([TopicPartition(*part, 0) for part in parts])
        consumer.pause([TopicPartition(*part) for part in parts])
        self.unplaced.update(parts)

    def _revoke(self, consumer: Any, taken: list[TopicPartition]) -> None:
        parts = [Part(one.topic, one.partition) for one in taken]
        for part in parts:
            self.next.pop(part, None)
            self.unplaced.discard(part)
            self.at_end.discard(part)
        self._dropped(parts)
        consumer.incremental_unassign(taken)

    def _fail(self, part: Part, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if part in self.next and (message.offset() or 0) >= self.next[part]:
                self.next[part] = message.offset()
                self.at_end.add(part)
        elif error.code() in _OUT_OF_RANGE and (message.offset() or 0) < self.next.get(part, math.inf):
            # Of a fetch from before it was placed; the client may have ended the one from after that with it.
            self.ask_anew([part])
        elif error.code() in _OUT_OF_RANGE | _GONE:
            raise LogChanged(f"{part.topic}/{part.partition} cannot be read on ({error.str()}). {ADVICE}")
        elif error.fatal():
            raise Unreachable(f"The broker refuses this consumer: {error.str()}. Start it again.")
        else:
            self._trouble(self._broker, librdkafka.words(error))


def group_of(settings: Settings, name: str) -> str:
    """The consumer group as the broker knows it."""
    return f"{settings.topic_prefix}.{name}"


def _config(settings: Settings, group: str, name: str) -> dict[str, Any]:
    return {
        "group.id": group,
        "client.id": f"cerebro-{name}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": settings.session_ms,
        "heartbeat.interval.ms": max(settings.session_ms // 6, 100),
        "max.poll.interval.ms": 300_000,
        "fetch.wait.max.ms": 100,
        "fetch.message.max.bytes": MAX_EVENT_BYTES + 65_536,
        "queued.max.messages.kbytes": 65_536,
        "topic.metadata.refresh.interval.ms": 30_000,
    }
