"""Writing one family's Delta table, with the log position in the same commit.

Delta's application transaction is no fence by itself: so every commit goes through the very table object on which
the position was checked, and Delta refuses it when another writer committed the same partition since.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from scv import machine
from scv.errors import LakeConflict, NoRoom
from scv.events import event as events
from scv.events.arrival import Arrival
from scv.events.calendar import DAY_US, from_us, to_us
from scv.events.event import Watermark
from scv.offline import sums
from scv.offline.lake import Lake, schema, transaction_id, younger_fields
from scv.online.rowstore import Log
from streams.kafka.log import Part

COMPACT_EVERY = 20
"""Commits; each adds a small file per country and month."""
RESERVE_BYTES = 1 << 20
"""Of disk, beside what is written: the commit itself, and the other families' ones."""
_ATTEMPTS = 20
PARTITION_BY = ["country", "month"]


@dataclass
class Buffer:
    """Records of one family that are in no commit yet: rows of its table, and per partition and country the newest
    watermark.
    """

    family: str
    epoch: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    watermarks: dict[tuple[Part, str], tuple[int, int]] = field(default_factory=dict)
    records: int = 0

    def __post_init__(self) -> None:
        self._payload, self._schema = list(events.fields(self.family)), schema(self.family)

    def add(self, part: Part, offset: int, event: Arrival) -> None:
        envelope = (event.country, month_of(event.seen_us), event.customer_id, event.kind, event.id)
        times = (event.occurred_us, event.claimed_us, event.seen_us)
        payload = (event.values.get(name) for name in self._payload)
        self.rows.append((*envelope, *times, *payload, self.epoch, part.partition, offset))

    def mark(self, part: Part, offset: int, watermark: Watermark) -> None:
        us = to_us(watermark.seen_at)
        if us >= self.watermarks.get((part, watermark.country), (us, 0))[0]:
            self.watermarks[part, watermark.country] = (us, offset)

    def table(self) -> pa.Table:
        """What is to be appended."""
        nothing = [None] * len(self._payload)
        for (part, country), (us, offset) in sorted(self.watermarks.items()):
            envelope = (country, month_of(us), "", "watermark", "", us, us, us)
            self.rows.append((*envelope, *nothing, self.epoch, part.partition, offset))
        self.watermarks = {}
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self._schema)
        arrays = [_array(*one) for one in zip(columns, self._schema.types, strict=True)]
        return pa.table(arrays, schema=self._schema)


class LakeWriter:
    """One family's table; created where it is missing."""

    def __init__(self, lake: Lake, log: Log) -> None:
        self._log, self._path = log, str(lake.table_path(log.family))
        self._transactions = [transaction_id(log.topic_id, number) for number in range(log.partitions)]
        self._table: DeltaTable | None = None
        self._commits, self._summed = 0, -1

    def reload(self) -> None:
        """See what others committed."""
        with machine.at(self._path):
            if self._table is None:
                columns, name = schema(self._log.family), self._log.family
                self._table = DeltaTable.create(
                    self._path, columns, mode="ignore", partition_by=PARTITION_BY, name=name
                )
                self._table.update_incremental()
                # What a killed one left.
                self._sum(sums.unsummed(Path(self._path), self._table), self._table.version())
            self._table.update_incremental()

    def position(self, part: Part) -> int:
        """The next offset of a partition that the loaded table does not hold (0: none yet)."""
        return self.table.transaction_version(self._transactions[part.partition]) or 0

    @property
    def table(self) -> DeltaTable:
        if self._table is None:
            self.reload()
        return self._table

    def append(self, rows: pa.Table, starts: Mapping[Part, int], ends: Mapping[Part, int]) -> None:
        """Commit rows that take partitions from `starts` to `ends`.

        Raises LakeConflict (reload, and seek) and NoRoom (the same, when there is room): nothing was committed.
        """
        for part, start in starts.items():
            if self.position(part) != start:
                raise LakeConflict(f"{self._path} holds {part} to {self.position(part)}, not to {start}.")
        moves = [Transaction(self._transactions[part.partition], end) for part, end in sorted(ends.items())]
        machine.refuse_full(self._path, RESERVE_BYTES + rows.nbytes)  # first: Delta's writer panics in mid-write
        try:
            with machine.at(self._path):
                write_deltalake(
                    self.table,
                    rows,
                    mode="append",
                    schema_mode="merge" if younger_fields(self.table, self._log.family) else None,
                    partition_by=PARTITION_BY,
                    commit_properties=CommitProperties(app_transactions=moves),
                )
        except CommitFailedError as error:
            raise LakeConflict(f"{self._path}: another writer was faster ({error}).") from error
        self._commits += 1
        if self._commits % COMPACT_EVERY == 0:
            self._compact()
        newest = self.table.version()
        self._sum(sums.of_commits(Path(self._path), self._summed + 1, newest), newest)

    def _sum(self, names: Iterable[str], newest: int) -> None:
        """Take the sums of what came up to a version; a full disk leaves that to the next commit."""
        try:
            with machine.at(self._path):
                sums.add(Path(self._path), names)
        except NoRoom:
            return
        self._summed = newest

    def _compact(self) -> None:
        try:
            with machine.at(self._path):
                self.table.optimize.compact()
        except CommitFailedError:
            self.table.update_incremental()  # another member did it
        except NoRoom:
            pass  # the small files stay until there is room


def set_back(lake: Lake, family: str, country: str, at: datetime) -> int:
    """Let a country's watermarks that are later than an instant say that instant; how many did not.

    A consumer that holds records in hand is refused its next commit, and reads them again from where the lake stands.
    Raises LakeConflict where other writers are faster all the time.
    """
    values = {"month": month_of(to_us(at)), "occurred_at": at, "claimed_at": at, "seen_at": at}
    for _ in range(_ATTEMPTS):
        table = lake.table(family)
        if table is None:
            return 0
        try:
            with machine.at(lake.table_path(family)):
                done = table.update(
                    predicate=f"country = '{country}' AND kind = 'watermark' AND seen_at > '{at.isoformat()}'",
                    new_values=values,
                )
            return int(done["num_updated_rows"])
        except CommitFailedError:
            continue
    raise LakeConflict(f"{lake.table_path(family)} is written to all the time. Stop `cerebro consume lake` for this.")


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Arrow takes instants and days as numbers, truth as 0 or 1 not."""
    return pa.array(values, pa.int8()).cast(kind) if pa.types.is_boolean(kind) else pa.array(values, kind)


def month_of(us: int) -> str:
    """The month of an instant in UTC, as the lake is partitioned.

    >>> month_of(1_483_228_799_999_999)
    '2016-12'
    """
    return _month_of_day(us // DAY_US)


@functools.lru_cache(maxsize=4096)
def _month_of_day(day: int) -> str:
    return from_us(day * DAY_US).astimezone(UTC).strftime("%Y-%m")
