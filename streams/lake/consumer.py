"""The lake consumer: events into Delta tables, bad records into the dead-letter topics. Group `lake`.

Its place in the log is in the lake: each commit carries it. A record is committed when it is in the table or its
dead letter is acknowledged; then Kafka is told, as a hint.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable

from scv.errors import BadEvent, LakeConflict, NoRoom, Unreachable
from scv.events import country as countries
from scv.events.arrival import Arrival
from scv.events.event import Watermark
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.talk import Seldom
from scv.talk import say as talk
from store.client import UNWELL, connect
from store.flush import FlushRequests
from store.heartbeat import Heartbeat
from streams import faultpoint
from streams.counters import Counters
from streams.kafka import librdkafka, topics
from streams.kafka.intake import Intake
from streams.kafka.log import Broker, Part, refuse_strangers
from streams.kafka.producer import Producer
from streams.kafka.record import Record, RecordReader
from streams.lake.writer import Buffer, LakeWriter
from streams.positions.epoch import open_epoch

NAME = "lake"
BATCH = 5_000
WAIT_S = 0.1
FLUSH_RECORDS = 50_000
FLUSH_S = 2.0
CHECK_S = 2.0
RETRY_S = 5.0
"""After a full disk."""
MANY_SHARE, MANY_LETTERS = 0.1, 10
"""From so large a share, and from so many on, dead letters are worth a word: a sender is broken, not a record."""


class LakeConsumer:
    """One member of the group; `run` it in a thread or a process of its own.

    It commits at 50,000 records, after two seconds, when it is asked to (`store.flush`) and when it stops. While the
    disk is full it waits; what it had read is read again.
    Raises Unreachable at the start when store or broker do not come up, or when dead letters are not acknowledged.
    """

    def __init__(
        self, settings: Settings, say: Callable[[str], None] = talk, flush_records: int = FLUSH_RECORDS
    ) -> None:
        self.counters = Counters()
        self._settings, self._say, self._flush_records = settings, say, flush_records
        self._trouble = librdkafka.Trouble(say)
        self._buffers: dict[str, Buffer] = {}
        self._starts: dict[Part, int] = {}
        self._furthest: dict[Part, int] = {}
        self._checked = self._oldest = 0.0
        self._letters: Counter[str] = Counter()
        self._full_at = -RETRY_S
        self._seldom = Seldom(say)

    def run(self, stop: threading.Event, until_idle: bool = False, once: bool = False) -> Counters:
        """Consume until `stop` is set, until nothing is left (`until_idle`), or one batch (`once`)."""
        with connect(self._settings, self._say) as client:
            lake = Lake(self._settings.lake_path)
            self._store = RowStore(client)
            self._logs = open_epoch(self._settings, self._store, lake, self._say).logs
            self._reading = RecordReader(self._logs, countries.known(self._settings.countries_path))
            self._writers = {topic: LakeWriter(lake, log) for topic, log in self._logs.items()}
            self._broker, self._flushes = Broker(self._settings, self._trouble), FlushRequests(client)
            self._heartbeat = Heartbeat(client, NAME)
            self._producer = Producer(self._settings, client_id="cerebro-dead-letters", trouble=self._trouble)
            self._intake = Intake(self._settings, NAME, self._logs, self._drop, self._say, self._trouble)
            try:
                while not stop.is_set():
                    worked = self._round()
                    if (once and worked) or (until_idle and self._idle()):
                        break
                self._flush()
            finally:
                self._intake.close()
                self._producer.abandon()
                self._broker.close()
                self._heartbeat.stop()
        return self.counters

    def _round(self) -> bool:
        self._place()
        messages = self._intake.take(BATCH, WAIT_S)
        if messages:
            self.counters.batches += 1
        for message in messages:
            self._keep(self._reading.read(message))
        if self._due():
            self._flush()
        if time.monotonic() - self._checked >= CHECK_S:
            self._checked = time.monotonic()
            self._broker.check(self._logs)
        self._heartbeat.beat(**self.counters.facts(), **self._intake.facts())
        return bool(messages)

    def _place(self) -> None:
        """Start partitions that were assigned, or dropped, where the lake stands."""
        if not self._intake.unplaced:
            return
        if time.monotonic() - self._full_at < RETRY_S:
            return
        parts = sorted(self._intake.unplaced)
        refuse_strangers(parts, self._logs)
        try:
            bounds = self._broker.bounds(parts)
        except Unreachable:
            self._trouble(self._settings.broker, "it does not say where its logs end")
            return
        for topic in {part.topic for part in parts}:
            self._writers[topic].reload()
        starts = {part: self._writers[part.topic].position(part) for part in parts}
        lost = self._intake.place(starts, bounds)
        for part, count in lost.items():
            self.counters.lost += count
            with contextlib.suppress(*UNWELL):  # it is said and counted; the online consumer keeps it as well
                self._store.note_lost(*part, count)
        for part in self._intake.placed & set(parts):
            self._starts[part] = starts[part]
            self.counters.placed += 1

    def _drop(self, parts: list[Part]) -> None:
        """Another member has these partitions, or they are placed again: what is in no commit is read again.

        A buffer mixes the partitions of its family: the family's others start over too.
        """
        chosen = {part.topic for part in parts}
        for topic in chosen:
            self._buffers.pop(topic, None)
        self._intake.unplace([part for part in self._intake.placed if part.topic in chosen])
        for part in [part for part in self._starts if part.topic in chosen]:
            del self._starts[part]

    def _keep(self, record: Record) -> None:
        part, offset, _, _, content = record
        buffer = self._buffer(part.topic)
        if isinstance(content, Arrival):
            buffer.add(part, offset, content)
            self.counters.delivered += 1
        elif isinstance(content, Watermark):
            buffer.mark(part, offset, content)
            self.counters.watermarks += 1
        else:
            self._bury(record, content)
        buffer.records += 1
        if offset < self._furthest.get(part, 0):
            self.counters.re_read += 1
        else:
            self._furthest[part] = offset + 1

    def _buffer(self, topic: str) -> Buffer:
        if topic not in self._buffers:
            log = self._logs[topic]
            self._buffers[topic] = Buffer(log.family, log.epoch)
        return self._buffers[topic]

    def _bury(self, record: Record, why: BadEvent) -> None:
        """A dead letter: the original bytes, and why and where."""
        part, offset, key, value, _ = record
        headers = [("reason", why.reason), ("message", str(why)), ("topic", part.topic)]
        headers += [("partition", str(part.partition)), ("offset", str(offset))]
        topic = topics.dead_letters(self._settings, self._logs[part.topic].family)
        self._producer.send(topic, value, key, headers=[(name, text.encode()) for name, text in headers])
        self.counters.dead[why.reason] += 1
        self._letters[why.reason] += 1

    def _say_if_many(self, letters: Counter[str], records: int) -> None:
        count, of = letters.total(), max(letters.total(), records)
        if count >= max(MANY_LETTERS, MANY_SHARE * of):
            reasons = ", ".join(f"{reason} {number:,}" for reason, number in letters.most_common())
            kept = topics.dead_letters(self._settings, "FAMILY")
            self._seldom(
                f"{count:,} of {of:,} records are dead letters ({reasons}). They are kept in {kept}.", "letters"
            )

    def _ahead(self) -> dict[str, dict[Part, int]]:
        """By topic: the partitions that were read on since the last commit, by record or without, and to where."""
        ahead: dict[str, dict[Part, int]] = {}
        for part, offset in self._intake.next.items():
            if offset != self._starts[part]:
                ahead.setdefault(part.topic, {})[part] = offset
        return ahead

    def _due(self) -> bool:
        if not self._ahead():
            self._oldest = time.monotonic()
            return False
        full = sum(buffer.records for buffer in self._buffers.values()) >= self._flush_records
        return full or time.monotonic() - self._oldest >= FLUSH_S or self._asked()

    def _asked(self) -> bool:
        """Somebody waits for the lake, and there is nothing more to read."""
        try:
            return self._intake.at_end == self._intake.assigned and self._flushes.pending()
        except UNWELL:
            return False

    def _flush(self) -> None:
        """Acknowledge dead letters, then commit every family, then tell Kafka."""
        in_hand = sum(buffer.records for buffer in self._buffers.values())
        if self._letters:
            self._producer.flush()
            self._say_if_many(self._letters, in_hand)
            self._letters = Counter()
            faultpoint.reach("lake.dead-lettered", in_hand)
        for topic, ends in sorted(self._ahead().items()):
            buffer = self._buffer(topic)
            del self._buffers[topic]
            starts = {part: self._starts[part] for part in ends}
            faultpoint.reach("lake.before-commit", in_hand)
            try:
                self._writers[topic].append(buffer.table(), starts, ends)
            except LakeConflict as conflict:
                self._say(f"{conflict} Reading on from where the lake stands.")
                self.counters.refused += 1
                self._drop(list(starts))
                continue
            except NoRoom as full:
                self._seldom(f"{full} Nothing is lost: paused until there is room.")
                self._full_at = time.monotonic()
                self._drop(list(starts))
                continue
            faultpoint.reach("lake.committed", in_hand)
            self.counters.commits += 1
            self.counters.rows += len(buffer.columns["kind"])
            self._starts |= ends
            self._intake.commit(ends)

    def _idle(self) -> bool:
        """Nothing is left to read; what is in hand is committed first, and may be refused."""
        assigned = self._intake.assigned
        if not assigned or self._intake.at_end != assigned:
            return False
        self._flush()
        return self._intake.at_end == self._intake.assigned
