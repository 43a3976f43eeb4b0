"""A progress bar on stderr, for work that takes longer than two seconds."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SHOW_AFTER_S = 2.0


class Bar:
    """`with Bar("Rebuilding") as bar: work(bar.at)`; `at(done, total)` may be called as often as one likes."""

    def __init__(self, what: str, show: bool = True) -> None:
        self._what, self._show = what, show
        self._appears = time.monotonic() + SHOW_AFTER_S
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def at(self, done: int, total: int) -> None:
        if not self._show or time.monotonic() < self._appears:
            return
        if self._progress is None:
            columns = (TextColumn(self._what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=Console(stderr=True))
            self._task = self._progress.add_task(self._what, total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()
