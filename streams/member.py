"""A member of a consumer group: its life from the opening of the log to its last beat, which both consumers share.

What a round of it is, and where its place in the log is kept, says the consumer: `streams.online`, `streams.lake`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from scv.errors import Unreachable
from scv.events import country as countries
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.talk import say as talk
from store.client import connect
from store.heartbeat import Heartbeat
from streams.counters import Counters
from streams.kafka import librdkafka
from streams.kafka.intake import Intake
from streams.kafka.log import Broker, Part, refuse_strangers
from streams.kafka.producer import Producer
from streams.positions.epoch import open_epoch

WAIT_S = 0.1


class Member:
    """`run` it in a thread or a process of its own.

    Raises Unreachable at the start when store or broker do not come up, and LogChanged.
    """

    group: ClassVar[str]
    sends: ClassVar[str]
    """What it writes back to the broker; the name of its producer."""

    def __init__(self, settings: Settings, say: Callable[[str], None] = talk) -> None:
        self.counters = Counters()
        self._settings, self._say = settings, say
        self._trouble = librdkafka.Trouble(say)
        self._countries = countries.known(settings.countries_path)

    def run(self, stop: threading.Event, until_idle: bool = False, once: bool = False) -> Counters:
        """Consume until `stop` is set, until nothing is left (`until_idle`), or one batch (`once`)."""
        with connect(self._settings, self._say) as client:
            self._store, self._lake = RowStore(client), Lake(self._settings.lake_path)
            self._logs = open_epoch(self._settings, self._store, self._lake, self._say)
            self._broker = Broker(self._settings, self._trouble)
            self._heartbeat = Heartbeat(client, self.group)
            self._producer = self._sending()
            self._open(client)
            self._intake = Intake(self._settings, self.group, self._logs, self._drop, self._say, self._trouble)
            try:
                while not stop.is_set():
                    worked = self._round()
                    if (once and worked) or (until_idle and self._idle()):
                        break
                self._finish()
            finally:
                self._intake.close()
                self._producer.abandon()
                del self._producer  # or librdkafka's threads go on looking for a broker that is gone
                self._broker.close()
                self._heartbeat.stop()
        return self.counters

    def _open(self, client: Any) -> None:
        """What the consumer makes of store and logs before its first record."""

    def _round(self) -> bool:
        """Take a batch and work on it; was there one?"""
        raise NotImplementedError

    def _drop(self, parts: list[Part]) -> None:
        """Another member has these partitions from now on."""
        raise NotImplementedError

    def _finish(self) -> None:
        """What is in hand when it is to stop."""

    def _idle(self) -> bool:
        """Nothing is left: every partition assigned stands at its end."""
        assigned = self._intake.assigned
        return bool(assigned) and self._intake.at_end == assigned

    def _unplaced(self) -> list[Part]:
        """Partitions that were assigned, or dropped. Raises LogChanged for one that these logs do not have."""
        parts = sorted(self._intake.unplaced)
        refuse_strangers(parts, self._logs)
        return parts

    def _start(self, starts: Mapping[Part, int]) -> set[Part]:
        """Take records from these offsets on; of which partitions they come now."""
        try:
            bounds = self._broker.bounds(starts)
        except Unreachable:
            self._trouble(self._settings.broker, "it does not say where its logs end")
            return set()
        for part, count in self._intake.place(starts, bounds).items():
            self.counters.lost += count
            self._note_lost(part, count)
        placed = self._intake.placed & starts.keys()
        self.counters.placed += len(placed)
        return placed

    def _note_lost(self, part: Part, count: int) -> None:
        self._store.note_lost(*part, count)

    def _sending(self) -> Producer:
        return Producer(self._settings, client_id=f"cerebro-{self.sends}", trouble=self._trouble)

    def _beat(self) -> None:
        self._heartbeat.beat(**self.counters.facts(), **self._intake.facts())
