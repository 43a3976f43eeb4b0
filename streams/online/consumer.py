"""The online consumer: events into rows, with low latency. Group `online`.

Its place in the log is a key per partition in the store, written after the rows. A store that goes away is waited
for; one that comes back older is followed back to where it stands; one that comes back empty stops it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from scv.errors import BadEvent, CerebroError, LogChanged, StoreUnusable, Unreachable
from scv.events import country as countries
from scv.events.arrival import Arrival
from scv.events.calendar import to_us
from scv.events.clock import wall_us
from scv.events.event import Watermark
from scv.features.fetcher import of_family
from scv.features.layout import Layout, layout_of
from scv.offline.lake import Lake
from scv.online import marker
from scv.online.rowstore import Marks, RowStore
from scv.settings import Settings
from scv.talk import say as talk
from store.client import UNWELL, ails, connect
from store.heartbeat import Heartbeat
from streams import faultpoint
from streams.counters import Counters
from streams.kafka import librdkafka, topics
from streams.kafka.intake import Intake
from streams.kafka.log import ADVICE, Broker, Part, refuse_strangers
from streams.kafka.producer import Producer
from streams.kafka.record import Record, RecordReader
from streams.online.folding import Batch, Folding, Moved
from streams.online.rowcache import Name
from streams.positions.epoch import open_epoch

NAME = "online"
BATCH = 10_000
"""At most; a customer's events of one batch make one write, so a backlog is taken in large ones."""
WAIT_S = 0.1
CHECK_S = 1.0
"""How often topics, clocks and the store's incarnation are looked at."""
PROBE_S = 0.2
TOLD_S = 5.0
"""For so long the broker may take to keep that customers are erased; then their batch is read again."""
REBUILD = "Run `cerebro rebuild`."
ANEW = "Start this consumer anew with them; if they are the mistake, run `cerebro rebuild` with the right ones first."


class OnlineConsumer:
    """One member of the group; `run` it in a thread or a process of its own.

    Raises Unreachable at the start when store or broker do not come up, LogChanged and StoreUnusable as they say.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None] = talk, batch: int = BATCH) -> None:
        self.counters = Counters()
        self._settings, self._say, self._limit = settings, say, batch
        self._trouble = librdkafka.Trouble(say)
        self._countries = countries.known(settings.countries_path)
        self._down = False
        self._checked = self._stood = 0.0
        self._on_wall: list[str] = []

    def run(self, stop: threading.Event, until_idle: bool = False, once: bool = False) -> Counters:
        """Consume until `stop` is set, until nothing is left (`until_idle`), or one batch (`once`)."""
        with connect(self._settings, self._say) as client:
            self._store = RowStore(client)
            self._logs = open_epoch(self._settings, self._store, Lake(self._settings.lake_path), self._say).logs
            self._reading = RecordReader(self._logs, self._countries)
            self._broker = Broker(self._settings, self._trouble)
            self._folding = Folding(self._store, self._countries, self.counters)
            self._heartbeat = Heartbeat(client, NAME)
            self._changed = self._teller()
            self._incarnation = self._store.incarnation()
            self._intake = Intake(self._settings, NAME, self._logs, self._folding.end, self._say, self._trouble)
            try:
                while not stop.is_set():
                    worked = self._round()
                    if (once and worked) or (until_idle and self._idle()):
                        break
            finally:
                self._intake.close()
                self._changed.abandon()
                del self._changed  # or librdkafka's threads go on looking for a broker that is gone
                self._broker.close()
                self._heartbeat.stop()
        return self.counters

    def _round(self) -> bool:
        """Take a batch and apply it, or whatever stands in the way of that; was there one?"""
        try:
            self._place()
            messages = self._intake.take(self._limit, WAIT_S)
            if places := self._folding.behind(self._intake.next):
                self._apply([self._reading.read(message) for message in messages], places)
            self._look_around()
            self._heartbeat.beat(**self.counters.facts(), **self._intake.facts())
            return bool(messages)
        except Moved as moved:
            self._say(f"{moved}: going back to where the store stands.")
            self._unplace()
        except UNWELL as error:
            if not self._down:
                self._say(f"The store {ails(error)}; paused until it is well.")
            self._down = True
            self._unplace()
            self._intake.take(1, PROBE_S)  # keeps polling, or the group would think that we died
        return False

    def _place(self) -> None:
        """Start partitions that were assigned, or dropped, at the store's restart points."""
        if not self._intake.unplaced:
            return
        parts = sorted(self._intake.unplaced)
        refuse_strangers(parts, self._logs)
        self._verify_store()
        positions = dict(zip(parts, self._store.positions(parts), strict=True))
        for part, position in positions.items():
            if position.offset is None:
                raise StoreUnusable(f"The store has lost the restart point of {part.topic}/{part.partition}. {REBUILD}")
        try:
            bounds = self._broker.bounds(parts)
        except Unreachable:
            self._trouble(self._settings.broker, "it does not say where its logs end")
            return
        generation = self._store.generation()  # it and markers come after the positions: a turn that stands proves them
        marks = self._store.marks(list(self._countries))
        built = {
            topic: self._built(marks, self._logs[topic].family) for topic in sorted({part.topic for part in parts})
        }
        self._checked = 0.0  # clocks are read again: the turn that was just read stands for them
        lost = self._intake.place({part: position.offset or 0 for part, position in positions.items()}, bounds)
        for part, count in lost.items():
            self.counters.lost += count
            self._store.note_lost(*part, count)
        for part in sorted(self._intake.placed & set(parts)):
            log, position = self._logs[part.topic], positions[part]
            self._folding.end([part])
            self._folding.begin(part, log.place(generation, part.partition), position, built[part.topic])
            self.counters.placed += 1
        self._down = False

    def _built(self, marks: Mapping[str, Marks], family: str) -> dict[str, list[Layout]]:
        """By country: the fetchers of a family whose rows are whole. Raises StoreUnusable if others keep more."""
        layouts, found = [layout_of(fetcher) for fetcher in of_family(family)], {}
        for code, country in self._countries.items():
            if why := marker.kept_otherwise(marks[code], country, family, layouts):
                raise StoreUnusable(f"Rows are kept by other definitions or settings now ({why}). {ANEW}")
            built = marker.whole(marks[code], country, layouts)
            found[code] = [layout for layout, whole in zip(layouts, built, strict=True) if whole]
        return found

    def _unplace(self) -> None:
        self._folding.end(sorted(self._intake.placed))
        self._intake.unplace()

    def _verify_store(self) -> None:
        """Raise unless the store is still that of these logs, and keeps what it is given."""
        self._store.refuse_eviction()
        logs = self._store.logs()
        if not logs:
            raise StoreUnusable(f"The store came back empty. {REBUILD}")
        if logs != self._logs:
            raise LogChanged(f"The store follows other topics now. {ADVICE}")
        self._incarnation = self._store.incarnation()

    def _apply(self, records: Sequence[Record], places: Mapping[Part, int]) -> None:
        batch = self._batch(records, places)
        self.counters.batches += bool(records)
        faultpoint.reach("online.decoded", batch.size)
        self._folding.apply(batch, lambda changed: self._tell(changed, batch))
        self._intake.commit(batch.next)

    def _batch(self, records: Iterable[Record], places: Mapping[Part, int]) -> Batch:
        batch, counters = Batch(places), self.counters
        for part, offset, _, _, content in records:
            batch.size += 1
            if isinstance(content, Arrival):
                name = Name(part, content.country, content.customer_id)
                batch.work.setdefault(name, []).append((offset, content))
                counters.delivered += 1
                _raise(batch.fronts, content.country, content.seen_us + 1)
            elif isinstance(content, Watermark):
                counters.watermarks += 1
                us = to_us(content.seen_at)
                _raise(batch.marks.setdefault(part, {}), content.country, us)
                _raise(batch.fronts, content.country, us)
            elif isinstance(content, BadEvent):
                counters.dead[content.reason] += 1  # the lake consumer keeps it
        return batch

    def _tell(self, changed: Sequence[Name], batch: Batch) -> None:
        """Say whose rows moved; what is lost here comes again with the customer's next event.

        Of whom a batch leaves erased it is said without a value, so that the compacted topic forgets the id. That comes
        only once: it is said whether or not their rows held it already, and waited for. Raises Moved if it cannot be.
        """
        erased = {name for name, items in batch.work.items() if items[-1][1].kind == "erased"}
        try:
            for name in dict.fromkeys([*changed, *erased]):
                value = None if name in erased else msgspec.json.encode(self._moved(name, batch))
                key = f"{name.country}:{name.customer_id}".encode()
                self._changed.send(topics.scv_changed(self._settings), value, key)
            if erased:
                self._changed.flush(TOLD_S)
            self._changed.poll()
        except CerebroError as error:
            self._say(f"Changed customers were not told: {error}")
            self._changed.abandon()
            self._changed = self._teller()
            if erased:
                raise Moved(list(batch.next)) from error

    def _moved(self, name: Name, batch: Batch) -> dict[str, Any]:
        """A record of scv-changed."""
        family, seen_us = self._logs[name.part.topic].family, batch.work[name][-1][1].seen_us
        return {"country": name.country, "customer_id": name.customer_id, "family": family, "seen_us": seen_us}

    def _teller(self) -> Producer:
        return Producer(self._settings, client_id="cerebro-changed", trouble=self._trouble)

    def _look_around(self) -> None:
        """Now and then: the same topics, the same store, and on wall time the watermark that silence allows."""
        now = time.monotonic()
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._broker.check(self._logs)
            if self._store.incarnation() != self._incarnation:
                raise Moved(sorted(self._intake.placed))
            self._folding.check()  # a rebuild may have moved them while nothing came
            clocks = self._store.clocks(list(self._countries))
            self._on_wall = [code for code, clock in clocks.items() if clock.mode == "wall"]
        if self._on_wall and now - self._stood >= 1.0 and self._intake.at_end:
            self._stood = now
            self._stand_at_end()

    def _stand_at_end(self) -> None:
        """On wall time: a partition whose end we stand at is complete to the instant before we asked where it ends."""
        instant, parts = wall_us(), sorted(self._intake.at_end)
        try:
            ends = self._broker.ends(parts, {part: self._folding.leases[part].offset for part in parts})
        except Unreachable:
            return  # then nobody knows what was sent meanwhile
        complete = [part for part in parts if ends[part] == self._folding.leases[part].offset]
        marks = {part: dict.fromkeys(self._on_wall, instant) for part in complete}
        if marks:
            self._folding.advance({}, marks)

    def _idle(self) -> bool:
        """Nothing is left: every partition assigned stands at its end."""
        assigned = self._intake.assigned
        return bool(assigned) and self._intake.at_end == assigned


def _raise(found: dict[str, int], country: str, us: int) -> None:
    if us > found.get(country, us - 1):
        found[country] = us
