"""A small world of every family behind Feast: its log in a lake, its rows in a store, its expected values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import redis
from deltalake import CommitProperties, Transaction, write_deltalake
from msgspec.structs import replace

from proof.naive import world
from proof.naive.sides import arrivals, lake_table
from proof.naive.world import LoggedEvent
from scv.events import country
from scv.events.calendar import day_of, to_us
from scv.events.event import FAMILIES
from scv.features.fetcher import Fetcher, collect, of_family
from scv.features.layout import layout_of
from scv.offline import lake
from scv.online.facts import RowWrite
from scv.online.row import Row
from scv.online.rowstore import RowStore
from scv.settings import Settings
from tests import hostile
from tests.keys import clock_key, position_key, row_key
from tests.logs import EPOCH, LOGS, PARTITIONS, begin, home_of, log, topic
from tests.marking import mark

ZZ = country.load("ZZ")
NOW = datetime(2017, 7, 25, 9, tzinfo=UTC)
"""After everything that the world has seen."""


@dataclass(frozen=True)
class Served:
    """One log, and where its rows, lake and snapshots are."""

    settings: Settings
    client: redis.Redis
    records: dict[str, list[LoggedEvent]]

    @property
    def store(self) -> RowStore:
        return RowStore(self.client)

    @cached_property
    def customers(self) -> list[str]:
        """The world's own first, whom every family knows; then those with a hostile id, who order."""
        found = {record.event.customer_id for records in self.records.values() for record in records}
        return sorted(found, key=lambda one: (one in hostile.TAKEN, one))

    @cached_property
    def rows(self) -> dict[tuple[str, str], Row]:
        """(fetcher, customer) → its row, folded one arrival after the other."""
        found: dict[tuple[str, str], Row] = {}
        for family, records in self.records.items():
            for _, arrival in arrivals(records, ZZ):
                for one in of_family(family):
                    fresh = Row(layout_of(one), ZZ)
                    found.setdefault((one.name, arrival.customer_id), fresh).take(arrival)
        return found

    def expected(self, chosen: type[Fetcher], customer: str, at: datetime = NOW) -> dict[str, Any]:
        """A row's values at an instant; None throughout where there is none."""
        row = self.rows.get((chosen.name, customer), Row(layout_of(chosen), ZZ))
        return row.read(day_of(to_us(at), ZZ.zone))

    # -- the store -----------------------------------------------------------------------------------------
    def serve(self) -> None:
        """An empty store becomes one that stands at the end of the log, at NOW."""
        self.client.flushall()
        self.store.set_logs(LOGS)
        for (name, customer), row in self.rows.items():
            self.write(collect()[name], customer, row)
        mark(self.store, ZZ, collect().values())
        self.store.set_mode("ZZ", "replay")
        self.move(NOW)

    def write(self, chosen: type[Fetcher], customer: str, row: Row, generation: int = 1) -> None:
        place = log(chosen.family).place(generation, home_of("ZZ", customer))
        field, key = layout_of(chosen).field, row_key("ZZ", customer)
        stored = self.client.hget(key, field)
        expected = b"" if stored is None else stored[: len(row.fence(place, 0).pack())]
        assert self.store.write_rows({key: [RowWrite(field, expected, row.pack(place, 10**6))]}) == []

    def move(self, at: datetime, families: Iterable[str] = tuple(FAMILIES)) -> None:
        """The clock goes on, and with it the watermarks of these families; no row changes."""
        for family in families:
            for partition in range(PARTITIONS):
                position = {"offset": 10**6 + 1, "wm:ZZ": to_us(at)}
                self.client.hset(position_key(topic(family), partition), mapping=position)
        self.tick(at)

    def tick(self, at: datetime) -> None:
        """The clock alone goes on."""
        self.client.hset(clock_key("ZZ"), "front", to_us(at))

    # -- the lake ------------------------------------------------------------------------------------------
    def fill_lake(self) -> None:
        """The same log as Delta tables."""
        path = self.settings.lake_path
        begin(path)
        for family, records in self.records.items():
            ends = {p: max(r.offset for r in records if r.partition == p) + 1 for p in range(PARTITIONS)}
            marks = [Transaction(lake.transaction_id(log(family).topic_id, p), end) for p, end in ends.items()]
            write_deltalake(
                str(path / family),
                lake_table(records, family, ZZ),
                partition_by=["country", "month"],
                commit_properties=CommitProperties(app_transactions=marks),
            )


def make(settings: Settings, client: redis.Redis, seed: int = 11) -> Served:
    """A world in which every partition of every family has records and not every customer every family."""
    made = {family: list(world.make(seed, family, ZZ, customers=5).records) for family in FAMILIES}
    first = next(record for record in made["orders"] if record.event.kind == "placed")
    made["orders"] += [LoggedEvent(EPOCH, 0, 0, replace(first.event, customer_id=one)) for one in hostile.TAKEN]
    assert all(record.event.seen_at < NOW for records in made.values() for record in records)
    return Served(settings, client, {family: _placed(records) for family, records in made.items()})


def _placed(records: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    """The records in the partitions that their keys belong to, numbered there."""
    offsets: dict[int, int] = defaultdict(int)
    placed = []
    for record in records:
        partition = home_of("ZZ", record.event.customer_id)
        placed.append(LoggedEvent(EPOCH, partition, offsets[partition], record.event))
        offsets[partition] += 1
    return placed


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)
