"""What a process tells of itself: samples, taken at the moment of a scrape so that no hot path pays for them."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Distribution:
    """How many durations were at most each of `BOUNDS_S` (the last: all of them), and their sum in seconds."""

    cumulative: Sequence[int]
    total_s: float


class Sample(NamedTuple):
    """One metric's value for one choice of its labels, in their order."""

    metric: str
    labels: tuple[str, ...]
    value: float | Distribution


Source = Callable[[], Iterable[Sample]]
"""Gives samples; called from the scrape's thread while the process works, and may raise."""


class Durations:
    """Counts durations; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._total_s = 0.0

    def observe(self, seconds: float) -> None:
        place = bisect.bisect_left(BOUNDS_S, seconds)
        with self._lock:
            self._counts[place] += 1
            self._total_s += seconds

    def distribution(self) -> Distribution:
        with self._lock:
            counts, total_s = list(self._counts), self._total_s
        cumulative, running = [], 0
        for count in counts:
            running += count
            cumulative.append(running)
        return Distribution(cumulative, total_s)
