"""Local days and times of day to instants, many at once: what the calendar says one at a time."""

from __future__ import annotations

import bisect
from datetime import tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scv.events import calendar

_DAY_US = calendar.DAY_US
_NEVER = 2 * _DAY_US

Ints = NDArray[np.int64]


class LocalTime:
    """The local days from `first_day` on, `days` of them, in one time zone.

    A day is its own midnight plus the time since then. Where the clock is put forward or back, times of day after
    the change are moved, those that do not exist come after the gap, and those that come twice are the first ones.
    """

    def __init__(self, zone: tzinfo, first_day: int, days: int) -> None:
        self.first_day = first_day
        starts = [calendar.to_us(calendar.midnight(calendar.to_date(first_day + n), zone)) for n in range(days + 1)]
        self.midnights = np.array(starts, dtype=np.int64)
        self._shift = _DAY_US - np.diff(self.midnights)
        self._from = np.full(days, _NEVER)
        for n in np.flatnonzero(self._shift):
            change = _change(zone, starts[n], starts[n + 1])
            self._from[n] = change + max(0, int(self._shift[n]))

    def instant(self, day: Any, us: Any) -> Ints:
        """Microseconds since 1970 of times of day (microseconds on the clock, below 24 hours) of local days."""
        n = np.asarray(day) - self.first_day
        return self.midnights[n] + us - np.where(us >= self._from[n], self._shift[n], 0)


def _change(zone: tzinfo, start: int, end: int) -> int:
    """Microseconds after `start` at which the offset changes; 0 where it changed at midnight itself."""

    def changed(us: int) -> bool:
        return calendar.from_us(us).astimezone(zone).utcoffset() != before

    before = calendar.from_us(start).astimezone(zone).utcoffset()
    return bisect.bisect_left(range(start, end), True, key=changed) * changed(end)
