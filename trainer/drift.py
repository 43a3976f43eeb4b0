"""How the newest weeks differ from those before, column by column and in the probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scv.model.spread import psi, spread_of
from trainer.dataset import TrainingSet
from trainer.fit import RECENT_WEEKS

SCORE = "the probability itself"


@dataclass(frozen=True)
class Drift:
    """One column: the stability index of its values, their medians and the shares that are missing, before and now."""

    name: str
    psi: float
    medians: tuple[float, float]
    missing: tuple[float, float]


def drifts(rows: TrainingSet, said: np.ndarray) -> list[Drift]:
    """The probabilities first, then the columns by how far they moved. None where there are no weeks before.

    A missing value counts as one below all others.
    """
    now = np.isin(rows.at_us, rows.references[-RECENT_WEEKS:])
    if now.all():
        return []
    names = [SCORE, *(one.name for one in rows.columns)]
    found = [_drift(name, values, now) for name, values in zip(names, (said, *rows.matrix.T), strict=True)]
    return [found[0], *sorted(found[1:], key=lambda one: (-one.psi, one.name))]


def _drift(name: str, values: np.ndarray, now: np.ndarray) -> Drift:
    gone = np.isnan(values)
    filled = np.where(gone, np.nanmin(values, initial=0.0) - 1, values)
    sides = [(values[of & ~gone], gone[of]) for of in (~now, now)]
    medians = tuple(float(np.median(known)) if len(known) else float("nan") for known, _ in sides)
    missing = tuple(float(lost.mean()) for _, lost in sides)
    return Drift(name, psi(spread_of(filled[~now]), filled[now]), medians, missing)  # type: ignore[arg-type]
