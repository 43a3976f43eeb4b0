"""Progress on stderr for work of more than two seconds: a bar for a person, a line now and then for a log."""

from __future__ import annotations

import sys
import threading
from typing import Any

import click

SHOW_AFTER_S = 2.0
EVERY_S = 15.0
"""Between the lines of a log."""


class Bar:
    """`with Bar("Rebuilding") as bar: work(bar.at)`, or `with Bar() as bar: work(bar)` where the work names its stages.

    `at(done, total)` and `bar(what, done, total)` may be called from any thread, as often as one likes. Until the first
    call, and while a total is 0, the bar only shows that something is done.
    """

    def __init__(self, what: str = "", show: bool = True) -> None:
        self._state, self._show = (what, 0, 0), show
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._appear, daemon=True, name="bar")
        self._shown: Any = None

    def at(self, done: int, total: int) -> None:
        self(self._state[0], done, total)

    def __call__(self, what: str, done: int, total: int) -> None:
        with self._lock:
            stage, self._state = what != self._state[0], (what, done, total)
            if self._shown is not None:
                if stage:
                    self._shown.reset(0)
                self._shown.update(0, description=what, completed=done, total=total or None)

    def __enter__(self) -> Bar:
        if self._show:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._show:
            self._thread.join()
        if self._shown is not None:
            self._shown.stop()

    def _appear(self) -> None:
        if sys.stderr.isatty():
            if not self._ended.wait(SHOW_AFTER_S):
                self._draw()
            return
        while not self._ended.wait(EVERY_S):
            what, done, total = self._state
            click.echo(f"{what}: {done:,} of {total:,}" if total else f"{what} …", err=True)

    def _draw(self) -> None:
        from rich.console import Console  # only here: most commands are done before
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        shown = Progress(*columns, console=Console(stderr=True), transient=True)
        with self._lock:
            what, done, total = self._state
            shown.add_task(what, completed=done, total=total or None)
            shown.start()
            self._shown = shown
