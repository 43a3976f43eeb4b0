"""Whole files: a reader sees the old one or the new one, never a half."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scv import machine
from scv.errors import UserError

DRAFT = ".draft"
HELD_S = 5.0


def beside(path: Path) -> Path:
    """A name for the draft of a file or folder, beside its place. Nobody else takes it: process ids are not unique
    among the containers that share a disk.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{DRAFT}")


def sweep(folder: Path) -> None:
    """Remove the drafts that killed writers left in a folder; for whoever holds the lock of all that write there."""
    for left in folder.glob(f".*{DRAFT}"):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def write(path: Path, body: bytes, mode: int = 0o666) -> None:
    """Write a file beside its place, on disk, then move it there; its folder is made if need be. `mode` as the system's
    mask leaves it.

    Raises NoRoom and BadPlace.
    """
    with machine.at(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = beside(path)
        try:
            with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            patiently(lambda: draft.replace(path))
        finally:
            draft.unlink(missing_ok=True)


def patiently(step: Callable[[], object]) -> None:
    """Take a step on a file that a client of a synced folder may hold for a moment: for some seconds again and again.

    Raises OSError as the step does.
    """
    end = time.monotonic() + HELD_S
    while True:
        try:
            step()
            return
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ETXTBSY) or time.monotonic() > end:
                raise
        time.sleep(0.2)


@contextlib.contextmanager
def alone(folder: Path, busy: str = "") -> Iterator[None]:
    """One at a time in a folder: the kernel keeps the lock and drops it however a process ends.

    A second waits for its turn, or is told `busy` at once: UserError.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        yield
    except BlockingIOError as error:
        raise UserError(busy) from error
    finally:
        os.close(held)


def busy(path: Path) -> bool:
    """Does a process hold the lock of a folder or file? The kernel drops it with the process, however that ended."""
    try:
        held = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return False
