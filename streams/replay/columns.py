"""The wide table of events: one row per event, a column per payload field of any kind, null where a kind has none.

`SCHEMA` is how we write it. Reading is kinder: whole numbers as floats (a pandas column with gaps), ids as
integers and times as text are taken; a time without a zone never is. However a time was written, it is sent in one way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scv import atomic
from scv.errors import UserError, did_you_mean
from scv.events import event, hashed_id, instant

ENVELOPE = ("id", "country", "customer_id", "kind", "occurred_at", "seen_at")
REQUIRED = ("country", "customer_id", "kind", "occurred_at")
FAMILIES = tuple(event.FAMILIES)
NOWHERE = FAMILIES.index("orders")
"""The family whose topic takes a row of unreadable kind, when it is kept to be dead-lettered."""

_ARROW: dict[str, pa.DataType] = {"int": pa.int64(), "str": pa.string(), "bool": pa.bool_(), "date": pa.date32()}
_INTEGERS = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")} | {
    "INTEGER",
    "UINTEGER",
}

_OWN = [(n, event.tag(kind), kind) for n, own in enumerate(event.FAMILIES.values()) for kind in own]
FAMILY_OF = {kind: n for n, kind, _ in _OWN}
"""Kind → index of its family in `FAMILIES`; `erased`, which goes to all of them, is not among them."""
PAYLOAD = dict(sorted(field for family in FAMILIES for field in event.fields(family).items()))
"""Payload field → type, over all families."""
TAKES = {field: sorted(kind for _, kind, fields in _OWN if field in fields.__struct_fields__) for field in PAYLOAD}
"""Payload field → the kinds that have it."""
INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [pa.field(name, INSTANT if name.endswith("_at") else pa.string()) for name in ENVELOPE]
    + [pa.field(name, _ARROW[kind]) for name, kind in PAYLOAD.items()]
)
STAGED = pa.schema(
    {
        "family": pa.uint8(), "key": pa.binary(), "value": pa.binary(), "seen_us": pa.int64(),
        "country": pa.string(), "file_no": pa.int32(), "row_no": pa.int64(),
    }
)  # fmt: skip
"""Records to be sent: `family` is an index into `FAMILIES`; `file_no` and `row_no` (from 0) say where it was read."""
JSON = "JSON"
"""The type of a column of JSON text."""


def write_parquet(events: pa.Table, path: Path) -> Path:
    """Write events (columns of `SCHEMA`; payload fields may be missing) in order of seen_at, occurred_at, id.

    Whole or not at all; equal tables give equal bytes. Raises UserError for a column that is not in `SCHEMA`.
    """
    for name in events.column_names:
        if name not in SCHEMA.names:
            raise UserError(f"Events have no column {name!r}.{did_you_mean(name, SCHEMA.names)}")
    if "seen_at" not in events.column_names:
        events = events.append_column("seen_at", events["occurred_at"])
    names = [name for name in SCHEMA.names if name in events.column_names]
    ordered = events.select(names).cast(pa.schema([SCHEMA.field(name) for name in names]))
    keys = [("seen_at", "ascending"), ("occurred_at", "ascending"), ("id", "ascending"), ("kind", "ascending")]
    ordered = ordered.take(pc.sort_indices(ordered, sort_keys=keys))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = atomic.beside(path)
    try:
        pq.write_table(ordered, beside, compression="zstd", row_group_size=131_072)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def check_columns(columns: Mapping[str, str], where: str, with_country: bool) -> None:
    """Refuse a table whose columns cannot be events: column → DuckDB type. Raises UserError."""
    for name in REQUIRED:
        if name not in columns and not (name == "country" and with_country):
            hint = " Or give --country." if name == "country" else ""
            spelt = did_you_mean(name, set(columns) - set(SCHEMA.names))
            raise UserError(f"{where}: column {name!r} is missing.{spelt}{hint} It has: {', '.join(columns)}.")
    strange = [name for name in columns if name not in SCHEMA.names]
    if strange:
        each = " ".join(f"No event has a field {name!r}.{did_you_mean(name, SCHEMA.names)}" for name in strange)
        raise UserError(f"{where}: {each} Rename the columns, or leave them out.")
    for name, kind in columns.items():
        _check_type(name, kind, where)


def _check_type(name: str, kind: str, where: str) -> None:
    if name.endswith("_at") and kind not in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", "VARCHAR"):
        advice = (
            "Give it one, in pandas (days only: add 12 hours first; an hour that comes twice is taken for its first): "
            f"`df.{name}.dt.tz_localize('Europe/London', ambiguous=[True] * len(df), nonexistent='shift_forward')`."
            if kind.startswith(("TIMESTAMP", "DATE"))
            else "Write an instant with its offset, such as 2017-09-05T10:00:00+02:00."
        )
        raise UserError(f"{where}: column {name!r} has no time zone ({kind}). {advice}")
    if name in ("id", "country", "customer_id", "kind") and not _is_text(kind) and kind not in _INTEGERS:
        # A fraction's text ends in .0, and that of none is nan.
        whole = ".astype('Int64')" if kind in ("DOUBLE", "FLOAT") else ""
        text = f"`df.{name}{whole}.astype('string')`"
        raise UserError(f"{where}: column {name!r} is {kind}, not text. Write it as text, in pandas: {text}.")


def _is_text(kind: str) -> bool:
    return kind == "VARCHAR" or kind.startswith("ENUM")


def select(source: str, columns: Mapping[str, str], country: str | None, hashing: bool = False) -> str:
    """SQL over a wide table that yields one record (`STAGED`) per row and topic; `hashing` customer ids, if wanted.

    `source` has `file_no` and `row_no` beside the wide columns, which may be JSON text (`streams.replay.json_lines`):
    a value of the wrong type stays what it is then, and what is no JSON object too.
    """
    lines = JSON in columns.values()
    code = _text("country", columns) if "country" in columns else quoted(country or "")
    if lines and country:
        code = f"coalesce({code}, {quoted(country)})"
    inner = {name: _text(name, columns) for name in ("kind", "customer_id") if name in columns} | {"country": code}
    inner |= {f"{name}_us": _instant_us(name, columns) for name in ("occurred_at", "seen_at") if name in columns}
    inner |= {f"j_{name}": _json(name, columns[name], kind) for name, kind in PAYLOAD.items() if name in columns}
    inner |= {f"raw_{name}": _raw(name, columns[name]) for name in ENVELOPE if name in columns}
    if hashing:
        inner["customer_id"] = hashed_id.sql(inner["customer_id"])
        inner["raw_customer_id"] = f"CAST(to_json({inner['customer_id']}) AS VARCHAR)"
    rows = ", ".join(["file_no", "row_no", *(f"{sql} AS {name}" for name, sql in inner.items())])
    rows += ", line, more" if lines else ", NULL AS line, NULL AS more"
    only = f" WHERE {code} = {quoted(country)}" if "country" in columns and country else ""
    found = [name for name in PAYLOAD if name in columns]
    seen = "coalesce(seen_at_us, occurred_at_us)" if "seen_at" in columns else "occurred_at_us"
    return f"""
        SELECT unnest({_topics()})::UTINYINT AS family, encode(country || ':' || customer_id) AS key,
               coalesce(line, encode('{{' || concat_ws(',', {_members(columns, found)}, more) || '}}')) AS value,
               {seen} AS seen_us, country, file_no, row_no
        FROM (SELECT {rows} FROM {source}{only})"""


def _topics() -> str:
    own = " ".join(f"WHEN {quoted(kind)} THEN {index}" for kind, index in FAMILY_OF.items())
    everywhere = ", ".join(str(index) for index in range(len(FAMILIES)))
    return f"CASE WHEN kind = 'erased' THEN [{everywhere}] ELSE [CASE kind {own} ELSE {NOWHERE} END] END"


def _members(columns: Mapping[str, str], found: list[str]) -> str:
    """SQL of each member; the words of a line stay as they stand, those of a row are written anew."""
    content = [f"'{name}=' || j_{name}" for name in found]
    hashed = f"to_json(md5(concat_ws('|', country, customer_id, kind, occurred_at_us, {', '.join(content) or 'NULL'})))"
    lines = JSON in columns.values()
    values = {name: f"raw_{name}" if lines else f"to_json({name})" for name in ("kind", "country", "customer_id")}
    values["id"] = "raw_id" if "id" in columns else hashed
    if lines:
        values |= {"country": "coalesce(raw_country, to_json(country))", "id": f"coalesce(raw_id, {hashed})"}
    values["occurred_at"] = occurred = _rfc3339("occurred_at")
    values["seen_at"] = f"coalesce({_rfc3339('seen_at')}, {occurred})" if "seen_at" in columns else occurred
    values |= {name: f"j_{name}" for name in found}
    return ", ".join(f"""'"{name}":' || {sql}""" for name, sql in values.items())


def _text(name: str, columns: Mapping[str, str]) -> str:
    if columns[name] == JSON:
        return f"""CASE WHEN "{name}" LIKE '"%' THEN "{name}"::JSON ->> '$' END"""
    return f'CAST("{name}" AS VARCHAR)'


def _raw(name: str, kind: str) -> str:
    return f'"{name}"' if kind == JSON else f'CAST(to_json(CAST("{name}" AS VARCHAR)) AS VARCHAR)'


def quoted(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _instant_us(name: str, columns: Mapping[str, str]) -> str:
    if columns[name] not in ("VARCHAR", JSON):
        return f'epoch_us(CAST("{name}" AS TIMESTAMPTZ))'
    return instant.sql(_text(name, columns))


def _rfc3339(name: str) -> str:
    written = f"""'"' || replace(CAST(make_timestamp({name}_us) AS VARCHAR), ' ', 'T') || 'Z"'"""
    return f"coalesce({written}, raw_{name})"


def _json(name: str, kind: str, declared: event.FieldType) -> str:
    """SQL of a payload value as JSON text; a value of the wrong type stays what it is, for the decoder to refuse."""
    column = f'"{name}"'
    if kind == JSON:
        return column
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        number = f"CAST({column} AS DOUBLE)"
        whole = f"{number} = trunc({number}) AND abs({number}) < 1e15"
        text = f"CASE WHEN {whole} THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) ELSE CAST({number} AS VARCHAR) END"
        return f"CASE WHEN NOT isnan({number}) THEN {text} END"
    if kind in _INTEGERS and declared != "str":
        return f"CAST({column} AS VARCHAR)"
    if kind == "BOOLEAN":
        return f"CAST({column} AS VARCHAR)"
    if declared == "date" and kind.startswith("TIMESTAMP") and "Z" not in kind:
        instant = f"CAST({column} AS TIMESTAMP)"
        day = f"CAST(CAST({column} AS DATE) AS VARCHAR)"
        whole = f"{instant} = date_trunc('day', {instant})"
        return f"to_json(CASE WHEN {whole} THEN {day} ELSE CAST({instant} AS VARCHAR) END)"
    return f"to_json(CAST({column} AS VARCHAR))"
