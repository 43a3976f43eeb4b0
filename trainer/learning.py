"""Where the next data would help: a recipe fitted on parts of the customers and of the weeks, judged on later weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scv.model import metrics
from scv.model.calibration import sigmoid
from scv.model.metrics import Interval
from trainer.dataset import TrainingSet
from trainer.fit import SEED, fit
from trainer.recipe import Recipe
from trainer.splits import Split, enough

SHARES = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Learning:
    """Log losses of one recipe by rows that it was fitted on; `gained` is the loss with all minus that with half."""

    of: str
    rows: tuple[int, ...]
    losses: tuple[float, ...]
    gained: Interval | None

    @property
    def sentence(self) -> str:
        if self.gained is None:
            return f"Half of the {self.of} are too few to fit on."
        one = self.gained
        found = f"{one.value:+.4f} (95 % interval by customer {one.low:+.4f} to {one.high:+.4f})"
        helps = "more of them would help" if one.high < 0 else "more of them would not surely help"
        return f"All {self.of} instead of half moved the log loss on later weeks by {found}: {helps}."


def learning(recipe: Recipe, rows: TrainingSet, split: Split) -> list[Learning]:
    """By customers (drawn by lot) and by weeks (the newest)."""
    past, judged = rows.take(split.fit), rows.take(split.judge)
    whole, weights = _said(recipe, past, judged), metrics.draw_weights(judged.customers, SEED)
    found = []
    for of, place in (("customers", _by_lot(past.customers)), ("weeks", _newest_first(past))):
        parts = {share: past.take(place <= share) for share in SHARES}
        said = {share: _said(recipe, part, judged) for share, part in parts.items() if share < 1 and enough(part.y)}
        half = metrics.loss_difference(judged.y, whole, said[0.5], weights) if 0.5 in said else None
        said[1.0] = whole
        losses = tuple(metrics.log_loss(judged.y, one) for one in said.values())
        found.append(Learning(of, tuple(len(parts[share]) for share in said), losses, half))
    return found


def _said(recipe: Recipe, past: TrainingSet, judged: TrainingSet) -> np.ndarray:
    return sigmoid(fit(recipe, past).logits(judged.matrix))


def _by_lot(customers: np.ndarray) -> np.ndarray:
    codes, place = np.unique(customers, return_inverse=True)
    return ((np.random.default_rng(SEED).permutation(len(codes)) + 1) / len(codes))[place]


def _newest_first(rows: TrainingSet) -> np.ndarray:
    weeks = len(rows.references)
    return (weeks - np.searchsorted(rows.references, rows.at_us)) / weeks
