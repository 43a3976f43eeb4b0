"""What must be beaten: recency, frequency and monetary value alone, in two models fitted on the same rows.

LightGBM with 200 trees of 15 leaves at rate 0.05, and a logistic on their logs: the set-up of the data page.
"""

from __future__ import annotations

from collections.abc import Callable

import lightgbm
import numpy as np

from scv.fetchers import roles
from scv.model.calibration import sigmoid
from trainer.dataset import TrainingSet
from trainer.fit import ONE_THREAD, SEED, regress

LITTLE_PENALTY = 1.0


def baselines(rows: TrainingSet) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """RFM-LightGBM and RFM-logistic fitted on `rows`: name → probabilities of a whole matrix, of which they pick their
    columns themselves. Empty where `rows` have none of those."""
    used = [j for j, one in enumerate(rows.columns) if one.name in roles.RFM]
    if not used:
        return {}
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
    return {
        "RFM-LightGBM": lambda matrix: np.asarray(trees.predict(matrix[:, used], num_threads=1)),
        "RFM-logistic": lambda matrix: sigmoid(logistic(matrix[:, used])),
    }
