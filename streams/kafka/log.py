"""The topics as logs: which topic stands behind a name, and where its partitions begin and end.

A topic's id is the broker's, in hex: another id under the same name is another log, whose offsets mean nothing to
rows folded from the first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec

from scv.errors import BadSetting, LogChanged, Unreachable
from scv.events.event import FAMILIES
from scv.online.facts import Log
from scv.settings import Settings
from streams.kafka import librdkafka, topics
from streams.kafka.topics import Topic

ANSWER_S = 5.0
CHECK_S = 5.0
AGAIN_S = 0.1
_SOON = {
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
}
"""A broker made, or took over, a partition this very moment: it answers when it is asked again."""
ADVICE = "Stop the consumers and run `cerebro rebuild`."
ALIKE = "Give every event topic as many partitions as the one that has most (kafka-topics --alter)."


class Part(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class Bounds(NamedTuple):
    """The offsets that a partition holds: `[low, high)`."""

    low: int
    high: int


def parts(logs: Mapping[str, Log]) -> list[Part]:
    """Every partition of some topics."""
    return [Part(topic, partition) for topic, log in logs.items() for partition in range(log.partitions)]


def standing(settings: Settings, epoch: int) -> dict[str, Log]:
    """The event topics as the broker has them now, created where missing, as logs of that epoch. Raises Unreachable."""
    found = topics.ensure(settings)
    logs = {}
    for family in FAMILIES:
        topic = found[topics.events(settings, family)]
        logs[topic.name] = Log(family=family, epoch=epoch, topic_id=topic.topic_id, partitions=topic.partitions)
    if len({log.partitions for log in logs.values()}) > 1:
        counts = ", ".join(f"{topic}: {log.partitions}" for topic, log in logs.items())
        raise BadSetting(f"All event topics must have the same number of partitions, not {counts}. {ALIKE} {ADVICE}")
    return logs


def difference(known: Mapping[str, Log | Topic], now: Mapping[str, Log | Topic]) -> str:
    """How topics differ from those that are known under the same names; '' where they do not."""
    for topic, log in known.items():
        if topic not in now:
            return f"topic {topic} is gone"
        if now[topic].topic_id != log.topic_id:
            return f"topic {topic} was created anew (id {now[topic].topic_id}, before {log.topic_id})"
        if now[topic].partitions != log.partitions:
            return f"topic {topic} has {now[topic].partitions} partitions, before {log.partitions}"
    return ""


def refuse_strangers(found: Iterable[Part], logs: Mapping[str, Log]) -> None:
    """Raise LogChanged for a partition that these logs do not have: its topic is another one under the same name."""
    for part in found:
        count = logs[part.topic].partitions
        if part.partition >= count:
            why = f"{part.topic}/{part.partition} is new: the topic had {count} partitions"
            raise LogChanged(f"{why}. {ALIKE} {ADVICE}")


class Broker:
    """What consumers ask the broker beside records. Raises Unreachable where it does not answer."""

    def __init__(self, settings: Settings, trouble: librdkafka.Trouble | None = None) -> None:
        self._settings, self._trouble = settings, trouble
        self.admin = librdkafka.admin(settings)
        self._asked: dict[str, Future[Any]] = {}
        self._asked_at = -CHECK_S
        self._reader: Any = None

    def topics(self, names: Iterable[str]) -> dict[str, Topic]:
        """Those of these topics that there are."""
        try:
            asked = self.admin.describe_topics(TopicCollection(list(names)), request_timeout=ANSWER_S)
            return topics.described(asked)
        except KafkaException as error:
            raise Unreachable(f"{self._settings.broker} does not say which topics it has: {error}") from error

    def bounds(self, wanted: Iterable[Part]) -> dict[Part, Bounds]:
        """Where partitions begin and end now."""
        wanted = list(wanted)
        low, high = self._offsets(wanted, OffsetSpec.earliest()), self.ends(wanted)
        return {part: Bounds(low[part], high[part]) for part in wanted}

    def ends(self, wanted: Iterable[Part], beyond: Mapping[Part, int] | None = None) -> dict[Part, int]:
        """The offset after the last record of each partition. `beyond`: offsets that they hold at least.

        Only a fetch knows it: the embedded broker's ListOffsets forgets the rest of the last batch.
        """
        wanted = list(wanted)
        starts = self._offsets(wanted, OffsetSpec.latest()) if beyond is None else beyond
        if self._reader is None:
            self._reader = librdkafka.consumer(self._settings, _reader_config(self._settings), self._trouble)
        found: dict[Part, int] = {}
        deadline = time.monotonic() + ANSWER_S
        self._reader.assign([TopicPartition(*part, starts[part]) for part in wanted])
        try:
            while len(found) < len(wanted):
                for message in self._reader.consume(1_000, 0.05):
                    error = message.error()
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        found[Part(message.topic(), message.partition())] = message.offset()
                if time.monotonic() > deadline:
                    raise Unreachable(f"{self._settings.broker} does not say where its logs end. Is it still there?")
        finally:
            self._reader.unassign()
        return found

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def check(self, logs: Mapping[str, Log]) -> None:
        """Raise LogChanged when topics are no longer these logs. Looks at the last answer and asks again: no wait.

        All of them at once: so the client learns who leads which partition after a broker stood still. And not more
        often: each topic that it (2.16) describes costs a hundred bytes that it never frees.
        """
        if self._asked and all(future.done() for future in self._asked.values()):
            with contextlib.suppress(KafkaException):  # who does not answer says nothing of its topics
                if why := difference(logs, topics.described(self._asked)):
                    raise LogChanged(f"The log changed under its consumer: {why}. {ADVICE}")
            self._asked = {}
        if not self._asked and time.monotonic() - self._asked_at >= CHECK_S:
            self._asked_at = time.monotonic()
            self._asked = self.admin.describe_topics(TopicCollection(list(logs)), request_timeout=ANSWER_S)

    def _offsets(self, wanted: list[Part], spec: Any) -> dict[Part, int]:
        if not wanted:
            return {}
        found: dict[Part, int] = {}
        deadline = time.monotonic() + ANSWER_S
        while True:
            asked = {TopicPartition(*part): spec for part in wanted if part not in found}
            try:
                for answer, future in self.admin.list_offsets(asked, request_timeout=ANSWER_S).items():
                    if (offset := int(future.result().offset)) >= 0:
                        found[Part(answer.topic, answer.partition)] = offset
                if len(found) == len(wanted):
                    return found
                why = "it names no offset"  # the client gives -1001 for an answer that a stopped broker owes
            except KafkaException as error:
                why = str(error)
                if error.args[0].code() not in _SOON:
                    raise Unreachable(f"{self._settings.broker} does not say where its logs end: {why}") from error
            if time.monotonic() > deadline:
                raise Unreachable(f"{self._settings.broker} does not say where its logs end: {why}")
            time.sleep(AGAIN_S)


def _reader_config(settings: Settings) -> dict[str, Any]:
    return {
        "group.id": f"{settings.topic_prefix}.ends",  # required by the client; it never joins
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "latest",
        "fetch.wait.max.ms": 20,
        "fetch.message.max.bytes": topics.MAX_EVENT_BYTES + 65_536,
    }
