"""A world through Kafka, in the order of sending: slices of the spooled chunks, each replayed and acknowledged.

A slice ends at a full hour with a watermark on every partition; what stands behind it is safe, so that a sender that
was stopped goes on there. The last slice ends with the world: its watermarks are a barrier.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from proof.world.folder import Folder, Made, Sent, Step
from proof.world.lateness import HOUR_US
from proof.world.parts import RECORDS
from proof.world.sink_files import Report
from proof.world.spool import Spool
from proof.world.world import World
from scv.errors import LogChanged, Unreachable
from scv.events import calendar, event
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.log import Broker, Part
from streams.replay.sender import replay

SLICE = 100_000
"""Records of a slice (but never less than an hour): as many as a sender may lose and send again."""
SLICES = 200
"""No more than so many: each looks into the part of every chunk."""
_PAUSE_S = 0.3
_SLICE_S = 10
"""Seconds of a slice, where rate or speed make it longer than its records do."""

Say = Callable[[str], None]


class Pace(NamedTuple):
    """How fast: `rate` in events per second, or `speed` in event seconds per second; neither: as fast as it goes."""

    rate: float | None = None
    speed: float | None = None


class KafkaSink:
    """Sends once all chunks are spooled. Raises Unreachable when the broker is gone, LogChanged when it is another."""

    form = RECORDS
    partitions = 0

    def __init__(self, folder: Folder, worlds: Sequence[World], settings: Settings, pace: Pace, say: Say) -> None:
        self._folder, self._settings, self._pace, self._say = folder, settings, pace, say
        self._end_us = max(world.end_us for world in worlds)
        self._sent: Sent | None = None
        self._total = 0

    def open(self, steps: Sequence[Step]) -> None:
        """A broker must answer before anything is made."""
        topics.wait(self._settings)
        self._sent = next((step for step in reversed(steps) if isinstance(step, Sent)), None)

    def has(self, made: Made) -> bool:
        return self._folder.spool(made.country, made.chunk, RECORDS).is_file()

    def take(self, made: Made) -> None:
        pass

    def close(self, report: Report) -> None:
        sending = _Sending(self._pace, self._settings, lambda done: report("Sending", done, self._total))
        with Spool(self._folder.spool(), self._settings, sending) as spool:
            slices = _slices(spool.hours(), self._end_us, self._pace)
            if not slices:  # nobody came in so few weeks
                return
            self._total = sum(one.records for one in slices)
            stands = self._standing(slices[0].since_us)
            sending.begin(stands.events)
            for one in slices:
                if one.until_us > stands.until_us:
                    stands = self._send(spool, one, stands, sending)
        shutil.rmtree(self._folder.spool())

    def reached(self) -> str:
        if self._sent is None or not self._total:
            return ""
        at = calendar.from_us(self._sent.until_us).isoformat()
        return f"{self._sent.events:,} of {self._total:,} records are acknowledged: everything before {at}."

    def _send(self, spool: Spool, one: Slice, before: Sent, sending: _Sending) -> Sent:
        one = one._replace(since_us=max(one.since_us, before.until_us))
        since, until = calendar.from_us(one.since_us), calendar.from_us(one.until_us)
        summary = replay(spool, self._settings, since, until, sending.speed(one), show=False)
        self._same_log(before)
        ends = {topic: list(found) for topic, found in before.ends.items()}
        for (topic, partition), end in summary.ends.items():
            ends[topic][partition] = end
        events = before.events + summary.total
        return self._note(Sent(until_us=one.until_us, events=events, ends=ends, topics=before.topics))

    def _standing(self, first_us: int) -> Sent:
        """Where the last sender stood in this log; at the start in another one."""
        found = topics.ensure(self._settings)
        names = [topics.events(self._settings, family) for family in event.FAMILIES]
        ids = {name: found[name].id for name in names}
        parts = [Part(name, number) for name in names for number in range(found[name].partitions)]
        if self._sent is not None and self._sent.topics == ids:
            known = {Part(name, n): end for name, ends in self._sent.ends.items() for n, end in enumerate(ends)}
            self._tell_again(sum(self._ends(parts, known).values()) - sum(known.values()))
            return self._sent
        if self._sent is not None:
            self._say(
                "The broker's topics are not those that were sent to: everything is sent again. "
                "What the lake holds of it does not count twice."
            )
        now = self._ends(parts)
        ends = {name: [now[Part(name, n)] for n in range(found[name].partitions)] for name in names}
        return self._note(Sent(until_us=first_us, events=0, ends=ends, topics=ids))

    def _ends(self, parts: Sequence[Part], known: Mapping[Part, int] | None = None) -> dict[Part, int]:
        """Where the partitions end. Topics that were just created, or a broker that just came back, need a moment."""
        deadline, broker = time.monotonic() + self._settings.wait_s, Broker(self._settings)
        try:
            while True:
                try:
                    return broker.ends(parts, beyond=known)
                except Unreachable:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_PAUSE_S)
        finally:
            broker.close()

    def _tell_again(self, repeats: int) -> None:
        if repeats:
            self._say(
                f"{repeats:,} records (watermarks among them) were taken after the last whole slice and are sent "
                "again: admission drops what it has."
            )

    def _same_log(self, before: Sent) -> None:
        found = topics.describe(self._settings, before.topics)
        if {name: one.id for name, one in found.items()} != before.topics:
            raise LogChanged(f"The topics of {self._settings.broker} were created anew while we sent.")

    def _note(self, sent: Sent) -> Sent:
        self._folder.note(sent)
        self._sent = sent
        return sent


class Slice(NamedTuple):
    """What is sent in `[since_us, until_us)`."""

    since_us: int
    until_us: int
    records: int


def _slices(hours: Sequence[tuple[int, int]], end_us: int, pace: Pace) -> list[Slice]:
    """Whole hours together, as many as make a slice; the last one ends at `end_us`."""
    most = max(SLICE, sum(count for _, count in hours) / SLICES)
    most = min(most, pace.rate * _SLICE_S) if pace.rate else most
    longest = pace.speed * _SLICE_S * 1_000_000 if pace.speed else float("inf")
    found: list[Slice] = []
    for hour, count in hours:
        since, until = hour * HOUR_US, min((hour + 1) * HOUR_US, end_us)
        last = found[-1] if found else None
        if last and last.records + count <= most and until - last.since_us <= longest:
            found[-1] = Slice(last.since_us, until, last.records + count)
        else:
            found.append(Slice(last.until_us if last else since, until, count))
    return [*found[:-1], *(one._replace(until_us=end_us) for one in found[-1:])]


class _Sending:
    """Keeps the pace over all slices, and tells how far they are."""

    def __init__(self, pace: Pace, settings: Settings, tell: Callable[[int], None]) -> None:
        self._pace, self._settings, self._tell = pace, settings, tell
        self._begun = time.monotonic()
        self._from: int | None = None
        self._sent = self._before = 0

    def begin(self, before: int) -> None:
        """Time runs from now; so many records were sent before."""
        self._begun, self._before = time.monotonic(), before

    def wait(self, records: int) -> None:
        if self._pace.rate:
            time.sleep(max(0.0, self._begun + self._sent / self._pace.rate - time.monotonic()))
        self._sent += records
        self._tell(self._before + self._sent)

    def over(self) -> None:
        """Before anyone waits for acknowledgements: a producer gives a broker that is gone minutes to come back."""
        topics.wait(self._settings)

    def speed(self, one: Slice) -> float | None:
        """The speed that brings a slice to its end when the whole world should be there."""
        if not self._pace.speed:
            return None
        if self._from is None:
            self._from, self._begun = one.since_us, time.monotonic()
        turn = self._begun + (one.until_us - self._from) / 1e6 / self._pace.speed
        return (one.until_us - one.since_us) / 1e6 / max(turn - time.monotonic(), 1e-3)
