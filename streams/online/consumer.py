"""The online consumer: events into rows, with low latency. Group `online`.

Its place in the log is a key per partition in the store, written after the rows. A store that goes away is waited
for; one that comes back older is followed back to where it stands; one that comes back empty stops it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from confluent_kafka import Message

from scv.errors import BadEvent, CerebroError, LogChanged, StoreUnusable, Unreachable
from scv.events.arrival import Arrival, Reached, unknown_country
from scv.events.clock import wall_us
from scv.features.fetcher import collect, of_family
from scv.features.layout import Layout, layout_of
from scv.online import marker
from scv.online.facts import Marks
from scv.online.rebuild import rebuild
from store.client import UNWELL, ails
from store.lock import locked
from streams import faultpoint
from streams.kafka import topics
from streams.kafka.log import ADVICE, Part
from streams.kafka.record import Record, record_of
from streams.member import WAIT_S, Member
from streams.online.folding import Batch, Folding, Moved, Name
from streams.positions.epoch import set_clocks
from streams.positions.since import SEND

BATCH = 10_000
"""At most; a customer's events of one batch make one write, so a backlog is taken in large ones."""
CHECK_S = 1.0
"""How often topics, clocks and the store's incarnation are looked at."""
PROBE_S = 0.2
TOLD_S = 5.0
"""For so long the broker may take to keep that customers are erased; then their batch is read again."""
REBUILD = "Run `cerebro rebuild`."
ANEW = "Start this consumer anew with them; if they are the mistake, run `cerebro rebuild` with the right ones first."


class OnlineConsumer(Member):
    """Raises StoreUnusable, too, where the store cannot be trusted with rows."""

    group, sends = "online", "changed"
    _down = False
    _checked = _stood = 0.0
    _on_wall: Sequence[str] = ()
    _later: Mapping[Part, Mapping[str, int]] = {}
    """By partition the countries that count only from an offset on, which lies ahead."""

    @functools.cached_property
    def _changed(self) -> str:
        """The topic of customers whose rows moved."""
        return topics.scv_changed(self._settings)

    def _open(self, client: Any) -> None:
        self._folding = Folding(self._store, self._countries, self.counters)
        self._incarnation = self._store.incarnation()

    def _round(self) -> bool:
        """Take a batch and apply it, or whatever stands in the way of that; was there one?"""
        try:
            if self._files.look() and self._adopt():
                self._unplace()
            if self._intake.unplaced:
                self._place()
            messages = self._intake.take(BATCH, WAIT_S)
            if places := self._folding.behind(self._intake.next):
                self._apply(messages, places)
            self._look_around()
            self._beat()
            return bool(messages)
        except Moved as moved:
            self._seldom(f"{moved}: going back to where the store stands.", "moved")
            self._unplace()
        except UNWELL as error:
            self.counters.store_errors += 1
            self._seldom(f"The store {ails(error)}; paused until it is well.", "store")
            self._down = True
            self._unplace()
            self._intake.take(1, PROBE_S)  # keeps polling, or the group would think that we died
        return False

    def _stands(self) -> Mapping[Part, int]:
        return {part: lease.offset for part, lease in self._folding.leases.items()}

    @property
    def _waits(self) -> bool:
        return self._down

    def _drop(self, parts: list[Part]) -> None:
        self._folding.end(parts)

    def _place(self) -> None:
        """Start partitions that were assigned, or dropped, at the store's restart points."""
        parts = self._unplaced()
        self._verify_store()
        if self._files.look(at_once=True):  # another member may have: what it marked as built, this one must keep whole
            self._adopt()
        positions = dict(zip(parts, self._store.level(parts), strict=True))
        for part, position in positions.items():
            if position.offset is None:
                raise StoreUnusable(f"The store has lost the restart point of {part.topic}/{part.partition}. {REBUILD}")
        generation = self._store.generation()  # it and markers come after the positions: a turn that stands proves them
        marks = self._store.marks(list(self._countries))
        built = {topic: self._built(marks, self._logs[topic].family) for topic in {part.topic for part in parts}}
        started = sorted(self._start({part: position.offset or 0 for part, position in positions.items()}))
        self._begin_ticks({part: positions[part].tick_us for part in started})
        for part in started:
            place = self._logs[part.topic].place(generation, part.partition)
            self._folding.begin(part, place, positions[part], built[part.topic])
            self._checked = 0.0  # clocks are read again: the turn that was just read stands for them
        starts = {part: lease.offset for part, lease in self._folding.leases.items()}
        self._later = self._since.ahead(self._countries, starts)
        self._down = False

    def _adopt(self) -> bool:
        """Take countries whose files are new, once the lake does: with clocks and rows as at a start. Any?"""
        fresh = {code: one for code, one in self._files.fresh.items() if self._since.of(code) is not None}
        for code in self._files.fresh.keys() - fresh.keys():
            self._seldom(f"Country {code} is new here: it counts once the lake consumer knows it, too.", code)
        if not fresh:
            return False
        try:
            with locked(self._store.client, "epoch", lambda _: None, patience_s=0.0):
                set_clocks(self._store, self._lake, fresh)
                # Also where somebody has marked them as built: what we passed since the lake took them is read again.
                rebuild(self._store.client, self._lake, fresh, list(collect().values()))
        except StoreUnusable as error:
            self._seldom(f"Country {', '.join(fresh)} is not taken yet: {error}", "".join(fresh))
            return False
        self._files.adopt(list(fresh))
        self._say(f"Country {', '.join(fresh)} counts from now on in rows. {SEND}")
        return True

    def _built(self, marks: Mapping[str, Marks], family: str) -> dict[str, list[Layout]]:
        """By country: the fetchers of a family whose rows are whole. Raises StoreUnusable if others keep more."""
        layouts, found = [layout_of(fetcher) for fetcher in of_family(family)], {}
        for code, country in self._countries.items():
            if why := marker.kept_otherwise(marks[code], country, family, layouts):
                raise StoreUnusable(f"Rows are kept by other definitions or settings now ({why}). {ANEW}")
            whys = marker.unbuilt(marks[code], country, layouts)
            found[code] = [layout for layout, why in zip(layouts, whys, strict=True) if not why]
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

    def _apply(self, messages: Sequence[Message], places: Mapping[Part, int]) -> None:
        self._tombstones.look()
        known = self._logs, self._countries, self._ticks, self._tombstones
        batch = self._batch((record_of(one, *known) for one in messages), places)
        self.counters.batches += bool(messages)
        faultpoint.reach("online.decoded", batch.size)
        self._folding.apply(batch, lambda changed: self._tell(changed, batch))
        self._intake.commit(batch.next)

    def _batch(self, records: Iterable[Record], places: Mapping[Part, int]) -> Batch:
        batch, counters = Batch(places), self.counters
        for record in records:
            part, offset = record.part, record.offset
            content = self._known(record) if self._later else record.content
            batch.size += 1
            if isinstance(content, Arrival):
                name = Name(part, content.country, content.customer_id)
                batch.work.setdefault(name, []).append((offset, content))
                counters.delivered += 1
                fronts = batch.live if record.is_live else batch.fronts
                _raise(fronts, content.country, content.seen_us + 1)
            elif isinstance(content, Reached):
                counters.watermarks += 1
                _raise(batch.marks.setdefault(part, {}), content.country, content.us)
                _raise(batch.fronts, content.country, content.us)
                if content.is_tick:
                    batch.ticks[part] = content.us
            elif isinstance(content, BadEvent):
                self._notices.dead(record, content)  # the lake consumer keeps it
        return batch

    def _known(self, record: Record) -> Arrival | Reached | BadEvent:
        """What a record says; nothing of a country that the lake took later."""
        content, later = record.content, self._later.get(record.part)
        if later and not isinstance(content, BadEvent) and record.offset < later.get(content.country, 0):
            return unknown_country(content.country)
        return content

    def _tell(self, changed: Sequence[Name], batch: Batch) -> None:
        """Say whose rows moved; what is lost here comes again with the customer's next event.

        Of whom a batch leaves erased it is said without a value, so that the compacted topic forgets the id. That comes
        only once: it is said whether or not their rows held it already, and waited for. Raises Moved if it cannot be.
        """
        erased = {name for name, items in batch.work.items() if _leaves_erased([arrival for _, arrival in items])}
        try:
            for name in dict.fromkeys([*changed, *erased]):
                value = None if name in erased else msgspec.json.encode(self._moved(name, batch))
                key = f"{name.country}:{name.customer_id}".encode()
                self._producer.send(self._changed, value, key)
            if erased:
                self._producer.flush(TOLD_S)
            self._producer.poll()
        except CerebroError as error:
            self._seldom(f"Changed customers were not told: {error}", "told")
            self._producer.abandon()
            self._producer = self._sending()
            if erased:
                raise Moved(list(batch.next)) from error

    def _moved(self, name: Name, batch: Batch) -> dict[str, Any]:
        """A record of scv-changed."""
        family, seen_us = self._logs[name.part.topic].family, batch.work[name][-1][1].seen_us
        return {"country": name.country, "customer_id": name.customer_id, "family": family, "seen_us": seen_us}

    def _look_around(self) -> None:
        """Now and then: the same topics, the same store, and on wall time the watermark that silence allows."""
        now = time.monotonic()
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._broker.check(self._logs)
            is_other = self._store.incarnation() != self._incarnation
            self._down = False  # it answers, also one whose group has given it nothing to begin with yet
            if is_other and (placed := sorted(self._intake.placed)):
                raise Moved(placed)
            if is_other:
                self._verify_store()
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
            self._folding.advance({}, marks, {})


def _leaves_erased(arrivals: Sequence[Arrival]) -> bool:
    """Are they of a customer who is erased, with nothing afterwards that happened since?"""
    gone = [place for place, one in enumerate(arrivals) if one.kind == "erased"]
    until_us = max((arrivals[place].occurred_us for place in gone), default=0)
    return bool(gone) and all(one.occurred_us < until_us for one in arrivals[gone[-1] + 1 :])


def _raise(found: dict[str, int], country: str, us: int) -> None:
    if us > found.get(country, us - 1):
        found[country] = us
