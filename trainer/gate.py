"""The gate: is the candidate's recipe better than the incumbent's, on weeks that neither has seen?

Both recipes are fitted at several past origins on what was known then, and judged on the weeks that followed. The
better one is then refitted on everything (`trainer.train`). A leak stops both.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np

from scv.model import metrics
from trainer.baselines import baselines
from trainer.dataset import TrainingSet
from trainer.leak import Alarm, Shuffled, alarms, shuffled
from trainer.origin import Foretold, foretell, movement, recent_share
from trainer.recipe import Recipe
from trainer.splits import Split, judged, origins

Winner = Literal["candidate", "incumbent"]
WORSE_CALIBRATION = 0.002
SURE = 0.9
"""A recipe is changed only where the candidate is better in this share of bootstrap draws of customers and weeks."""


@dataclass(frozen=True)
class Judged:
    """The judged weeks of all origins and what each recipe said about them; `peers` are the baselines."""

    rows: TrainingSet
    candidate: np.ndarray
    incumbent: np.ndarray
    peers: dict[str, np.ndarray]

    @cached_property
    def weights(self) -> np.ndarray:
        """Draws of customers and weeks, see `metrics.draw_weights`: hundreds of times all rows, made once."""
        return metrics.draw_weights(self.rows.customers, seed=7, weeks=self.rows.at_us)


@dataclass(frozen=True)
class Verdict:
    """`recipe` is the winner's, to be refitted; `promote` False where a leak was found. `why` says it in words."""

    winner: Winner
    recipe: Recipe
    promote: bool
    why: str
    figures: dict[str, Any]
    alarms: list[Alarm]
    judged: Judged | None = field(repr=False, default=None)


def gate(
    candidate: Recipe,
    incumbent: Recipe,
    rows: TrainingSet,
    threads: int,
    accepted: Collection[str] = (),
    first: bool = False,
) -> Verdict:
    """Judge two recipes on the same rows. A history too short to judge keeps the incumbent's.

    `accepted` names columns that an analyst has looked at. `first`: nothing answers yet, the incumbent is the default.
    """
    found, splits = alarms(rows, accepted), judged(rows)
    if not splits:
        why = f"the history is too short to judge a recipe forward: {_owner(first)} stays"
        return Verdict("incumbent", incumbent, not found, _because(found, None, why), {}, found)
    candidate, incumbent = (msgspec.structs.replace(one, recent=0.0) for one in (candidate, incumbent))
    said = {one: [foretell(one, rows, split, threads) for split in splits] for one in {candidate, incumbent}}
    held = _held(rows, splits, said[candidate], said[incumbent])
    by_name = {"candidate": held.candidate, "incumbent": held.incumbent} | held.peers
    figures: dict[str, Any] = {name: metrics.figures_of(held.rows.y, p) for name, p in by_name.items()}
    winner: Winner = "incumbent"
    why = f"the search found nothing better than {_owner(first)}"
    if candidate != incumbent:
        winner, why = compare(held, figures["candidate"], figures["incumbent"])
    recipe = candidate if winner == "candidate" else incumbent
    told = [*(foretell(recipe, rows, one, threads) for one in origins(rows)[: -len(splits)]), *said[recipe]]
    recipe, mixed = msgspec.structs.replace(recipe, recent=recent_share(told)), shuffled(rows, splits[-1])
    figures |= {"shuffled": {"auc": mixed.auc, "bound": mixed.bound}, "movement": movement(told)}
    words = "; ".join([*(["first champion"] if first else []), why, *ahead(held, winner)])
    return Verdict(winner, recipe, not found and mixed.ok, _because(found, mixed, words), figures, found, held)


def compare(held: Judged, candidate: dict[str, float], incumbent: dict[str, float]) -> tuple[Winner, str]:
    """The candidate wins with a log loss that is surely lower, unless its calibration is worse by more than chance
    explains."""
    difference = candidate["log_loss"] - incumbent["log_loss"]
    sure = metrics.chance_better(held.rows.y, held.candidate, held.incumbent, held.weights)
    if sure < SURE:
        why = f"the candidate's log loss is not surely better ({difference:+.5f}, better in {sure:.0%} of draws)"
        return "incumbent", why
    bound = metrics.ece_bound(held.rows.y, held.candidate, held.weights)
    if candidate["ece"] > max(bound, incumbent["ece"] + WORSE_CALIBRATION):
        return "incumbent", f"better log loss ({difference:+.5f}), but worse calibrated (ECE {candidate['ece']:.4f})"
    return "candidate", f"better log loss ({difference:+.5f}, in {sure:.0%} of draws), calibrated as well"


def ahead(held: Judged, winner: Winner) -> list[str]:
    """What is to be said of each baseline that was surely better than the winner."""
    ours, rows = held.candidate if winner == "candidate" else held.incumbent, held.rows
    found = {name: metrics.loss_difference(rows.y, p, ours, held.weights) for name, p in held.peers.items()}
    return [f"{name} alone was better ({one.value:+.5f})" for name, one in found.items() if one.high < 0]


def _held(rows: TrainingSet, splits: list[Split], candidate: list[Foretold], incumbent: list[Foretold]) -> Judged:
    peers = [
        {name: score(rows.matrix[one.judge]) for name, score in baselines(rows.take(one.fit)).items()} for one in splits
    ]
    return Judged(
        rows.take(np.concatenate([one.judge for one in splits])),
        np.concatenate([one.said() for one in candidate]),
        np.concatenate([one.said() for one in incumbent]),
        {name: np.concatenate([one[name] for one in peers]) for name in peers[0]},
    )


def _owner(first: bool) -> str:
    return "the small default" if first else "the champion's recipe"


def _because(found: list[Alarm], mixed: Shuffled | None, why: str) -> str:
    stops = [f"leak alarm: {', '.join(map(str, found))}"] if found else []
    if mixed is not None and not mixed.ok:
        stops.append(f"other customers' outcomes were learned (AUC {mixed.auc:.3f}): judged rows are among the fitted")
    return "; ".join([*stops, why])
