"""A recipe: every choice that turns rows into a model. The gate compares recipes, not fits."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Choices of one model.

    Trees: `leaves`, `least_rows` in a leaf, `l2`, `rate`, `rounds`, `columns_share` per tree, `random_splits`.
    Rows: `keep_negatives` and `positive_weight` rebalance and are undone by the prior correction; after
    `half_life_weeks` a row counts half (0: never). Logistic: `c` is the inverse of its L2, `weight` its share of the
    blended logit. Calibration: `recent` is the share of the last weeks' own level that is added to the whole past's.
    """

    leaves: Annotated[int, Meta(ge=2)] = 6
    least_rows: Annotated[int, Meta(ge=1)] = 200
    l2: float = 20.0
    rate: float = 0.03
    rounds: Annotated[int, Meta(ge=1)] = 300
    columns_share: float = 1.0
    random_splits: bool = False
    keep_negatives: Annotated[float, Meta(gt=0, le=1)] = 1.0
    positive_weight: Annotated[float, Meta(ge=1)] = 1.0
    half_life_weeks: Annotated[int, Meta(ge=0)] = 0
    c: float = 0.003
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.5
    recent: Annotated[float, Meta(ge=0, le=1)] = 0.0


DEFAULT = Recipe()
"""Small trees for short histories: always a trial, and the recipe of the first quick bundle."""
