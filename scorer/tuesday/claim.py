"""One writer at a time in a country's folder of weeks, on a disk and in an object store."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from scv import atomic
from scv.errors import UserError

CLAIM = "claim"


@contextlib.contextmanager
def claimed(fs: Any, path: str, work: str) -> Iterator[None]:
    """Inside, nobody else writes under `path`. Raises UserError while somebody does.

    On a disk the kernel keeps the lock and drops it however a process ends. An object store keeps a file that says
    what for: the same work goes on where a killed one stopped, another waits.
    """
    if isinstance(fs, LocalFileSystem):
        with _locked(Path(path)):
            yield
        return
    file, said = f"{path}/{CLAIM}", work.encode()
    with contextlib.suppress(FileExistsError):
        fs.pipe_file(file, said, mode="create")
    if (stands := fs.cat_file(file)) != said:
        raise UserError(
            f"Another export is writing to {path} ({stands.decode(errors='replace')}). Wait for it and run this again; "
            f"if it was killed, remove {file} first."
        )
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            fs.rm_file(file)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """What killed writers left half is removed first."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for one in (folder, *folder.iterdir()):
            atomic.sweep(one)
        yield
    except BlockingIOError as error:
        raise UserError(f"Another export is writing to {folder}. Wait for it, then run this again.") from error
    finally:
        os.close(lock)
