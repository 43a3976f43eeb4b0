"""The lake consumer: events into Delta tables, bad records into the dead-letter topics. Group `lake`.

Its place in the log is in the lake: each commit carries it. A record is committed when it is in the table or its
dead letter is acknowledged; then Kafka is told, as a hint.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from scv.errors import BadEvent, LakeConflict, NoRoom
from scv.events.arrival import Arrival, Reached
from scv.settings import Settings
from scv.talk import say as talk
from store.client import UNWELL
from store.flush import FlushRequests
from streams import faultpoint
from streams.dead_letters import HEADER
from streams.kafka import topics
from streams.kafka.log import Part
from streams.kafka.producer import Producer
from streams.kafka.record import Record, record_of
from streams.lake.ticker import Ticker
from streams.lake.writer import Buffer, LakeWriter
from streams.member import WAIT_S, Member
from streams.positions.epoch import set_clocks
from streams.positions.since import SEND

BATCH = 5_000
FLUSH_RECORDS = 50_000
FLUSH_S = 2.0
CHECK_S = 2.0
ASK_S = 0.1
"""How often it is looked whether somebody waits."""
RETRY_S = 5.0
"""After a full disk."""


class LakeConsumer(Member):
    """It commits at 50,000 records, after two seconds, when it is asked to (`store.flush`) and when it stops.

    Of a country on wall time it says every minute, and when it is asked to, that all is complete (`ticker`).

    While the disk is full it waits; what it had read is read again. Raises Unreachable, too, when dead letters are not
    acknowledged.
    """

    group, sends = "lake", "dead-letters"
    lag_s = 3.0  # rows first: what the lake refuses meanwhile is sent again, what rows refused would stay out of them

    def __init__(self, settings: Settings, say: Callable[[str], None] = talk) -> None:
        super().__init__(settings, say)
        self._buffers: dict[str, Buffer] = {}
        self._starts: dict[Part, int] = {}
        self._furthest: dict[Part, int] = {}
        self._checked = self._oldest = self._looked = 0.0
        self._asked = False
        self._buried = 0
        self._full_at = -RETRY_S
        self._owed: dict[tuple[str, Part], int] = {}
        self._adopted: set[str] = set()
        """New countries of which not every partition says yet from where on the lake takes them."""

    def _open(self, client: Any) -> None:
        self._writers = {topic: LakeWriter(self._lake, log) for topic, log in self._logs.items()}
        self._flushes = FlushRequests(client)
        self._ticker = Ticker(self._store, self._countries, self._ticking)

    def _ticking(self) -> Producer:
        return Producer(self._settings, client_id="cerebro-ticks", trouble=self._trouble)

    def _round(self) -> bool:
        if self._files.look():
            self._adopt()
        if self._intake.unplaced and not self._full:
            self._place()
        messages = self._intake.take(BATCH, WAIT_S)
        self.counters.batches += bool(messages)
        self._tombstones.look()
        for message in messages:
            self._keep(record_of(message, self._logs, self._countries, self._ticks, self._tombstones))
        self._ticker.tick_if_due(self._intake.placed)
        self._look_for_requests()
        if self._due():
            self._flush()
        if time.monotonic() - self._checked >= CHECK_S:
            self._checked = time.monotonic()
            self._broker.check(self._logs)
            self._note_since()
        self._beat()
        return bool(messages)

    @property
    def _full(self) -> bool:
        """Was there no room a moment ago?"""
        return time.monotonic() - self._full_at < RETRY_S

    def _stands(self) -> Mapping[Part, int]:
        return self._starts

    @property
    def _waits(self) -> bool:
        return self._full

    def _place(self) -> None:
        """Start partitions that were assigned, or dropped, where the lake stands."""
        parts = self._unplaced()
        for topic in {part.topic for part in parts}:
            self._writers[topic].reload()
        starts = {part: self._writers[part.topic].position(part) for part in parts}
        placed = self._start(starts)
        self._starts |= {part: starts[part] for part in placed}
        self._begin_ticks({part: self._writers[part.topic].tick_us(part) for part in placed})
        for code in self._countries:
            always = code not in self._adopted and self._lake.holds(code)
            self._owed = {(code, part): 0 if always else starts[part] for part in placed} | self._owed
        self._note_since()

    def _adopt(self) -> None:
        """Take countries whose files are new, from a place on before which all is committed."""
        self._flush()
        if self._ahead() or self._intake.unplaced:
            return
        with contextlib.suppress(*UNWELL):
            set_clocks(self._store, self._lake, self._files.fresh)
        codes = list(self._files.fresh)
        self._files.adopt(codes)
        self._adopted |= set(codes)
        self._owed |= {(code, part): start for code in codes for part, start in self._starts.items()}
        self._say(f"Country {', '.join(codes)} counts from now on in the lake. {SEND}")
        self._note_since()

    def _note_since(self) -> None:
        """Write down from where on countries are taken, so that rows follow; where the store is away, the next time."""
        with contextlib.suppress(*UNWELL):
            self._since.note(self._owed)
            self._owed = {}
            self._adopted = {code for code in self._adopted if self._since.of(code) is None}

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
        self._ticker.forget([part for part in self._ticks if part.topic in chosen])
        for part in [part for part in self._starts if part.topic in chosen]:
            del self._starts[part]

    def _keep(self, record: Record) -> None:
        part, offset, content = record.part, record.offset, record.content
        buffer = self._buffer(part.topic)
        if isinstance(content, Arrival):
            buffer.add(part, offset, content)
            self.counters.delivered += 1
        elif isinstance(content, Reached):
            buffer.mark(part, offset, content)
            self.counters.watermarks += 1
            if content.is_tick:
                self._ticker.heard(part)
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
        """A dead letter: the original bytes and headers, and why and where."""
        part, offset, key, value, _, came, _ = record
        said = {"reason": why.reason, "message": str(why), "topic": part.topic}
        said |= {"partition": str(part.partition), "offset": str(offset)}
        headers: list[tuple[str, bytes | None]] = [(name, text.encode()) for name, text in said.items()]
        headers += [(HEADER + name, text) for name, text in came]
        topic = topics.dead_letters(self._settings, self._logs[part.topic].family)
        self._producer.send(topic, value, key, headers=headers)
        self._notices.dead(record, why)
        self._buried += 1

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
        return full or time.monotonic() - self._oldest >= FLUSH_S or self._is_asked_for_all()

    def _look_for_requests(self) -> None:
        """Whoever asks for a commit waits for a live country to be complete, too."""
        if time.monotonic() - self._looked < ASK_S:
            return
        self._looked = time.monotonic()
        with contextlib.suppress(*UNWELL):
            if self._flushes.pending():
                self._asked = True
                self._ticker.tick(self._intake.placed)

    def _is_asked_for_all(self) -> bool:
        """Somebody waits for the lake, and there is nothing more to read, ticks included that were sent for it."""
        return self._asked and self._intake.at_end == self._intake.assigned and not self._ticker.awaited

    def _flush(self) -> None:
        """Acknowledge dead letters, then commit every family, then tell Kafka."""
        if self._is_asked_for_all():
            self._asked = False
        in_hand = sum(buffer.records for buffer in self._buffers.values())
        if self._buried:
            self._producer.flush()
            self._buried = 0
            faultpoint.reach("lake.dead-lettered", in_hand)
        for topic, ends in sorted(self._ahead().items()):
            buffer = self._buffer(topic)
            del self._buffers[topic]
            starts = {part: self._starts[part] for part in ends}
            faultpoint.reach("lake.before-commit", in_hand)
            try:
                self._writers[topic].append(buffer.table(), starts, ends, buffer.ticks)
            except LakeConflict as conflict:
                self._seldom(f"{conflict} Reading on from where the lake stands.", "conflict")
                self.counters.refused += 1
                self._drop(list(starts))
                continue
            except NoRoom as full:
                self._seldom(f"{full} Nothing is lost: paused until there is room.", "full")
                self._full_at = time.monotonic()
                self._drop(list(starts))
                continue
            faultpoint.reach("lake.committed", in_hand)
            self.counters.commits += 1
            self.counters.rows += len(buffer.rows)
            self._starts |= ends
            self._intake.commit(ends)

    def _finish(self) -> None:
        self._ticker.close()
        self._flush()

    def _idle(self) -> bool:
        """Nothing is left to read; what is in hand is committed first, and may be refused."""
        if super()._idle():
            self._flush()
        return super()._idle()
