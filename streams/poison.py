"""A flood of poison: most of what comes is refused, so that a sender is broken and somebody must know.

It is told and never slowed down: refused records are kept, and good ones between them must not wait for the bad.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from scv.talk import say as talk

MINUTE_S = 60.0
MANY, MOST = 1_000, 0.5


class Poison:
    """Looks at what one consumer counts, minute by minute; `ails` says of the last minute what is wrong, or nothing."""

    def __init__(self, say: Callable[[str], None] = talk, now: Callable[[], float] = time.monotonic) -> None:
        self._say, self._now = say, now
        self._begun, self._told = now(), False
        self._taken = self._dead = 0
        self.ails = ""

    def look(self, taken: int, dead: int) -> None:
        """All records that were taken so far, and how many of them are dead letters. Says it once a minute."""
        came, refused = taken - self._taken, dead - self._dead
        if came >= MANY and refused > MOST * came and not self._told:
            self.ails = f"poison: {refused:,} of {came:,} records within a minute are dead letters"
            self._say(f"ALARM, {self.ails}. `cerebro dead-letters list` shows why; they are kept, and reading goes on.")
            self._told = True
        if self._now() - self._begun >= MINUTE_S:
            self.ails = self.ails if self._told else ""
            self._begun, self._told, self._taken, self._dead = self._now(), False, taken, dead
