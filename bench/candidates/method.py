"""The candidates that need nothing but the rows: other trees, other parts of the blend, other weights and columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from bench.candidates.known import Fit, Known, Logits
from scv.fetchers import roles
from scv.model.calibration import logit, sigmoid
from scv.targets.target import RECENCY
from trainer.dataset import TrainingSet
from trainer.fit import ONE_THREAD, SEED, parameters, regress
from trainer.recipe import DEFAULT

FOREST, LEAF_ROWS = 400, 20
FOREST_PARAMETERS = {
    "objective": "binary", "boosting": "rf", "extra_trees": True, "bagging_fraction": 0.632, "bagging_freq": 1,
    "feature_fraction": 0.3, "num_leaves": 63, "min_data_in_leaf": 20, "seed": SEED, "deterministic": True,
    "force_col_wise": True,
}  # fmt: skip
NEVER = -1.0
"""Stands for what is missing, where a model has no word for it."""
SIGNS = {**dict.fromkeys(("lapse", "skip", "cancellation", "pause"), -1), "return": 1, "reactivation": 1}
"""Of a target: does who orders much do it less (-1) or more?"""
FREQUENT = ("orders__count", "orders__active_days", "app_usage__minutes", "app_usage__sessions", "rhythm__week_streak")
"""How the names of columns begin that count what a faithful customer does."""


def default(known: Known) -> Logits:
    """Ours: small trees and a logistic."""
    return blend(known.rows, {})


def linear_leaves(known: Known) -> Logits:
    """A linear model in every leaf (Shi et al. 2019)."""
    return blend(known.rows, {"linear_tree": True, "linear_lambda": 1.0})


def monotone(known: Known) -> Logits:
    """Signs that everybody would agree on: silence makes leaving likelier, orders and visits make it less likely."""
    rows = known.rows
    return blend(rows, {"monotone_constraints": _signs(rows), "monotone_constraints_method": "intermediate"})


def _signs(rows: TrainingSet) -> list[int]:
    sign, (naive, by) = SIGNS[rows.target.name], RECENCY.get(rows.target.name, (roles.SILENCE, 1.0))
    found = {naive: int(by)}
    return [
        0 if one.levels else found.get(one.name, sign if one.name.startswith(FREQUENT) else 0) for one in rows.columns
    ]


def third_part(known: Known) -> Logits:
    """ExtraTrees (Geurts et al. 2006) as a third of the blend."""
    ours = blend(known.rows, {})
    forest = ExtraTreesClassifier(FOREST, min_samples_leaf=LEAF_ROWS, n_jobs=1, random_state=SEED)
    forest.fit(_filled(known.rows.matrix), known.rows.y)
    return lambda matrix: (2 * ours(matrix) + logit(forest.predict_proba(_filled(matrix))[:, 1])) / 3


def grown_forest(known: Known) -> Logits:
    """The same with a forest of LightGBM's, 200 trees of 63 leaves: what we could store and explain."""
    rows, ours = known.rows, blend(known.rows, {})
    words = [j for j, one in enumerate(rows.columns) if one.levels]
    asked = ONE_THREAD | FOREST_PARAMETERS
    forest = lightgbm.train(asked, lightgbm.Dataset(rows.matrix, rows.y, categorical_feature=words or "auto"), 200)
    return lambda matrix: (2 * ours(matrix) + np.asarray(forest.predict(matrix, raw_score=True, num_threads=1))) / 3


def _filled(matrix: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(matrix), NEVER, matrix)


def customers_alike(known: Known) -> Logits:
    """A customer's weeks weigh as much as the root of their number: who has been there long tells less by the week."""
    _, place, counts = np.unique(known.rows.customers, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[place])
    return blend(known.rows, {}, weights / weights.mean())


def every_second_week(known: Known) -> Logits:
    """Half the landmarks: what a customer's neighbouring weeks are worth, and so what more of them would be."""
    references = known.rows.references
    return blend(known.rows.take(np.isin(known.rows.at_us, references[::-1][::2])), {})


def buying(known: Known) -> Logits:
    """Two columns more: is the customer still there, and how often would they order (BG/NBD, Fader et al. 2005)?"""
    rows, places = known.rows, {one.name: j for j, one in enumerate(known.rows.columns)}
    needed = ("orders__count_ever", roles.FIRST_ORDER, roles.SILENCE)
    if not set(needed) <= set(places):
        return default(known)

    def history(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        count, tenure, silence = (np.nan_to_num(matrix[:, places[name]]) for name in needed)
        return np.maximum(count - 1, 0), np.maximum(tenure - silence, 0) / 7, tenure / 7

    newest = np.unique(rows.customers[::-1], return_index=True)[1]
    fitted = _bgnbd(*(part[::-1][newest] for part in history(rows.matrix)))

    def more(matrix: np.ndarray) -> np.ndarray:
        return np.column_stack([matrix, *_expected(fitted, *history(matrix))])

    told = rows.columns[places[roles.SILENCE]]
    wider = _widened(rows, more(rows.matrix), (told, told))
    ours = blend(wider, {})
    return lambda matrix: ours(more(matrix))


def _bgnbd(x: np.ndarray, last: np.ndarray, long: np.ndarray) -> np.ndarray:
    """(r, alpha, a, b) of most likelihood."""

    def loss(logs: np.ndarray) -> float:
        r, alpha, a, b = np.exp(np.clip(logs, -7, 7))
        both = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        alive = -(r + x) * np.log(alpha + long)
        gone = np.where(x > 0, np.log(a / (b + np.maximum(x, 1) - 1)) - (r + x) * np.log(alpha + last), -np.inf)
        return -float((both + np.logaddexp(alive, gone)).mean())

    return np.exp(np.clip(minimize(loss, np.zeros(4), method="Nelder-Mead", options={"maxiter": 800}).x, -7, 7))


def _expected(fitted: np.ndarray, x: np.ndarray, last: np.ndarray, long: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Float64[n] each: the chance that they are still there, and orders a week to be expected."""
    r, alpha, a, b = fitted
    odds = np.where(x > 0, a / (b + np.maximum(x, 1) - 1), 0) * np.exp(
        (r + x) * (np.log(alpha + long) - np.log(alpha + last))
    )
    alive = 1 / (1 + odds)
    return alive, alive * (r + x) / (alpha + long)


def _widened(rows: TrainingSet, matrix: np.ndarray, columns: tuple[Any, ...]) -> TrainingSet:
    return replace(rows, matrix=matrix, columns=(*rows.columns, *columns))


def blend(rows: TrainingSet, more: dict[str, Any], weights: np.ndarray | None = None) -> Logits:
    """The default recipe, with other parameters of its trees or weights of its rows."""
    words = [j for j, one in enumerate(rows.columns) if one.levels]
    asked = parameters(DEFAULT, len(rows)) | more
    data = lightgbm.Dataset(
        rows.matrix, rows.y, weight=weights, categorical_feature=words or "auto", params=asked, free_raw_data=False
    )
    grown = lightgbm.train(asked, data, DEFAULT.rounds)
    beside = regress(DEFAULT.c, DEFAULT.half_life_weeks, rows)

    def logits(matrix: np.ndarray) -> np.ndarray:
        trees = np.asarray(grown.predict(matrix, raw_score=True, num_threads=ONE_THREAD["num_threads"]))
        return (1 - DEFAULT.weight) * trees + DEFAULT.weight * beside(matrix)

    return logits


def beta(z: np.ndarray, y: np.ndarray) -> Logits:
    """Logits of beta calibration (Kull et al. 2017): a ln p - b ln (1 - p) + c with a and b no less than 0."""
    used = [0, 1]
    found = LogisticRegression(C=1e6, max_iter=500).fit(_sides(z), y)
    for j in (0, 1):
        if found.coef_[0, j] < 0:
            used = [1 - j]
            found = LogisticRegression(C=1e6, max_iter=500).fit(_sides(z)[:, used], y)
            break
    return lambda other: np.asarray(found.decision_function(_sides(other)[:, used]))


def _sides(z: np.ndarray) -> np.ndarray:
    p = np.clip(sigmoid(z), 1e-6, 1 - 1e-6)
    return np.column_stack([np.log(p), -np.log1p(-p)])


METHODS: dict[str, Fit] = {
    "linear leaves": linear_leaves,
    "monotone signs": monotone,
    "ExtraTrees as a third part": third_part,
    "LightGBM's forest as a third part": grown_forest,
    "a customer's weeks share a weight": customers_alike,
    "every second week only": every_second_week,
    "BG/NBD columns": buying,
}
