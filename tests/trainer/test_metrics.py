"""Our figures are scikit-learn's, and our intervals are what a bootstrap by hand gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from scv.model import metrics


def world(ties: bool, rows: int = 3000, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(y, p, customers); p is right on average."""
    random = np.random.default_rng(seed)
    p = random.beta(1, 6, rows)
    y = (random.random(rows) < p).astype(float)
    return y, (np.round(p, 1) if ties else p), random.integers(0, 300, rows)


@pytest.mark.parametrize("ties", [False, True])
def test_figures_are_scikit_learns(ties: bool) -> None:
    y, p, _ = world(ties)
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    assert metrics.auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert metrics.pr_auc(y, p) == pytest.approx(average_precision_score(y, p), abs=1e-12)
    assert metrics.log_loss(y, p) == pytest.approx(log_loss(y, kept), abs=1e-12)


def test_one_class_has_no_auc() -> None:
    assert np.isnan(metrics.auc(np.ones(5), np.arange(5.0)))
    assert np.isnan(metrics.pr_auc(np.zeros(5), np.arange(5.0)))


def test_weighted_draws_are_resampled_rows() -> None:
    y, p, customers = world(True, rows=400)
    weights = metrics.draw_weights(customers, seed=1, draws=3)
    for drawn, found in zip(weights.astype(int), metrics._aucs(y, p, weights), strict=True):
        assert found == pytest.approx(roc_auc_score(np.repeat(y, drawn), np.repeat(p, drawn)))
    assert all(len(set(weights[0][customers == one])) == 1 for one in set(customers)), "a customer is drawn whole"


def test_a_perfect_model_is_mostly_inside_its_bound_and_a_bad_one_never() -> None:
    inside = [
        metrics.ece(y, p) <= metrics.ece_bound(p, seed=1) for y, p, _ in (world(False, seed=s) for s in range(40))
    ]
    assert 34 <= sum(inside) <= 40
    y, p, _ = world(False)
    assert metrics.ece(y, p * 1.5) > metrics.ece_bound(p * 1.5, seed=1)


def test_a_paired_interval_is_narrower_than_two() -> None:
    y, p, customers = world(False)
    worse = np.clip(p * 1.2, 0, 0.99)
    weights = metrics.draw_weights(customers, seed=1)
    found = metrics.loss_difference(y, p, worse, weights)
    assert found.low < found.value < found.high < 0
    alone = metrics.interval_of_mean(metrics.losses(y, p), weights)
    assert found.high - found.low < alone.high - alone.low
    assert metrics.chance_better(y, p, worse, weights) > 0.97
    assert metrics.auc_difference(y, p, worse, weights).value == pytest.approx(0, abs=1e-3)


def test_lift_and_chosen() -> None:
    y = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0.0])
    p = np.linspace(1, 0, 10)
    assert metrics.lift(y, p, share=0.1) == pytest.approx(5)
    weeks = np.repeat([1, 2], 5)
    assert np.flatnonzero(metrics.chosen(p, weeks, 2)).tolist() == [0, 1, 5, 6]
