"""Rebuilding rows from the lake by Rule R.4: one lake version, every event of it, written only where rows are behind.

It may run beside live streams and any number of times: what is at the lake's position already is kept.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from scv.errors import LogChanged, StoreUnusable
from scv.events import event as events
from scv.events.arrival import Arrival
from scv.events.country import Country
from scv.events.partition import partition_of
from scv.features.fetcher import Fetcher
from scv.features.layout import Layout, layout_of
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.online import marker
from scv.online.facts import Built, Log, Move, RowWrite
from scv.online.row import Place, Row, fence_of
from scv.online.rowstore import RowStore

CHUNK = 500
"""Customers whose rows are compared and written in one round trip."""

Progress = Callable[[int, int], None]


@dataclass
class Rebuilt:
    """What a rebuild did. A row is one customer of one fetcher: `written`, or `kept` because it was not behind."""

    customers: int = 0
    arrivals: int = 0
    rows: int = 0
    written: int = 0
    kept: int = 0


def rebuild(
    client: Any,
    lake: Lake,
    countries: Mapping[str, Country],
    fetchers: Sequence[type[Fetcher]],
    progress: Progress | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> Rebuilt:
    """Build the rows of some fetchers for some countries from the newest lake version, then mark them built.

    `client` is a connected store whose `topics` are those of the lake's epoch (LogChanged otherwise). `progress`
    hears (customers done, of all). Rows ahead of the lake stay; consumers go back to the lake's position. Needs no
    lock: where another generation or epoch begins meanwhile nothing is marked, and StoreUnusable raised.
    """
    store, done = RowStore(client), Rebuilt()
    with contextlib.nullcontext(connection) if connection else duckdb.connect() as used:
        tasks = list(_tasks(store, lake, countries, fetchers))
        total = sum(task.count(used) for task in tasks)
        for task in tasks:
            task.run(used, done, lambda: progress(done.customers, total) if progress else None)
    return done


def _tasks(
    store: RowStore, lake: Lake, countries: Mapping[str, Country], fetchers: Sequence[type[Fetcher]]
) -> Iterator[_Task]:
    generation = store.generation()
    logs = {log.family: (topic, log) for topic, log in store.logs().items()}
    epoch, version = lake.epoch(), lake.version()
    if whys := [why for country in countries.values() if (why := marker.folded_otherwise(store, country))]:
        raise StoreUnusable(f"The rows in the store are folded otherwise: {'; '.join(whys)}. Run `cerebro rebuild`.")
    for family in events.FAMILIES:
        layouts = [layout_of(fetcher) for fetcher in fetchers if fetcher.family == family]
        if not layouts:
            continue
        topic, log = logs.get(family, ("", None))
        if log is None or epoch is None or epoch.epoch != log.epoch or epoch.topics.get(topic) != log.topic_id:
            raise LogChanged(
                f"The store and the lake {lake.path} are not of one log for family {family}. Run `cerebro rebuild`."
            )
        positions = [lake.position(family, topic, partition, version) for partition in range(log.partitions)]
        ticks = [lake.tick_us(family, topic, partition, version) for partition in range(log.partitions)]
        for country in countries.values():
            yield _Task(store, lake, version, topic, log, positions, ticks, generation, country, layouts)


@dataclass(frozen=True)
class _Task:
    """The rows of one family's fetchers in one country, from one lake version.

    `positions`: per partition of the family's topic the next offset that this version does not hold; `ticks`: the
    newest tick before it (us).
    """

    store: RowStore
    lake: Lake
    version: LakeVersion
    topic: str
    log: Log
    positions: list[int]
    ticks: list[int]
    generation: int
    country: Country
    layouts: list[Layout]

    @functools.cached_property
    def empty(self) -> bool:
        """The lake holds nothing of this family in this country."""
        return not self.lake.files(self.log.family, self.country.code, self.version)

    def count(self, connection: duckdb.DuckDBPyConnection) -> int:
        """How many customers there are."""
        if self.empty:
            return 0
        arrivals = self.lake.query(self.log.family, self.country, self.version)
        ((customers,),) = connection.execute(f"SELECT count(DISTINCT customer_id) FROM ({arrivals})").fetchall()
        return int(customers)

    def run(self, connection: duckdb.DuckDBPyConnection, done: Rebuilt, report: Callable[[], None]) -> None:
        """Fold and write, then let the consumer follow and readers see.

        Raises StoreUnusable where the store restarted in between (rows written before may be gone), or where another
        generation or epoch began (they are not its rows).
        """
        begun = self.store.incarnation()
        if not self.empty:
            customers = self.lake.arrivals(connection, self.log.family, self.country, self.version)
            while chunk := dict(itertools.islice(customers, CHUNK)):
                self._build(chunk, done)
                report()
        if self.store.incarnation() != begun:
            raise StoreUnusable("The store restarted during the rebuild and may have lost rows. Run it again.")
        watermark = None if self.empty else self._restore_clock(connection)
        if not self.store.mark_built(self._built()):
            raise StoreUnusable("The rows were begun anew during this rebuild: its own count no longer. Run it again.")
        if watermark is not None:
            self._restore_watermark(watermark)

    def _built(self) -> Built:
        marks = {
            layout.fetcher: marker.encode(marker.of_rows(self.country, layout, self.log, self.generation))
            for layout in self.layouts
        }
        return Built(self.country.code, self.topic, self.log, self.generation, self.positions, self.ticks, marks)

    def _restore_clock(self, connection: duckdb.DuckDBPyConnection) -> int | None:
        """The clock of a store that lost it, as the lake knows it; the lake's watermark (us)."""
        code, family = self.country.code, self.log.family
        front = self.lake.front_us(connection, code, self.version, [family])
        if front is not None:
            self.store.tick({code: front})
        return self.lake.watermark_us(connection, family, code, self.version)

    def _restore_watermark(self, us: int) -> None:
        """For a store that lost it; a consumer that moves meanwhile knows better."""
        parts = [(self.topic, partition) for partition in range(self.log.partitions)]
        self.store.advance(
            [
                Move(*part, position.offset, position.turn, position.offset or 0, {self.country.code: us})
                for part, position in zip(parts, self.store.positions(parts), strict=True)
            ]
        )

    def _build(self, arrivals: Mapping[str, Sequence[Arrival]], done: Rebuilt) -> None:
        """The rows of some customers that are behind the lake, by what arrived of them."""
        names = {self.store.keys.row(self.country.code, customer_id): customer_id for customer_id in arrivals}
        rows, before = len(arrivals) * len(self.layouts), done.written
        done.customers += len(arrivals)
        done.arrivals += sum(map(len, arrivals.values()))
        done.rows += rows
        pending = list(names)
        while pending:
            writes: dict[str, list[RowWrite]] = {}
            fences = self.store.fences(pending, [layout.field for layout in self.layouts])
            for key, stored in zip(pending, fences, strict=True):
                if made := self._rows(names[key], arrivals[names[key]], stored):
                    writes[key] = made
            pending = self.store.write_rows(writes)
            done.written += sum(len(made) for key, made in writes.items() if key not in set(pending))
        done.kept += rows - (done.written - before)

    def _rows(self, customer_id: str, arrivals: Sequence[Arrival], fences: Sequence[bytes]) -> list[RowWrite]:
        """The rows that are behind the lake, folded."""
        partition = partition_of(f"{self.country.code}:{customer_id}".encode(), self.log.partitions)
        place, upto = self.log.place(self.generation, partition), self.positions[partition] - 1
        writes = []
        for layout, fence in zip(self.layouts, fences, strict=True):
            if is_behind(fence, place, upto):
                row = Row(layout, self.country)
                for arrival in arrivals:
                    row.take(arrival)
                writes.append(RowWrite(layout.field, fence, row.pack(place, upto)))
        return writes


def is_behind(fence: bytes, place: Place, upto: int) -> bool:
    """Must a row with this fence (b'' = absent) give way to one that is folded up to there?"""
    if not fence:
        return True
    try:
        stored = fence_of(fence)
    except StoreUnusable:  # another format
        return True
    if stored.place == place:
        return stored.upto < upto
    return (stored.place.generation, stored.place.epoch) <= (place.generation, place.epoch)
