"""Reading customers live: every fetcher's values aged to the country's clock, in one round trip.

The one way from rows to values: Feast's online store plug-in, the scorer and parity all read through it.

    reader = Reader(client)                                   # a connected Redis or Valkey client, bytes replies
    (view,) = reader.read(country, ["900"], fetchers)         # fetchers: classes, as fetcher.collect() has them
    view.at, view.known, view.fetchers["orders"].values["days_since"]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from scv.events.calendar import day_of, from_us, to_us
from scv.events.clock import live_at
from scv.events.country import Country
from scv.events.mark import Mark
from scv.events.partition import partition_of
from scv.features.fetcher import Fetcher
from scv.features.layout import Layout, layout_of
from scv.online import marker
from scv.online.facts import Log, Marks, clock_of, logs_of
from scv.online.keys import Keys
from scv.online.request import Request
from scv.online.row import NEVER, Fence, Row, unpack


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One fetcher of one customer.

    `unbuilt` says why the store does not hold this fetcher's rows of the country, whole and of the log that stands
    ("": it does): "run cerebro rebuild". `present` is True where the customer has an admitted event of its family;
    otherwise every value is None. `values` are by plain feature name, in the layout's order, None for missing.
    `watermark` is the instant up to which the customer's partition is complete, `freshness_s` the clock minus
    that, never negative; both None where no watermark (or clock) is known.
    `held` is the mark up to which the row that was read holds the customer's log (None: no row), `position` where the
    online consumer stood then: a row holds all before it (None: nobody follows the family).
    """

    unbuilt: str
    present: bool
    layout: Layout
    values: Mapping[str, Any]
    watermark_us: int | None
    freshness_s: float | None
    held: Mark | None
    position: Mark | None

    @property
    def built(self) -> bool:
        return not self.unbuilt

    @property
    def watermark(self) -> datetime | None:
        return None if self.watermark_us is None else from_us(self.watermark_us)


class View(msgspec.Struct, frozen=True, gc=False):
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
        found: dict[str, Any] = {}
        for one in self.fetchers.values():
            found.update(zip(one.layout.full_names, one.values.values(), strict=True))
        return found


class Reader:
    """Reads any number of a country's customers in one round trip (two when the topics changed); on a cluster in one
    to each node that holds some of them, at the same time.

    Safe to share between threads, as its client is. Nothing is cached but how topics are partitioned, which every
    reply proves, and what the markers that it gives mean.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._nothing = client, Topics({})
        self._alone, self._topics = self._nothing, dict[str, Topics]()
        self._requests: dict[tuple[str, ...], Request] = {}

    def read(self, country: Country, customer_ids: Sequence[str], fetchers: Sequence[type[Fetcher]]) -> list[View]:
        """One view per customer, in the order asked. The view of a customer whom nobody knows has `known` False.

        Raises StoreUnusable for a row of another format; a store that does not answer raises the client's error.
        """
        layouts = {layout.field: layout for layout in map(layout_of, fetchers)}
        if not customer_ids or not layouts:
            return []
        if self._client.spread:
            return self._gather(country, customer_ids, layouts)
        request = self._request("", country.code, layouts)
        while True:
            call = _Call(country, customer_ids, layouts, self._alone)
            commands = call.commands(request)
            topics_now = call.take(request, self._client.exchange(b"".join(commands), len(commands)))
            if topics_now == call.topics.raw:
                return call.views()
            self._alone = Topics(topics_now)

    def _gather(self, country: Country, customer_ids: Sequence[str], layouts: Mapping[str, Layout]) -> list[View]:
        """The same from a cluster. Each shard proves its own rows by its own answer, as a store alone does: which of
        them answers first makes no difference.
        """
        row, client, found = Keys(self._client.prefix).row, self._client, dict[int, View]()
        pending = {place: row(country.code, one).encode() for place, one in enumerate(customer_ids)}
        for tries in itertools.count(1):
            shares: Mapping[str, Sequence[int]] = client.shares(pending)
            calls: dict[str, _Call] = {}
            for shard, places in shares.items():
                topics = self._topics.get(shard, self._nothing)
                calls[shard] = _Call(country, [customer_ids[one] for one in places], layouts, topics)
            requests = {shard: self._request(shard, country.code, layouts) for shard in calls}
            told = client.exchange_all({shard: call.commands(requests[shard]) for shard, call in calls.items()})
            for shard, call in calls.items():
                views = self._views(shard, call, requests[shard], told[shard])
                found.update(zip(shares[shard], views, strict=False))
            pending = {place: key for place, key in pending.items() if place not in found}
            if not pending:
                break
            client.look_again(tries)
        return [found[place] for place in range(len(customer_ids))]

    def _views(self, shard: str, call: _Call, request: Request, told: Sequence[Any] | None) -> list[View]:
        """What a shard answered; nothing if it is to be asked again: slots (None), topics or the generation moved."""
        if told is None:
            return []
        topics_now = call.take(request, told)
        if topics_now != call.topics.raw:
            self._topics[shard] = Topics(topics_now)
            return []
        views = call.views()
        return [] if call.outdated else views

    def _request(self, shard: str, country: str, layouts: Mapping[str, Layout]) -> Request:
        key = (shard, country, *layouts)
        if key not in self._requests:
            names = [layout.fetcher for layout in layouts.values()]
            self._requests[key] = Request(Keys(self._client.prefix, shard), country, list(layouts), names)
        return self._requests[key]


@dataclass(frozen=True, eq=False, slots=True)
class Home:
    """Where a customer's events of a family are; there is one object of each place."""

    topic: str
    log: Log
    partition: int


NO_LOG = ("", None)


class Topics:
    """The store's `topics` hash, as read, and what follows from it."""

    def __init__(self, raw: Mapping[bytes, bytes]) -> None:
        self.raw, self.logs = raw, logs_of(raw)
        self._by_family: dict[str, tuple[str, Log | None]] = {
            log.family: (topic, log) for topic, log in self.logs.items()
        }
        self._homes: dict[tuple[str, int], Home] = {}
        self._unbuilt: dict[tuple[object, ...], list[str]] = {}

    def homes(self, families: Iterable[str], key: bytes) -> dict[str, Home | None]:
        """Where a key's events of these families are; None of a family without a log."""
        at: dict[int, int] = {}  # partitions → partition: topics mostly have as many
        found: dict[str, Home | None] = {}
        for family in families:
            topic, log = self._by_family.get(family, NO_LOG)
            if log is None:
                found[family] = None
                continue
            if log.partitions not in at:
                at[log.partitions] = partition_of(key, log.partitions)
            found[family] = self._home(topic, log, at[log.partitions])
        return found

    def _home(self, topic: str, log: Log, partition: int) -> Home:
        known = self._homes.get((topic, partition))
        if known is None:
            known = self._homes[topic, partition] = Home(topic, log, partition)
        return known

    def unbuilt(
        self, country: Country, layouts: Mapping[str, Layout], generation: int, marks: Sequence[bytes | None]
    ) -> list[str]:
        """`marker.unbuilt`, by the marker of each fetcher; the same ones are looked into once."""
        key = country, generation, *marks, *layouts
        if key not in self._unbuilt:
            named = zip(layouts.values(), marks, strict=True)
            of = {layout.fetcher: mark for layout, mark in named if mark is not None}
            self._unbuilt[key] = marker.unbuilt(Marks(generation, self.logs, of), country, list(layouts.values()))
        return self._unbuilt[key]


class _Call:
    """One read of one shard: what was asked, then what it answered.

    `outdated`: a row is of a later log than what the shard says.
    """

    outdated = False

    def __init__(
        self, country: Country, customer_ids: Sequence[str], layouts: Mapping[str, Layout], topics: Topics
    ) -> None:
        self.country, self.customer_ids, self.layouts, self.topics = country, customer_ids, layouts, topics
        families = {layout.family: None for layout in layouts.values()}
        keys = [f"{country.code}:{one}".encode() for one in customer_ids]
        self.homes = [topics.homes(families, key) for key in keys]

    def commands(self, request: Request) -> list[bytes]:
        """What the round trip asks."""
        self.asked = list({home: None for homes in self.homes for home in homes.values() if home})
        return request.commands([(home.topic, home.partition) for home in self.asked], self.customer_ids)

    def take(self, request: Request, told: Sequence[Any]) -> Mapping[bytes, bytes]:
        """What it answered; the topics as they are now."""
        answer = request.replies(told, len(self.asked))
        self.generation, self.clock = int(answer.generation or 1), clock_of(answer.clock)
        self.now_us = self.clock.now_us()
        self.unbuilt = self.topics.unbuilt(self.country, self.layouts, self.generation, answer.built)
        self.stands = {home: self._stand(home, *one) for home, one in zip(self.asked, answer.stands, strict=True)}
        self.rows = answer.rows
        return answer.topics

    def views(self) -> list[View]:
        return [self.view(*one) for one in zip(self.customer_ids, self.homes, self.rows, strict=True)]

    def _stand(self, home: Home, offset: bytes | None, us: bytes | None) -> tuple[Mark, int | None, float | None]:
        """Where a partition's consumer stands; to when it is complete for this country, and how old that is (s)."""
        mark = Mark(epoch=home.log.epoch, partition=home.partition, next=int(offset or 0))
        if us is None:
            return mark, None, None
        return mark, int(us), None if self.now_us is None else max(self.now_us - int(us), 0) / 1e6

    def view(self, customer_id: str, homes: Mapping[str, Home | None], data: Sequence[bytes | None]) -> View:
        rows = [
            self._row(one, layout, homes[layout.family]) if not unbuilt and one is not None else None
            for one, layout, unbuilt in zip(data, self.layouts.values(), self.unbuilt, strict=True)
        ]
        at = live_at(self.clock, max((fence.clock_us for fence, _ in filter(None, rows)), default=NEVER))
        day = None if at is None else day_of(to_us(at), self.country.zone)
        readings = {
            layout.fetcher: self._reading(row, layout, unbuilt, day, homes[layout.family])
            for row, layout, unbuilt in zip(rows, self.layouts.values(), self.unbuilt, strict=True)
        }
        clock = None if self.now_us is None else from_us(self.now_us)
        return View(self.country.code, customer_id, clock, at, readings)

    def _row(self, data: bytes, layout: Layout, home: Home | None) -> tuple[Fence, Row] | None:
        """The row, unless it was folded from another log than the one that the store stands for now."""
        fence, row = unpack(data, layout, self.country)
        if home and fence.place != home.log.place(self.generation, home.partition):
            self.outdated |= (fence.place.generation, fence.place.epoch) > (self.generation, home.log.epoch)
            return None
        return fence, row

    def _reading(
        self, stored: tuple[Fence, Row] | None, layout: Layout, unbuilt: str, day: int | None, home: Home | None
    ) -> Reading:
        present, held = False, None
        values = layout.nothing
        if stored:
            fence, row = stored
            held = Mark(epoch=fence.place.epoch, partition=fence.place.partition, next=fence.upto + 1)
            if day is not None:
                present, values = row.exists, row.read(day)
        position, us, age_s = self.stands[home] if home else (None, None, None)
        return Reading(unbuilt, present, layout, values, us, age_s, held, position)
