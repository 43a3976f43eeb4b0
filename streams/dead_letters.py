"""The dead letters: what the lake consumer refused and kept. One reader for whoever counts, shows or sends them.

Beside letters their topics hold notes that say which were sent again (`streams.resend`). A note lies in the partition
of its letters: one reading of a partition in order knows both, and no note is forgotten before its letters are.
"""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from scv.errors import Unreachable
from scv.events.calendar import from_us
from scv.events.event import FAMILIES
from scv.settings import Settings
from streams.kafka import librdkafka, topics
from streams.kafka.log import ANSWER_S, Broker, Part

SENT = "sent"
"""The header of a note; its value lists the offsets of letters that were sent again, as JSON."""
AGAIN = "dead-letter"
"""The header of a record that was a letter before: where that letter lies."""
HEADER = "header."
"""Before the names of the headers that the refused record came with."""

Numbers = np.ndarray[Any, Any]
Report = Callable[[int, int], None]
"""Told how many records of how many are read."""


class Spot(NamedTuple):
    """Where the refused record lay."""

    topic: str
    partition: int
    offset: int


class Letter(NamedTuple):
    """A record that was refused, as it came; `at` is when it was kept.

    `before`: where the letter lies that it was sent again from; '' for a record that comes from its sender.
    """

    family: str
    part: Part
    offset: int
    at: datetime
    reason: str
    message: str
    origin: Spot
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    before: str


class Choice(NamedTuple):
    """Which letters: of these families and reasons (none: of all), kept in `[since, until)`."""

    families: Collection[str] = ()
    reasons: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None


ALL = Choice()


class Pile(NamedTuple):
    """The letters of one family and reason: how many wait, how many were sent again, and of those that wait the
    instants of the oldest and the newest (None: none waits). `words`: what was wrong with the last one.
    """

    family: str
    reason: str
    waiting: int
    sent: int
    oldest: datetime | None
    newest: datetime | None
    words: str


def words(reason: str, message: str) -> str:
    """What was wrong, without what the sender wrote, in which anything may stand.

    >>> words("wrong type", "'ann@x.org' is none of email, phone - at `$.channel`")
    "'…' is none of email, phone - at `$.channel`"
    """
    return re.sub("'.*'", "'…'", message, flags=re.DOTALL) if reason == "wrong type" else message


class _Shelf:
    """One partition, letter by letter in order of offsets, without their bytes."""

    def __init__(self) -> None:
        self.next = 0
        self.offsets, self.at_ms, self.reasons, self.sent = array("q"), array("q"), array("H"), array("q")

    def forget(self, low: int) -> None:
        """The broker holds nothing before this offset any more."""
        gone = int(np.searchsorted(np.array(self.offsets), low))
        for column in (self.offsets, self.at_ms, self.reasons):
            del column[:gone]
        self.sent = array("q", [offset for offset in self.sent if offset >= low]) if gone else self.sent
        self.next = max(self.next, low)


class DeadLetters:
    """All dead letters as they stood when `read_on` was called last. Not safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._families = {topics.dead_letters(settings, family): family for family in FAMILIES}
        self._shelves: dict[Part, _Shelf] = {}
        self._reasons: list[str] = []
        self._last: dict[tuple[str, str], str] = {}

    def read_on(self, report: Report = lambda done, total: None) -> None:
        """Take in what came since the last call; the first call reads all. Raises Unreachable."""
        broker = Broker(self._settings)
        try:
            bounds = broker.bounds(self._parts())
        finally:
            broker.close()
        for part, (low, high) in bounds.items():
            if part not in self._shelves or high < self._shelves[part].next:  # a topic that was created anew
                self._shelves[part] = _Shelf()
            self._shelves[part].forget(low)
        ahead = {part: (self._shelves[part].next, high) for part, (_, high) in bounds.items()}
        for message in self._records(ahead, report):
            self._shelve(message)
        for part, (_, high) in bounds.items():
            self._shelves[part].next = max(self._shelves[part].next, high)

    def piles(self, choice: Choice = ALL) -> list[Pile]:
        """By family and reason, the families in our order, the most letters first."""
        grouped = dict[tuple[str, str], list[tuple[Numbers, Numbers]]]()
        for part, shelf in self._shelves.items():
            chosen, waits = self._masks(part, shelf, choice)
            at_ms, reasons = np.array(shelf.at_ms), np.array(shelf.reasons)
            for number in np.unique(reasons[chosen]):
                mine = chosen & (reasons == number)
                key = self._families[part.topic], self._reasons[number]
                grouped.setdefault(key, []).append((at_ms[mine & waits], at_ms[mine & ~waits]))
        order = list(FAMILIES)
        found = [self._pile(*key, pieces) for key, pieces in grouped.items()]
        return sorted(found, key=lambda one: (order.index(one.family), -one.waiting, one.reason))

    def _pile(self, family: str, reason: str, pieces: Sequence[tuple[Numbers, Numbers]]) -> Pile:
        """Of the instants (ms) of those that wait and of those that were sent again, by partition."""
        waiting = np.concatenate([one for one, _ in pieces])
        sent = sum(len(one) for _, one in pieces)
        oldest, newest = (_instant(int(end(waiting))) if len(waiting) else None for end in (np.min, np.max))
        return Pile(family, reason, len(waiting), sent, oldest, newest, self._last[family, reason])

    def waiting(self, choice: Choice = ALL, newest: int | None = None) -> dict[Part, list[int]]:
        """By partition the offsets of letters that wait; only so many of the newest ones, if a number is given."""
        found: list[tuple[int, Part, int]] = []
        for part, shelf in sorted(self._shelves.items()):
            chosen, waits = self._masks(part, shelf, choice)
            mask = chosen & waits
            times, offsets = np.array(shelf.at_ms)[mask], np.array(shelf.offsets)[mask]
            keep = slice(None) if newest is None else slice(max(len(offsets) - newest, 0), None)
            found += [(int(at), part, int(offset)) for at, offset in zip(times[keep], offsets[keep], strict=True)]
        if newest is not None:
            found = sorted(found)[max(len(found) - newest, 0) :]
        picked: dict[Part, list[int]] = {}
        for _, part, offset in found:
            picked.setdefault(part, []).append(offset)
        return picked

    def letters(
        self, picked: Mapping[Part, Sequence[int]], report: Report = lambda done, total: None
    ) -> Iterator[Letter]:
        """These letters with their bytes, in order within each partition. Raises Unreachable."""
        asked = {part: frozenset(offsets) for part, offsets in picked.items() if offsets}
        ahead = {part: (min(offsets), max(offsets) + 1) for part, offsets in asked.items()}
        for message in self._records(ahead, report):
            part = Part(message.topic() or "", message.partition() or 0)
            if message.offset() in asked[part]:
                yield self._letter(part, message)

    def _parts(self) -> list[Part]:
        """The partitions of the dead-letter topics that there are."""
        try:
            known = librdkafka.admin(self._settings).list_topics(timeout=ANSWER_S).topics
        except KafkaException as error:
            raise topics.unreachable(self._settings, error) from error
        return [Part(name, number) for name in self._families if name in known for number in known[name].partitions]

    def _shelve(self, message: Message) -> None:
        part, headers = Part(message.topic() or "", message.partition() or 0), dict(message.headers() or [])
        shelf = self._shelves[part]
        if SENT in headers:
            shelf.sent.extend(msgspec.json.decode(message.value() or b"[]", type=list[int]))
            return
        reason = _text(headers.get("reason")) or "unknown"
        if reason not in self._reasons:
            self._reasons.append(reason)
        shelf.offsets.append(message.offset() or 0)
        shelf.at_ms.append(message.timestamp()[1])
        shelf.reasons.append(self._reasons.index(reason))
        self._last[self._families[part.topic], reason] = words(reason, _text(headers.get("message")))

    def _masks(self, part: Part, shelf: _Shelf, choice: Choice) -> tuple[Numbers, Numbers]:
        """Which letters of a partition are chosen, and which of all were not sent again."""
        at_ms, offsets = np.array(shelf.at_ms), np.array(shelf.offsets)
        mine = not choice.families or self._families[part.topic] in choice.families
        chosen = np.full(len(offsets), mine)
        if choice.reasons:
            numbers = [number for number, reason in enumerate(self._reasons) if reason in choice.reasons]
            chosen &= np.isin(np.array(shelf.reasons), numbers)
        if choice.since is not None:
            chosen &= at_ms >= choice.since.timestamp() * 1000
        if choice.until is not None:
            chosen &= at_ms < choice.until.timestamp() * 1000
        return chosen, ~np.isin(offsets, np.array(shelf.sent))

    def _letter(self, part: Part, message: Message) -> Letter:
        pairs: list[tuple[str, Any]] = list(message.headers() or [])
        said = {name: _text(value) for name, value in pairs if not name.startswith(HEADER)}
        came = [(name.removeprefix(HEADER), value) for name, value in pairs if name.startswith(HEADER)]
        return Letter(
            family=self._families[part.topic],
            part=part,
            offset=message.offset() or 0,
            at=_instant(message.timestamp()[1]),
            reason=said.get("reason", "unknown"),
            message=said.get("message", ""),
            origin=Spot(said.get("topic", ""), int(said.get("partition", -1)), int(said.get("offset", -1))),
            key=message.key(),
            value=message.value(),
            headers=[one for one in came if one[0] != AGAIN],
            before=_text(dict(came).get(AGAIN)),
        )

    def _records(self, ahead: Mapping[Part, tuple[int, int]], report: Report) -> Iterator[Message]:
        """What lies between these offsets of each partition. Raises Unreachable."""
        left = {part: bounds for part, bounds in ahead.items() if bounds[0] < bounds[1]}
        if not left:
            return
        total, done = sum(end - start for start, end in left.values()), 0
        consumer = librdkafka.consumer(self._settings, _config(self._settings))
        heard = time.monotonic()
        try:
            consumer.assign([TopicPartition(*part, start) for part, (start, _) in left.items()])
            while left:
                messages = consumer.consume(1_000, 0.1)
                for message in messages:
                    part, error = Part(message.topic() or "", message.partition() or 0), message.error()
                    if part not in left or (error is not None and error.code() != KafkaError._PARTITION_EOF):
                        continue
                    if error is None and (message.offset() or 0) < left[part][1]:
                        done += 1
                        yield message
                    if error is not None or (message.offset() or 0) + 1 >= left[part][1]:
                        del left[part]
                report(done, total)
                heard = time.monotonic() if messages else heard
                if time.monotonic() - heard > ANSWER_S:
                    raise Unreachable(f"{self._settings.broker} stopped giving dead letters. Is it still there?")
        finally:
            consumer.close()


def _config(settings: Settings) -> dict[str, Any]:
    return {
        "group.id": f"{settings.topic_prefix}.dead-letters",  # required by the client; it never joins
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",  # what was deleted meanwhile is no letter any more
        "fetch.wait.max.ms": 20,
        "fetch.message.max.bytes": topics.MAX_DEAD_LETTER_BYTES + 65_536,
    }


def _instant(ms: int) -> datetime:
    return from_us(max(ms, 0) * 1000).astimezone(UTC)


def _text(value: Any) -> str:
    return bytes(value or b"").decode(errors="replace")
