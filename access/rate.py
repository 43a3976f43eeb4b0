"""How often one caller may call: a bucket of tokens each, filled with time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000
"""Callers that are kept in mind; of more the one that was silent for longest is taken for a new one."""


class Rate:
    """Up to a second's calls at once, then as many a second. For one thread.

    >>> seconds = iter([0.0, 0.0, 0.0, 1.0])
    >>> rate = Rate(lambda: next(seconds))
    >>> [rate.allows("crm", 2) for _ in range(4)]
    [True, True, False, True]
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, caller: str, per_second: float) -> bool:
        """May it call now? Then that call is counted. 0 per second: always."""
        if not per_second:
            return True
        now, most = self._clock(), max(per_second, 1.0)
        left, at = self._left.pop(caller, (most, now))
        left = min(most, left + (now - at) * per_second)
        allowed = left >= 1.0
        self._left[caller] = (left - allowed, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return allowed
