"""A folder for files that are not published yet."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scv.atomic import alone

DRAFT = ".draft-"


@contextlib.contextmanager
def draft(root: Path) -> Iterator[Path]:
    """A folder to write files into before they are published. What a killed fetch left of its own goes."""
    root.mkdir(parents=True, exist_ok=True)
    with alone(root):
        for left in root.glob(f"{DRAFT}*"):
            _drop_dead(left)
        folder = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _drop_dead(folder: Path) -> None:
    """Remove a draft that nobody holds: the kernel lets go of it however its process ended."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(held)
