"""Reading the event lake: one Delta table per family, partitioned by country and month of `seen_at`.

Only `streams` writes it. A reader fixes one version of every family and sees nothing else.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from scv import machine, stamp
from scv.errors import Damaged, LakeConflict
from scv.events import event as events
from scv.events.arrival import Arrival, content_of, identify
from scv.events.calendar import from_us
from scv.events.country import Country
from scv.offline import lake_version, sums
from scv.offline.lake_version import LakeVersion
from scv.offline.transaction import tick_id, transaction_id
from scv.stamp import Sealed

ARROW = {"int": pa.int64(), "str": pa.string(), "bool": pa.bool_(), "date": pa.date32()}
INSTANT = pa.timestamp("us", tz="UTC")
_SQL = {pa.date32(): "DATE", INSTANT: "TIMESTAMPTZ"}
"""What DuckDB calls those types of Arrow's that it knows by another name."""
_ENVELOPE = ("customer_id", "kind", "id", "occurred_us", "claimed_us", "seen_us", "day", "seen_day")


def schema(family: str) -> pa.Schema:
    """Columns of one family's table.

    `claimed_at` and `claimed_seen_at` are `occurred_at` and `seen_at` as delivered (if at all); `epoch`, `partition`,
    `offset` are the position in the log. A watermark is a row of kind `watermark` without customer.
    """
    envelope = [(name, pa.string()) for name in ("country", "month", "customer_id", "kind", "id")]
    envelope += [(name, INSTANT) for name in ("occurred_at", "claimed_at", "seen_at", "claimed_seen_at")]
    payload = [(name, ARROW[kind]) for name, kind in events.fields(family).items()]
    position = [("epoch", pa.int32()), ("partition", pa.int32()), ("offset", pa.int64())]
    return pa.schema([*envelope, *payload, *position])


class Epoch(Sealed, frozen=True, kw_only=True):
    """Which log the lake is being filled from: topic ids (hex) by topic, and how many partitions each has.

    `earlier`: epoch → how many partitions each topic had then; what a lake does not say counts as today's number.
    `tick_us`: the newest tick of earlier epochs (0: none).
    """

    epoch: int
    topics: dict[str, str]
    partitions: int
    earlier: dict[int, int] = {}
    tick_us: int = 0

    def partitions_in(self, epoch: int) -> int:
        return self.partitions if epoch == self.epoch else self.earlier.get(epoch, self.partitions)


class Lake:
    """A folder of Delta tables, read only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def table_path(self, family: str) -> Path:
        return self.path / family

    def epoch(self) -> Epoch | None:
        """The epoch being written; None for a lake that nothing was ever written to."""
        path = self.path / "epoch.json"
        try:
            with machine.at(path):
                return stamp.opened(path.read_bytes(), Epoch) if path.exists() else None
        except ValueError as error:
            raise machine.damaged(path, str(error)) from error

    def table(self, family: str, version: int | None = None) -> DeltaTable | None:
        """One family's table as it was in a version (None: the newest); None where there is (-1: there was) none.

        Raises LakeConflict for a version that was vacuumed.
        """
        path = self.table_path(family)
        with machine.at(path):
            if version == -1 or not DeltaTable.is_deltatable(str(path)):
                return None
            try:
                return DeltaTable(str(path), version=version)
            except DeltaError:
                if version is None:  # its log was shortened while it was read; one that is damaged fails again
                    return DeltaTable(str(path))
                if (newest := DeltaTable(str(path)).version()) <= version:
                    raise
                raise _vacuumed(family, version, newest) from None

    def version(self) -> LakeVersion:
        """The newest version of every family; its files stay for as long as it is in hand."""
        with lake_version.entered(self.path) as door:
            tables = {family: table for family in events.FAMILIES if (table := self.table(family))}
            ids = {family: str(table.metadata().id) for family, table in tables.items()}
            there = {family: table.version() for family, table in tables.items()}
            families = dict.fromkeys(events.FAMILIES, -1) | there
            return LakeVersion(families, ids, tables, lake_version.pin(door, families))

    def _opened(self, family: str, version: LakeVersion) -> DeltaTable | None:
        """One family's table as it was in a version of all of them."""
        return version.tables.get(family) or self.table(family, version.families.get(family, -1))

    def position(self, family: str, topic: str, partition: int, version: LakeVersion) -> int:
        """The next offset of this epoch that a version of the lake does not hold (0: none yet)."""
        return self._kept(family, topic, partition, version, transaction_id)

    def tick_us(self, family: str, topic: str, partition: int, version: LakeVersion) -> int:
        """The newest tick of a partition in this epoch that a version of the lake holds (us; 0: none)."""
        return self._kept(family, topic, partition, version, tick_id)

    def _kept(self, family: str, topic: str, number: int, version: LakeVersion, id: Callable[[str, int], str]) -> int:
        epoch, table = self.epoch(), self._opened(family, version)
        told = None if epoch is None or table is None else table.transaction_version(id(epoch.topics[topic], number))
        return told or 0

    def query(self, family: str, country: Country, version: LakeVersion) -> str:
        """A query over one family's arrivals of a country, in the units that folds use.

        Columns: customer_id, kind, id, occurred_us, claimed_us, seen_us, day, seen_day, the payload (dates as
        days, truth as 0 or 1) and the log position. Watermarks are left out. An empty lake gives no rows.
        Raises Damaged for a file that is not what was written.
        """
        source = self._source(family, country.code, version)
        zone = country.time_zone.replace("'", "")
        payload = [_payload(name, kind) for name, kind in events.fields(family).items()]
        columns = [
            "customer_id, kind, id",
            *(f"epoch_us({name}_at) AS {name}_us" for name in ("occurred", "claimed", "seen")),
            f"(occurred_at AT TIME ZONE '{zone}')::DATE - DATE '1970-01-01' AS day",
            f"(seen_at AT TIME ZONE '{zone}')::DATE - DATE '1970-01-01' AS seen_day",
            *payload,
            'epoch, "partition", "offset"',
        ]
        return f"SELECT {', '.join(columns)} FROM {source} WHERE kind <> 'watermark'"

    def arrivals(
        self, connection: duckdb.DuckDBPyConnection, family: str, country: Country, version: LakeVersion
    ) -> Iterator[tuple[str, list[Arrival]]]:
        """Each customer of a country with what arrived of a family, in log order."""
        cursor = connection.cursor()  # its own: the reader stays open while others ask
        query = self.query(family, country, version)
        found = cursor.sql(f'{query} ORDER BY customer_id, epoch, "partition", "offset"')
        rows = (row for batch in found.to_arrow_reader(20_000) for row in batch.to_pylist())
        for customer_id, group in itertools.groupby(rows, key=lambda row: str(row["customer_id"])):
            yield customer_id, [_arrival(row, family, country.code) for row in group]

    def watermark_us(
        self, connection: duckdb.DuckDBPyConnection, family: str, country: str, version: LakeVersion
    ) -> int | None:
        """The instant before which every partition of a family is complete in this version (us); None: unknown.

        Each epoch's partitions answer for themselves. What an epoch was complete to stays so when the next begins.
        """
        source = self._source(family, country, version)
        epoch = self.epoch()
        if epoch is None:
            return None
        newest = f"""SELECT epoch, max(epoch_us(seen_at)) AS us FROM {source} WHERE kind = 'watermark'
                     GROUP BY epoch, "partition\""""
        marks = connection.execute(f"SELECT epoch, count(*), min(us) FROM ({newest}) GROUP BY epoch").fetchall()
        known = [oldest for number, count, oldest in marks if count == epoch.partitions_in(number)]
        return max(known, default=None)

    def front_us(
        self,
        connection: duckdb.DuckDBPyConnection,
        country: str,
        version: LakeVersion,
        families: Collection[str] = events.FAMILIES,
    ) -> int | None:
        """What a clock would read if it had heard all of these families: the newest watermark, or 1 µs after the newest
        event seen if that is later (us); None for a country without records. What was erased was never seen.
        """
        for month in self._months(country, version, families):  # of `seen_at`: an older one has nothing newer
            seen = self._seen(country, version, families, month)
            ((front,),) = connection.execute(f"SELECT max(us + (kind <> 'watermark')::BIGINT) FROM ({seen})").fetchall()
            if front is not None:
                return int(front)
        return None

    def customers_seen_from(
        self, connection: duckdb.DuckDBPyConnection, country: str, version: LakeVersion, us: int
    ) -> list[str]:
        """The customers with an event that was seen at this instant (us) or later and was not erased."""
        seen = self._seen(country, version, events.FAMILIES)
        query = f"SELECT DISTINCT customer_id FROM ({seen}) WHERE kind <> 'watermark' AND us >= {us} ORDER BY 1"
        return [customer_id for (customer_id,) in connection.execute(query).fetchall()]

    def _seen(self, country: str, version: LakeVersion, families: Iterable[str], month: str | None = None) -> str:
        """A query over what was seen (in a month) in some families and not erased since: customer_id, kind, us."""
        queries = []
        for family in families:
            source, place = self._source(family, country, version), 'struct_pack(epoch, "offset")'
            seen = self._source(family, country, version, month)
            queries.append(f"""
                SELECT customer_id, kind, epoch_us(seen_at) AS us FROM {seen} LEFT JOIN (
                    SELECT customer_id, max({place}) AS erased FROM {source} WHERE kind = 'erased' GROUP BY customer_id
                ) USING (customer_id) WHERE erased IS NULL OR {place} >= erased""")
        return " UNION ALL ".join(queries)

    def _months(self, country: str, version: LakeVersion, families: Iterable[str]) -> list[str]:
        """The months of which some families hold anything, the newest first."""
        tables, of = (self._opened(family, version) for family in families), [("country", "=", country)]
        parts = (part for table in tables if table for part in table.partitions(file_pruning_predicate=of))
        return sorted({part["month"] for part in parts}, reverse=True)

    def complete_to(
        self, country: str, version: LakeVersion, families: Iterable[str] = events.FAMILIES
    ) -> dict[str, datetime]:
        """Family → the instant before which this version holds everything of a country; absent: not known."""
        with duckdb.connect() as connection:
            marks = {family: self.watermark_us(connection, family, country, version) for family in families}
        return {family: from_us(us) for family, us in marks.items() if us is not None}

    def files(self, family: str, country: str, version: LakeVersion, month: str | None = None) -> list[str]:
        """The files of a version that hold what arrived of a family in a country (in a month), watermarks included."""
        table = self._opened(family, version)
        chosen = [("country", "=", country), *([("month", "=", month)] if month else [])]
        return [] if table is None else table.file_uris(file_pruning_predicate=chosen)

    def holds(self, country: str) -> bool:
        """Did a record of a country ever come in?"""
        return any((self.table_path(family) / f"country={country}").is_dir() for family in events.FAMILIES)

    def _source(self, family: str, country: str, version: LakeVersion, month: str | None = None) -> str:
        """One family's records of a country (in a month): a table in SQL, with every column and maybe no row."""
        empty, files = _empty(family), self.files(family, country, version, month)
        if not files:
            return f"({empty})"
        missing = [file for file in files if not Path(file).exists()]
        if missing:
            raise self._lost(family, version.families[family], missing)
        sums.refuse_damaged(self.table_path(family), files)
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in sorted(files))
        partitions = "hive_partitioning = true, hive_types = {'country': VARCHAR, 'month': VARCHAR}"
        source = f"read_parquet([{listed}], {partitions}, union_by_name = true)"
        # Files older than a payload field lack its column.
        return f"({empty} UNION ALL BY NAME FROM {source})"

    def _lost(self, family: str, version: int, files: Sequence[str]) -> LakeConflict | Damaged:
        """What to say of a version whose files are gone: an older one was vacuumed, the newest one never is."""
        newest = self.table(family)
        if newest is not None and newest.version() > version:
            return _vacuumed(family, version, newest.version())
        more = f" and {len(files) - 1} more files" if len(files) > 1 else ""
        return Damaged(
            f"The lake has lost {files[0]}{more}: events of {family}. Bring it back from a copy of the lake."
        )


def _vacuumed(family: str, version: int, newest: int) -> LakeConflict:
    return LakeConflict(f"Version {version} of {family} was vacuumed: read version {newest} (run it again).")


def whole_to(marks: Mapping[str, datetime], families: Collection[str] = events.FAMILIES) -> datetime | None:
    """The instant before which all of these families are complete, by the marks of `complete_to`; None: not known."""
    known = [marks[family] for family in families if family in marks]
    return min(known) if len(known) == len(families) else None


def _arrival(row: Mapping[str, Any], family: str, country: str) -> Arrival:
    values = {name: row[name] for name in events.fields(family)}
    return Arrival(
        country=country,
        values=values,
        identity=identify(row["id"], row["claimed_us"]),
        content=content_of(row["kind"], values),
        **{name: row[name] for name in _ENVELOPE},
    )


def content(family: str) -> str:
    """SQL of what two arrivals of a family share that say the same."""
    return f"(kind, {', '.join(map(json.dumps, events.fields(family)))})"


def _empty(family: str) -> str:
    """A query with every column of a family and no row."""
    columns = [f'NULL::{_SQL.get(one.type, one.type)} AS "{one.name}"' for one in schema(family)]
    return f"SELECT {', '.join(columns)} WHERE false"


def _payload(name: str, kind: str) -> str:
    if kind == "date":
        return f'("{name}" - DATE \'1970-01-01\')::BIGINT AS "{name}"'
    return f'"{name}"::BIGINT AS "{name}"' if kind in ("int", "bool") else f'"{name}"'
