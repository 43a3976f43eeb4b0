"""Historical features at references: an exact look into the snapshots that are asked for.

What a snapshot says holds at its reference and at no other instant, so there is nothing to search for in time, as
Feast's own join does over every file of a view. The answer is the same, row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import ibis  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from feast import FeatureView
from feast.infra.offline_stores.ibis import IbisRetrievalJob

from scv.events.calendar import from_us
from scv.events.country import Country
from scv.offline import snapshot

US = pa.timestamp("us", tz="UTC")


class LookupJob(IbisRetrievalJob):
    """What was found, ready: as Feast's own job, but that nothing is left to be computed."""

    def __init__(self, found: pa.Table, *said: object, **named: object) -> None:
        super().__init__(ibis.memtable(found), *said, **named)
        self._found = found

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._found


class Lookup(NamedTuple):
    """The features that `refs` name (`view:feature`) for the rows of `frame`; its `column` holds references."""

    views: Sequence[FeatureView]
    refs: Sequence[str]
    frame: pd.DataFrame
    column: str
    full_names: bool


def look_up(root: Path, countries: Mapping[str, Country], asked: Lookup) -> pa.Table:
    """The rows with their features beside them, of snapshots that may be used. Who is not in one has nulls."""
    frame, column = asked.frame, asked.column
    given = frame.assign(**{column: pd.to_datetime(frame[column], utc=True)})
    table = pa.Table.from_pandas(given, preserve_index=False).replace_schema_metadata()
    table = table.set_column(table.column_names.index(column), column, table[column].cast(US))
    us = table[column].cast(pa.int64()).to_numpy()
    codes = frame["country"].to_numpy(dtype=object)
    groups = {
        (code, int(at)): np.flatnonzero((codes == code) & (us == at))
        for code in dict.fromkeys(codes.tolist())
        for at in np.unique(us[codes == code])
    }
    back = pa.array(np.argsort(np.concatenate(list(groups.values()))))
    ids = {key: table["customer_id"].take(pa.array(rows)) for key, rows in groups.items()}
    for view in asked.views:
        names = _names(view, asked.refs)
        parts = []
        for (code, at), wanted in ids.items():
            path = snapshot.path_of(root, view.name, countries[code], from_us(at))
            there = pq.read_table(path, columns=["customer_id", *names], partitioning=None)
            parts.append(there.select(names).take(pc.index_in(wanted, there["customer_id"].combine_chunks())))
        found = pa.concat_tables(parts).take(back)
        shown = view.projection.name_alias or view.name
        for name in names:
            table = table.append_column(f"{shown}__{name}" if asked.full_names else name, found[name])
    return table


def _names(view: FeatureView, refs: Sequence[str]) -> list[str]:
    """The features of a view that are asked for."""
    start = f"{view.projection.name_to_use()}:"
    return [ref.removeprefix(start) for ref in refs if ref.startswith(start)]
