"""How right probabilities were: plain numpy over y float64[n] of 0 and 1 and p float64[n].

AUC and PR-AUC agree with scikit-learn's, ties included (a test). Intervals are bootstraps by customer: one
customer's rows are drawn together, both models on the same draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scv.model.calibration import FLOOR, logit, shift, sigmoid

DRAWS = 400
BINS = 10


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive lies above a negative, ties half. NaN for one class."""
    return float(_aucs(y, p, np.ones((1, len(y))))[0])


def _aucs(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC for each row of `weights` float64[draws, n]."""
    order = np.argsort(p, kind="stable")
    ranked = p[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sorted_y = y[order]
    positive = np.add.reduceat(weights[:, order] * sorted_y, starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * (1 - sorted_y), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return np.divide((positive * below).sum(axis=1), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def pr_curve(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(recall, precision) from the highest threshold down, one point per different p."""
    order = np.argsort(-p, kind="stable")
    ranked = p[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    hits = np.cumsum(y[order])[ends]
    return hits / max(float(y.sum()), 1.0), hits / (ends + 1)


def pr_auc(y: np.ndarray, p: np.ndarray) -> float:
    """Average precision. NaN without a positive."""
    if y.sum() == 0:
        return float("nan")
    recall, precision = pr_curve(y, p)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """float64[n]: minus the log of the probability that was given to what happened."""
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return -np.where(y == 1, np.log(kept), np.log1p(-kept))


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    return float(losses(y, p).mean())


def bins(p: np.ndarray, count: int = BINS) -> np.ndarray:
    """int64[n]: which of `count` equally full bins, by p; ties share a bin."""
    edges = np.quantile(p, np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(edges, p, side="left")


def reliability(y: np.ndarray, p: np.ndarray, count: int = BINS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean p, share of positives, rows) of each bin that is not empty."""
    place = bins(p, count)
    rows = np.bincount(place, minlength=count)
    kept = rows > 0
    means = [np.bincount(place, values, minlength=count)[kept] / rows[kept] for values in (p, y)]
    return means[0], means[1], rows[kept]


def ece(y: np.ndarray, p: np.ndarray, count: int = BINS) -> float:
    """Expected calibration error: mean distance of p from the share of positives, over equally full bins."""
    said, seen, rows = reliability(y, p, count)
    return float(np.sum(np.abs(said - seen) * rows) / rows.sum())


def ece_apart(p: np.ndarray, seed: int, draws: int = DRAWS, count: int = BINS) -> float:
    """What 95 % of perfect models of this size would stay below, if each row's outcome were drawn apart."""
    place = bins(p, count)
    random = np.random.default_rng(seed)
    said = np.bincount(place, p, minlength=count)
    drawn = (random.random(len(p)) < p for _ in range(draws))
    found = [np.abs(said - np.bincount(place[one], minlength=count)).sum() for one in drawn]
    return float(np.quantile(found, 0.95) / len(p))


def ece_bound(y: np.ndarray, p: np.ndarray, weights: np.ndarray, count: int = BINS) -> float:
    """What 95 % of perfect models would stay below, whose rows stand and fall together as these do.

    `weights` are bootstrap draws, `draw_weights`: how far the outcomes of each bin move between them. A customer's
    neighbouring Tuesdays share most of their horizon, and what moves a week moves all its rows: drawn apart
    (`ece_apart`), outcomes of a perfect model lie outside far more often than once in twenty times.
    """
    place, missed = bins(p, count), np.zeros(len(weights))
    for each in np.unique(place):
        of = place == each
        beside = y[of] - p[of]
        missed += np.abs(weights[:, of] @ (beside - beside.mean()))
    return float(np.quantile(missed / weights.sum(axis=1), 0.95))


def by_week(y: np.ndarray, p: np.ndarray, weeks: np.ndarray) -> np.ndarray:
    """The probabilities, each week's moved by what lets them have the mean that happened in it."""
    found, z = p.copy(), logit(p)
    for week in np.unique(weeks):
        of = weeks == week
        found[of] = sigmoid(z[of] + shift(z[of], float(y[of].mean())))
    return found


def lift(y: np.ndarray, p: np.ndarray, share: float = 0.1) -> float:
    """Share of positives among the top rows over that among all."""
    top = max(1, round(share * len(y)))
    rate = y.mean()
    return float(y[np.argsort(-p, kind="stable")[:top]].mean() / rate) if rate else float("nan")


def lift_curve(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share of rows contacted, share of positives among them), best first."""
    found = np.cumsum(y[np.argsort(-p, kind="stable")])
    return np.arange(1, len(y) + 1) / len(y), found / max(float(y.sum()), 1.0)


def draw_weights(customers: np.ndarray, seed: int, draws: int = DRAWS, weeks: np.ndarray | None = None) -> np.ndarray:
    """float64[draws, n]: how often each row is in a bootstrap sample of customers.

    With `weeks` (each row's reference) these are drawn as well, apart from the customers: what moves a whole week is
    chance, too (the pigeonhole bootstrap, Owen 2007).
    """
    random = np.random.default_rng(seed)
    weights = _drawn(customers, random, draws)
    return weights if weeks is None else weights * _drawn(weeks, random, draws)


def _drawn(groups: np.ndarray, random: np.random.Generator, draws: int) -> np.ndarray:
    _, codes = np.unique(groups, return_inverse=True)
    count = int(codes.max()) + 1
    return random.multinomial(count, np.full(count, 1 / count), size=draws)[:, codes].astype(np.float64)


def interval_of_mean(values: np.ndarray, weights: np.ndarray) -> Interval:
    """Mean of one value per row."""
    return interval(float(values.mean()), (weights @ values) / weights.sum(axis=1))


def loss_difference(y: np.ndarray, ours: np.ndarray, peer: np.ndarray, weights: np.ndarray) -> Interval:
    """Log loss of ours minus the peer's: below 0 is better."""
    return interval_of_mean(losses(y, ours) - losses(y, peer), weights)


def chance_better(y: np.ndarray, ours: np.ndarray, peer: np.ndarray, weights: np.ndarray) -> float:
    """In which share of the draws the log loss of ours is below the peer's."""
    return float(((weights @ (losses(y, ours) - losses(y, peer))) < 0).mean())


def auc_difference(y: np.ndarray, ours: np.ndarray, peer: np.ndarray, weights: np.ndarray) -> Interval:
    """AUC of ours minus the peer's: above 0 is better."""
    return interval(auc(y, ours) - auc(y, peer), _aucs(y, ours, weights) - _aucs(y, peer, weights))


def interval(value: float, drawn: np.ndarray) -> Interval:
    """A figure, and its 95 % interval from the same figure of each draw; NaN in a draw that does not have it."""
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def chosen(score: np.ndarray, groups: np.ndarray, capacity: int) -> np.ndarray:
    """bool[n]: the `capacity` highest scores of each group (a reference); equal scores in order of the rows."""
    order = np.lexsort((np.arange(len(score)), -score, groups))
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    found = np.zeros(len(score), dtype=bool)
    found[order] = np.arange(len(score)) - np.repeat(starts, counts) < capacity
    return found


def interval_of_sum(values: np.ndarray, weights: np.ndarray) -> Interval:
    """Sum of one value per row."""
    return interval(float(values.sum()), weights @ values)


def figures_of(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """The figures of one set of probabilities. `ratio`: their mean over the share of positives."""
    return {
        "log_loss": log_loss(y, p),
        "auc": auc(y, p),
        "pr_auc": pr_auc(y, p),
        "ece": ece(y, p),
        "ratio": float(p.mean() / y.mean()),
        "lift": lift(y, p),
        "rows": len(y),
        "positives": int(y.sum()),
    }


@dataclass(frozen=True)
class Quality:
    """How good one set of probabilities was: its figures and two of them with intervals by customer.

    `ece_bound`: the calibration error that 95 % of perfect models stay below, customers and weeks drawn; `ece_apart`
    the same if rows had nothing to do with each other. `shifted`: the calibration error that is left where each week is
    moved to its own level.
    """

    figures: Mapping[str, float]
    auc: Interval
    log_loss: Interval
    ece_bound: float
    ece_apart: float
    shifted: float


def quality(y: np.ndarray, p: np.ndarray, weights: np.ndarray, weeks: np.ndarray, seed: int) -> Quality:
    """`weights` are draws of customers (`draw_weights`); `weeks`, each row's reference, are drawn beside them."""
    both = weights * _drawn(weeks, np.random.default_rng(seed), len(weights))
    return Quality(
        figures=figures_of(y, p),
        auc=interval(auc(y, p), _aucs(y, p, weights)),
        log_loss=interval_of_mean(losses(y, p), weights),
        ece_bound=ece_bound(y, p, both),
        ece_apart=ece_apart(p, seed),
        shifted=ece(y, by_week(y, p, weeks)),
    )
