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
    """Says a trouble at once, then at most every half minute, with how often it came meanwhile; from any thread.

    `about` tells troubles apart that are not one: each has its own half minute. Keep it a short list.
    """

    def __init__(self, say: Callable[[str], None] = say) -> None:
        self._say, self._lock = say, threading.Lock()
        self._heard: dict[str, tuple[float, int]] = {}

    def __call__(self, text: str, about: str = "") -> None:
        with self._lock:
            now = time.monotonic()
            said, silent = self._heard.get(about, (-SAY_EVERY_S, 0))
            if now - said < SAY_EVERY_S:
                self._heard[about] = (said, silent + 1)
                return
            self._heard[about] = (now, 0)
        self._say(f"{text} ({silent} more times since)" if silent else text)
