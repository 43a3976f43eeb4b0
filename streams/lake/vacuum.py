"""What nobody reads any more goes: files that the newest version and the versions in readers' hands are not made of,
and the log below Delta's checkpoints.

A file goes when a commit brought it (it has a sum) and another took it away; what no commit brought is being written
just now, or was left by a killed writer: that goes after a day. The application transactions, our places in the
log, stand in every checkpoint.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deltalake import DeltaTable

from scv import machine
from scv.errors import LakeConflict
from scv.events.calendar import DAY_US
from scv.events.clock import wall_us
from scv.offline import lake_version, sums
from scv.offline.lake import Lake

CHECKPOINT_EVERY = 20
"""Versions of a table; below the last but one its log goes."""
WRITTEN_WITHIN_US = DAY_US
"""No writer takes longer between a file and its commit."""


class Vacuumed(NamedTuple):
    """Files that went, and their bytes."""

    files: int = 0
    bytes: int = 0


def vacuum(lake: Lake, family: str, dry: bool = False) -> Vacuumed:
    """Remove what nobody needs of a family's table; nothing where somebody just begins to read, the next one will.

    With `dry` only what would go is told. Killed in the middle it leaves a lake that is whole.
    """
    folder = lake.table_path(family)
    with machine.at(folder), lake_version.shut(lake.path) as pinned:
        if pinned is None:
            return Vacuumed()
        brought = set(sums.of(folder)[0])  # first: what has a sum by now was committed before the table is opened
        table = lake.table(family)
        if table is None:
            return Vacuumed()
        held = {version for one in pinned if 0 <= (version := one.get(family, -1)) < table.version()}
        needed = set(_names(folder, table))
        for version in held:
            with contextlib.suppress(LakeConflict):  # it was gone when the pin was set
                needed |= set(_names(folder, lake.table(family, version)))
        gone = [path for path in _data(folder) if _free(folder, path, needed, brought)]
        if not dry:
            _checkpoint(folder, table)
        gone += _log(folder, min(held, default=table.version()))
        went = Vacuumed(len(gone), sum(path.stat().st_size for path in gone))
        if not dry and gone:
            for path in gone:
                path.unlink(missing_ok=True)
            sums.prune(folder)
        return went


def _names(folder: Path, table: DeltaTable | None) -> Iterator[str]:
    return (sums.name_of(folder, file) for file in table.file_uris()) if table else iter(())


def _data(folder: Path) -> Iterator[Path]:
    return folder.glob("country=*/month=*/*.parquet")


def _free(folder: Path, path: Path, needed: set[str], brought: set[str]) -> bool:
    name = str(path.relative_to(folder))
    if name in needed:
        return False
    return name in brought or wall_us() - path.stat().st_mtime_ns // 1000 >= WRITTEN_WITHIN_US


def _checkpoint(folder: Path, table: DeltaTable) -> None:
    """A checkpoint of Delta's, when the last is old."""
    last = max(_checkpoints(folder), default=-1)
    if table.version() - last >= CHECKPOINT_EVERY:
        table.create_checkpoint()
        sums.add(folder, sums.of_checkpoint(folder, table.version()))


def _checkpoints(folder: Path) -> list[int]:
    return sorted(_version(path) for path in (folder / sums.LOG).glob("*.checkpoint.parquet"))


def _version(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _log(folder: Path, oldest: int) -> Sequence[Path]:
    """What of the log no version needs from the oldest on. The last checkpoint but one stays, for whoever just opens
    the table by it; one of the oldest version itself may have been made since that was opened by the one before.
    """
    below = [version for version in _checkpoints(folder)[:-1] if version < oldest]
    entries = (folder / sums.LOG).glob("[0-9]*.*")
    return [path for path in entries if _version(path) < max(below, default=0)]
