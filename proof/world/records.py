"""Arrivals as the records that topics carry: key and JSON, harmed where they are meant to be."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from proof.world.dirt import Arrivals
from proof.world.harm import spoil
from streams.replay import columns as wide
from streams.replay.columns import STAGED

_BATCH = 65_536


def records(arrivals: Arrivals, file_no: int = 0) -> Iterator[pa.RecordBatch]:
    """Batches of `streams.replay.columns.STAGED` in the order of arrival; `seen_us` holds when a record is sent.

    An erasure is one record for each family, with the same `row_no`.
    """
    count = len(arrivals.rows)
    table = arrivals.rows.append_column("file_no", pa.array(np.full(count, file_no, np.int32)))
    table = table.append_column("row_no", pa.array(np.arange(count)))
    with duckdb.connect(config={"threads": 1}) as connection:  # one thread keeps the order, and the core is our own
        connection.register("arrivals", table)
        described = connection.execute("DESCRIBE SELECT * EXCLUDE (file_no, row_no) FROM arrivals").fetchall()
        select = wide.select("arrivals", {str(row[0]): str(row[1]) for row in described}, None)
        columns = "family, key, value, country, file_no, row_no"
        for batch in connection.sql(f"SELECT {columns} FROM ({select})").to_arrow_reader(_BATCH):
            yield _harmed(batch, arrivals)


def _harmed(batch: pa.RecordBatch, arrivals: Arrivals) -> pa.RecordBatch:
    rows = np.asarray(batch["row_no"])
    value = spoil(batch["value"], arrivals.harm[rows])
    columns = {"value": value, "seen_us": pa.array(arrivals.sent_us[rows])}
    arrays = [columns[one.name] if one.name in columns else batch[one.name].cast(one.type) for one in STAGED]
    return pa.record_batch(arrays, schema=STAGED)
