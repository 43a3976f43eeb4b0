"""The lake as pages look at it, not oftener than it changes: to open its tables takes longer than to read of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from scv.events.country import Country
from scv.offline.lake import Lake, whole_to
from scv.offline.lake_version import LakeVersion
from scv.settings import Settings

FRESH_S = 2.0


class RecentLake:
    """A version of the lake that is not older than two seconds, and how complete it is. From any thread.

    Then it is let go, whoever asks or not: a version that is held keeps files that a vacuum would take.
    """

    def __init__(self, settings: Settings, fresh_s: float = FRESH_S) -> None:
        self._lake, self._fresh_s, self._lock = Lake(settings.lake_path), fresh_s, threading.Lock()
        self._held: LakeVersion | None = None
        self._families: Mapping[str, int] = {}
        self._complete: dict[str, datetime | None] = {}

    def version(self) -> LakeVersion:
        """Its files stay for as long as it is in hand."""
        with self._lock:
            return self._version()

    def complete_to(self, country: Country) -> datetime | None:
        """The instant before which it holds everything of a country; None: not known."""
        with self._lock:
            version = self._version()
            if country.code not in self._complete:
                self._complete[country.code] = whole_to(self._lake.complete_to(country.code, version))
            return self._complete[country.code]

    def _version(self) -> LakeVersion:
        if self._held is None:
            self._held = self._lake.version()
            if self._held.families != self._families:
                self._families, self._complete = self._held.families, {}
            timer = threading.Timer(self._fresh_s, self._let_go)
            timer.daemon = True
            timer.start()
        return self._held

    def _let_go(self) -> None:
        with self._lock:
            self._held = None
