"""Reading customers live: every fetcher's values aged to the country's clock, in one round trip.

The one way from rows to values: Feast's online store plug-in, the scorer and parity all read through it.

    reader = Reader(client)                                   # a connected Redis or Valkey client, bytes replies
    (view,) = reader.read(country, ["900"], fetchers)         # fetchers: classes, as fetcher.collect() has them
    view.at, view.known, view.fetchers["orders"].values["days_since"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from scv.events.calendar import day_of, from_us, to_us
from scv.events.clock import live_at
from scv.events.country import Country
from scv.events.mark import Mark
from scv.events.partition import partition_of
from scv.features.fetcher import Fetcher
from scv.features.layout import Layout, layout_of
from scv.online import marker
from scv.online.keys import Keys
from scv.online.row import NEVER, Fence, Place, Row, unpack
from scv.online.rowstore import Log, clock_of


@dataclass(frozen=True)
class Reading:
    """One fetcher of one customer.

    `unbuilt` says why the store does not hold this fetcher's rows of the country, whole and of the log that stands
    ("": it does): "run cerebro rebuild". `present` is True where the customer has an admitted event of its family;
    otherwise every value is None. `values` are by plain feature name, None for missing.
    `watermark` is the instant up to which the customer's partition is complete, `freshness_s` the clock minus
    that, never negative; both None where no watermark (or clock) is known.
    `held` is the mark up to which the row that was read holds the customer's log (None: no row), `position` where the
    online consumer stood then: a row holds all before it (None: nobody follows the family).
    """

    unbuilt: str
    present: bool
    values: Mapping[str, Any]
    watermark: datetime | None
    freshness_s: float | None
    held: Mark | None
    position: Mark | None

    @property
    def built(self) -> bool:
        return not self.unbuilt


@dataclass(frozen=True)
class View:
    """One customer, read live.

    `clock` is the country's now; `at` the instant of the read: the clock, or just after the customer's newest
    applied event if that is later. Both None for a replay that has not begun (then every value is None).
    """

    country: str
    customer_id: str
    clock: datetime | None
    at: datetime | None
    fetchers: Mapping[str, Reading]

    @property
    def known(self) -> bool | None:
        """Has the customer a row in any of the families that were read? None: that cannot be told."""
        if any(reading.present for reading in self.fetchers.values()):
            return True
        whole = self.at is not None and all(reading.built for reading in self.fetchers.values())
        return False if whole else None

    def values(self) -> dict[str, Any]:
        """Every value by full name, `fetcher__feature`: the row that a bundle or a table holds."""
        return {f"{name}__{key}": value for name, one in self.fetchers.items() for key, value in one.values.items()}


class Reader:
    """Reads any number of a country's customers in one round trip (two when the topics changed).

    Safe to share between threads, as its client is. Nothing is cached but how topics are partitioned, which every
    reply proves, and what the markers that it gives mean.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._topics = Topics({})

    def read(self, country: Country, customer_ids: Sequence[str], fetchers: Sequence[type[Fetcher]]) -> list[View]:
        """One view per customer, in the order asked. The view of a customer whom nobody knows has `known` False.

        Raises StoreUnusable for a row of another format; a store that does not answer raises the client's error.
        """
        layouts = [layout_of(fetcher) for fetcher in fetchers]
        if not customer_ids or not layouts:
            return []
        while True:
            topics = self._topics
            call = _Call(country, customer_ids, layouts, topics)
            call.ask(self._client)
            if call.topics_now == topics.raw:
                return call.views()
            self._topics = Topics(call.topics_now)


Partition = tuple[str, int]
"""A topic and the number of one of its partitions."""


class Topics:
    """The store's `topics` hash, as read, and by family."""

    def __init__(self, raw: Mapping[bytes, bytes]) -> None:
        self.raw = raw
        logs = {topic.decode(): msgspec.json.decode(text, type=Log) for topic, text in raw.items()}
        self.epochs = {topic: log.epoch for topic, log in logs.items()}
        self._by_family = {log.family: (topic, log) for topic, log in logs.items()}
        self._places: dict[tuple[str, int, int], Place] = {}
        self._unbuilt: dict[tuple[bytes | None, Country, str, int], str] = {}

    def partition(self, family: str, key: bytes) -> Partition | None:
        """Where a customer's events of a family are; None for a family without a log."""
        if family not in self._by_family:
            return None
        topic, log = self._by_family[family]
        return topic, partition_of(key, log.partitions)

    def unbuilt(self, mark: bytes | None, country: Country, layout: Layout, generation: int) -> str:
        """Why a country's rows are not whole rows of what is wanted here, as their marker says; "" where they are."""
        key = mark, country, layout.field, generation
        if key not in self._unbuilt:
            _, log = self._by_family.get(layout.family, ("", None))
            wanted = log and marker.of_rows(country, layout, log, generation)
            self._unbuilt[key] = marker.why_not(mark, wanted) if wanted else f"{layout.family} has no log"
        return self._unbuilt[key]

    def place(self, family: str, generation: int, partition: int) -> Place:
        """The place that a row of this family must be of."""
        found = self._places.get((family, generation, partition))
        if found is None:
            found = self._by_family[family][1].place(generation, partition)
            self._places[family, generation, partition] = found
        return found


class _Stand(NamedTuple):
    """Where a partition's consumer stands, and what it says of a country's time (us)."""

    position: Mark
    watermark_us: int | None


class _Call:
    """One read: what was asked, then what the store answered."""

    def __init__(
        self, country: Country, customer_ids: Sequence[str], layouts: Sequence[Layout], topics: Topics
    ) -> None:
        self.country, self.customer_ids, self.layouts, self.topics = country, customer_ids, layouts, topics
        families = dict.fromkeys(layout.family for layout in layouts)
        keys = [f"{country.code}:{one}".encode() for one in customer_ids]
        self.homes = [{family: topics.partition(family, key) for family in families} for key in keys]

    def ask(self, client: Any) -> None:
        """The round trip. Positions come before rows, which are written before them: so a row holds all before its."""
        code, fields, keys = self.country.code, [layout.field for layout in self.layouts], Keys(client.prefix)
        partitions = list(dict.fromkeys(home for homes in self.homes for home in homes.values() if home))
        pipe = client.pipeline(transaction=False)
        pipe.hgetall(keys.topics)
        pipe.get(keys.generation)
        pipe.hgetall(keys.clock(code))
        pipe.hmget(keys.built(code), [layout.fetcher for layout in self.layouts])
        for topic, partition in partitions:
            pipe.hmget(keys.position(topic, partition), "offset", f"wm:{code}")
        for customer_id in self.customer_ids:
            pipe.hmget(keys.row(code, customer_id), fields)
        self.topics_now, generation, clock, built, *rest = pipe.execute()
        self.generation = int(generation or 1)
        self.clock = clock_of(clock)
        self.now_us = self.clock.now_us()
        self.unbuilt = [
            self.topics.unbuilt(mark, self.country, layout, self.generation)
            for mark, layout in zip(built, self.layouts, strict=True)
        ]
        told = zip(partitions, rest, strict=False)
        self.stands = {part: self._stand(*part, *position) for part, position in told}
        self.rows: Sequence[Sequence[bytes | None]] = rest[len(partitions) :]

    def _stand(self, topic: str, partition: int, offset: bytes | None, watermark: bytes | None) -> _Stand:
        mark = Mark(epoch=self.topics.epochs[topic], partition=partition, next=int(offset or 0))
        return _Stand(mark, None if watermark is None else int(watermark))

    def views(self) -> list[View]:
        return [self._view(*one) for one in zip(self.customer_ids, self.homes, self.rows, strict=True)]

    def _view(self, customer_id: str, homes: Mapping[str, Partition | None], data: Sequence[bytes | None]) -> View:
        rows = [
            self._row(one, layout, homes[layout.family]) if not unbuilt and one is not None else None
            for one, layout, unbuilt in zip(data, self.layouts, self.unbuilt, strict=True)
        ]
        at = live_at(self.clock, max((fence.clock_us for fence, _ in filter(None, rows)), default=NEVER))
        day = None if at is None else day_of(to_us(at), self.country.zone)
        readings = {
            layout.fetcher: self._reading(row, layout, unbuilt, day, homes[layout.family])
            for row, layout, unbuilt in zip(rows, self.layouts, self.unbuilt, strict=True)
        }
        clock = None if self.now_us is None else from_us(self.now_us)
        return View(self.country.code, customer_id, clock, at, readings)

    def _row(self, data: bytes, layout: Layout, home: Partition | None) -> tuple[Fence, Row] | None:
        """The row, unless it was folded from another log than the one that the store stands for now."""
        fence, row = unpack(data, layout, self.country.lateness_days)
        if home and fence.place != self.topics.place(layout.family, self.generation, home[1]):
            return None
        return fence, row

    def _reading(
        self, stored: tuple[Fence, Row] | None, layout: Layout, unbuilt: str, day: int | None, home: Partition | None
    ) -> Reading:
        present, held = False, None
        values: Mapping[str, Any] = {slot.feature.name: None for slot in layout.slots}
        if stored:
            fence, row = stored
            held = Mark(epoch=fence.place.epoch, partition=fence.place.partition, next=fence.upto + 1)
            if day is not None:
                present, values = row.exists, row.read(day, self.country.cut_off_days)
        position, us = self.stands[home] if home else (None, None)
        age_us = None if us is None or self.now_us is None else max(self.now_us - us, 0)
        return Reading(
            unbuilt, present, values, None if us is None else from_us(us), None if age_us is None else age_us / 1e6,
            held, position,
        )  # fmt: skip
