"""One writer at a time where a country's weeks are published: on a disk, or in an object store that has no locks."""

from __future__ import annotations

import contextlib
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

    On a disk the kernel keeps the lock, and what killed writers left half is removed first. An object store keeps a
    file that says what for: the same work goes on where a killed one stopped, another waits.
    """
    if isinstance(fs, LocalFileSystem):
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic.alone(folder, f"Another export is writing to {folder}. Wait for it, then run this again."):
            for one in (folder, *folder.iterdir()):
                atomic.sweep(one)
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
