"""One chunk of a world as a part on disk: lived, made dirty and written by whichever process comes first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proof.world import life
from proof.world.copies import STRANGERS
from proof.world.dirt import Arrivals, arrive
from proof.world.folder import Made, WorldFolder
from proof.world.historical import historical
from proof.world.rates import Dirt
from proof.world.records import records
from proof.world.stock import Ground
from proof.world.world import World
from scv import atomic
from scv.events.country import Country
from streams.replay.columns import SCHEMA

TABLE, LINES, RECORDS, HISTORY = ".parquet", ".jsonl", ".records.parquet", ".history"
"""Forms of a part, by the ending of its name: a wide table; JSON lines; records to be sent; rows of the lake."""
SPOOLED = (RECORDS, HISTORY)
_ROW_GROUP = 131_072
_SPOOLED_GROUP = 8_192
"""Records: a slice of time reads only the groups that it touches, of every part."""
_DELTA = {"id": "DELTA_BYTE_ARRAY", "occurred_at": "DELTA_BINARY_PACKED", "seen_at": "DELTA_BINARY_PACKED"}
_WORDS = [name for name in SCHEMA.names if name not in _DELTA]


class Task(NamedTuple):
    """A chunk to be made. `number` counts chunks over all countries; `known` are the countries that consumers know."""

    world: World
    chunk: int
    number: int
    form: str
    folder: Path
    dirt: Dirt
    known: Mapping[str, Country]
    partitions: int


def make(task: Task) -> Made:
    """Write the chunk's truth, then its part, each whole or not at all. Raises OSError, such as that of a full disk."""
    code, folder = task.world.country.code, WorldFolder(task.folder)
    events, truth = life.live(task.world, task.chunk)
    stranger = next(code for code in STRANGERS if code not in task.known)
    ground = Ground(task.world.country, task.world.end_us, stranger, as_bytes=task.form != TABLE)
    found = arrive(events, task.world.random(task.chunk, "dirt"), task.dirt, ground)
    with _beside(folder.truth(code, task.chunk)) as path:
        pq.write_table(truth, path, compression="zstd")
    place = folder.spool if task.form in SPOOLED else folder.part
    target = place(code, task.chunk, task.form)
    with _beside(target) as path:
        refused = _WRITERS[task.form](found, path, task) or {}
    return Made(
        country=code,
        chunk=task.chunk,
        events=len(found.rows),
        truths=len(truth),
        bytes=sum(one.stat().st_size for one in _files(target)),
        dirt=dict(found.counts),
        refused=dict(refused),
    )


def join(parts: Sequence[Path], target: Path) -> None:
    """One file of the rows of many, one after the other, a row group in memory."""
    with _beside(target) as path, _table_writer(path) as writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group))


def _table_writer(path: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=_WORDS, column_encoding=_DELTA)


def _write_table(found: Arrivals, path: Path, task: Task) -> None:
    """Rows as they stand; equal tables give equal bytes."""
    with _table_writer(path) as writer:
        writer.write_table(found.rows.cast(SCHEMA), row_group_size=_ROW_GROUP)


def _write_lines(found: Arrivals, path: Path, task: Task) -> None:
    """An erasure, which goes to every topic, is one line."""
    with path.open("wb") as file:
        last = -1
        for batch in records(found):
            rows, values = np.asarray(batch["row_no"]), batch["value"]
            new = np.diff(rows, prepend=last) != 0
            last = rows[-1]
            file.writelines(value + b"\n" for value in values.filter(pa.array(new)).to_pylist())


def _write_records(found: Arrivals, path: Path, task: Task) -> None:
    from streams.replay.columns import STAGED

    with pq.ParquetWriter(path, STAGED, compression="zstd", use_dictionary=["family", "country"]) as writer:
        for batch in records(found, task.number):
            writer.write_batch(batch, row_group_size=_SPOOLED_GROUP)


def _write_history(found: Arrivals, path: Path, task: Task) -> Mapping[str, int]:
    """A folder with a file for each family."""
    tables, refused = historical(found, task.world.country, task.known, task.partitions)
    path.mkdir()
    for family, table in tables.items():
        pq.write_table(table, path / f"{family}.rows", compression="lz4")
    return refused


_WRITERS: Mapping[str, Callable[[Arrivals, Path, Task], Mapping[str, int] | None]] = {
    TABLE: _write_table,
    LINES: _write_lines,
    RECORDS: _write_records,
    HISTORY: _write_history,
}


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name beside a file (or folder) that becomes it at the end of a good block, once it is on disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = atomic.beside(target)
    try:
        yield path
        for one in _files(path):
            with one.open("rb") as file:
                os.fsync(file.fileno())
        remove(target)
        path.rename(target)
    finally:
        remove(path)


def remove(path: Path) -> None:
    """A file, or a folder of files, if it is there."""
    for one in _files(path):
        one.unlink(missing_ok=True)
    if path.is_dir():
        path.rmdir()


def _files(path: Path) -> list[Path]:
    return list(path.iterdir()) if path.is_dir() else [path]
