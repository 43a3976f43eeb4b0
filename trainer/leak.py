"""Leaks: columns that know too much, and rows that know the answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from scv.model import metrics
from trainer.dataset import TrainingSet
from trainer.fit import binned, grow
from trainer.recipe import DEFAULT
from trainer.splits import Split

TOO_GOOD = 0.95
"""No single variable of an honest history tells the future this well."""
STILL = 0.95
STILL_LIMIT = 0.60
"""A column that stays the same for nearly every customer says what they are, not what they do."""


@dataclass(frozen=True)
class Alarm:
    """One column that an analyst must look at before anything is promoted."""

    column: str
    auc: float
    why: str

    def __str__(self) -> str:
        return f"{self.column} (AUC {self.auc:.2f} alone: {self.why})"


def alarms(rows: TrainingSet, accepted: Collection[str] = ()) -> list[Alarm]:
    """The columns that alone tell too much, but for those that an analyst has `accepted`.

    Any at AUC 0.95. And from 0.60 on (more where few customers make chance strong) one that never changes for 95 %
    of the customers: such a column was probably written afterwards, like an undated demographics table, in which
    those who stayed are found. Missing counts as a value. The target's own exposure may stay the same.
    """
    limit = max(STILL_LIMIT, 0.5 + 4 * _chance(rows))
    found = []
    for j, one in enumerate(rows.columns):
        if one.name in accepted:
            continue
        values = np.where(np.isnan(rows.matrix[:, j]), -np.inf, rows.matrix[:, j])
        area = metrics.auc(rows.y, values)
        area = max(area, 1 - area)
        if area >= TOO_GOOD:
            found.append(Alarm(one.name, area, "too good to be known before"))
        elif one.name in rows.target.exposure:
            continue
        elif area >= limit and _still(values, rows.customers) >= STILL:
            found.append(Alarm(one.name, area, "never changes, so it may have been written afterwards"))
    return found


def _still(values: np.ndarray, customers: np.ndarray) -> float:
    """Share of the customers with two rows or more for whom a column has one value."""
    order = np.lexsort((values, customers))
    _, starts, counts = np.unique(customers[order], return_index=True, return_counts=True)
    ordered = values[order]
    same = ordered[starts] == ordered[starts + counts - 1]
    return float(same[counts > 1].mean()) if (counts > 1).any() else 0.0


def _chance(rows: TrainingSet) -> float:
    """Standard error of the AUC of a column that knows nothing about customers (Hanley and McNeil 1982)."""
    positive = len(np.unique(rows.customers[rows.y == 1]))
    negative = len(np.unique(rows.customers[rows.y == 0]))
    return float(np.sqrt((positive + negative + 1) / (12 * max(positive, 1) * max(negative, 1))))


@dataclass(frozen=True)
class Shuffled:
    """What was learned from labels that mean nothing: an AUC that should be a half, within `bound`."""

    auc: float
    bound: float

    @property
    def ok(self) -> bool:
        return abs(self.auc - 0.5) <= self.bound


def shuffled(rows: TrainingSet, split: Split, seed: int = 7) -> Shuffled:
    """Fit on shuffled labels, judge on shuffled labels: whoever still does well reads the answer somewhere."""
    random = np.random.default_rng(seed)
    mixed = rows.take(np.arange(len(rows)))
    mixed.y[split.fit] = random.permutation(rows.y[split.fit])
    y = random.permutation(rows.y[split.judge])
    trees = grow(DEFAULT, mixed, binned(mixed), split.fit)
    p = trees.predict(rows.matrix[split.judge], num_threads=1)
    positive, negative = y.sum(), len(y) - y.sum()
    bound = 4 * float(np.sqrt((len(y) + 1) / (12 * max(positive, 1) * max(negative, 1))))
    return Shuffled(metrics.auc(y, p), bound)
