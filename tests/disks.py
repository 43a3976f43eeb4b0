"""Disks that a test may fill or make read-only: a small tmpfs where this user may mount one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int, options: str = "") -> Iterator[Path]:
    """A file system of that size, mounted on the folder; the test is skipped where this user may not."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k{options}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip(f"this user may not mount a disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave_kilobytes: int = 0) -> Path:
    """Write a file until the disk is full, less so much; remove it to make room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for block in (b"x" * (1 << 20), b"x" * 1024):
            with contextlib.suppress(OSError):
                while True:
                    file.write(block)
    with filler.open("r+b") as file:
        file.truncate(max(0, filler.stat().st_size - leave_kilobytes * 1024))
    return filler
