"""Few files instead of many: small files of a country's month become one, in steps of size.

Four files of a step become one of the next: each byte is written anew once or twice a step, and a step is eight times
the one before. What a commit adds is never merged with all that is there.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from pathlib import Path

from deltalake import DeltaTable

from scv import machine

MANY = 4
STEPS = tuple(16 * 1024 * 8**step for step in range(5))
"""Bytes: files are counted up to 16 kB, then up to 128 kB, up to 1 MB, 8 MB and 64 MB; larger ones stay as they are."""
RESERVE_BYTES = 1 << 20
"""Of disk, beside what is written: the commit itself, and the other families' ones."""

Place = tuple[str, str]
"""Country and month: a folder of files."""


def sizes(table: DeltaTable) -> Mapping[Place, Sequence[int]]:
    """The bytes of each file, by place."""
    found: dict[Place, list[int]] = defaultdict(list)
    for file in map(Path, table.file_uris()):
        country, month = (folder.name.partition("=")[2] for folder in (file.parents[1], file.parent))
        found[country, month].append(file.stat().st_size)
    return found


def due(files: Mapping[Place, Sequence[int]]) -> Iterator[tuple[Place, int]]:
    """The places where `MANY` files stand on one step (the lowest first), and the size to which they are merged."""
    for place, held in files.items():
        for below, step in pairwise((0, *STEPS)):
            if sum(below <= size < step for size in held) >= MANY:
                yield place, step * MANY
                break


def compact(table: DeltaTable, path: Path, within_s: float = inf) -> int:
    """Merge what is due, for so long (what is begun is ended); how many files fewer there are.

    Raises CommitFailedError where another member was faster, NoRoom where there is none: nothing is lost then.
    """
    begun, before, tried = time.monotonic(), len(table.file_uris()), set[tuple[Place, int]]()
    while left := [one for one in due(sizes(table)) if one not in tried]:
        for (country, month), target in left:
            machine.refuse_full(path, RESERVE_BYTES + 2 * target)
            of = [("country", "=", country), ("month", "=", month)]
            with machine.at(path):
                table.optimize.compact(partition_filters=of, target_size=target)
            tried.add(((country, month), target))
            if time.monotonic() - begun >= within_s:
                return before - len(table.file_uris())
    return before - len(table.file_uris())
