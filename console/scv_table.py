"""A table of the single customer view as bytes: JSON, CSV, an Arrow stream or a Parquet file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Literal

import msgspec
import pyarrow as pa

from console.problem import NotGranted
from scv.events.country import Country
from scv.offline import snapshot
from scv.offline.csv_text import csv_of

Form = Literal["json", "csv", "arrow", "parquet"]
MEDIA: dict[Form, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
BATCH = 2_000
"""Rows that are turned into text at a time."""


def form_of(asked: Form | None, accept: str) -> Form:
    """The form that is asked for by name, or by an Accept header: the first of ours in it, JSON for anything.

    Raises NotGranted.
    """
    if asked:
        return asked
    kinds = {media.partition(";")[0]: form for form, media in MEDIA.items()}
    for one in accept.lower().split(","):
        kind = one.partition(";")[0].strip()
        if kind in kinds:
            return kinds[kind]
        if kind in ("", "*/*", "application/*"):
            return "json"
        if kind == "text/*":
            return "csv"
    raise NotGranted(406, f"None of these can be had: ask for one of {', '.join(kinds)}, or name a format.")


def body(table: pa.Table, form: Form, country: Country, head: dict[str, object]) -> Iterator[bytes]:
    """The bytes, piece by piece; `head` is said before the rows where the form has room for it (JSON)."""
    if form == "json":
        yield from _json(table, head)
    elif form == "csv":
        for start in range(0, max(len(table), 1), BATCH):
            text = csv_of(table.slice(start, BATCH), country)
            yield text if start == 0 else text.partition(b"\r\n")[2]
    elif form == "arrow":
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            for batch in table.to_batches(max_chunksize=BATCH):
                writer.write_batch(batch)
                yield _emptied(sink)
        yield _emptied(sink)
    else:
        yield snapshot.body_of(table)


def _json(table: pa.Table, head: dict[str, object]) -> Iterator[bytes]:
    begun = msgspec.json.encode(head)[:-1]
    yield begun + (b"," if head else b"") + b'"rows":['
    for start in range(0, len(table), BATCH):
        rows = table.slice(start, BATCH).to_pylist()
        yield (b"," if start else b"") + b",".join(msgspec.json.encode(row) for row in rows)
    yield b"]}"


def _emptied(sink: io.BytesIO) -> bytes:
    found = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return found
