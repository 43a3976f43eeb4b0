"""How it stands, as its command reads it: not oftener than it changes, and without a path of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import msgspec

from console.problem import words

FRESH_S = 2.0
EXAMPLE = {
    "version": "0.1.0",
    "at": "2026-11-26T10:00:00Z",
    "runs": True,
    "behind": {"online": 0, "lake": 12},
    "countries": [{"code": "US", "clock": "wall", "now": "2026-11-26T10:00:00Z", "last_week": "2026-11-24"}],
    "unknown": {},
}
"""A part of what it says."""


def version() -> str:
    """Of the installed product; "checkout" where it is not installed."""
    try:
        return metadata.version("cerebro")
    except metadata.PackageNotFoundError:
        return "checkout"


class RecentStatus:
    """What `read` last gave, as JSON values; read anew when it is older than two seconds. From any thread."""

    def __init__(self, read: Callable[[], object], now_s: Callable[[], float] = time.monotonic) -> None:
        self._read, self._now_s, self._lock = read, now_s, threading.Lock()
        self._told: tuple[float, dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any]:
        with self._lock:
            if self._told is None or self._now_s() - self._told[0] >= FRESH_S:
                found = _inert(msgspec.to_builtins(self._read()))
                self._told = self._now_s(), {"version": version(), **found}
            return self._told[1]


def _inert(value: Any) -> Any:
    """Every text of it without the paths that it names."""
    if isinstance(value, dict):
        return {key: _inert(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_inert(one) for one in value]
    return words(value) if isinstance(value, str) else value
