"""What was known at an origin: rows with final labels, and what a candidate may look up beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from trainer.dataset import TrainingSet
from trainer.splits import Split, by_customer

FOLDS = 3
Logits = Callable[[np.ndarray], np.ndarray]
"""A matrix float64[n, k] → float64[n]."""


@dataclass(frozen=True)
class Known:
    """`rows` whose labels were final at `at_us`, but for those of the customers `without`."""

    rows: TrainingSet
    at_us: int
    without: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))

    def but(self, split: Split) -> Known:
        """What is known of a fold's other customers."""
        out = np.unique(self.rows.customers[split.judge])
        return Known(self.rows.take(split.fit), self.at_us, self.rows.ids[out])


Fit = Callable[[Known], Logits]


@dataclass(frozen=True)
class Foretold:
    """Logits `z` of the `rows` that followed an origin, and `past_z` of the rows `past` by fits that had not seen
    their customers."""

    past: TrainingSet
    past_z: np.ndarray
    rows: TrainingSet
    z: np.ndarray


def foretell(fit: Fit, rows: TrainingSet, split: Split) -> Foretold:
    """As if the first judged week had been today."""
    past, judged = rows.take(split.fit), rows.take(split.judge)
    known = Known(past, int(judged.at_us.min()))
    past_z = np.empty(len(past))
    for fold in by_customer(past, FOLDS):
        past_z[fold.judge] = fit(known.but(fold))(past.matrix[fold.judge])
    return Foretold(past, past_z, judged, fit(known)(judged.matrix))
