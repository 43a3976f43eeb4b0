"""What must be beaten: recency, frequency and monetary value alone, in two models fitted on the same rows.

LightGBM with 200 trees of 15 leaves at rate 0.05, and a logistic on their logs: the set-up of the data page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm
import numpy as np

from scv.fetchers import roles
from scv.model.calibration import sigmoid
from trainer.dataset import TrainingSet
from trainer.fit import ONE_THREAD, SEED, regress

LITTLE_PENALTY = 1.0


@dataclass(frozen=True)
class Baseline:
    """A peer: `score` gives probabilities of the whole matrix (it picks its columns itself)."""

    name: str
    score: Callable[[np.ndarray], np.ndarray]


def baselines(rows: TrainingSet) -> list[Baseline]:
    """RFM-LightGBM and RFM-logistic fitted on `rows`."""
    used = [j for j, one in enumerate(rows.columns) if one.name in roles.RFM]
    if not used:
        return []
    narrow = rows.narrow(used)
    parameters = ONE_THREAD | {
        "objective": "binary",
        "num_leaves": 15,
        "learning_rate": 0.05,
        "seed": SEED,
        "deterministic": True,
        "force_col_wise": True,
    }
    trees = lightgbm.train(parameters, lightgbm.Dataset(narrow.matrix, narrow.y, params=ONE_THREAD), 200)
    logistic = regress(LITTLE_PENALTY, 0, narrow)
    return [
        Baseline("RFM-LightGBM", lambda matrix: np.asarray(trees.predict(matrix[:, used], num_threads=1))),
        Baseline("RFM-logistic", lambda matrix: sigmoid(logistic(matrix[:, used]))),
    ]
