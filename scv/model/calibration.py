"""Probabilities that mean what they say: prior correction, blend and calibration, as data and plain arithmetic.

Everything happens in logits; the same functions run in trainer and scorer.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

FLOOR = 1e-6
"""No probability is nearer to 0 or 1: nobody is certain to leave."""
FARTHEST = 5.0
"""No week moves a logit by more."""


def logit(p: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), of p kept `FLOOR` away from 0 and 1."""
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return np.log(kept / (1 - kept))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def shift(z: np.ndarray, share: float) -> float:
    """What, added to logits, lets their probabilities have this mean; no more than `FARTHEST` either way."""
    low, high = -FARTHEST, FARTHEST
    for _ in range(50):
        middle = (low + high) / 2
        short = sigmoid(z + middle).mean() < share
        low, high = (middle, high) if short else (low, middle)
    return (low + high) / 2


def prior_offset(keep_negatives: float = 1.0, positive_weight: float = 1.0) -> float:
    """What to add to a logit learned on rebalanced rows.

    Negatives kept with probability b: + ln b (Dal Pozzolo et al. 2015). Positives weighted by w: - ln w.

    >>> round(prior_offset(keep_negatives=0.1), 4), round(prior_offset(positive_weight=10), 4)
    (-2.3026, -2.3026)
    """
    return float(np.log(keep_negatives) - np.log(positive_weight))


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A map from logits to probabilities, never decreasing.

    `none`: sigmoid. `platt`: sigmoid(slope · z + intercept). `isotonic`: straight lines between the knots
    (`at` logits rising, `to` probabilities rising), flat outside.
    """

    kind: Literal["none", "platt", "isotonic"] = "none"
    slope: float = 1.0
    intercept: float = 0.0
    at: tuple[float, ...] = ()
    to: tuple[float, ...] = ()

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Probabilities of logits, in `[FLOOR, 1 - FLOOR]`."""
        if self.kind == "isotonic":
            p = np.interp(z, self.at, self.to)
        else:
            p = sigmoid(self.slope * z + self.intercept)
        return np.clip(p, FLOOR, 1 - FLOOR)


class Logistic(msgspec.Struct, frozen=True, kw_only=True):
    """A logistic regression on standardised log features; one entry per column of the matrix.

    x becomes (sign(x) · ln(1 + |x|) - mean) / sd; missing becomes 0, the mean. Columns it does not use have
    coefficient 0.
    """

    intercept: float
    coefficients: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]

    def terms(self, matrix: np.ndarray) -> np.ndarray:
        """float64[n, k]: what each column adds to the logit."""
        return standardised(matrix, np.array(self.means), np.array(self.sds)) * np.array(self.coefficients)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Logits float64[n]. A row's is the same to the last bit alone and among others: added left to right."""
        terms = self.terms(matrix)
        if terms.shape[1] == 0:
            return np.full(len(terms), self.intercept)
        return self.intercept + np.add.accumulate(terms, axis=1)[:, -1]


def logs(matrix: np.ndarray) -> np.ndarray:
    """sign(x) · ln(1 + |x|): counts and money on one scale; missing stays NaN."""
    return np.copysign(np.log1p(np.abs(matrix)), matrix)


def standardised(matrix: np.ndarray, means: np.ndarray, sds: np.ndarray) -> np.ndarray:
    """Logs, centred and scaled, with 0 for missing; capped at 6 deviations, where no training row was."""
    found = (logs(matrix) - means) / sds
    return np.clip(np.where(np.isnan(found), 0.0, found), -6, 6)
