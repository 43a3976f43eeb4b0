"""Where an id still stands: every file below a home searched, whatever it is packed in."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PACKED = (".xlsx", ".zip")
SKIPPED = frozenset((".venv", "services"))
"""What is the machine's: programs, and the data of an embedded broker and store, which are asked themselves."""


def traces(home: Path, customer_id: str) -> Counter[str]:
    """Folder below `home` → files in which the id stands."""
    found = Counter[str]()
    for path in _files(home):
        try:
            there = holds(path, customer_id)
        except FileNotFoundError:  # it went meanwhile
            continue
        if there:
            found[path.relative_to(home).parts[0]] += 1
    return found


def holds(path: Path, customer_id: str) -> bool:
    """Does an id stand in a file? In tables it is a whole value, elsewhere a word of its own."""
    if path.suffix == ".parquet":
        return _in_table(path, customer_id)
    if path.suffix in PACKED:
        with zipfile.ZipFile(path) as packed:
            return any(_in_text(packed.read(name), customer_id) for name in packed.namelist())
    return _in_text(path.read_bytes(), customer_id)


def _files(home: Path) -> Iterator[Path]:
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.relative_to(home).parts[0] not in SKIPPED:
            yield path


def _in_table(path: Path, customer_id: str) -> bool:
    file = pq.ParquetFile(path)
    names = [
        one.name for one in file.schema_arrow if pa.types.is_string(one.type) or pa.types.is_large_string(one.type)
    ]
    table = file.read(columns=names)
    return any(bool(pc.any(pc.equal(table[name], customer_id)).as_py()) for name in names)


def _in_text(body: bytes, customer_id: str) -> bool:
    """Bounded by what is no letter or digit: customer 12 is not in 4123."""
    word, start = customer_id.encode(), 0
    while (place := body.find(word, start)) >= 0:
        before, after = body[place - 1 : place], body[place + len(word) : place + len(word) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        start = place + 1
    return False
