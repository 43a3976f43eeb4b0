"""The gate: is the candidate's recipe better than the incumbent's, on weeks that neither has seen?

Both recipes are fitted on the weeks before an embargo of one horizon and judged on the last mature weeks. The better
one is then refitted on everything (`trainer.train`). A leak stops both.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from scv.model import metrics
from trainer.baselines import baselines
from trainer.dataset import TrainingSet
from trainer.fit import calibrate, fit, out_of_fold
from trainer.leak import Alarm, Shuffled, alarms, shuffled
from trainer.recipe import Recipe
from trainer.splits import judged

Winner = Literal["candidate", "incumbent"]
GATE_FOLDS = 3
WORSE_CALIBRATION = 0.002
SURE = 0.9
"""A recipe is changed only where the candidate is better in this share of bootstrap draws of customers."""


@dataclass(frozen=True)
class Judged:
    """The last mature weeks and what each recipe said about them; `peers` are the baselines."""

    rows: TrainingSet
    candidate: np.ndarray
    incumbent: np.ndarray
    peers: dict[str, np.ndarray]


@dataclass(frozen=True)
class Verdict:
    """`winner` is the recipe to refit; `promote` False where a leak was found. `why` says it in words."""

    winner: Winner
    promote: bool
    why: str
    figures: dict[str, Any]
    alarms: list[Alarm]
    judged: Judged | None = field(repr=False, default=None)


def gate(
    candidate: Recipe,
    incumbent: Recipe,
    rows: TrainingSet,
    everything: TrainingSet,
    threads: int,
    accepted: Collection[str] = (),
) -> Verdict:
    """Judge two recipes on the same rows. A history too short to judge keeps the incumbent's.

    `everything` is the same rows with every candidate column: what the baselines pick from and leaks hide in.
    `accepted` names those that an analyst has looked at.
    """
    found = alarms(everything, accepted)
    split = judged(rows)
    if split is None:
        why = "the history is too short to judge a recipe forward: the incumbent's stays"
        return _verdict("incumbent", why, {}, found, None, None)
    before = rows.take(split.fit)
    recipes = {"candidate": candidate, "incumbent": incumbent}
    said = {one: _said(one, before, rows.matrix[split.judge], threads) for one in set(recipes.values())}
    peers = baselines(everything.take(split.fit))
    held = Judged(
        rows.take(split.judge),
        said[candidate],
        said[incumbent],
        {name: score(everything.matrix[split.judge]) for name, score in peers.items()},
    )
    winner: Winner
    figures = {name: metrics.figures_of(held.rows.y, said[recipe]) for name, recipe in recipes.items()}
    figures |= {name: metrics.figures_of(held.rows.y, p) for name, p in held.peers.items()}
    if candidate == incumbent:
        winner, why = "incumbent", "the search found nothing better than the incumbent's recipe"
    else:
        winner, why = compare(held, figures["candidate"], figures["incumbent"])
    return _verdict(winner, why, figures, found, shuffled(rows, split), held)


def compare(held: Judged, candidate: dict[str, float], incumbent: dict[str, float]) -> tuple[Winner, str]:
    """The candidate wins with a log loss that is surely lower, unless its calibration is worse by more than chance
    explains."""
    difference = candidate["log_loss"] - incumbent["log_loss"]
    weights = metrics.draw_weights(held.rows.customers, seed=7)
    sure = metrics.chance_better(held.rows.y, held.candidate, held.incumbent, weights)
    if sure < SURE:
        why = f"the candidate's log loss is not surely better ({difference:+.5f}, better in {sure:.0%} of draws)"
        return "incumbent", why
    bound = metrics.ece_bound(held.candidate, seed=7)
    if candidate["ece"] > max(bound, incumbent["ece"] + WORSE_CALIBRATION):
        return "incumbent", f"better log loss ({difference:+.5f}), but worse calibrated (ECE {candidate['ece']:.4f})"
    return "candidate", f"better log loss ({difference:+.5f}, in {sure:.0%} of draws), calibrated as well"


def _said(recipe: Recipe, before: TrainingSet, matrix: np.ndarray, threads: int) -> np.ndarray:
    z = out_of_fold(recipe, before, threads, GATE_FOLDS)
    return calibrate(z, before.y, before.customers)(fit(recipe, before).logits(matrix))


def _verdict(
    winner: Winner, why: str, figures: dict, found: list[Alarm], mixed: Shuffled | None, held: Judged | None
) -> Verdict:
    if mixed is not None:
        figures = figures | {"shuffled": {"auc": mixed.auc, "bound": mixed.bound}}
    stops = [f"leak alarm: {', '.join(map(str, found))}"] if found else []
    if mixed is not None and not mixed.ok:
        stops.append(f"other customers' outcomes were learned (AUC {mixed.auc:.3f}): judged rows are among the fitted")
    return Verdict(winner, not stops, "; ".join([*stops, why]), figures, found, held)
