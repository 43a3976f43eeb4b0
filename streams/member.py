"""A member of a consumer group: its life from the opening of the log to its last beat, which both consumers share.

What a round of it is, and where its place in the log is kept, says the consumer: `streams.online`, `streams.lake`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from scv.errors import Stopped, Stuck, Unreachable
from scv.offline.lake import Lake
from scv.offline.tombstones import Tombstones
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.talk import Seldom
from scv.talk import say as talk
from store.client import UNWELL, connect
from store.heartbeat import STILL_S, Heartbeat
from store.lock import held
from streams.counters import Counters
from streams.country_files import CountryFiles
from streams.kafka import librdkafka, topics
from streams.kafka.intake import Intake
from streams.kafka.log import Broker, Part, parts, refuse_strangers
from streams.kafka.producer import Producer
from streams.kafka.question import Question
from streams.notices import Notices
from streams.poison import Poison
from streams.positions.epoch import open_epoch
from streams.positions.since import Since
from streams.progress import Progress
from streams.samples import of_counters
from telemetry.sample import Durations, Sample

WAIT_S = 0.1
FORMING_S = 3.0
"""Beside two sessions, what a group takes at most to give out its partitions."""


class Member:
    """`run` it in a thread or a process of its own.

    Raises Unreachable at the start when store or broker do not come up, LogChanged, and Stuck.
    """

    group: ClassVar[Literal["online", "lake"]]
    sends: ClassVar[str]
    """What it writes back to the broker; the name of its producer."""
    lag_s: ClassVar[float] = 0.0
    """So long after it sees a country's file edited it goes by it."""

    def __init__(self, settings: Settings, say: Callable[[str], None] = talk) -> None:
        self.counters = Counters()
        self.batch_seconds = Durations()
        self._settings, self._say = settings, say
        self._trouble, self._seldom = librdkafka.Trouble(say), Seldom(say)
        self._notices, self._poison = Notices(say, self.counters), Poison(say)
        self._files = CountryFiles(settings.countries_path, say, self.lag_s)
        self._countries = self._files.known
        self._tombstones = Tombstones(settings.lake_path)
        self._unheld = False
        self._ticks: dict[Part, int] = {}
        """The newest tick of each partition that is ours, as of what was read (us)."""

    def run(self, stop: threading.Event, until_idle: bool = False, once: bool = False) -> Counters:
        """Consume until `stop` is set, until nothing is left (`until_idle`), or one batch (`once`)."""

        def alive() -> None:
            if stop.is_set():
                raise Stopped("asked to end while it waited to begin")

        with contextlib.suppress(Stopped), connect(self._settings, self._say, alive) as client:
            topics.wait(self._settings, self._say, alive)
            self._store, self._lake = RowStore(client), Lake(self._settings.lake_path)
            self._logs = open_epoch(self._settings, self._store, self._lake, self._say, alive=alive)
            self._broker = Broker(self._settings, self._trouble)
            self._since = Since(client, self._logs)
            self._heartbeat = Heartbeat(client, self.group)
            self._producer = self._sending()
            self._open(client)
            self._intake = Intake(self._settings, self.group, self._logs, self._drop, self._say, self._trouble)
            self._question = Question(self._broker.admin, self._intake.group)
            session_s = self._settings.session_ms / 1000
            self._progress = Progress(max(STILL_S, session_s), forming_s=2 * session_s + FORMING_S)
            try:
                while not stop.is_set():
                    worked = self._round()
                    if worked:
                        self.batch_seconds.observe(time.monotonic() - self._intake.taken_at)
                    self._watch()
                    if (once and worked) or (until_idle and self._idle()):
                        break
                self._finish()
                self._notices.tell()
            finally:
                librdkafka.let_go(self._leave, self._say)
                self._heartbeat.stop()
        return self.counters

    def _leave(self) -> None:
        """End every client of the broker."""
        self._intake.close()
        self._producer.abandon()
        del self._producer  # or librdkafka's threads go on looking for a broker that is gone
        self._broker.close()

    def _open(self, client: Any) -> None:
        """What the consumer makes of store and logs before its first record."""

    def _round(self) -> bool:
        """Take a batch and work on it; was there one?"""
        raise NotImplementedError

    def _watch(self) -> None:
        """Look whether we move. Raises Stuck; not while something else is known to be in the way."""
        self._poison.look(self.counters.taken, self.counters.dead.total())
        answer = self._question.answer(self._intake.assigned, self._intake.member)
        if answer is not None:
            self._unheld = answer.member is None and self._question.forgets
        self._unheld = self._unheld and self._is_unheld()
        self._progress.look(self._stands(), self._intake.assigned, self._intake.drained, answer, self._unheld)
        if self._waits:
            self._progress.excuse()
        self._intake.ask_anew(self._progress.to_ask_anew())
        if self._progress.must_form():
            self._seldom("The broker gives some partitions to nobody; the group forms anew.", "unheld")
            self._question.forget()
        try:
            self._progress.check()
        except Stuck:
            if not self._rebuilding():
                raise
            self._progress.excuse()

    def _is_unheld(self) -> bool:
        """Are there partitions that no member has, as far as all say?"""
        others = self._heartbeat.others()
        held = len(self._intake.assigned)
        return others is not None and held + sum(beat.partitions for beat in others) < len(parts(self._logs))

    def _stands(self) -> Mapping[Part, int]:
        """The next offset, in what it keeps, of the partitions that it reads."""
        raise NotImplementedError

    @property
    def _waits(self) -> bool:
        """Has it said already why it does not read on?"""
        return False

    def _rebuilding(self) -> bool:
        with contextlib.suppress(*UNWELL):
            return held(self._store.client, "epoch")
        return False

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

    def _begin_ticks(self, ticks: Mapping[Part, int]) -> None:
        """Partitions begin at places whose newest ticks these are (0: none, then that of earlier epochs counts)."""
        epoch = self._lake.epoch()
        earlier_us = 0 if epoch is None else epoch.tick_us
        self._ticks |= {part: tick_us or earlier_us for part, tick_us in ticks.items()}

    def _note_lost(self, part: Part, count: int) -> None:
        self._store.note_lost(*part, count)

    def _sending(self) -> Producer:
        return Producer(self._settings, client_id=f"cerebro-{self.sends}", trouble=self._trouble)

    def _beat(self) -> None:
        self._notices.look()
        stand = self._intake.facts() | self._progress.facts()
        self._heartbeat.beat(self.counters.facts(), **stand, ails=self._poison.ails)

    def samples(self) -> Iterator[Sample]:
        """What it counted, and how far it is; from any thread."""
        yield from of_counters(self.group, self.counters)
        yield Sample("cerebro_batch_seconds", (self.group,), self.batch_seconds.distribution())
        if not hasattr(self, "_progress"):
            return  # it waits for store or broker
        yield Sample("cerebro_store_round_trips_total", (), self._store.client.round_trips)
        progress = self._progress.facts()
        yield Sample("cerebro_still_seconds", (self.group,), progress["still_s"])
        for topic, records in (progress["lag"] or {}).items():
            yield Sample("cerebro_lag_records", (self.group, topic), records)
