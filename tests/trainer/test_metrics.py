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


def test_a_perfect_model_is_mostly_inside_its_bounds_and_a_bad_one_never() -> None:
    """Of rows that have nothing to do with each other."""
    apart, drawn = [], []
    for y, p, customers in (world(False, seed=s) for s in range(40)):
        apart.append(metrics.ece(y, p) <= metrics.ece_apart(p, seed=1))
        drawn.append(metrics.ece(y, p) <= metrics.ece_bound(y, p, metrics.draw_weights(customers, seed=1)))
    assert 34 <= sum(apart) <= 40 and 34 <= sum(drawn) <= 40
    y, p, customers = world(False)
    for wrong in (p * 1.5, p * 0.6):
        assert metrics.ece(y, wrong) > metrics.ece_apart(wrong, seed=1)
        assert metrics.ece(y, wrong) > metrics.ece_bound(y, wrong, metrics.draw_weights(customers, seed=1))


def overlapping(seed: int, customers: int = 300, weeks: int = 9) -> tuple[np.ndarray, ...]:
    """(y, p, customer, week) of perfect probabilities whose outcomes last: one look into eight weeks a customer, told
    on nine Tuesdays, and a level of each week that nobody could know."""
    random = np.random.default_rng(seed)
    risk = random.beta(2, 8, customers)
    luck, week_luck = random.random(customers), random.random(weeks)
    p, customer, week = (
        np.repeat(risk, weeks),
        np.repeat(np.arange(customers), weeks),
        np.tile(np.arange(weeks), customers),
    )
    return (np.mod(luck[customer] + 0.02 * week_luck[week], 1) < p).astype(float), p, customer, week


def test_rows_that_share_their_outcomes_have_a_wider_bound() -> None:
    """A perfect model of them is called wrong again and again by a bound of rows drawn apart."""
    apart, drawn = 0, 0
    for seed in range(40):
        y, p, customer, week = overlapping(seed)
        both = metrics.draw_weights(customer, 1, weeks=week)
        apart += metrics.ece(y, p) > metrics.ece_apart(p, seed=1)
        drawn += metrics.ece(y, p) > metrics.ece_bound(y, p, both)
    assert apart >= 20 and drawn <= 5
    found = metrics.quality(y, p, metrics.draw_weights(customer, 1), week, seed=1)
    assert found.ece_bound > 1.5 * found.ece_apart
    wrong = 0
    for seed in range(40):
        y, p, customer, week = overlapping(seed, customers=3000)
        wrong += metrics.ece(y, p * 1.5) > metrics.ece_bound(y, p * 1.5, metrics.draw_weights(customer, 1, 100, week))
    assert wrong == 40


def test_what_a_whole_week_moved_is_told_apart() -> None:
    random = np.random.default_rng(1)
    week = np.repeat(np.arange(6), 2000)
    p = random.beta(2, 8, len(week))
    level = np.array([0.6, 1.5, 0.7, 1.4, 0.5, 1.6])[week]
    y = (random.random(len(p)) < np.clip(p * level, 0, 1)).astype(float)
    found = metrics.by_week(y, p, week)
    for one in range(6):
        assert found[week == one].mean() == pytest.approx(y[week == one].mean(), abs=1e-6)
    everyone = metrics.quality(y, p * 1.3, metrics.draw_weights(np.arange(len(y)), 1, 50), week, seed=1)
    assert everyone.shifted < everyone.figures["ece"] / 2


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
