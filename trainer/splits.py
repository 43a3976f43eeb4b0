"""Cuts of a training set: forward in time with an embargo, and by customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.dataset import TrainingSet

BLOCK_WEEKS = 4
LEAST_POSITIVES = 15


@dataclass(frozen=True)
class Split:
    """Indices of the rows to fit on and of those to judge on."""

    fit: np.ndarray
    judge: np.ndarray


def forward(rows: TrainingSet, last: int, weeks: int = BLOCK_WEEKS) -> Split | None:
    """Judge on the `weeks` references that end `last` references before the end; fit on those whose labels were
    final when they began: the embargo of one horizon.

    None where either side has too few of one outcome to say anything.
    """
    references = rows.references[: len(rows.references) - last][-weeks:]
    if len(references) == 0:
        return None
    judge = np.flatnonzero((rows.at_us >= references[0]) & (rows.at_us <= references[-1]))
    fit = np.flatnonzero(rows.mature_by(int(references[0])))
    return Split(fit, judge) if _enough(rows.y[fit]) and _enough(rows.y[judge]) else None


def judged(rows: TrainingSet) -> Split | None:
    """The gate's cut: the last mature weeks; fewer of them where the history is short."""
    tries = (forward(rows, 0, weeks) for weeks in (BLOCK_WEEKS, 2, 1))
    return next((one for one in tries if one is not None), None)


def searched(rows: TrainingSet) -> list[Split]:
    """The search's cuts: the weeks before the gate's, so that the gate judges what nothing chose on.

    A short history gives fewer or shorter ones; one that is shorter than two horizons is cut by customer instead.
    """
    found = [forward(rows, BLOCK_WEEKS * (k + 1)) for k in range(2)]
    splits = [one for one in found if one is not None]
    if not splits:
        last = forward(rows, 1, 1) or forward(rows, 0, 1)
        splits = [last] if last is not None else by_customer(rows, 3)
    return splits


def by_customer(rows: TrainingSet, count: int, seed: int = 7) -> list[Split]:
    """Folds in which no customer is on both sides."""
    codes, place = np.unique(rows.customers, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(codes))[place] % count
    return [Split(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def _enough(y: np.ndarray) -> bool:
    return bool(min(y.sum(), len(y) - y.sum()) >= LEAST_POSITIVES)
