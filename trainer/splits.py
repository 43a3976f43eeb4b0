"""Cuts of a training set: forward in time with an embargo, and by customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.dataset import TrainingSet

BLOCK_WEEKS = 4
MOST_ORIGINS = 6
"""Half a year of blocks: the shop that was before says little about the one that is now."""
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
    return Split(fit, judge) if enough(rows.y[fit]) and enough(rows.y[judge]) else None


def origins(rows: TrainingSet, most: int = MOST_ORIGINS) -> list[Split]:
    """Blocks of past weeks, each as if it had been today; oldest first, none that is too short to say anything."""
    found = [forward(rows, BLOCK_WEEKS * k) for k in reversed(range(most))]
    return [one for one in found if one is not None]


def judged(rows: TrainingSet) -> list[Split]:
    """The gate's cuts: the newer half of the origins; a week or two of a history that is shorter than one."""
    found = origins(rows)
    if found:
        return found[len(found) // 2 :]
    tries = (forward(rows, 0, weeks) for weeks in (2, 1))
    return [one for one in tries if one is not None][:1]


def searched(rows: TrainingSet) -> list[Split]:
    """The search's cuts: the older half of the origins, so that the gate judges what nothing chose on.

    A history of one origin gives a week of it; one that is shorter than two horizons is cut by customer instead.
    """
    found = origins(rows)
    if len(found) > 1:
        return found[: len(found) // 2]
    last = forward(rows, 1, 1) or forward(rows, 0, 1)
    return [last] if last is not None else by_customer(rows, 3)


def by_customer(rows: TrainingSet, count: int, seed: int = 7) -> list[Split]:
    """Folds in which no customer is on both sides."""
    codes, place = np.unique(rows.customers, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(codes))[place] % count
    return [Split(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def enough(y: np.ndarray) -> bool:
    """Are there so many of either outcome that they say anything?"""
    return bool(min(y.sum(), len(y) - y.sum()) >= LEAST_POSITIVES)
