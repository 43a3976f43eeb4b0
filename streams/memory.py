"""Memory that a batch took and nobody needs any more, given back to the machine."""

from __future__ import annotations

import ctypes
import time

EVERY_S = 30.0


class Trimmer:
    """Now and then, once there is nothing to do: the C library keeps what was freed, and where pieces of it lie between
    others the process grows with every larger batch. Where the C library cannot (not glibc), nothing is done."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s, self._done_at = every_s, time.monotonic()
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def rest(self) -> bool:
        """Called with nothing at hand; was anything asked of the C library?"""
        now = time.monotonic()
        if self._trim is None or now - self._done_at < self._every_s:
            return False
        self._done_at = now
        self._trim(0)
        return True
