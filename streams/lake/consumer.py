"""The lake consumer: events into Delta tables, bad records into the dead-letter topics. Group `lake`.

Its place in the log is in the lake: each commit carries it. A record is committed when it is in the table or its
dead letter is acknowledged; then Kafka is told, as a hint.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from scv.errors import BadEvent, LakeConflict, NoRoom
from scv.events.arrival import Arrival
from scv.events.event import Watermark
from scv.settings import Settings
from scv.talk import Seldom
from scv.talk import say as talk
from store.client import UNWELL
from store.flush import FlushRequests
from streams import faultpoint
from streams.kafka import topics
from streams.kafka.log import Part
from streams.kafka.record import Record, record_of
from streams.lake.writer import Buffer, LakeWriter
from streams.member import WAIT_S, Member

BATCH = 5_000
FLUSH_RECORDS = 50_000
FLUSH_S = 2.0
CHECK_S = 2.0
RETRY_S = 5.0
"""After a full disk."""
MANY_SHARE, MANY_LETTERS = 0.1, 10
"""From so large a share, and from so many on, dead letters are worth a word: a sender is broken, not a record."""


class LakeConsumer(Member):
    """It commits at 50,000 records, after two seconds, when it is asked to (`store.flush`) and when it stops.

    While the disk is full it waits; what it had read is read again. Raises Unreachable, too, when dead letters are not
    acknowledged.
    """

    group, sends = "lake", "dead-letters"

    def __init__(self, settings: Settings, say: Callable[[str], None] = talk) -> None:
        super().__init__(settings, say)
        self._buffers: dict[str, Buffer] = {}
        self._starts: dict[Part, int] = {}
        self._furthest: dict[Part, int] = {}
        self._checked = self._oldest = 0.0
        self._letters: Counter[str] = Counter()
        self._full_at = -RETRY_S
        self._seldom = Seldom(say)

    def _open(self, client: Any) -> None:
        self._writers = {topic: LakeWriter(self._lake, log) for topic, log in self._logs.items()}
        self._flushes = FlushRequests(client)

    def _round(self) -> bool:
        if self._intake.unplaced and time.monotonic() - self._full_at >= RETRY_S:
            self._place()
        messages = self._intake.take(BATCH, WAIT_S)
        self.counters.batches += bool(messages)
        for message in messages:
            self._keep(record_of(message, self._logs, self._countries))
        if self._due():
            self._flush()
        if time.monotonic() - self._checked >= CHECK_S:
            self._checked = time.monotonic()
            self._broker.check(self._logs)
        self._beat()
        return bool(messages)

    def _place(self) -> None:
        """Start partitions that were assigned, or dropped, where the lake stands."""
        parts = self._unplaced()
        for topic in {part.topic for part in parts}:
            self._writers[topic].reload()
        starts = {part: self._writers[part.topic].position(part) for part in parts}
        for part in self._start(starts):
            self._starts[part] = starts[part]

    def _note_lost(self, part: Part, count: int) -> None:
        with contextlib.suppress(*UNWELL):  # it is said and counted; the online consumer keeps it as well
            super()._note_lost(part, count)

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
        full = sum(buffer.records for buffer in self._buffers.values()) >= FLUSH_RECORDS
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
            self.counters.rows += len(buffer.rows)
            self._starts |= ends
            self._intake.commit(ends)

    _finish = _flush

    def _idle(self) -> bool:
        """Nothing is left to read; what is in hand is committed first, and may be refused."""
        if super()._idle():
            self._flush()
        return super()._idle()
