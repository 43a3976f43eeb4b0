"""A version of the lake, and who reads it: while a reader has one in hand, its files stay.

    LAKE/_readers/TOKEN.json     {family: version}; locked by its reader, and the kernel lets go however that one ends

A version is told and pinned behind a door, a lock on that folder, which vacuum shuts: none is vacuumed in between. A
pin counts for a day. Where a reader may write nothing (a read-only disk, a full one) nothing is pinned.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from deltalake import DeltaTable

from scv.events.calendar import DAY_US
from scv.events.clock import wall_us

FOLDER = "_readers"
LONGEST_US = DAY_US
"""What is read for longer may break: so a reader that hangs keeps no file for ever."""


def made(lake: Path, families: Iterable[str]) -> object:
    """Something that is another one whenever a table of a lake was made; a look at a few files."""
    path = lake / "epoch.json"
    state = path.stat() if path.exists() else None
    there = tuple(family for family in families if (lake / family / "_delta_log").is_dir())
    return there, state and (state.st_ino, state.st_mtime_ns, state.st_size)


class Pin:
    """A reader's hold on a version; let go with the last reference to it."""

    def __init__(self, path: Path, held: int) -> None:
        self.let_go = weakref.finalize(self, _let_go, path, held, os.getpid())


def _let_go(path: Path, held: int, process: int) -> None:
    os.close(held)
    if os.getpid() == process:  # a fork has the lock of its parent, and ends before it or after it
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class LakeVersion:
    """One version of every family's table (-1: no table yet), and the ids of those tables, which they never change.

    `tables` are those that were opened to tell: nobody opens them again. `pin` keeps their files.
    """

    families: Mapping[str, int]
    ids: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, DeltaTable] = field(default_factory=dict, compare=False, repr=False)
    pin: Pin | None = field(default=None, compare=False, repr=False)

    @property
    def hash(self) -> str:
        """One short hash of it: stands in every manifest."""
        text = ",".join(f"{family}={version}" for family, version in sorted(self.families.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextlib.contextmanager
def entered(lake: Path) -> Iterator[Path | None]:
    """Inside, nothing of a lake is vacuumed; the folder in which `pin` may be asked (None: nothing can be pinned)."""
    folder = lake / FOLDER
    with contextlib.suppress(OSError):
        if lake.is_dir():
            folder.mkdir(exist_ok=True)
    if not folder.is_dir():
        yield None
        return
    with _door(folder, fcntl.LOCK_SH):
        yield folder


def pin(folder: Path | None, families: Mapping[str, int]) -> Pin | None:
    """Keep the files of a version, inside `entered`; None where nothing can be written."""
    if folder is None:
        return None
    path = folder / f"{secrets.token_hex(8)}.json"
    try:
        held = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError:
        return None
    pinned = Pin(path, held)
    fcntl.flock(held, fcntl.LOCK_SH)
    body = msgspec.json.encode(families)
    try:
        whole = os.write(held, body) == len(body)  # a disk with little room takes a part of it
    except OSError:
        whole = False
    if not whole:
        pinned.let_go()
    return pinned if whole else None


@contextlib.contextmanager
def shut(lake: Path) -> Iterator[list[Mapping[str, int]] | None]:
    """Inside, nobody begins to read: the versions that readers have in hand. None where somebody just begins."""
    folder = lake / FOLDER
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_door(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield [held for path in sorted(folder.glob("*.json")) if (held := _held(path)) is not None]


def _held(path: Path) -> Mapping[str, int] | None:
    """What a pin keeps; None for one whose reader has ended or reads for too long, which goes."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # let go since we looked
        return None
    except BlockingIOError:
        if wall_us() - path.stat().st_mtime_ns // 1000 < LONGEST_US:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    path.unlink(missing_ok=True)
    return None


@contextlib.contextmanager
def _door(folder: Path, how: int) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, how)
        yield
    finally:
        os.close(held)
