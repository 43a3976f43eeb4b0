"""Whether the store answers: what the server's health says, and what callers are told at once while it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from redis import RedisError

EVERY_S = 1.0
DOWN_EVERY_S = 0.05
"""A store that was silent for a moment is asked again before a caller tries again."""
_TICK_S = 0.05


class Pulse:
    """Asks a store now and then, and at once when a call had no answer; tells `heard` what it found.

    A circuit breaker: after one call without an answer nobody goes there, until the store has answered us again.
    """

    def __init__(self, client: Any, heard: Callable[[bool], None]) -> None:
        self._client, self._heard = client, heard
        self._doubted = threading.Event()
        self.down = False

    def doubt(self) -> None:
        """A call had no answer: nobody else has to wait for the same silence."""
        self.down = True
        self._doubted.set()

    def ask(self) -> bool:
        """Does the store answer?"""
        self._doubted.clear()
        try:
            if self.down:  # what was opened before it went would fail one call each after its return
                self._client.drop_idle()
            self._client.ping()
            self.down = False
        except RedisError:
            self.down = True
        self._heard(not self.down)
        return not self.down

    def watch(self, stopping: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Ask until `stopping` is set; `beat` after every answer."""
        asked = time.monotonic()
        while not stopping.wait(_TICK_S):
            every_s = DOWN_EVERY_S if self.down else EVERY_S
            if self._doubted.is_set() or time.monotonic() - asked >= every_s:
                if self.ask():
                    beat()
                asked = time.monotonic()
