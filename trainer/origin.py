"""A past Tuesday as if it had been today: what a recipe fitted on the rows known then says of the weeks that followed.

Everything that history can decide is decided over such origins (rolling-origin evaluation, Tashman 2000): what helped
at one of them by chance does not help at the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scv.events.calendar import from_us, label
from scv.model import metrics
from trainer.dataset import TrainingSet
from trainer.fit import calibrate, fit, out_of_fold
from trainer.recipe import Recipe
from trainer.splits import Split

FOLDS = 3
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Foretold:
    """Logits of one recipe at one origin. `past` are the rows known then, `past_z` what fits said that had not seen
    their customers; `rows` and `z` are of the weeks that followed."""

    past: TrainingSet
    past_z: np.ndarray
    rows: TrainingSet
    z: np.ndarray

    def said(self, recent: float = 0.0) -> np.ndarray:
        """Probabilities float64[n] of `rows`, calibrated as they would have been that day."""
        return calibrate(self.past_z, self.past.y, self.past.at_us, recent)(self.z)


def foretell(recipe: Recipe, rows: TrainingSet, split: Split, threads: int) -> Foretold:
    """Fit and say it."""
    past, judged = rows.take(split.fit), rows.take(split.judge)
    return Foretold(past, out_of_fold(recipe, past, threads, FOLDS), judged, fit(recipe, past).logits(judged.matrix))


def recent_share(told: Sequence[Foretold]) -> float:
    """How much of the last weeks' own level is worth adding to the whole past's: none, unless the best share gains more
    than its standard error between the origins; then the smallest that is within one of the best's (Breiman et al.
    1984). What history cannot tell apart is decided for less: too much of it costs far more than too little."""
    if len(told) < 2:
        return 0.0
    losses = np.array([[metrics.log_loss(one.rows.y, one.said(share)) for share in SHARES] for one in told])
    gains = losses[:, :1] - losses
    mean, error = gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    best = int(np.argmax(mean))
    if mean[best] <= error[best]:
        return 0.0
    return SHARES[int(np.argmax(mean >= mean[best] - error[best]))]


def movement(told: Sequence[Foretold]) -> list[dict[str, Any]]:
    """Of each origin: the dates of its first and last reference, the shares that were said and that happened, the log
    loss."""
    return [
        {
            "first": label(from_us(int(one.rows.references[0])), one.rows.country),
            "last": label(from_us(int(one.rows.references[-1])), one.rows.country),
            "rows": len(one.rows),
            "said": float(one.said().mean()),
            "happened": float(one.rows.y.mean()),
            "log_loss": metrics.log_loss(one.rows.y, one.said()),
        }
        for one in told
    ]
