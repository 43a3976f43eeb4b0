"""How good the truth itself is on a world's rows, and how far below it the champion stays.

Beyond sampling error no model passes the truth: one that does has seen the answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proof.figures import Figure
from proof.truth.rows import TruthRows
from scv.model import metrics
from scv.model.metrics import Interval, Quality
from scv.targets.phase import PHASES

SEED = 7
LEAST = 30
"""Positives and negatives that a slice needs before it gets figures of its own."""


@dataclass(frozen=True)
class Slice:
    """The rows of one phase ("" for all): the truth, the champion, and champion minus truth (None without one)."""

    phase: str
    rows: int
    positives: int
    truth: Quality
    constant: float
    champion: Quality | None = None
    worse: Interval | None = None
    behind: Interval | None = None

    @property
    def explained(self) -> float | None:
        """The share of what the truth gains over a constant (in log loss) that the champion gains too."""
        if self.champion is None:
            return None
        best = self.constant - self.truth.log_loss.value
        return (self.constant - self.champion.log_loss.value) / best if best > 0 else None


def judge(rows: TruthRows) -> list[Slice]:
    """All rows first, then each phase with enough of both outcomes; empty where the world gives too few."""
    everyone = _slice(rows, "", np.ones(len(rows), dtype=bool))
    found = [] if everyone is None else [everyone]
    if rows.phase is not None:
        found += [one for name in PHASES if (one := _slice(rows, name, rows.phase == name)) is not None]
    return found


def _slice(rows: TruthRows, name: str, chosen: np.ndarray) -> Slice | None:
    y, true = rows.y[chosen], rows.true[chosen]
    if min(y.sum(), len(y) - y.sum()) < LEAST:
        return None
    weights, weeks = metrics.draw_weights(rows.customers[chosen], SEED), rows.at_us[chosen]
    rate = float(y.mean())
    champion = worse = behind = None
    if rows.said is not None:
        said = rows.said[chosen]
        champion = metrics.quality(y, said, weights, weeks, SEED)
        worse, behind = metrics.loss_difference(y, said, true, weights), metrics.auc_difference(y, said, true, weights)
    return Slice(
        phase=name,
        rows=len(y),
        positives=int(y.sum()),
        truth=metrics.quality(y, true, weights, weeks, SEED),
        constant=metrics.log_loss(y, np.full(len(y), rate)),
        champion=champion,
        worse=worse,
        behind=behind,
    )


def figures_of(rows: TruthRows, slices: list[Slice]) -> list[Figure]:
    """Rows for the figures: ours is the champion (nothing without one), peer the truth."""
    found = []
    for one in slices:
        name = f"{rows.country.code} {rows.target.name}{f', {one.phase}' if one.phase else ''}"
        mine, truth = one.champion, one.truth
        honest = None if one.worse is None else one.worse.high >= 0
        bar = "no better than the truth beyond sampling error" if mine else ""
        pairs = [
            ("AUC", mine.auc.value if mine else None, truth.auc.value, honest),
            ("log loss", mine.log_loss.value if mine else None, truth.log_loss.value, honest),
        ]
        found += [
            Figure(name=f"{name}: {what}", ours=ours, peer=peer, ratio=ours / peer if ours else None, bar=bar, ok=ok)
            for what, ours, peer, ok in pairs
        ]
        error = truth.figures["ece"]
        found.append(
            Figure(
                name=f"{name}: calibration error of the truth", ours=error, peer=truth.ece_bound,
                bar="within what 95 % of perfect models of this size have", ok=error <= truth.ece_bound,
            )
        )  # fmt: skip
        found.append(Figure(name=f"{name}: rows", ours=one.rows, peer=one.positives, unit="", bar="peer: positives"))
        if one.explained is not None:
            found.append(Figure(name=f"{name}: share of the attainable gain", ours=one.explained))
    return found
