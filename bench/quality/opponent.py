"""What one would try in an afternoon, fitted on the same rows: four models off the shelf, and the mean of their logits.

Small trees (LightGBM), a logistic on the logs of recency, frequency and money, a forest of random splits (ExtraTrees)
and CatBoost as it comes. Nobody searched for their parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import lightgbm
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from scv.fetchers import roles
from scv.model.calibration import logit, sigmoid
from trainer.baselines import LITTLE_PENALTY, baselines
from trainer.dataset import TrainingSet
from trainer.fit import ONE_THREAD, SEED, regress

BLEND = "blend of four"
Score = Callable[[np.ndarray], np.ndarray]
"""A whole matrix, float64[n, k] → probabilities, float64[n]."""
TREES = {"num_leaves": 6, "lambda_l2": 20.0, "learning_rate": 0.05, "objective": "binary", "seed": SEED}
ROUNDS, FOREST, LEAF_ROWS = 300, 400, 20
NEVER = -1.0
"""Stands for what is missing, where a model has no word for it."""


def opponents(rows: TrainingSet) -> Mapping[str, Score]:
    """The baselines and the blend, fitted on `rows`."""
    parts = [_trees(rows), _logistic(rows), _forest(rows), _catboost(rows)]

    def blend(matrix: np.ndarray) -> np.ndarray:
        return sigmoid(np.mean([logit(part(matrix)) for part in parts], axis=0))

    return baselines(rows) | {BLEND: blend}


def _trees(rows: TrainingSet) -> Score:
    words = [j for j, one in enumerate(rows.columns) if one.levels]
    data = lightgbm.Dataset(rows.matrix, rows.y, categorical_feature=words or "auto", params=ONE_THREAD)
    grown = lightgbm.train(ONE_THREAD | TREES, data, ROUNDS)
    return lambda matrix: np.asarray(grown.predict(matrix, num_threads=1))


def _logistic(rows: TrainingSet) -> Score:
    """On recency, frequency and money; on every number where none of those is among the columns."""
    used = [j for j, one in enumerate(rows.columns) if one.name in roles.RFM] or list(range(len(rows.columns)))
    found = regress(LITTLE_PENALTY, 0, rows.narrow(used))
    return lambda matrix: sigmoid(found(matrix[:, used]))


def _forest(rows: TrainingSet) -> Score:
    grown = ExtraTreesClassifier(FOREST, min_samples_leaf=LEAF_ROWS, n_jobs=-1, random_state=SEED)
    grown.fit(_filled(rows.matrix), rows.y)
    return lambda matrix: grown.predict_proba(_filled(matrix))[:, 1]


def _catboost(rows: TrainingSet) -> Score:
    from catboost import CatBoostClassifier  # type: ignore[import-not-found,import-untyped,unused-ignore]  # only `make bench-quality` has it

    grown = CatBoostClassifier(random_seed=SEED, verbose=False, allow_writing_files=False)
    grown.fit(rows.matrix, rows.y)
    return lambda matrix: grown.predict_proba(matrix)[:, 1]


def _filled(matrix: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(matrix), NEVER, matrix)
