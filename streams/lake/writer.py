"""Writing one family's Delta table, with the log position in the same commit.

Delta's application transaction is no fence by itself: so every commit goes through the very table object on which
the position was checked, and Delta refuses it when another writer committed the same partition since.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from scv import machine
from scv.atomic import alone
from scv.errors import Damaged, LakeConflict, NoRoom, UserError
from scv.events import event as events
from scv.events.arrival import Arrival, Reached
from scv.events.calendar import DAY_US, from_us, to_us
from scv.offline import sums
from scv.offline.lake import Lake, schema
from scv.offline.transaction import tick_id, transaction_id
from scv.online.facts import Log
from streams.kafka.log import Part
from streams.lake.compaction import RESERVE_BYTES, compact
from streams.lake.vacuum import vacuum

TIDY_S = 0.2
"""How long a commit may compact: what is left waits for the next."""
_ATTEMPTS = 20
NO_TICKS: Mapping[Part, int] = MappingProxyType({})
PARTITION_BY = ["country", "month"]
PROPERTIES = {"delta.dataSkippingNumIndexedCols": "0", "delta.deletedFileRetentionDuration": "interval 0 seconds"}
"""Nobody asks Delta for rows, so its log needs no statistics; nor does it remember which files went."""


@dataclass
class Buffer:
    """Records of one family that are in no commit yet: rows of its table, per partition and country the newest
    watermark, and per partition the newest tick (us).
    """

    family: str
    epoch: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    watermarks: dict[tuple[Part, str], tuple[Reached, int]] = field(default_factory=dict)
    ticks: dict[Part, int] = field(default_factory=dict)
    records: int = 0

    def __post_init__(self) -> None:
        self._payload, self._schema = list(events.fields(self.family)), schema(self.family)

    def add(self, part: Part, offset: int, event: Arrival) -> None:
        envelope = (event.country, month_of(event.seen_us), event.customer_id, event.kind, event.id)
        times = (event.occurred_us, event.claimed_us, event.seen_us, event.claimed_seen_us)
        payload = (event.values.get(name) for name in self._payload)
        self.rows.append((*envelope, *times, *payload, self.epoch, part.partition, offset))

    def mark(self, part: Part, offset: int, watermark: Reached) -> None:
        key = part, watermark.country
        if watermark.us >= self.watermarks.get(key, (watermark, 0))[0].us:
            self.watermarks[key] = (watermark, offset)
        if watermark.is_tick:
            self.ticks[part] = watermark.us

    def table(self) -> pa.Table:
        """What is to be appended."""
        nothing = [None] * len(self._payload)
        for (part, _), ((country, us, is_tick), offset) in sorted(self.watermarks.items()):
            envelope = (country, month_of(us), "", "watermark", "", us, us, us, None if is_tick else us)
            self.rows.append((*envelope, *nothing, self.epoch, part.partition, offset))
        self.watermarks = {}
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self._schema)
        arrays = [_array(*one) for one in zip(columns, self._schema.types, strict=True)]
        return pa.table(arrays, schema=self._schema)


class LakeWriter:
    """One family's table; created where it is missing."""

    def __init__(self, lake: Lake, log: Log) -> None:
        self._lake, self._log, self._path = lake, log, str(lake.table_path(log.family))
        self._transactions = [transaction_id(log.topic_id, number) for number in range(log.partitions)]
        self._ticks = [tick_id(log.topic_id, number) for number in range(log.partitions)]
        self._table: DeltaTable | None = None
        self._summed = -1

    def reload(self) -> None:
        """See what others committed."""
        with machine.at(self._path):
            if not self._is_updated() or not self._log_stands():
                columns, name = schema(self._log.family), self._log.family
                self._table = DeltaTable.create(
                    self._path, columns, mode="ignore", partition_by=PARTITION_BY, name=name, configuration=PROPERTIES
                )
                self._table.update_incremental()
                self._set_properties(self._table)
                # What a killed one left.
                self._sum(sums.unsummed(Path(self._path), self._table), self._table.version())

    def _is_updated(self) -> bool:
        """Did the loaded table take what others committed? Not where commits go while it reads them: then one must be
        opened. Where they are damaged, that fails as well."""
        if self._table is None:
            return False
        try:
            self._table.update_incremental()
        except DeltaError:
            return False
        return True

    def _set_properties(self, table: DeltaTable) -> None:
        """Of a table that an earlier release made."""
        if not PROPERTIES.items() <= table.metadata().configuration.items():
            with contextlib.suppress(CommitFailedError):  # another member does it
                table.alter.set_table_properties(PROPERTIES)
            table.update_incremental()

    def position(self, part: Part) -> int:
        """The next offset of a partition that the loaded table does not hold (0: none yet)."""
        return self.table.transaction_version(self._transactions[part.partition]) or 0

    def tick_us(self, part: Part) -> int:
        """The newest tick of a partition that the loaded table holds (0: none yet)."""
        return self.table.transaction_version(self._ticks[part.partition]) or 0

    @property
    def table(self) -> DeltaTable:
        if self._table is None:
            self.reload()
        return self._table

    def append(
        self, rows: pa.Table, starts: Mapping[Part, int], ends: Mapping[Part, int], ticks: Mapping[Part, int] = NO_TICKS
    ) -> None:
        """Commit rows that take partitions from `starts` to `ends`, and the newest ticks among them (us).

        Raises LakeConflict (reload, and seek) and NoRoom (the same, when there is room): nothing was committed.
        """
        if not self._log_stands():
            self.reload()
        for part, start in starts.items():
            if self.position(part) != start:
                raise LakeConflict(f"{self._path} holds {part} to {self.position(part)}, not to {start}.")
        moves = [Transaction(self._transactions[part.partition], end) for part, end in sorted(ends.items())]
        moves += [Transaction(self._ticks[part.partition], us) for part, us in sorted(ticks.items())]
        machine.refuse_full(self._path, RESERVE_BYTES + rows.nbytes)  # first: Delta's writer panics in mid-write
        try:
            with machine.at(self._path):
                write_deltalake(
                    self.table,
                    rows,
                    mode="append",
                    schema_mode="merge" if _younger_fields(self.table, self._log.family) else None,
                    partition_by=PARTITION_BY,
                    commit_properties=CommitProperties(app_transactions=moves),
                )
        except (CommitFailedError, Damaged) as error:
            if isinstance(error, Damaged) and self._log_stands():
                raise
            raise LakeConflict(f"{self._path}: another writer was faster ({error}).") from error
        self._sum_new()
        if self._tidy():
            self._sum_new()

    def _sum_new(self) -> None:
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

    def _log_stands(self) -> bool:
        """Is what the loaded table was read from still there? Not after a vacuum by others that we slept through."""
        if self._table is None:
            return False
        try:
            self._table.transaction_version("of nobody")  # then all of it is read
        except DeltaError:
            return False
        return True

    def _tidy(self) -> bool:
        """Compact what is due, then vacuum: one member at a time, and none waits. Was there anything to compact?"""
        folder = Path(self._path)
        with contextlib.suppress(NoRoom, UserError), alone(folder / sums.LOG, busy="another member does it"):
            self.reload()  # what another one compacted may be vacuumed by now
            try:
                if compact(self.table, folder, TIDY_S):
                    vacuum(self._lake, self._log.family)
                    return True
            except CommitFailedError:
                self.reload()
        return False


def set_back(lake: Lake, family: str, country: str, at: datetime) -> int:
    """Let a country's watermarks that are later than an instant say that instant; how many did not.

    The newest ticks say no more than it either. A consumer that holds records in hand is refused its next commit, and
    reads them again from where the lake stands. Raises LakeConflict where other writers are faster all the time.
    """
    values = {"month": month_of(to_us(at)), "occurred_at": at, "claimed_at": at, "seen_at": at}
    for _ in range(_ATTEMPTS):
        version = lake.version()  # in hand: what the change reads stays
        table = version.tables.get(family)
        if table is None:
            return 0
        try:
            with machine.at(lake.table_path(family)):
                done = table.update(
                    predicate=f"country = '{country}' AND kind = 'watermark' AND seen_at > '{at.isoformat()}'",
                    new_values=values,
                )
                _set_ticks_back(lake, family, table, to_us(at))
            return int(done["num_updated_rows"])
        except CommitFailedError:
            continue
    raise LakeConflict(f"{lake.table_path(family)} is written to all the time. Stop `cerebro consume lake` for this.")


def _set_ticks_back(lake: Lake, family: str, table: DeltaTable, us: int) -> None:
    """In one commit with the positions before which they lie, so that a writer who knew them is refused."""
    if (epoch := lake.epoch()) is None:
        return
    topic_id = next(id for topic, id in epoch.topics.items() if topic.rpartition(".")[2] == family)
    moves = []
    for number in range(epoch.partitions):
        place, tick = transaction_id(topic_id, number), tick_id(topic_id, number)
        if (table.transaction_version(tick) or 0) > us:
            moves += [Transaction(tick, us), Transaction(place, table.transaction_version(place) or 0)]
    if moves:
        properties = CommitProperties(app_transactions=moves)
        nothing = Buffer(family, epoch.epoch).table()
        write_deltalake(table, nothing, mode="append", partition_by=PARTITION_BY, commit_properties=properties)


def _younger_fields(table: DeltaTable, family: str) -> list[str]:
    """The columns that a table does not have: events learned them after it was last written to."""
    known = {field.name for field in table.schema().fields}
    return [name for name in schema(family).names if name not in known]


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
