"""What the parts of a stage hold, second by second: memory, open files, lines of their logs; and the lake's files."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from scv.errors import CerebroError
from scv.events import event
from scv.offline.lake import Lake
from tests.faults.stage import Stage
from tests.soak.slope import Point

EVERY_S = 1.0
LAKE_EVERY_S = 30.0


class Watch(threading.Thread):
    """Samples until `end`. `memory` (MB), `files` (open descriptors) and `lines` (of its log): name → points.

    Memory is what is the process's own (anonymous), where a leak would be. Pages of program files that are mapped come
    and go with the machine's cache, never beyond those files' sizes; `resident` (MB, the newest) counts them, too.

    `month_files`: the most files of a month that a table of the lake was ever made of; `lake_share`: bytes on disk by
    those that are live, at each look.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True, name="watch")
        self.memory, self.files, self.lines = (defaultdict[str, list[Point]](list) for _ in range(3))
        self.resident: dict[str, float] = {}
        self.month_files = 0
        self.lake_share: list[Point] = []
        self._stage, self._over, self._begun = stage, threading.Event(), time.monotonic()
        self._logs = {name: _Lines(member.log) for name, member in stage.members.items()}
        self._look_at_s = 0.0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun

    def run(self) -> None:
        while not self._over.wait(EVERY_S):
            for name in self._stage.members:
                self._sample(name)
            if self.elapsed_s >= self._look_at_s:
                self._look_at_s = self.elapsed_s + LAKE_EVERY_S
                self._look()

    def end(self) -> None:
        self._over.set()
        self.join()

    def _sample(self, name: str) -> None:
        at_s = self.elapsed_s
        try:
            folder = Path("/proc") / str(self._stage.members[name].pid)
            said = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            count = sum(1 for _ in (folder / "fd").iterdir())
        except (CerebroError, OSError):  # it is being started again
            return
        if "RssAnon" in said:
            self.memory[name].append(Point(at_s, int(said["RssAnon"].split()[0]) / 1024))
            self.resident[name] = int(said["VmRSS"].split()[0]) / 1024
            self.files[name].append(Point(at_s, count))
            self.lines[name].append(Point(at_s, self._logs[name].count()))

    def _look(self) -> None:
        lake, live = Lake(self._stage.settings.lake_path), 0
        for family in event.FAMILIES:
            if (table := lake.table(family)) is None:
                continue
            files = [Path(file) for file in table.file_uris()]
            self.month_files = max(self.month_files, *Counter(file.parent for file in files).values(), 0)
            live += sum(file.stat().st_size for file in files if file.exists())
        disk = sum(_size(file) for file in lake.path.rglob("*"))
        if live:
            self.lake_share.append(Point(self.elapsed_s, disk / live))


class _Lines:
    """How many lines a growing file has; only what is new is read."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._count = path, 0, 0

    def count(self) -> int:
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read, self._count = self._read + len(new), self._count + new.count(b"\n")
        return self._count


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # vacuumed meanwhile
        return 0
