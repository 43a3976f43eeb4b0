"""A history: events in Parquet or JSON-lines files, read in the order in which they were seen.

Any file (or folder of files) with the columns of the published event schemas: `country`, `customer_id`, `kind`,
`occurred_at`, optionally `id` and `seen_at`, and payload fields (null where a kind has none). `seen_at` defaults to
`occurred_at`, `id` to a hash of the row's content without `seen_at`: two equal rows are one event.
"""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from scv.errors import UserError, did_you_mean
from scv.events.country import Country
from scv.events.hashed_id import IdKey
from streams.replay import columns as wide
from streams.replay import forecast, json_lines
from streams.replay.columns import SCHEMA, write_parquet
from streams.replay.forecast import Forecast, Uncounted
from streams.replay.refusals import BadRows

__all__ = ["SCHEMA", "History", "HistoryBatch", "HistorySpan", "write_parquet"]

_PARQUET = (".parquet", ".pq")
_LINES = (".jsonl", ".ndjson", ".json")
_BATCH = 20_000
_INDEX = re.compile(r"__index_level_\d+__")
"""A column that pandas writes when a frame's index is not its default: no field of an event."""


class HistoryBatch(NamedTuple):
    """Records to send as columns: `family` indexes `streams.replay.columns.FAMILIES`, `seen_us` is their place in the
    history.
    """

    family: list[int]
    key: list[bytes | None]
    value: list[bytes]
    seen_us: list[int]


class HistorySpan(NamedTuple):
    """What a history holds of one country, in microseconds of `seen_at`, both ends included."""

    first_us: int
    last_us: int
    records: int


class History:
    """The events under a path; use it as a context manager, it owns a scratch folder.

    `country` selects one country, or names the country of files without that column. With `keep_bad` rows that no
    consumer will take are delivered as they are (for the dead-letter topic); without it `check` refuses them. With a
    `key` the hash of each customer id stands for it, in the records and in the ids of events that have none.
    Raises UserError for missing files, columns and zones.
    """

    def __init__(
        self,
        path: Path,
        country: str | None = None,
        keep_bad: bool = False,
        memory: str = "1GB",
        threads: int = 2,
        key: IdKey | None = None,
    ) -> None:
        self.path = path
        self.keep_bad = keep_bad
        self._hashing = key is not None
        self.files = _find(path)
        self._scratch = tempfile.TemporaryDirectory(prefix="cerebro-history-")
        self._con = duckdb.connect()
        try:
            self._con.execute(f"SET memory_limit = '{memory}'; SET threads = {threads}")
            self._con.execute(
                f"SET preserve_insertion_order = false; SET temp_directory = '{self._scratch.name}/spill'"
            )
            for name, pad in zip(("inner_pad", "outer_pad"), key.pads() if key else (), strict=False):
                self._con.execute(f"SET VARIABLE {name} = ?::BLOB", [pad])
            self._con.execute(f"CREATE VIEW records AS {' UNION ALL '.join(self._sources(country))}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._con.close()
        self._scratch.cleanup()

    def __enter__(self) -> History:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def spans(self, within: Mapping[str, tuple[int, int]] | None = None) -> dict[str, HistorySpan]:
        """Country → what is there; an empty history has none.

        `within` counts only these countries and `[start_us, end_us)` of each.
        """
        if within is None:
            return self._everything
        bounds = [f"country = '{code}' AND seen_us >= {lo} AND seen_us < {hi}" for code, (lo, hi) in within.items()]
        return self._spans(" OR ".join(bounds) or "false")

    @functools.cached_property
    def _everything(self) -> dict[str, HistorySpan]:
        """Files do not change under a replay; each look at all of them takes as long as a count."""
        return self._spans("seen_us IS NOT NULL AND country IS NOT NULL")

    def _spans(self, inside: str) -> dict[str, HistorySpan]:
        rows = self._con.execute(
            "SELECT country, min(seen_us), max(seen_us), count(*) FROM records "
            f"WHERE {inside} GROUP BY country ORDER BY country"
        ).fetchall()
        return {code: HistorySpan(first, last, count) for code, first, last, count in rows}

    def count(self, since_us: int | None = None, until_us: int | None = None) -> int:
        """How many records `batches` will give."""
        sql = f"SELECT count(*) FROM records {_where(since_us, until_us)}"
        return int(self._con.execute(sql).fetchall()[0][0])

    def check(self, countries: Mapping[str, Country], at: Callable[[int], None] | None = None) -> int:
        """Decode every record as consumers will; the number of records. `at` is told how many are done.

        Raises UserError for bad rows: how many of each reason, and of the first ones file, row (counted from 1) and
        field.
        """
        count, refusals = 0, BadRows(self.files, countries)
        for count, (family, key, value, seen_us, file_no, row_no) in enumerate(self.records(), start=1):
            refusals.judge(family, key, value, seen_us, (file_no, row_no))
            if at is not None and count % _BATCH == 0:
                at(count)
        refusals.refuse()
        return count

    def records(self) -> Iterator[tuple[int, bytes | None, bytes, int | None, int, int]]:
        """Every record, in no order: family, key, value, `seen_us`, and the file and row (from 0) where it stands."""
        for batch in self._query("SELECT family, key, value, seen_us, file_no, row_no FROM records"):
            yield from zip(*_columns_of(batch), strict=True)

    def forecast(
        self, countries: Iterable[Country], since_us: int | None = None, until_us: int | None = None
    ) -> Forecast:
        """What admission will make of the records that `batches` gives, if the log holds none of them yet."""
        total, uncounted = 0, dict[str, Uncounted]()
        for country in countries:
            for verdict, events, place in self._con.execute(forecast.sql(country, since_us, until_us)).fetchall():
                total += events
                if verdict != "admitted":
                    known = uncounted.get(verdict, Uncounted(0, tuple(place)))
                    uncounted[verdict] = Uncounted(known.events + events, min(known.first, tuple(place)))
        return Forecast(total, uncounted)

    def batches(self, since_us: int | None = None, until_us: int | None = None) -> Iterator[HistoryBatch]:
        """Records with `since_us <= seen_us < until_us` in order of (seen_at, file, row), in bounded memory.

        A kept row without a readable time is delivered first, and only when the whole past is asked for.
        """
        where = _where(since_us, until_us)
        first = min((span.first_us for span in self.spans().values()), default=0)
        order = "ORDER BY coalesce(seen_us, -9223372036854775807), file_no, row_no, family"
        sql = f"SELECT family, key, value, coalesce(seen_us, {first}) AS seen FROM records {where} {order}"
        for batch in self._query(sql):
            yield HistoryBatch(*_columns_of(batch))

    def _sources(self, country: str | None) -> list[str]:
        """One SELECT per group of files with equal columns."""
        groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
        for path in self.files:
            if path.suffix in _PARQUET:
                groups.setdefault(tuple(self._columns(path, country)), []).append(path)
        numbers = "MAP {" + ", ".join(f"{wide.quoted(str(path))}: {n}" for n, path in enumerate(self.files)) + "}"
        sources = []
        for columns, paths in groups.items():
            listed = ", ".join(wide.quoted(str(path)) for path in paths)
            rows = f"""(SELECT * EXCLUDE (filename, file_row_number), file_row_number AS row_no,
                CAST({numbers}[filename] AS INTEGER) AS file_no
                FROM read_parquet([{listed}], filename = true, file_row_number = true))"""
            sources.append(wide.select(rows, dict(columns), country, self._hashing))
        if found := [(n, path) for n, path in enumerate(self.files) if path.suffix in _LINES]:
            lines = Path(self._scratch.name) / "lines.parquet"
            json_lines.write_table(found, lines)
            every = dict.fromkeys(SCHEMA.names, wide.JSON)
            sources.append(wide.select(f"read_parquet({wide.quoted(str(lines))})", every, country, self._hashing))
        return sources

    def _columns(self, path: Path, country: str | None) -> list[tuple[str, str]]:
        try:
            rows = self._con.execute(f"DESCRIBE SELECT * FROM read_parquet({wide.quoted(str(path))})").fetchall()
        except duckdb.Error as error:
            raise UserError(f"{path} cannot be read as Parquet: {error}") from error
        columns = [(str(row[0]), str(row[1])) for row in rows if not _INDEX.fullmatch(str(row[0]))]
        wide.check_columns(dict(columns), str(path), country is not None)
        return columns

    def _query(self, sql: str) -> pa.RecordBatchReader:
        return self._con.sql(sql).to_arrow_reader(_BATCH)


def _find(path: Path) -> list[Path]:
    endings = _PARQUET + _LINES
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in endings and not p.name.startswith("."))
        if not files:
            raise UserError(f"{path} holds no event file ({', '.join('*' + ending for ending in endings)}).")
        return files
    if not path.exists():
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise UserError(f"There is no file {path}.{near}")
    if path.suffix not in endings:
        raise UserError(f"{path} is no event file: its name must end in {', '.join(endings)}.")
    return [path]


def _where(since_us: int | None, until_us: int | None) -> str:
    bounds = [f"seen_us >= {since_us}"] if since_us is not None else []
    bounds += [f"(seen_us IS NULL OR seen_us < {until_us})"] if until_us is not None else []
    return f"WHERE {' AND '.join(bounds)}" if bounds else ""


def _columns_of(batch: pa.RecordBatch) -> list[list[Any]]:
    return [column.to_pylist() for column in batch.columns]
