"""The table of outcomes against LightGBM itself, over small forests that are drawn here."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scv.model import shap_table
from scv.model import trees as trees_of
from scv.model.shap_table import edges, table_of

SILENT = {"verbosity": -1, "num_threads": 1, "deterministic": True, "min_data_in_bin": 1}


def forest(seed: int, leaves: int, rounds: int, columns: int, words: int, missing: float, **more: object):  # type: ignore[no-untyped-def]
    """A booster of random rows; the last `words` columns are words."""
    dice = np.random.default_rng(seed)
    matrix = dice.normal(size=(400, columns)).round(1)
    for column in range(columns - words, columns):
        matrix[:, column] = dice.integers(0, 40, 400)
    matrix[dice.random(matrix.shape) < missing] = np.nan
    y = (np.nan_to_num(matrix).sum(axis=1) + dice.normal(size=400) > 0).astype(float)
    asked = SILENT | {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 5, "learning_rate": 0.3,
                      "min_data_per_group": 5, "seed": seed} | more  # fmt: skip
    named = list(range(columns - words, columns)) or "auto"
    return lightgbm.train(asked, lightgbm.Dataset(matrix, y, categorical_feature=named, params=SILENT), rounds), matrix


@given(
    seed=st.integers(0, 10_000), leaves=st.integers(2, 8), rounds=st.integers(1, 12), columns=st.integers(1, 6),
    words=st.integers(0, 2), missing=st.sampled_from([0.0, 0.0, 0.1, 0.6]), random_splits=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_table_says_what_the_trees_say(
    seed: int, leaves: int, rounds: int, columns: int, words: int, missing: float, random_splits: bool
) -> None:
    trees, matrix = forest(seed, leaves, rounds, columns, min(words, columns), missing, extra_trees=random_splits)
    table = table_of(trees.dump_model())
    if table is None:
        assert trees.num_trees() == 0 or all(one["num_leaves"] == 1 for one in trees.dump_model()["tree_info"])
        return
    odd = np.full((3, columns), [[np.nan], [0.0], [-5.0]])
    for rows in (matrix, edges(table), odd, matrix[:1]):
        raw, added = table.explained(rows)
        np.testing.assert_array_equal(raw, trees.predict(rows, raw_score=True))
        np.testing.assert_array_equal(raw, table.raw(rows))
        theirs = trees.predict(rows, pred_contrib=True)
        np.testing.assert_allclose(added, theirs[:, :-1], rtol=0, atol=1e-12)
        np.testing.assert_allclose(table.bias, theirs[:, -1], rtol=0, atol=1e-12)
        np.testing.assert_allclose(added.sum(axis=1) + table.bias, raw, rtol=0, atol=1e-12)


def test_a_row_does_not_depend_on_the_others() -> None:
    trees, matrix = forest(1, 6, 300, 6, 1, 0.2)
    table = trees_of.table(trees)
    assert table is not None
    raw, added = table.explained(matrix)
    for k in (0, 17, 255, 256, 399):
        one, its = table.explained(matrix[k : k + 1])
        assert one[0] == raw[k] and its[0].tolist() == added[k].tolist()
    none, nothing = table.explained(matrix[:0])
    assert none.shape == (0,) and nothing.shape == (0, 6)


def test_large_trees_are_asked_themselves() -> None:
    trees, _ = forest(2, 31, 60, 6, 1, 0.1)
    assert table_of(trees.dump_model()) is None and trees_of.table(trees) is None


@pytest.mark.parametrize("part", ["value", "added", "upto"])
def test_a_table_that_is_not_the_trees_is_not_used(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    trees, _ = forest(3, 6, 20, 4, 0, 0.1)
    honest = shap_table.table_of

    def other(model):  # type: ignore[no-untyped-def]
        table = honest(model)
        assert table is not None
        return replace(table, **{part: getattr(table, part) + 1e-3})

    assert trees_of.table(trees) is not None
    monkeypatch.setattr(shap_table, "table_of", other)
    assert trees_of.table(trees) is None
