"""Progress bars on stderr, one after the other, for work in several stages."""

from __future__ import annotations

import threading
from types import TracebackType

from terminal.bar import SHOW_AFTER_S, Bar


class Stages:
    """`with Stages() as report: report("Simulating", done, total)`; another name is another bar.

    A bar shows after two seconds even where nothing new is reported: a first chunk takes its time.
    """

    def __init__(self) -> None:
        self._what = ""
        self._bar: Bar | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._last = (0, 0)

    def __call__(self, what: str, done: int, total: int) -> None:
        with self._lock:
            if what != self._what or self._bar is None:
                self._end()
                self._what, self._bar = what, Bar(what).__enter__()
                self._timer = threading.Timer(SHOW_AFTER_S + 0.1, self._show)
                self._timer.daemon = True
                self._timer.start()
            self._last = (done, total)
            self._bar.at(done, total)

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._end()

    def _show(self) -> None:
        with self._lock:
            if self._bar is not None:
                self._bar.at(*self._last)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar = self._timer = None
