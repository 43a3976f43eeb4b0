"""A few made-up rows that a model is asked about whenever it is loaded: it has to say what it said when it was written.

A hash proves the bytes, not the machine that reads them: another release of a library, a damaged one or another
processor may answer otherwise, and nobody would see it in a probability.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CLOSE = 1e-9
"""Of a probability: sums of many products differ in the last digits between processors."""


def rows(usual: Sequence[float | None]) -> np.ndarray:
    """float64[4, k] of the columns' medians: nothing known, what is usual, half of that, and twice the other half."""
    medians = np.array([np.nan if one is None else one for one in usual], dtype=np.float64)
    even = np.arange(len(medians)) % 2 == 0
    return np.array([
        np.full(len(medians), np.nan), medians, np.where(even, medians, np.nan), np.where(even, medians, 2 * medians),
    ])  # fmt: skip


def agree(said: np.ndarray, expected: Sequence[float]) -> bool:
    """Are they the probabilities that were written down?"""
    return len(said) == len(expected) and bool(np.all(np.abs(said - np.array(expected)) <= CLOSE))
