"""Tables in files: CSV in any dress, Excel sheets, JSON, JSON lines, Parquet, each also as `.gz`, or folders of them.

A row is a dict of column → cell, as typed as its file has it; nested objects are columns with a dot (`customer.email`).
Not by DuckDB: its CSV reader passes over a quote that is never closed and cannot say at which row it stands, one
malformed line loses a whole JSON file, and its Excel reader is not shipped with it.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scv.errors import UserError, did_you_mean
from streams.tables.cells import BadCell
from streams.tables.mapping import Map

Row = dict[str, Any]
ENCODINGS = ("utf-8", "cp1252")
"""What bytes without a mark are tried as, in this order."""
SEPARATORS = (",", ";", "\t", "|")
_TEXT = (".csv", ".tsv", ".txt", ".tab")
_LINES = (".jsonl", ".ndjson")
_ENDINGS = (*_TEXT, *_LINES, ".json", ".parquet", ".pq", ".xlsx")
_BATCH = 10_000
_EVERY = 1_000


class TableFile:
    """One file, whose rows may be read as often as one likes; what its letters are written in is looked up once.

    `heard` is told while rows are read how many of its bytes are behind. Raises UserError where it cannot be read.
    """

    def __init__(self, path: Path, map: Map) -> None:
        self.path, self.map = path, map
        self.ending = _ending(path)
        self.size = path.stat().st_size
        self.heard: Callable[[int], None] = lambda _: None
        self._file: IO[bytes] | None = None

    @property
    def rows(self) -> Iterator[tuple[int, Row | BadCell]]:
        """Number (from 1, below the names) and cells, or a BadCell for what is no row."""
        for passed, numbered in enumerate(_rows(self)):
            if passed % _EVERY == 0 and self._file and not self._file.closed:
                self.heard(self._file.tell())
            yield numbered
        self.heard(self.size)

    @functools.cached_property
    def encoding(self) -> str:
        """The map's, or that of the byte order mark, or the first of `ENCODINGS` that reads the whole file."""
        return self.map.encoding or _encoding(self)

    @property
    def guessed(self) -> bool:
        """Were its letters guessed?"""
        return self.ending in _TEXT and not self.map.encoding and self.encoding == ENCODINGS[-1]

    def open(self) -> IO[bytes]:
        """Its bytes, as they were before `.gz`."""
        if self.path.suffix.lower() == ".gz":
            unpacked = gzip.GzipFile(self.path)
            self._file = unpacked.fileobj  # type: ignore[assignment]
            return unpacked  # type: ignore[return-value]
        self._file = self.path.open("rb")
        return self._file


def find(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant, folders looked through, each file once. Raises UserError."""
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if _ending(p) in _ENDINGS and not p.name.startswith((".", "~$")))
            if not inside:
                raise UserError(f"{path} holds no table ({', '.join('*' + one for one in _ENDINGS)}, also with .gz).")
            files |= dict.fromkeys(inside)
        elif not path.exists():
            near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
            raise UserError(f"There is no file {path}.{near}")
        elif _ending(path) not in _ENDINGS:
            hint = " Save it as .xlsx or .csv." if path.suffix == ".xls" else ""
            raise UserError(f"{path} is no table: its name must end in {', '.join(_ENDINGS)}, also with .gz.{hint}")
        else:
            files[path] = None
    return list(files)


def _rows(table: TableFile) -> Iterator[tuple[int, Row | BadCell]]:
    readers: dict[str, Callable[[TableFile], Iterator[Row]]] = {".json": _json, ".xlsx": _sheet}
    try:
        if table.ending in _TEXT:
            yield from _separated(table)
        elif table.ending in _LINES:
            yield from _json_lines(table)
        else:
            yield from enumerate(readers.get(table.ending, _parquet)(table), start=1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{table.path} cannot be read: {error}") from error


def _ending(path: Path) -> str:
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def _encoding(table: TableFile) -> str:
    with table.open() as stream:
        start = stream.read(4)
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if start.startswith(mark):
            return name
    if start[1:2] == b"\0":
        return "utf-16-le"
    for name in ENCODINGS:
        try:
            with table.open() as stream, io.TextIOWrapper(stream, name) as text:
                while text.read(1 << 20):
                    pass
            return name
        except UnicodeDecodeError:
            continue
    known = ", ".join(ENCODINGS)
    raise UserError(f'{table.path} is in none of {known}. Which is it? Write `encoding = "…"` in the map.')


def said(tables: Iterable[TableFile]) -> list[str]:
    """Sentences about files whose letters were guessed."""
    guessed = ", ".join(str(table.path) for table in tables if table.guessed)
    return [f'Not in UTF-8, read as {ENCODINGS[-1]} (`encoding = "…"` says otherwise): {guessed}'] if guessed else []


def _text(table: TableFile) -> io.TextIOWrapper:
    encoding = table.encoding  # first: what is opened last is what tells how far it is read
    try:
        return io.TextIOWrapper(table.open(), encoding, newline="")
    except LookupError as error:
        raise UserError(f"{table.path}: {error}. Python's names of encodings are known, such as cp1252.") from error


def lines(table: TableFile) -> Iterator[list[str]]:
    """The rows of a text as their cells, that of the names first. Raises UserError where it cannot be read."""
    with _text(table) as text:
        first = text.readline()
        if first.lower().startswith("sep="):  # a line that Excel writes for itself
            separator, first = first.strip()[4:] or "\t", text.readline()
        else:
            separator = table.map.separator or max(SEPARATORS, key=lambda one: _cells(first, one))
        reader = csv.reader(itertools.chain([first], text), delimiter=separator, strict=True)
        try:
            yield from reader
        except (csv.Error, UnicodeDecodeError) as error:
            raise UserError(f"{table.path} cannot be read beyond line {reader.line_num}: {error}.") from error


def _separated(table: TableFile) -> Iterator[tuple[int, Row | BadCell]]:
    rows = lines(table)
    names = [name.strip() for name in next(rows, [])]
    _check_names(names, table)
    for number, cells in enumerate(rows, 1):
        if not any(cells):
            continue
        if len(cells) > len(names) and any(cells[len(names) :]):
            yield number, BadCell("more cells than columns", " ".join(cells))
        else:
            yield number, dict(zip(names, cells, strict=False))


def _cells(line: str, separator: str) -> int:
    """How many names a first line has with this separator."""
    return len(next(csv.reader([line], delimiter=separator), []))


def _check_names(names: list[str], table: TableFile) -> None:
    if not any(names):
        raise UserError(f"{table.path} is empty: its first line must name the columns.")
    for read in table.map.read():
        if names.count(read.column) > 1:
            raise UserError(f"{table.path} has {names.count(read.column)} columns {read.column!r}. Rename one of them.")


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", msgspec.json.encode(inner).decode() if isinstance(inner, list) else inner


def _json_lines(table: TableFile) -> Iterator[tuple[int, Row | BadCell]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with table.open() as stream:
        for number, line in enumerate(stream, start=1):
            if said := line.removeprefix(b"\xef\xbb\xbf").strip():
                try:
                    yield number, dict(_flat(decoder.decode(said)))
                except ValueError:
                    yield number, BadCell("no JSON object", said.decode("utf-8", "replace"))


def _json(table: TableFile) -> Iterator[Row]:
    """An array of objects, or an object with one; a file that holds lines is read as such by its name."""
    with table.open() as stream:
        body = stream.read().removeprefix(b"\xef\xbb\xbf")
    try:
        found = msgspec.json.decode(body)
    except ValueError as error:
        raise UserError(f"{table.path} is no JSON: {error}. If each line is an object, name it .jsonl.") from error
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UserError(f"{table.path} holds no list of objects.")
    return (dict(_flat(one)) for one in found)


def _parquet(table: TableFile) -> Iterator[Row]:
    try:
        with table.open() as stream, pq.ParquetFile(stream) as file:
            for batch in file.iter_batches(_BATCH):
                yield from (dict(_flat(row)) for row in _in_us(batch).to_pylist())
    except pa.ArrowException as error:
        raise UserError(f"{table.path} cannot be read as Parquet: {error}") from error


def _in_us(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Nanoseconds rounded, half up, to the microseconds that Python has."""
    for n, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            rounded = pc.divide(pc.add(batch[n].cast(pa.int64()), 500), 1000)
            batch = batch.set_column(n, field.name, rounded.cast(pa.timestamp("us", field.type.tz)))
    return batch


def _sheet(table: TableFile) -> Iterator[Row]:
    import zipfile

    import openpyxl

    map = table.map
    try:
        with table.open() as stream:
            book = openpyxl.load_workbook(io.BytesIO(stream.read()), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise UserError(f"{table.path} cannot be read as an Excel file: {error}") from error
    if map.sheet and map.sheet not in book.sheetnames:
        near = did_you_mean(map.sheet, book.sheetnames)
        raise UserError(f"{table.path} has no sheet {map.sheet!r}.{near} It has: {', '.join(book.sheetnames)}.")
    if len(book.sheetnames) > 1 and not map.sheet:
        raise UserError(
            f'{table.path} has several sheets: {", ".join(book.sheetnames)}. Write `sheet = "{book.sheetnames[0]}"` in '
            "the map, or whichever it is, or give it with --set."
        )
    rows = book[map.sheet or book.sheetnames[0]].iter_rows(values_only=True)
    names = ["" if cell is None else str(cell).strip() for cell in next(rows, ())]
    _check_names(names, table)
    for cells in rows:
        yield dict(zip(names, cells, strict=False))
