"""JSON-lines histories: each line becomes the same record that `streams.replay.columns` makes of a row.

A line that is kept although it is bad keeps its bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scv.errors import did_you_mean
from scv.events import calendar
from streams.replay import columns as wide

STAGED = pa.schema(
    [
        ("family", pa.uint8()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("seen_us", pa.int64()),
        ("country", pa.string()),
        ("file_no", pa.int32()),
        ("row_no", pa.int64()),
        ("problem", pa.string()),
    ]
)
_ROWS = 20_000
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_encode = msgspec.json.Encoder().encode


class StagedRow(NamedTuple):
    """One staged record; columns of `STAGED`."""

    family: int
    key: bytes | None
    value: bytes
    seen_us: int | None
    country: str | None
    file_no: int
    row_no: int
    problem: str | None


def stage(paths: Sequence[tuple[int, Path]], target: Path, country: str | None) -> None:
    """Write the records of (file_no, path)s to one Parquet file of `STAGED`, in bounded memory.

    `country` fills in where a line has none and selects where it has one. Nothing is refused here: what is wrong
    stands in `problem` or is found by the decoder.
    """
    with pq.ParquetWriter(target, STAGED) as writer:
        for batch in _batches(_rows(paths, country)):
            columns = list(zip(*batch, strict=True))
            arrays = [pa.array(column, field.type) for column, field in zip(columns, STAGED, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=STAGED))


def _batches(rows: Iterator[StagedRow]) -> Iterator[list[StagedRow]]:
    held: list[StagedRow] = []
    for row in rows:
        held.append(row)
        if len(held) == _ROWS:
            yield held
            held = []
    if held:
        yield held


def _rows(paths: Sequence[tuple[int, Path]], country: str | None) -> Iterator[StagedRow]:
    for file_no, path in paths:
        with path.open("rb") as stream:
            for row_no, line in enumerate(stream):
                text = line.strip()
                if text:
                    yield from _records(text, country, file_no, row_no)


def _records(line: bytes, country: str | None, file_no: int, row_no: int) -> Iterator[StagedRow]:
    try:
        found = msgspec.json.decode(line)
        if not isinstance(found, dict):
            raise ValueError("a line must hold one JSON object")
    except ValueError as error:
        yield StagedRow(wide.NOWHERE, None, line, None, country, file_no, row_no, f"not JSON: {error}")
        return
    fields = {name: value for name, value in found.items() if value is not None}
    if country and fields.setdefault("country", country) != country:
        return
    kind = fields.get("kind")
    occurred, seen = _us(fields.get("occurred_at")), _us(fields.get("seen_at"))
    problem = _problem(fields)
    value = _filled(fields, occurred)
    own = [wide.FAMILY_OF.get(kind, wide.NOWHERE) if isinstance(kind, str) else wide.NOWHERE]
    for family in range(len(wide.FAMILIES)) if kind == "erased" else own:
        seen_us = occurred if seen is None else seen
        yield StagedRow(family, _key(fields), value, seen_us, _word(fields, "country"), file_no, row_no, problem)


def _filled(fields: dict[str, Any], occurred: int | None) -> bytes:
    """The line with the defaults of `id` and `seen_at`."""
    if "occurred_at" in fields:
        fields.setdefault("seen_at", fields["occurred_at"])
    fields.setdefault("id", _content_id(fields, occurred))
    return _encode(fields)


def _content_id(fields: dict[str, Any], occurred: int | None) -> str:
    """As `streams.replay.columns` does it: the same content has the same id in either format."""
    parts = [fields.get("country"), fields.get("customer_id"), fields.get("kind"), occurred]
    texts = [str(part) for part in parts if part is not None]
    texts += [f"{name}={_encode(fields[name]).decode()}" for name in wide.PAYLOAD if name in fields]
    return hashlib.md5("|".join(texts).encode(), usedforsecurity=False).hexdigest()


def _problem(fields: dict[str, Any]) -> str | None:
    if fields.get("kind") == "watermark":
        return wide.WATERMARK
    for name in fields:
        if name not in wide.SCHEMA.names:
            return f"{name}: no event has such a field.{did_you_mean(name, wide.SCHEMA.names)}"
        if name in wide.TAKES and fields.get("kind") not in wide.TAKES[name]:
            return f"{name}: {fields.get('kind')} has no such field"
    return None


def _us(text: Any) -> int | None:
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        return calendar.to_us(datetime.fromisoformat(text.upper()))
    except ValueError:
        return None


def _key(fields: dict[str, Any]) -> bytes | None:
    country, customer = _word(fields, "country"), _word(fields, "customer_id")
    return None if country is None or customer is None else f"{country}:{customer}".encode()


def _word(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None
