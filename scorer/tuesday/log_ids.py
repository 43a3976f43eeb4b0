"""The ids of the lake's tables, of which log a week was: asked anew only where one of them was made since."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from scv.events.event import FAMILIES
from scv.offline import lake_version
from scv.offline.lake import Lake
from scv.settings import Settings


class LogIds:
    """Family → id, when it is called. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._path, self._lock = settings.lake_path, threading.Lock()
        self._made: object = None
        self._ids: Mapping[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """As the lake stands."""
        with self._lock:
            made = lake_version.made(self._path, FAMILIES)
            if self._made != made:
                self._made, self._ids = made, Lake(self._path).version().ids
            return self._ids
