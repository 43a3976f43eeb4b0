"""Fitting: rebalancing is undone, calibration is out of fold, and a fit repeats to the last bit."""

from __future__ import annotations

from typing import Any

import lightgbm
import msgspec
import numpy as np
import pytest

from scv.model import metrics
from scv.model.calibration import sigmoid
from scv.model.trees import booster
from trainer.baselines import baselines
from trainer.dataset import TrainingSet
from trainer.fit import BINNING, binned, calibrate, fit, grow, out_of_fold, platt
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
    p = calibrate(z, rows.y, rows.at_us, 0.0)(z)
    assert metrics.log_loss(rows.y, p) < metrics.log_loss(rows.y, sigmoid(z))
    assert p.mean() == pytest.approx(rows.y.mean(), rel=0.01)


def test_calibrations_recover_a_distorted_truth() -> None:
    random = np.random.default_rng(1)
    truth = random.normal(-1, 1.5, 20_000)
    y = (random.random(20_000) < sigmoid(truth)).astype(float)
    straight = platt((truth - 0.4) / 0.8, y)
    assert straight.slope == pytest.approx(0.8, abs=0.04) and straight.intercept == pytest.approx(0.4, abs=0.05)
    assert platt(-truth, y).slope == 0, "a score that points the wrong way becomes the base rate"


@pytest.mark.parametrize("happened", ["as before", "nothing", "everything"])
def test_a_share_of_what_happened_last_moves_the_level(happened: str) -> None:
    """All of it: the last weeks' sum is met. A part: between that and the past's. And no block makes anyone certain."""
    random = np.random.default_rng(2)
    z, at = random.normal(-1, 1, 8000), np.repeat(np.arange(8), 1000)
    p = sigmoid(z) if happened == "as before" else np.full(len(z), float(happened == "everything"))
    y = (random.random(8000) < np.where(at < 4, sigmoid(z + 1), p)).astype(float)
    none, half, whole = (calibrate(z, y, at, share) for share in (0.0, 0.5, 1.0))
    assert none == platt(z, y) and none.slope == half.slope == whole.slope
    assert half.intercept == pytest.approx((none.intercept + whole.intercept) / 2)
    last = at >= 4
    assert whole(z)[last].mean() == pytest.approx(y[last].mean(), abs=0.01)
    assert whole(z).min() > 0 and whole(z).max() < 1


def test_rows_of_which_parts_are_fitted_have_no_bundles_of_columns(rows: TrainingSet) -> None:
    """On CDNOW's rows 31 of at most 240 fits on a part of them crashed, and none of 264 without bundles."""
    whole = binned(rows)
    part = whole.subset(list(range(len(rows) // 2)), params=BINNING).construct()
    assert whole.params["enable_bundle"] is part.params["enable_bundle"] is BINNING["enable_bundle"] is False
    trees = grow(DEFAULT, rows, whole, np.arange(len(rows)))
    assert "[enable_bundle: 0]" in trees.model_to_string()


def test_a_recipe_that_lightgbm_gives_up_is_no_candidate(rows: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: Any) -> None:
        raise lightgbm.basic.LightGBMError("Check failed: (best_split_info.left_count) > (0)")

    _, history = search(rows, 2)
    monkeypatch.setattr("trainer.search.grow", gives_up)
    none, pruned = search(rows, 2)
    assert None not in {step.loss for step in history}
    assert [step.loss for step in pruned] == [None] * len(history) and none == DEFAULT


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
