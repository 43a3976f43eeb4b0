"""Publishes a week again elsewhere and dies in the middle of one file: a process of its own, killed like a real one."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

from scorer.tuesday.week import Folder
from scv.events import country

CODE = 9


def publish(source: Path, target: str, at: datetime, survived: int) -> None:
    """Ends with CODE in the middle of file number `survived` (from 0), if there are so many."""
    us = country.load("US")
    week = Folder(str(source), us).week(at)
    assert week is not None
    files = {name: (source / "US" / week.manifest.date / name).read_bytes() for name in week.manifest.files}
    folder = Folder(target, us)
    put, count = folder.put, iter(range(100))

    def dying(name: str, body: bytes) -> None:
        if next(count) == survived:
            Path.replace = lambda *_: os._exit(CODE)  # type: ignore[assignment,method-assign]  # the draft stays
            folder.fs.pipe_file = lambda *_, **__: os._exit(CODE)
        put(name, body)

    folder.put = dying  # type: ignore[method-assign]
    folder.publish(week.manifest, files)


if __name__ == "__main__":
    publish(Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3]), int(sys.argv[4]))
