"""Fitting: rebalancing is undone, calibration is out of fold, and a fit repeats to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
import msgspec
import numpy as np
import pytest

from scv.model import metrics
from scv.model.bundle import booster
from scv.model.calibration import sigmoid
from trainer.baselines import baselines
from trainer.dataset import TrainingSet
from trainer.drift import dating, steady
from trainer.fit import calibrate, fit, isotonic, out_of_fold, platt
from trainer.leak import shuffled
from trainer.recipe import DEFAULT, Recipe
from trainer.search import parameters, search, space
from trainer.splits import by_customer


@pytest.mark.parametrize(
    "recipe",
    [Recipe(weight=0), Recipe(weight=0, keep_negatives=0.3), Recipe(weight=0, positive_weight=5), DEFAULT],
    ids=["plain", "negatives", "weight", "blend"],
)
def test_probabilities_mean_what_they_say_after_rebalancing(rows: TrainingSet, recipe: Recipe) -> None:
    p = sigmoid(fit(recipe, rows).logits(rows.matrix))
    assert p.mean() == pytest.approx(rows.y.mean(), rel=0.06)


def test_a_fit_repeats_and_its_text_is_the_model(rows: TrainingSet) -> None:
    one, two = fit(DEFAULT, rows), fit(DEFAULT, rows)
    assert one == two
    np.testing.assert_array_equal(one.logits(rows.matrix), two.logits(rows.matrix))
    np.testing.assert_array_equal(booster(one.model).predict(rows.matrix), one.trees.predict(rows.matrix))
    np.testing.assert_array_equal(out_of_fold(DEFAULT, rows, 2, 2), out_of_fold(DEFAULT, rows, 1, 2))


def test_every_call_into_lightgbm_asks_for_one_thread(rows: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is the process's: one call that leaves it out changes it under the fits at work beside it."""
    asked, spell = list[dict[str, Any]](), lightgbm.basic._param_dict_to_str

    def told(parameters: dict[str, Any] | None) -> str:
        asked.append(dict(parameters or {}))
        return str(spell(parameters))

    monkeypatch.setattr(lightgbm.basic, "_param_dict_to_str", told)
    out_of_fold(DEFAULT, rows, 1, 2)
    shuffled(rows, by_customer(rows, 2)[0])
    for score in baselines(rows).values():
        score(rows.matrix)
    assert len(asked) > 10 and not [one for one in asked if one.get("num_threads") != 1]


def test_out_of_fold_is_worse_than_in_sample_and_calibrates(rows: TrainingSet) -> None:
    greedy = Recipe(leaves=31, least_rows=5, l2=0, rate=0.3, rounds=80, weight=0)
    z, seen = out_of_fold(greedy, rows, 2), fit(greedy, rows).logits(rows.matrix)
    assert metrics.log_loss(rows.y, sigmoid(z)) > metrics.log_loss(rows.y, sigmoid(seen)) + 0.1
    p = calibrate(z, rows.y, rows.customers)(z)
    assert metrics.log_loss(rows.y, p) < metrics.log_loss(rows.y, sigmoid(z))
    assert p.mean() == pytest.approx(rows.y.mean(), rel=0.01)


def test_few_positives_get_platt(make: Callable[..., TrainingSet]) -> None:
    few = make(weeks=10, customers=60, base=-4.0)
    assert few.positives < 300
    assert calibrate(np.linspace(-3, 3, len(few)) ** 3, few.y, few.customers).kind == "platt"


def test_calibrations_recover_a_distorted_truth() -> None:
    random = np.random.default_rng(1)
    truth = random.normal(-1, 1.5, 20_000)
    y = (random.random(20_000) < sigmoid(truth)).astype(float)
    straight = platt((truth - 0.4) / 0.8, y)
    assert straight.slope == pytest.approx(0.8, abs=0.04) and straight.intercept == pytest.approx(0.4, abs=0.05)
    np.testing.assert_allclose(isotonic(truth**3, y)(truth**3), sigmoid(truth), atol=0.06)
    assert platt(-truth, y).slope == 0, "a score that points the wrong way becomes the base rate"


def test_columns_that_date_a_row_are_left_out(rows: TrainingSet) -> None:
    weeks = (rows.at_us - rows.at_us.min()) / 6.048e11
    dated = rows.take(np.arange(len(rows)))
    dated.matrix[:, 1] = weeks + np.random.default_rng(1).normal(0, 3, len(rows))
    assert dating(dated.matrix, dated.at_us)[1] > 0.9
    assert [one.name for one in steady(dated).columns] == [one.name for k, one in enumerate(rows.columns) if k != 1]
    assert steady(rows).columns == rows.columns


def test_a_search_repeats_and_the_default_and_the_last_are_trials(rows: TrainingSet) -> None:
    last = Recipe(leaves=4, least_rows=120, rounds=100, keep_negatives=0.5)
    one, history = search(rows, 4, [last])
    two, _ = search(rows, 4, [last])
    assert one == two
    assert len(history) == 4
    tried = [msgspec.structs.replace(step.recipe, weight=0.5) for step in history]
    assert tried[:2] == [DEFAULT, last]


def test_every_recipe_of_the_space_can_be_put_among_the_trials() -> None:
    import optuna

    for recipe in (DEFAULT, Recipe(keep_negatives=0.4), Recipe(positive_weight=3)):
        trial = optuna.trial.FixedTrial(parameters(recipe))  # type: ignore[arg-type]
        assert space(trial) == recipe  # type: ignore[arg-type]
