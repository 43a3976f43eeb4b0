"""Leaks: columns that know too much, and rows that know the answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

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
    """What was learned from other people's outcomes: an AUC that should be a half, at most `bound` above it."""

    auc: float
    bound: float

    @property
    def ok(self) -> bool:
        return not self.auc - 0.5 > self.bound


def shuffled(rows: TrainingSet, split: Split, seed: int = 7) -> Shuffled:
    """Give every customer the whole history of outcomes of another, then fit and judge as the gate does.

    No column can know the outcomes now, so whoever still tells them apart has seen judged rows while fitting: a
    split that lets rows or their weeks stand on both sides. AUC is NaN where only one outcome is left to judge.
    """
    mixed, kept = exchanged(rows, seed)
    fit, judge = (side[kept[side]] for side in (split.fit, split.judge))
    trees = grow(DEFAULT, mixed, binned(mixed), fit)
    asked = mixed.take(judge)
    return Shuffled(metrics.auc(asked.y, trees.predict(asked.matrix, num_threads=1)), 4 * _chance(asked))


def exchanged(rows: TrainingSet, seed: int) -> tuple[TrainingSet, np.ndarray]:
    """The rows with the outcome that another customer had at the same reference, and bool[n]: had they one?"""
    codes, customer = np.unique(rows.customers, return_inverse=True)
    week = np.searchsorted(rows.references, rows.at_us)
    had = np.full((len(codes), len(rows.references)), np.nan)
    had[customer, week] = rows.y
    y = had[np.random.default_rng(seed).permutation(len(codes))[customer], week]
    return replace(rows, y=np.nan_to_num(y)), ~np.isnan(y)
