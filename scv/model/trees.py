"""The trees of a model as LightGBM has them: read, asked, and mixed with the logistic beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from scv.errors import CorruptBundle
from scv.model import shap_table
from scv.model.calibration import Logistic
from scv.model.shap_table import ShapTable


def booster(model: str) -> Any:
    """A LightGBM booster of its text. Raises CorruptBundle."""
    import lightgbm

    try:
        return lightgbm.Booster(model_str=model)
    except lightgbm.basic.LightGBMError as error:
        raise CorruptBundle(f"LightGBM cannot read the model's text: {error}") from error


def blend(trees: Any, matrix: np.ndarray, offset: float, logistic: Logistic | None, weight: float) -> np.ndarray:
    """Logits float64[n]: (1 - weight) · (trees + offset) + weight · logistic."""
    return mixed(predicted(trees, matrix), matrix, offset, logistic, weight)


def mixed(raw: np.ndarray, matrix: np.ndarray, offset: float, logistic: Logistic | None, weight: float) -> np.ndarray:
    """The same of what the trees said."""
    z = (raw + offset) * (1 - weight)
    return z if logistic is None or weight == 0 else z + weight * logistic(matrix)


def predicted(trees: Any, matrix: np.ndarray) -> np.ndarray:
    """What the trees say, float64[n]."""
    return np.asarray(trees.predict(matrix, raw_score=True, num_threads=1)) if len(matrix) else np.empty(0)


def contributions(trees: Any, matrix: np.ndarray) -> np.ndarray:
    if len(matrix) == 0:
        return np.empty(matrix.shape)
    return np.asarray(trees.predict(matrix, pred_contrib=True, num_threads=1)[:, :-1])


def table(trees: Any) -> ShapTable | None:
    """A booster's table, if it is the booster's to the last bit on rows that lie where its comparisons are decided."""
    found = shap_table.table_of(trees.dump_model())
    if found is None:
        return None
    rows = shap_table.edges(found)
    raw, added = found.explained(rows)
    same = np.array_equal(raw, predicted(trees, rows))
    return found if same and np.allclose(added, contributions(trees, rows), rtol=0, atol=1e-9) else None
