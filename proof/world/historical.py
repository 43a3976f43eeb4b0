"""Arrivals as rows of the lake that no consumer wrote: the history before all offsets.

What a consumer would make of a plain event (its sender's time not after ours) is what stands in the table already;
every other arrival is decoded as a consumer does, which says what time counts or why it is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proof.world import harm
from proof.world.dirt import Arrivals
from proof.world.luck import Ints
from proof.world.records import records
from proof.world.stock import microseconds
from scv.errors import BadEvent
from scv.events import arrival, event
from scv.events.calendar import DAY_US
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.events.partition import partition_of
from scv.offline.lake import INSTANT, schema
from streams.lake.writer import month_of
from streams.replay import columns as wide

EPOCH = 0
"""Before every log: `cerebro up` and the consumers begin with 1."""


def historical(
    found: Arrivals, country: Country, known: Mapping[str, Country], partitions: int
) -> tuple[dict[str, pa.Table], Counter[str]]:
    """Family → its rows of the lake in the order of arrival, and how many arrivals are refused, by reason.

    Offsets count from 0 in each partition of this chunk: whoever commits adds where the partition stands.
    """
    occurred = microseconds(found.rows, "occurred_at").copy()
    doubtful = np.flatnonzero(_doubtful(found, occurred, country))
    counted, kept, refused = _decode(found, doubtful, known)
    occurred[doubtful] = counted
    stay = np.ones(len(occurred), dtype=bool)
    stay[doubtful] = kept
    placed = _partitions(found.rows["customer_id"], country.code, partitions)
    families = _families(found.rows["kind"])
    tables = {}
    for number, family in enumerate(wide.FAMILIES):
        chosen = np.flatnonzero(stay & ((families == number) | (families == _EVERY)))
        rows = found.rows.take(pa.array(chosen))
        tables[family] = _table(family, rows, occurred[chosen], placed[chosen])
    return tables, refused


_EVERY = -1
"""The family of an erasure."""


def _doubtful(found: Arrivals, occurred: Ints, country: Country) -> NDArray[np.bool_]:
    """Arrivals about which the decoder is asked: harmed, skewed, outside the span, or without what they need."""
    seen = microseconds(found.rows, "seen_at")
    starts, ends = arrival.span_us(country)
    doubt = ~np.isin(found.harm, (harm.NONE, harm.ADDITION)) | (occurred > seen) | (seen < starts) | (seen >= ends)
    for kind, name in _NEEDED:
        if name in found.rows.column_names and found.rows[name].null_count:
            doubt |= np.asarray(pc.and_(pc.equal(found.rows["kind"], kind), pc.is_null(found.rows[name])))
    return doubt


def _decode(found: Arrivals, rows: Ints, known: Mapping[str, Country]) -> tuple[Ints, NDArray[np.bool_], Counter[str]]:
    """For each of these: when it counts as occurred, and whether it is taken; the reasons of those that are not."""
    counted, kept, refused = np.zeros(len(rows), np.int64), np.ones(len(rows), dtype=bool), Counter[str]()
    chosen = Arrivals(found.rows.take(pa.array(rows)), found.sent_us[rows], found.harm[rows], {})
    for batch in records(chosen):
        columns = (batch[name].to_pylist() for name in ("row_no", "family", "key", "value"))
        for row, family, key, value in zip(*columns, strict=True):
            try:
                taken = arrival.decode(wide.FAMILIES[family], key, value, known, arrival.Recorded(wall_us()))
            except BadEvent as error:
                refused[error.reason] += int(kept[row])
                kept[row] = False
                continue
            assert isinstance(taken, arrival.Arrival)
            counted[row] = taken.occurred_us
    return counted, kept, refused


def _table(family: str, rows: pa.Table, occurred: Ints, placed: NDArray[np.int32]) -> pa.Table:
    seen, count = microseconds(rows, "seen_at"), len(rows)
    columns: dict[str, Any] = {
        "month": _months(seen),
        "occurred_at": pa.array(occurred).cast(pa.timestamp("us")).cast(INSTANT),
        "claimed_at": rows["occurred_at"],
        "claimed_seen_at": rows["seen_at"],
        "epoch": pa.array(np.full(count, EPOCH, np.int32)),
        "partition": pa.array(placed),
        "offset": pa.array(_ranks(placed)),
    }
    arrays = [columns[one.name] if one.name in columns else _payload(family, rows, one) for one in schema(family)]
    return pa.table(arrays, schema=schema(family))


def _payload(family: str, rows: pa.Table, field: pa.Field) -> pa.Array | pa.ChunkedArray:
    """A column with the defaults of the kinds that have it, as a decoder fills them in."""
    if field.name not in rows.column_names:
        column = pa.chunked_array([pa.nulls(len(rows), field.type)])
    else:
        column = rows[field.name].cast(field.type)
    for kind, name, default in _DEFAULTS[family]:
        if name == field.name and column.null_count:
            missing = pc.and_(pc.equal(rows["kind"], kind), pc.is_null(column))
            column = pc.if_else(missing, pa.scalar(default, field.type), column)
    return column


def _months(seen: Ints) -> pa.Array:
    days, place = np.unique(seen // DAY_US, return_inverse=True)
    names = pa.array([month_of(int(day) * DAY_US) for day in days], pa.string())
    return names.take(pa.array(place))


def _partitions(customers: pa.ChunkedArray, code: str, partitions: int) -> NDArray[np.int32]:
    """The partition of each event's key, asked once for each customer."""
    everyone = pc.unique(customers)
    found = [partition_of(f"{code}:{name}".encode(), partitions) for name in everyone.to_pylist()]
    return np.array(found, np.int32)[np.asarray(pc.index_in(customers, value_set=everyone))]


def _families(kinds: pa.ChunkedArray) -> NDArray[np.int64]:
    """The number of each kind's family; -1: all of them."""
    own = np.asarray(pc.index_in(kinds, value_set=pa.array(list(wide.FAMILY_OF))).fill_null(len(wide.FAMILY_OF)))
    return np.array([*wide.FAMILY_OF.values(), _EVERY])[own]


def _ranks(placed: NDArray[np.int32]) -> Ints:
    """How many rows of the same partition stand before each."""
    ranks = np.empty(len(placed), np.int64)
    for partition in np.unique(placed):
        mine = np.flatnonzero(placed == partition)
        ranks[mine] = np.arange(len(mine))
    return ranks


def _payload_fields(family: str) -> list[tuple[str, msgspec.structs.FieldInfo]]:
    return [
        (event.tag(kind), field)
        for kind in event.FAMILIES[family]
        for field in msgspec.structs.fields(kind)
        if field.name not in event.ENVELOPE
    ]


_DEFAULTS = {
    family: [
        (kind, field.name, field.default)
        for kind, field in _payload_fields(family)
        if field.default is not msgspec.NODEFAULT and field.default is not None
    ]
    for family in event.FAMILIES
}
_NEEDED = [
    (kind, field.name)
    for family in event.FAMILIES
    for kind, field in _payload_fields(family)
    if field.default is msgspec.NODEFAULT
]
