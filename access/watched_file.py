"""A small file that may change while we run: read again when it did, and what it said before if it cannot be used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from scv.errors import BadSetting

Parsed = TypeVar("Parsed")
EVERY_S = 1.0
"""How often it is looked at, at most."""
log = logging.getLogger("cerebro.access")


class WatchedFile(Generic[Parsed]):
    """What `parse` makes of a file. Safe to share between threads.

    Raises BadSetting at once where the file is not there or cannot be parsed; later on that is only told, once.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], Parsed]) -> None:
        self._path, self._parse, self._lock = path, parse, threading.Lock()
        self._body = self._read()
        self._parsed = parse(self._body)
        self._refused: bytes | None = None
        self._looked_at = time.monotonic()

    @property
    def now(self) -> Parsed:
        """As the file says, at most a second late."""
        if time.monotonic() - self._looked_at >= EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looked_at = time.monotonic()
                self._lock.release()
        return self._parsed

    def _look(self) -> None:
        try:
            body = self._read()
            if body in (self._body, self._refused):
                return
            self._refused = body
            self._parsed, self._body, self._refused = self._parse(body), body, None
            log.info("%s is read again", self._path.name)
        except BadSetting as error:
            log.error("%s Going by what it said before.", error)

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise BadSetting(
                f"{self._path} cannot be read ({error.strerror}). `cerebro keys new` makes one for development."
            ) from error
