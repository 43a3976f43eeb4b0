"""A folder for files that are not published yet. What an interrupted fetch had made lies in its own until the next one.

HOME/snapshots/.draft-…/FETCHER/COUNTRY/REFERENCE.parquet
HOME/snapshots/.draft-…/cells.jsonl                            a line for each: what it is of, and its hash
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from scv.atomic import alone
from scv.errors import UserError
from scv.leftover import FOLDER_DRAFT
from scv.stamp import Stamp

NOTES = "cells.jsonl"


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """One fetcher's table of a country at a reference, in a draft. `path` within it; `stamp` of this table alone."""

    path: str
    country: str
    fetcher: str
    at: datetime
    rows: int
    stamp: Stamp


@contextlib.contextmanager
def draft(root: Path, heir: Callable[[Path, Path], None] = lambda left, folder: None) -> Iterator[Path]:
    """A folder to write files into before they are published; it stays where files are left in it.

    `heir` is shown each that another fetch left, and the new one: it may move files. What it does not take goes.
    """
    root.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with alone(root):
            folder = Path(tempfile.mkdtemp(prefix=FOLDER_DRAFT, dir=root))
            held.enter_context(alone(folder))
            for left in root.glob(f"{FOLDER_DRAFT}*"):
                with contextlib.suppress(UserError), alone(left, busy="of a fetch that goes on"):
                    heir(left, folder)
                    shutil.rmtree(left, ignore_errors=True)
        held.callback(_end, folder)
        yield folder


def _end(folder: Path) -> None:
    if not any(folder.rglob("*.parquet")):
        shutil.rmtree(folder, ignore_errors=True)


def note(folder: Path, one: Drafted) -> None:
    """Say what a file of a draft is, once it is whole."""
    with (folder / NOTES).open("ab") as file:
        file.write(msgspec.json.encode(one) + b"\n")


def notes(folder: Path) -> Iterator[Drafted]:
    """What was said of a draft's files; a line that was torn is none."""
    path = folder / NOTES
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError):
            yield msgspec.json.decode(line, type=Drafted)
