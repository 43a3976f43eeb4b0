"""Who is hit: random picks at a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AT_LEAST = 3
"""However small the rate, so many are hit (if there are any); none where the rate is zero."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Luck:
    """Random numbers of one kind of dirt, and the share that it hits."""

    rng: np.random.Generator
    share: float

    def wanted(self, count: int, at_least: int = AT_LEAST) -> int:
        """How many of so many are to be hit."""
        return max(at_least, round(self.share * count)) if self.share and count else 0

    def some(self, among: NDArray[Any], size: int) -> Ints:
        """So many of these numbers (or all), in no order."""
        return self.rng.choice(among, min(size, len(among)), replace=False) if size else np.empty(0, dtype=np.int64)

    def pick(self, among: NDArray[Any]) -> Ints:
        """The share of these numbers, ascending."""
        return np.sort(self.some(among, self.wanted(len(among))))
