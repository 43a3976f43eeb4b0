"""Fitting a recipe: trees, a logistic beside them, and a calibration on out-of-fold predictions.

Every fit runs on one thread and several fits side by side. LightGBM's threads wait by spinning: with two of them on
two cores that others use as well, a fit of 1.6 s took 29 s.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm
import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from scv.model.calibration import Calibration, Logistic, logit, logs, prior_offset, shift, sigmoid, standardised
from scv.model.trees import blend, booster
from trainer.dataset import TrainingSet
from trainer.recipe import Recipe
from trainer.splits import Split, by_customer

SEED = 7
FOLDS = 5
WEEK_US = 7 * 86_400_000_000
RECENT_WEEKS = 4
"""The block of weeks that a calibration may be moved by."""
ONE_THREAD = {"verbosity": -1, "num_threads": 1}
"""For every call into LightGBM: the number is one for the whole process, not one a model. A call without it gives a fit
at work beside it more threads than it has buffers for, and the process is gone."""
BINNING = ONE_THREAD | {"feature_pre_filter": False, "min_data_in_bin": 3, "max_bin": 255, "enable_bundle": False}
"""Without bundles of sparse columns: a subset of rows of such a set reads and writes past its memory (LightGBM 4.7),
which ends in a failed check, a crash, or in nothing that anybody sees."""


@dataclass(frozen=True)
class Fitted:
    """A model before calibration; `model` is LightGBM's text, which is what predicts from the start."""

    model: str
    offset: float
    logistic: Logistic
    weight: float

    @cached_property
    def trees(self) -> Any:
        return booster(self.model)

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Blended logits float64[n]."""
        return blend(self.trees, matrix, self.offset, self.logistic, self.weight)


def binned(rows: TrainingSet) -> lightgbm.Dataset:
    """The rows as LightGBM keeps them: cut into bins once, for every fit on some of them."""
    words = [j for j, one in enumerate(rows.columns) if one.levels]
    dataset = lightgbm.Dataset(rows.matrix, rows.y, categorical_feature=words or "auto", params=BINNING)
    return dataset.construct()


def age_weights(at_us: np.ndarray, half_life_weeks: int) -> np.ndarray:
    """float64[n] with mean 1: a row counts half after so many weeks (0: all the same)."""
    if half_life_weeks == 0:
        return np.ones(len(at_us))
    weights = 0.5 ** ((at_us.max() - at_us) / WEEK_US / half_life_weeks)
    return weights / weights.mean()


def grow(recipe: Recipe, rows: TrainingSet, whole: lightgbm.Dataset, index: np.ndarray) -> Any:
    """Trees on the rows at `index`, with the recipe's rebalancing; still to be undone."""
    kept = _rebalanced(recipe, rows.y, index)
    weights = age_weights(rows.at_us[kept], recipe.half_life_weeks)
    weights = weights * np.where(rows.y[kept] == 1, recipe.positive_weight, 1.0)
    part = whole.subset(kept.tolist(), params=BINNING).construct()
    part.set_weight(weights)
    return lightgbm.train(parameters(recipe, len(kept)), part, recipe.rounds)


def _rebalanced(recipe: Recipe, y: np.ndarray, index: np.ndarray) -> np.ndarray:
    if recipe.keep_negatives == 1:
        return index
    drawn = np.random.default_rng(SEED).random(len(index)) < recipe.keep_negatives
    return index[(y[index] == 1) | drawn]


def parameters(recipe: Recipe, rows: int) -> dict[str, Any]:
    """What LightGBM is told of a recipe's trees on so many rows."""
    return BINNING | {
        "objective": "binary",
        "num_leaves": recipe.leaves,
        "min_data_in_leaf": min(recipe.least_rows, max(5, rows // 40)),  # no more than a fortieth of a small set
        "lambda_l2": recipe.l2,
        "learning_rate": recipe.rate,
        "feature_fraction": recipe.columns_share,
        "extra_trees": recipe.random_splits,
        "seed": SEED,
        "deterministic": True,
        "force_col_wise": True,
    }


def regress(c: float, half_life_weeks: int, rows: TrainingSet) -> Logistic:
    """The logistic on standardised logs; columns of words take no part."""
    logged = logs(rows.matrix)
    with warnings.catch_warnings():  # a column that these rows lack has no mean
        warnings.simplefilter("ignore", RuntimeWarning)
        means, sds = np.nan_to_num(np.nanmean(logged, axis=0)), np.nan_to_num(np.nanstd(logged, axis=0))
    used = np.array([not one.levels for one in rows.columns], dtype=bool) & (sds > 1e-9)
    sds, coefficients, intercept = np.where(used, sds, 1.0), np.zeros(len(used)), _base_rate(rows.y)
    if used.any():
        weights, x = age_weights(rows.at_us, half_life_weeks), standardised(rows.matrix, means, sds)[:, used]
        with threadpool_limits(1):
            found = LogisticRegression(C=c, max_iter=300).fit(x, rows.y, sample_weight=weights)
        coefficients[used], intercept = found.coef_[0], float(found.intercept_[0])
    numbers = {"coefficients": coefficients, "means": means, "sds": sds}
    return Logistic(intercept=intercept, **{name: tuple(values.tolist()) for name, values in numbers.items()})


def _base_rate(y: np.ndarray) -> float:
    """As a logit."""
    return float(logit(np.array([y.mean()]))[0])


def fit(
    recipe: Recipe,
    rows: TrainingSet,
    whole: lightgbm.Dataset | None = None,
    index: np.ndarray | None = None,
) -> Fitted:
    """Fit a recipe on `rows`, or on those at `index`; `whole` is `binned(rows)` where it was made before."""
    chosen = np.arange(len(rows)) if index is None else index
    trees = grow(recipe, rows, binned(rows) if whole is None else whole, chosen)
    logistic = regress(recipe.c, recipe.half_life_weeks, rows.take(chosen))
    offset = prior_offset(recipe.keep_negatives, recipe.positive_weight)
    return Fitted(trees.model_to_string(), offset, logistic, recipe.weight)


def out_of_fold(recipe: Recipe, rows: TrainingSet, threads: int, folds: int = FOLDS) -> np.ndarray:
    """Logits float64[n], each from a fit that saw no row of its customer."""
    whole = binned(rows)
    splits = by_customer(rows, folds)

    def predict(split: Split) -> np.ndarray:
        return fit(recipe, rows, whole, split.fit).logits(rows.matrix[split.judge])

    z = np.empty(len(rows))
    with ThreadPoolExecutor(threads) as pool:
        for split, found in zip(splits, pool.map(predict, splits), strict=True):
            z[split.judge] = found
    return z


def calibrate(z: np.ndarray, y: np.ndarray, at_us: np.ndarray, recent: float) -> Calibration:
    """Platt's over all rows, moved by a share of what the last weeks' outcomes would move it (`recent`, 0 to 1)."""
    found = platt(z, y)
    moved = recent * _moved(found, z, y, at_us) if recent else 0.0
    return msgspec.structs.replace(found, intercept=found.intercept + moved)


def _moved(calibration: Calibration, z: np.ndarray, y: np.ndarray, at_us: np.ndarray) -> float:
    """What added to the logits lets the last weeks' probabilities sum to what happened in them."""
    last = np.isin(at_us, np.unique(at_us)[-RECENT_WEEKS:])
    said = calibration.slope * z[last] + calibration.intercept
    seen = (y[last].sum() + sigmoid(said).mean()) / (last.sum() + 1)  # a row more, as said: never 0 or 1
    return shift(said, seen)


def platt(z: np.ndarray, y: np.ndarray) -> Calibration:
    """sigmoid(slope · z + intercept) of most likelihood; a falling one becomes the base rate (Platt 1999)."""
    flat = Calibration(kind="platt", slope=0.0, intercept=_base_rate(y))
    if y.min() == y.max():
        return flat
    with threadpool_limits(1):  # sums in one order: the same rows give the same bundle to the last bit
        found = LogisticRegression(C=1e6, max_iter=200).fit(z[:, None], y)
    slope = float(found.coef_[0, 0])
    return flat if slope <= 0 else Calibration(kind="platt", slope=slope, intercept=float(found.intercept_[0]))
