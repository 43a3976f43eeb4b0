"""How fast something grows: the median of all slopes between two points, and an interval that tells noise from it."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

BLOCKS = 20
"""Parts of the time that is looked at; of each only the least value counts: what stays, not what a batch takes."""
WARM_SHARE = 1 / 3
"""Of a run: caches, pools and buffers fill; it is not looked at."""
SURE = 1.96
"""Standard deviations: 95 %."""


class Point(NamedTuple):
    """A value at so many seconds."""

    at_s: float
    value: float


class Slope(NamedTuple):
    """Growth an hour, between `low` and `high` with 95 % confidence if neighbouring blocks err apart."""

    an_hour: float
    low: float
    high: float

    @property
    def resolution(self) -> float:
        """Growth that this run could just tell from none."""
        return (self.high - self.low) / 2


def slope(points: Sequence[Point]) -> Slope:
    """Theil and Sen's slope; the interval is Sen's, by the variance of Kendall's count without ties.

    >>> slope([Point(0, 1.0), Point(3600, 3.0), Point(7200, 5.0), Point(10800, 7.0)]).an_hour
    2.0
    """
    pairs = itertools.combinations(points, 2)
    found = sorted((b.value - a.value) / (b.at_s - a.at_s) * 3600 for a, b in pairs if b.at_s > a.at_s)
    if not found:
        return Slope(0.0, -math.inf, math.inf)
    n = len(points)
    away = SURE * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = int((len(found) - away) / 2), math.ceil((len(found) + away) / 2)
    return Slope(
        statistics.median(found),
        found[low] if low >= 0 and away < len(found) else -math.inf,
        found[high] if high < len(found) else math.inf,
    )


def settled(points: Sequence[Point], warm_s: float, blocks: int = BLOCKS) -> list[Point]:
    """What lies after the warm-up, as the least value of each of `blocks` equal parts of the time."""
    later = [point for point in points if point.at_s >= warm_s]
    if not later:
        return []
    begin, end = later[0].at_s, later[-1].at_s
    width = max(end - begin, 1e-9) / blocks
    least: dict[int, Point] = {}
    for point in later:
        number = min(int((point.at_s - begin) / width), blocks - 1)
        middle = begin + (number + 0.5) * width
        least[number] = Point(middle, min(point.value, least[number].value if number in least else point.value))
    return [least[number] for number in sorted(least)]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed; NaN of none.

    >>> quantile([3.0, 1.0, 2.0, 4.0], 0.5)
    2.0
    """
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)] if ranked else math.nan
