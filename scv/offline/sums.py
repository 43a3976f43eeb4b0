"""The sha256 of every file of the lake, beside the tables: Delta's log knows a file's size and not its content.

    LAKE/FAMILY/_sums.jsonl     a line for what came since the last one: its own sha256, a space, {path: sha256}

Whoever commits adds a line; a file that changed bears its newest. With each vacuum and each of Delta's checkpoints it
becomes one line again, of the files that still lie there. What the file system lost of it is taken again from those.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from deltalake import DeltaTable

from scv import atomic, stamp
from scv.atomic import alone
from scv.errors import Damaged
from scv.events import event as events
from scv.stamp import Written

if TYPE_CHECKING:
    from scv.offline.lake import Lake

NAME = "_sums.jsonl"
LOG = "_delta_log"
LAST = f"{LOG}/_last_checkpoint"
COPY = "Bring it back from a copy of the lake"
_SEEN: set[str] = set()
"""Files that were compared with their sums in this process."""


def of(folder: Path) -> tuple[dict[str, str], list[int]]:
    """A table's sums by path, and the numbers of the lines that are not what was written."""
    sums: dict[str, str] = {}
    torn = []
    path = folder / NAME
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], 1):
        own, _, body = line.partition(b" ")
        if own != stamp.sha256_of(body).encode():
            torn.append(number)
            continue
        sums |= msgspec.json.decode(body, type=dict[str, str])
    return sums, torn


def add(folder: Path, names: Iterable[str]) -> None:
    """Take the sums of some files of a table; of one that another member's vacuum takes meanwhile there is none."""
    sums = {}
    for name in sorted(set(names)):
        with contextlib.suppress(FileNotFoundError):
            sums[name] = stamp.sum_of(folder / name)[1]
    if not sums:
        return
    line = _line(sums)
    with alone(folder), (folder / NAME).open("ab") as file:
        file.write(line)
    if LAST in sums:
        prune(folder)


def prune(folder: Path) -> None:
    """Forget the files that are gone. Where a line is damaged all stay, for whoever looks into it."""
    with alone(folder):
        sums, torn = of(folder)
        if not torn:
            atomic.write(folder / NAME, _line({name: one for name, one in sums.items() if (folder / name).exists()}))


def _line(sums: Mapping[str, str]) -> bytes:
    body = msgspec.json.encode(sums)
    return stamp.sha256_of(body).encode() + b" " + body + b"\n"


def of_commits(folder: Path, first: int, last: int) -> Iterator[str]:
    """The files that came with these versions of a table: those of Delta's log, and the data that they added."""
    for version in range(first, last + 1):
        name = f"{LOG}/{version:020}.json"
        try:
            added = list(_added(folder / name))
        except FileNotFoundError:
            continue  # of a log that was cleaned up
        yield name
        yield from added
        yield from of_checkpoint(folder, version)


def of_checkpoint(folder: Path, version: int) -> Sequence[str]:
    """The files that come with Delta's checkpoint of a version; none where there is none."""
    checkpoint = f"{LOG}/{version:020}.checkpoint.parquet"
    return (checkpoint, LAST) if (folder / checkpoint).exists() else ()


def _added(log: Path) -> Iterator[str]:
    for line in log.read_bytes().splitlines():
        if added := msgspec.json.decode(line).get("add"):
            path = unquote(added["path"])
            if (log.parents[1] / path).exists():  # not yet vacuumed
                yield path


def unsummed(folder: Path, table: DeltaTable) -> list[str]:
    """The files that a table is made of now and that have no sum."""
    known = of(folder)[0]
    return [name for name in (*_data(folder, table), *_log(folder)) if name not in known]


def _log(folder: Path) -> list[str]:
    """What Delta reads of its log: versions, checkpoints and which of those is the last."""
    found = [path for path in sorted((folder / LOG).iterdir()) if path.is_file() and not path.name.startswith(".")]
    return [f"{LOG}/{path.name}" for path in found]


def _data(folder: Path, table: DeltaTable) -> list[str]:
    return [name_of(folder, uri) for uri in table.file_uris()]


def name_of(folder: Path, file: str) -> str:
    """A file's path in its table; Delta resolves links."""
    return str(Path(file).resolve().relative_to(folder.resolve()))


def refuse_damaged(folder: Path, files: Iterable[str]) -> None:
    """Raise Damaged for a data file of a table that is not what was written.

    Each is read once in a process: nobody writes a file of the lake twice. What has no sum is taken as it is.
    """
    new = [file for file in files if file not in _SEEN]
    sums = of(folder)[0] if new else {}
    for file in new:
        sha256 = sums.get(name_of(folder, file))
        if sha256 is not None and stamp.sum_of(Path(file))[1] != sha256:
            raise Damaged(f"{file} is not what was written. {COPY}; `cerebro verify` looks for others.")
        _SEEN.add(file)


# -- comparing ---------------------------------------------------------------------------------------------------
def written(lake: Lake) -> Iterator[Written]:
    """Every file that the lake is made of; data of a country under its code, the log under none."""
    path = lake.path / "epoch.json"
    if path.exists():
        yield stamp.judged("lake", "", str(path), _trouble(lake.epoch), COPY)
    for family in events.FAMILIES:
        folder = lake.table_path(family)
        if (folder / LOG).is_dir():
            yield from _of_table(folder)


def _of_table(folder: Path) -> Iterator[Written]:
    sums, torn = of(folder)
    for number in torn:
        mends = "Once all else is right, remove it: `cerebro consume lake` takes hashes anew when it starts"
        yield stamp.judged("lake", "", str(folder / NAME), f"line {number} is not what was written", mends)
    names = [*_log(folder), *(name for name in sums if not name.startswith(LOG) and (folder / name).exists())]
    damaged = any(stamp.sum_of(folder / name)[1] != sums[name] for name in _log(folder) if name in sums)
    if not damaged:  # then Delta does not panic over it
        why = _trouble(lambda: names.extend(_data(folder, DeltaTable(str(folder)))))
        yield stamp.judged("lake", "", str(folder / LOG), why, COPY)
    for name in dict.fromkeys(names):
        code = name.partition("country=")[2].partition("/")[0]
        mends = f"{COPY}, then run `cerebro rebuild {code}`" if code else COPY
        yield stamp.written("lake", code, folder / name, sums.get(name, ""), mends)


def _trouble(read: Callable[[], object]) -> str:
    """What a library says of a file that it cannot read; which of its files that is, the sums tell."""
    try:
        read()
    except Exception as error:  # Delta's are of no one class
        return f"it cannot be read ({error})"
    return ""
