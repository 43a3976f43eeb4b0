"""What nobody needs any more, as each room tells it: `cerebro tidy` takes it away."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scv import atomic
from scv.events.calendar import DAY_US
from scv.events.clock import wall_us

FOLDER_DRAFT = ".draft-"


@dataclass(frozen=True)
class Leftover:
    """Something on disk that may go: of which kind and country ("": everybody's), where, how many files and bytes.

    `remove` takes it away so that whoever reads sees it whole or not at all; False where it is needed after all.
    """

    kind: str
    country: str
    path: str
    files: int
    bytes: int
    remove: Callable[[], bool]


def leftover(kind: str, country: str, path: Path, remove: Callable[[], bool]) -> Leftover:
    """One of this machine: a file, or a folder with all that is in it."""
    sizes = [one.stat().st_size for one in (path.rglob("*") if path.is_dir() else [path]) if one.is_file()]
    return Leftover(kind, country, str(path), len(sizes), sum(sizes), remove)


def leftover_files(kind: str, country: str, files: Sequence[Path]) -> Leftover:
    """Files that go together, in this order: what says of the others comes first. They are told of by the last."""
    there = [one for one in files if one.exists()]
    size = sum(one.stat().st_size for one in there)
    return Leftover(kind, country, str(files[-1]), len(there), size, functools.partial(_remove_files, there))


def _remove_files(files: Sequence[Path]) -> bool:
    for one in files:
        one.unlink(missing_ok=True)
    return True


def older(path: Path, days: int) -> bool:
    """Was a file written so many days ago? 0 days: none ever is."""
    return days > 0 and path.stat().st_mtime_ns // 1000 < wall_us() - days * DAY_US


def remove_folder(path: Path) -> bool:
    """Take a folder away: it is there whole, or it is a draft that is swept."""
    aside = atomic.beside(path)
    os.rename(path, aside)
    shutil.rmtree(aside)
    return True


def drafts(roots: Iterable[Path]) -> Iterator[Leftover]:
    """What killed runs left half, below some folders. No run takes a day between a draft and its end."""
    for root in roots:
        for path in sorted({*root.rglob(f".*{atomic.DRAFT}"), *root.glob(f"{FOLDER_DRAFT}*")}):
            if older(path, days=1):
                yield leftover("drafts", "", path, functools.partial(_sweep, path))


def _sweep(path: Path) -> bool:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return True
