"""Talk goes to stderr; stdout is for data."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

SAY_EVERY_S = 30.0


def _plain(text: str, level: str, fields: dict[str, Any]) -> str:
    return text


_line: Callable[[str, str, dict[str, Any]], str] = _plain


def say(text: str, level: str = "info", **fields: Any) -> None:
    """A sentence for a person; `level` and `fields` are for machines (see `speak`) and repeat what it says."""
    sys.stderr.write(_line(text, level, fields) + "\n")
    sys.stderr.flush()


def speak(line: Callable[[str, str, dict[str, Any]], str] = _plain) -> None:
    """Let everything that this process says from now on be such a line: made of text, level and fields."""
    global _line
    _line = line


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
