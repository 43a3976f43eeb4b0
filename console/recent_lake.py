"""The lake as pages look at it, not oftener than it changes: to open its tables takes longer than to read of them."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from scv.events.country import Country
from scv.offline.lake import Lake, whole_to
from scv.offline.lake_version import LakeVersion
from scv.settings import Settings

FRESH_S = 2.0
MARKS_S = 15.0


class RecentLake:
    """A version of the lake that is not older than two seconds, and how complete it is. From any thread.

    Then it is let go, whoever asks or not: a version that is held keeps files that a vacuum would take.
    """

    def __init__(self, settings: Settings, fresh_s: float = FRESH_S) -> None:
        self._lake, self._fresh_s, self._lock = Lake(settings.lake_path), fresh_s, threading.Lock()
        self._held: LakeVersion | None = None
        self._complete: dict[str, tuple[float, datetime | None]] = {}

    def version(self) -> LakeVersion:
        """Its files stay for as long as it is in hand."""
        with self._lock:
            return self._version()

    def complete_to(self, country: Country) -> datetime | None:
        """The instant before which it holds everything of a country, as of a quarter of a minute ago at most; None: not
        known."""
        with self._lock:
            looked, found = self._complete.get(country.code, (-MARKS_S, None))
            if time.monotonic() - looked >= MARKS_S:
                version = self._version()
                found = whole_to(self._lake.complete_to(country.code, version))
                self._complete[country.code] = time.monotonic(), found
            return found

    def _version(self) -> LakeVersion:
        if self._held is None:
            self._held = self._lake.version()
            timer = threading.Timer(self._fresh_s, self._let_go)
            timer.daemon = True
            timer.start()
        return self._held

    def _let_go(self) -> None:
        with self._lock:
            self._held = None
