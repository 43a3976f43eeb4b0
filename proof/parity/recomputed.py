"""Values computed once more from one version of the lake, for few customers, each at a prefix of the log of their own.

Two ways that share no code beyond the definitions: the batch's SQL, and the folds in Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from scv.events.calendar import day_of, to_us
from scv.events.country import Country
from scv.features.fetcher import Fetcher, of_family
from scv.features.layout import layout_of
from scv.offline import batch
from scv.offline.lake import Arrival, Lake, LakeVersion
from scv.online.row import Row
from scv.settings import Settings

WHOLE = 2**31 - 1
"""An epoch after all others."""
INSTANTS = 50
"""Different instants of one query: it computes every prefix at each of them."""
PREFIXES = 2_000
Values = Mapping[str, Any] | None
"""Plain feature name → value; None without an admitted event."""


@dataclass(frozen=True)
class Prefix:
    """A customer's log up to an offset of an epoch (older epochs whole; default: all of it), read at an instant."""

    customer: str
    at: datetime
    epoch: int = WHOLE
    upto: int = -1

    def holds(self, epoch: int, offset: int) -> bool:
        return (epoch, offset) <= (self.epoch, self.upto)


class Recomputed:
    """A country in one version of the lake. Raises LakeConflict where that version was vacuumed."""

    def __init__(self, settings: Settings, country: Country, version: LakeVersion) -> None:
        self.version = version
        self._lake, self._country = Lake(settings.lake_path), country
        self._queries: dict[str, str] = {}
        self._positions: dict[tuple[str, int], int] = {}
        self._connection = duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory})

    def close(self) -> None:
        self._connection.close()

    def batch(self, fetchers: Iterable[type[Fetcher]], prefixes: Iterable[Prefix]) -> dict[tuple[str, Prefix], Values]:
        """(fetcher, prefix) → what the batch's SQL says: KNOWN_THEN at the prefix's instant."""
        wanted, chosen = list(dict.fromkeys(prefixes)), set(fetchers)
        found: dict[tuple[str, Prefix], Values] = {(one.name, prefix): None for one in chosen for prefix in wanted}
        for family in sorted({one.family for one in chosen}):
            for group in _groups(wanted):
                self._admit(family, group)
                for one in of_family(family):
                    if one in chosen:
                        found |= {(one.name, prefix): values for prefix, values in self._fold(one, group)}
        return found

    def folded(self, fetchers: Iterable[type[Fetcher]], prefixes: Iterable[Prefix]) -> dict[tuple[str, Prefix], Values]:
        """(fetcher, prefix) → what rows folded from it read; only right where all of it was seen before its instant."""
        wanted = list(dict.fromkeys(prefixes))
        found: dict[tuple[str, Prefix], Values] = {}
        for one in fetchers:
            logs = self.deliveries(one.family, [prefix.customer for prefix in wanted])
            for prefix in wanted:
                found[one.name, prefix] = self.fold(one, prefix, logs.get(prefix.customer, []))
        return found

    def fold(self, one: type[Fetcher], prefix: Prefix, log: Iterable[Arrival]) -> Values:
        """The same of one customer, whose log is at hand."""
        row = Row(layout_of(one), self._country.lateness_days)
        for placed in log:
            if prefix.holds(placed.epoch, placed.offset):
                row.deliver(placed.delivery)
        day = day_of(to_us(prefix.at), self._country.zone)
        return row.read(day, self._country.cut_off_days) if row.exists else None

    def deliveries(self, family: str, customers: Iterable[str]) -> dict[str, list[Arrival]]:
        """Customer → everything the lake holds of a family, in log order."""
        return dict(self._lake.arrivals(self._connection, family, self._country, self.version, customers))

    def position(self, family: str, topic: str, partition: int) -> int:
        """The next offset of this epoch that the version does not hold."""
        if (topic, partition) not in self._positions:
            self._positions[topic, partition] = self._lake.position(family, topic, partition, self.version)
        return self._positions[topic, partition]

    def end(self, family: str, epoch: int, partition: int) -> int | None:
        """The next offset of an epoch's partition that the version does not hold; None for an epoch that is over."""
        now = self._lake.epoch()
        if now is None or now.epoch != epoch:
            return None
        (topic,) = [name for name in now.topics if name.rpartition(".")[2] == family]
        return self.position(family, topic, partition)

    def _admit(self, family: str, prefixes: Sequence[Prefix]) -> None:
        """The temporary table of what is admitted of each prefix, whose number stands for the customer."""
        self._register(
            "wanted",
            {
                "key": pa.array([str(i) for i in range(len(prefixes))]),
                "customer_id": pa.array([one.customer for one in prefixes], pa.string()),
                "epoch": pa.array([one.epoch for one in prefixes], pa.int64()),
                "upto": pa.array([one.upto for one in prefixes], pa.int64()),
            },
        )
        query = f"""
            SELECT w.key AS customer_id, d.* EXCLUDE (customer_id) FROM ({self._query(family)}) d
            JOIN wanted w ON d.customer_id = w.customer_id
                AND (d.epoch < w.epoch OR d.epoch = w.epoch AND d."offset" <= w.upto)"""
        batch.admit(self._connection, query, self._country, "admitted")

    def _fold(self, one: type[Fetcher], prefixes: Sequence[Prefix]) -> Iterator[tuple[Prefix, Values]]:
        instants = sorted({prefix.at for prefix in prefixes})
        table = batch.fold(self._connection, "admitted", layout_of(one), self._country, instants)
        for row in table.to_pylist():
            prefix = prefixes[int(row.pop("customer_id"))]
            if row.pop("event_timestamp") == prefix.at:
                del row["country"]
                yield prefix, row

    def _query(self, family: str) -> str:
        if family not in self._queries:
            self._queries[family] = self._lake.deliveries(self._connection, family, self._country, self.version)
        return self._queries[family]

    def _register(self, name: str, columns: Mapping[str, pa.Array]) -> None:
        self._connection.register(f"{name}_given", pa.table(dict(columns)))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {name}_given")
        self._connection.unregister(f"{name}_given")


def _groups(prefixes: Sequence[Prefix]) -> Iterator[list[Prefix]]:
    """Few instants and not too many prefixes at a time."""
    group: list[Prefix] = []
    instants: set[datetime] = set()
    for one in sorted(prefixes, key=lambda prefix: prefix.at):
        if group and (len(group) >= PREFIXES or len(instants | {one.at}) > INSTANTS):
            yield group
            group, instants = [], set()
        group.append(one)
        instants.add(one.at)
    if group:
        yield group
