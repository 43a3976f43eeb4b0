"""Whole files: a reader sees the old one or the new one, never a half."""

from __future__ import annotations

import os
from pathlib import Path

from scv import machine


def write(path: Path, body: bytes) -> None:
    """Write a file beside its place, on disk, then move it there; its folder is made if need be.

    Raises NoRoom and BadPlace.
    """
    with machine.at(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
