"""Talk goes to stderr; stdout is for data."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

SAY_EVERY_S = 30.0


def say(text: str) -> None:
    """One line for a person."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Seldom:
    """Says a trouble at once, then at most every half minute, with how often it came meanwhile; from any thread."""

    def __init__(self, say: Callable[[str], None] = say) -> None:
        self._say, self._lock = say, threading.Lock()
        self._said, self._silent = -SAY_EVERY_S, 0

    def __call__(self, text: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._said < SAY_EVERY_S:
                self._silent += 1
                return
            more = f" ({self._silent} more times since)" if self._silent else ""
            self._said, self._silent = now, 0
        self._say(text + more)
