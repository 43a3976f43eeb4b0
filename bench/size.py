"""How much a run measures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Size:
    """Counts of one run; `households` are the first so many, None: all of them."""

    households: int | None
    singles: int
    """Reads of one customer, by each reader."""
    batches: int
    """Reads of `batch` customers, by each reader."""
    batch: int
    streams: int
    """Times that each stream is run."""
    sets: int
    """Times that each point-in-time set is made."""
    pushed: int
    """Events that the agent takes which pushes each of them."""
    pushed_together: int
    """Events that the agent takes which pushes a thousand at once."""
    first_tuesday: date
    last_tuesday: date


FULL = Size(None, 2000, 100, 100, 3, 2, 1500, 20_000, date(2017, 4, 4), date(2017, 12, 26))
QUICK = Size(30, 60, 5, 20, 1, 1, 100, 400, date(2017, 10, 3), date(2017, 10, 17))
