"""JSON-lines histories as a wide table, so that `streams.replay.columns` makes the same records of a line and of a row.

Every field of an event is a column of JSON text; what is wrong with a line is for the decoder to find.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from streams.replay.columns import SCHEMA

LINES = pa.schema(
    [("file_no", pa.int32()), ("row_no", pa.int64()), ("line", pa.binary())]
    + [(name, pa.string()) for name in ("more", *SCHEMA.names)]
)
"""`line` has the bytes of what is no JSON object, `more` the members that no event has."""
_ROWS = 20_000
_encode = msgspec.json.Encoder().encode


def write_table(paths: Sequence[tuple[int, Path]], target: Path) -> None:
    """Write the lines of (file_no, path)s as a Parquet file of `LINES`, in bounded memory.

    Rows count from 0, empty lines are left out.
    """
    with pq.ParquetWriter(target, LINES) as writer:
        for file_no, path in paths:
            with path.open("rb") as stream:
                rows = (_row(file_no, n, text) for n, line in enumerate(stream) if (text := line.strip()))
                while batch := list(itertools.islice(rows, _ROWS)):
                    writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=LINES))


def _row(file_no: int, row_no: int, line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = {"file_no": file_no, "row_no": row_no}
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
    except ValueError:
        return row | {"line": line}
    members = {name: _encode(value).decode() for name, value in fields.items() if value is not None}
    if strange := [name for name in members if name not in SCHEMA.names]:
        row["more"] = ",".join(f"{_encode(name).decode()}:{members.pop(name)}" for name in strange)
    return members | row
