"""Lines become events: lines of one id are summed, rows that say the same are one, and what has no id gets one.

Equal lines of one file are all meant (two bottles are two lines). Those of another file are the same lines again, as
where two exports overlap: of each line that file counts which has it most often. An id that is made hashes the row's
content and counts its equals in the file, so that the same rows have the same ids in any order and any format.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import duckdb
import msgspec
import pyarrow as pa

from scv.events import event
from streams.replay.columns import INSTANT
from streams.tables.mapping import KINDS, Map
from streams.tables.rows import MILLION, Line

_BATCH = 20_000
_KEYS = ("kind", "country", "customer_id", "id")
_TIMES = ("occurred_us", "seen_us", "span_us")
_ARROW: dict[str, pa.DataType] = {"int": pa.int64(), "str": pa.string(), "bool": pa.bool_(), "date": pa.date32()}


class Summed(NamedTuple):
    """`events` in columns of `SCHEMA` and in order of time, with the `place` of each one's first line and the
    field that it `lacks`, if any; `repeated` lines were there twice.
    """

    events: pa.Table
    repeated: int


class Sums:
    """Takes lines, gives events; use it as a context manager, it owns a scratch folder."""

    def __init__(self, map: Map, memory: str, threads: int) -> None:
        self._map = map
        self._main = map.kinds()[0]
        self._fields = _payload(map)
        self._schema = schema(map)
        self._waiting: list[dict[str, Any]] = []
        self._scratch = tempfile.TemporaryDirectory(prefix="cerebro-lines-")
        self._con = duckdb.connect()
        self._con.execute(f"SET memory_limit = '{memory}'; SET threads = {threads}")
        self._con.execute(f"SET temp_directory = '{self._scratch.name}'")
        self._con.register("batch", self._schema.empty_table())
        self._con.execute("CREATE TABLE lines AS SELECT * FROM batch")

    def __enter__(self) -> Sums:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()
        self._scratch.cleanup()

    def add(self, file_no: int, row_no: int, lines: Iterable[Line]) -> None:
        """Take the lines of one row."""
        self._waiting += [line | {"file_no": file_no, "row_no": row_no} for line in lines]
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._con.register("batch", pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._con.execute("INSERT INTO lines SELECT * FROM batch")
        self._waiting = []

    def events(self) -> Summed:
        """Everything that was taken, in order of time."""
        self._flush()
        self._con.execute(f"CREATE TABLE once AS {self._once()}")
        taken, kept = (self._con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in ("lines", "once"))
        self._con.execute(f"CREATE TABLE events AS {self._summed()}")
        events = self._con.sql("SELECT * FROM events ORDER BY seen_at, occurred_at, id, kind").to_arrow_table()
        for name in ("occurred_at", "seen_at"):
            events = events.set_column(events.column_names.index(name), name, events[name].cast(INSTANT))
        return Summed(events, taken - kept)

    def _once(self) -> str:
        """Every line once, with the hash of what it says and a number among its equals in its file."""
        said = [f"'{name}=' || {name}" for name in (*_KEYS, *_TIMES, *self._fields)]
        equals = "row_number() OVER (PARTITION BY file_no, content ORDER BY row_no)"
        single = self._map.rows == "events" and "id" in self._map.fields(self._main)
        return f"""
            SELECT * FROM (SELECT *, {"1" if single else equals} AS n
                           FROM (SELECT *, md5(concat_ws(chr(31), {", ".join(said)})) AS content FROM lines))
            QUALIFY row_number() OVER (PARTITION BY content, n ORDER BY file_no, row_no) = 1"""

    def _summed(self) -> str:
        first = "min_by({0}, place) FILTER ({0} IS NOT NULL)"
        by_id = self._map.rows == "lines"
        values = {
            name: (_rounded(name) if kind == "int" else first.format(name)) for name, kind in self._fields.items()
        }
        if span := self._span():
            values[span] = "(max(span_us) - min(span_us)) // 1000000"
        if "order_id" in self._fields:
            takes = ", ".join(f"'{tag}'" for tag in self._map.kinds() if "order_id" in event.payload(KINDS[tag]))
            values["order_id"] = f"CASE WHEN kind IN ({takes}) THEN coalesce({values['order_id']}, any_value(own)) END"
        listed = "".join(f"{sql} AS {name}, " for name, sql in values.items())
        occurred, seen = (f"make_timestamp({us})" for us in ("min(occurred_us)", "max(coalesce(seen_us, occurred_us))"))
        suffix = f"CASE WHEN kind = '{self._main}' OR line.id IS NULL THEN '' ELSE ':' || kind END"
        return f"""
            SELECT any_value(own) || {suffix} AS id, country, customer_id, kind,
                   {occurred} AS occurred_at, {seen} AS seen_at, {listed}
                   min(place) AS place, {self._lacks(values)} AS lacks
            FROM (SELECT *, coalesce(id, left(content, 16) || '-' || n) AS own,
                         struct_pack(file_no, row_no) AS place FROM once) AS line
            GROUP BY kind, country, customer_id, {"" if by_id else "content, n, "}line.id,
                     CASE WHEN kind <> '{self._main}' THEN occurred_us END"""

    def _span(self) -> str:
        spans = [name for kind in self._map.kinds() for name, where in self._map.fields(kind).items() if where.span]
        return spans[0] if spans else ""

    def _lacks(self, values: Mapping[str, str]) -> str:
        """SQL of the field that an event must have and has not; NULL where nothing is missing."""
        cases = []
        for tag in self._map.kinds():
            needed = [one.name for one in msgspec.structs.fields(KINDS[tag]) if one.required]
            for field in [name for name in needed if name in event.payload(KINDS[tag])]:
                cases.append(f"WHEN kind = '{tag}' AND ({values.get(field, 'NULL')}) IS NULL THEN '{field}'")
        return f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"


def schema(map: Map) -> pa.Schema:
    """The columns of lines."""
    return pa.schema(
        [("file_no", pa.int32()), ("row_no", pa.int64())]
        + [(name, pa.string()) for name in _KEYS]
        + [(name, pa.int64()) for name in _TIMES]
        + [(name, _ARROW[kind]) for name, kind in _payload(map).items()]
    )


def _payload(map: Map) -> dict[str, event.FieldType]:
    """Payload field → type, of those that a map fills."""
    fields = {name: kind for tag in map.kinds() for name, kind in event.payload(KINDS[tag]).items()}
    return {name: kind for name, kind in fields.items() if _made(map, name)}


def _made(map: Map, field: str) -> bool:
    return field == "order_id" or any(field in map.fields(kind) for kind in map.kinds())


def _rounded(name: str) -> str:
    """SQL of a sum of millionths in whole units, half away from zero."""
    total = f"sum({name})"
    return f"CAST(sign({total}) * ((abs({total}) + {MILLION // 2}) // {MILLION}) AS BIGINT)"
