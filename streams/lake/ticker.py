"""Ticks: what the lake consumer says on its own partitions, so that a live country is known to be complete.

A tick is a watermark that names no instant: its place in the log is what it says. All that lies before it was sent
before; nothing live behind it counts as seen before (`streams.kafka.record`). So nobody compares two clocks, and under
lag the lake is complete to a tick when it holds it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from scv.errors import CerebroError
from scv.events import event
from scv.online.rowstore import RowStore
from store.client import UNWELL
from streams.kafka.log import Part
from streams.kafka.producer import Producer

EVERY_S = 60.0
"""Whoever waits asks for one at once; each makes a commit of every family, for ever, also at night."""


class Ticker:
    """Ticks of the countries that live on wall time and have begun; `awaited` counts those not yet read, by partition.

    A tick that the broker does not take is no loss: another one follows.
    """

    def __init__(self, store: RowStore, countries: Collection[str], sending: Callable[[], Producer]) -> None:
        self.awaited: Counter[Part] = Counter()
        self._store, self._countries, self._sending = store, countries, sending
        self._producer: Producer | None = None
        self._due = time.monotonic() + EVERY_S

    def tick_if_due(self, parts: Iterable[Part]) -> None:
        if time.monotonic() >= self._due:
            self.tick(parts)

    def tick(self, parts: Iterable[Part]) -> None:
        """Send a tick of every living country to each of these partitions."""
        self._due = time.monotonic() + EVERY_S
        if not (codes := self._living()):
            return
        ticks = [event.Watermark(country=code) for code in codes]
        try:
            producer = self._producer = self._producer or self._sending()
            for part in parts:
                for tick in ticks:
                    producer.send(part.topic, event.encode(tick), event.key_of(tick), part.partition)
                    self.awaited[part] += 1
            producer.poll()
        except CerebroError:
            self.close()

    def heard(self, part: Part) -> None:
        """A tick was read, of whichever member."""
        self.awaited -= Counter({part: 1})

    def forget(self, parts: Iterable[Part]) -> None:
        """These partitions are read by others now, or again."""
        for part in parts:
            self.awaited.pop(part, None)

    def close(self) -> None:
        """Drop what is not acknowledged."""
        self.awaited.clear()
        if self._producer is not None:
            self._producer.abandon()
            self._producer = None

    def _living(self) -> list[str]:
        """A country that has no event yet may be waiting for its history: nobody says that it is complete."""
        try:
            clocks = self._store.clocks(list(self._countries))
        except UNWELL:
            return []
        return [code for code, clock in clocks.items() if clock.mode == "wall" and clock.front_us is not None]
