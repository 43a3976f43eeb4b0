"""What each column adds to the trees' answer, looked up instead of computed: exact path-dependent SHAP values.

A tree with s splits has 2^s outcomes of its comparisons, and its SHAP values (Lundberg et al. 2020, conditional on the
path, as LightGBM's `pred_contrib` gives them) depend on nothing else. So they are computed once for every outcome of
every tree, when a model is loaded; a row then costs its comparisons, one look-up a tree and a sum. The same look-up
gives each tree's own answer, summed in LightGBM's order: the raw score to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scv.model.shap_tree import WORDS, ShapTree

SPLITS = 8
"""Of a tree at most: its outcome is a byte."""
MOST_BYTES = 4_000_000
"""Of a table; a model whose trees have more outcomes is asked itself."""
ENDLESS = 1e299
"""LightGBM writes a threshold without end as 1e300."""
ROWS_AT_ONCE = 128
"""What is compared at once stays in the cache."""


@dataclass(frozen=True)
class ShapTable:
    """Of `trees` trees, each padded to `SPLITS` comparisons with ones that are never true.

    A comparison is whether a number is at most `upto` [trees · SPLITS], of the place `compared` in a row beside its
    negative: so a missing value, which is never, goes right or left as the tree has it. `words` [m, WORDS]: for the m
    comparisons `worded` (their places), which codes of the columns `word_columns` go left.
    `start` [trees]: where a tree's outcomes begin in `value` [outcomes] and in `added` [outcomes, most columns of a
    tree]; `columns` [trees, most columns of a tree]: whose those are. `bias` is the mean answer, `width` the number of
    columns.
    """

    compared: np.ndarray
    upto: np.ndarray
    worded: np.ndarray
    word_columns: np.ndarray
    words: np.ndarray
    start: np.ndarray
    value: np.ndarray
    added: np.ndarray
    columns: np.ndarray
    bias: float
    width: int

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """The trees' sums float64[n], as the model itself gives them."""
        return np.concatenate([self._sum(self._outcomes(part)) for part in _parts(matrix)])

    def explained(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`raw`, and float64[n, width]: what each column adds; with `bias` a row of it sums to `raw`."""
        found = [self._outcomes(part) for part in _parts(matrix)]
        return np.concatenate([self._sum(one) for one in found]), np.concatenate([self._added(one) for one in found])

    def _outcomes(self, matrix: np.ndarray) -> np.ndarray:
        """int64[n, trees]: the place of each tree's outcome."""
        n = len(matrix)
        holds = np.concatenate([matrix, -matrix], axis=1).take(self.compared, axis=1) <= self.upto
        if len(self.worded):
            codes = matrix.take(self.word_columns, axis=1)
            known = (codes >= 0) & (codes < WORDS)
            places = np.where(known, codes, 0).astype(np.int64)
            holds[:, self.worded] = known & self.words[np.arange(len(self.worded)), places]
        bits = np.packbits(holds.reshape(n, len(self.start), SPLITS), axis=2, bitorder="little")
        return self.start + bits[:, :, 0]

    def _sum(self, outcomes: np.ndarray) -> np.ndarray:
        return np.add.accumulate(self.value[outcomes], axis=1)[:, -1]  # tree by tree, as LightGBM does

    def _added(self, outcomes: np.ndarray) -> np.ndarray:
        n = len(outcomes)
        place = np.add.outer(np.arange(0, n * self.width, self.width), self.columns)
        summed = np.bincount(place.ravel(), self.added[outcomes].ravel(), minlength=n * self.width)
        return summed.reshape(n, self.width)


def table_of(model: Mapping[str, Any]) -> ShapTable | None:
    """The table of a model as LightGBM dumps it; None where it would be too large, or compares as we do not know."""
    try:
        trees = [ShapTree.of(one["tree_structure"]) for one in model["tree_info"]]
    except NotImplementedError:
        return None
    most = max((len(one.used) for one in trees), default=0)
    if not most or max(len(one) for one in trees) > SPLITS:
        return None
    if sum(one.outcomes for one in trees) * (most + 1) * 8 > MOST_BYTES:
        return None
    return _table(trees, most, int(model["max_feature_idx"]) + 1)


def _table(trees: Sequence[ShapTree], most: int, width: int) -> ShapTable:
    compared, upto = np.zeros((len(trees), SPLITS), dtype=np.int64), np.full((len(trees), SPLITS), -np.inf)
    columns, worded, words = np.zeros((len(trees), most), dtype=np.int64), list[int](), list[np.ndarray]()
    for t, one in enumerate(trees):
        columns[t, : len(one.used)] = one.used
        for k, split in enumerate(one.splits):
            compared[t, k] = split.column + width * split.turned
            upto[t, k] = split.upto
            if split.words is not None:
                worded.append(t * SPLITS + k)
                words.append(split.words)
    flat = compared.ravel()
    return ShapTable(
        compared=flat, upto=upto.ravel(), worded=np.array(worded, dtype=np.int64),
        word_columns=flat[worded], words=np.array(words, dtype=bool).reshape(len(words), WORDS),
        start=np.cumsum([0, *(one.outcomes for one in trees[:-1])]).astype(np.int64),
        value=np.concatenate([one.answers() for one in trees]),
        added=np.concatenate([np.pad(one.shap(), ((0, 0), (0, most - len(one.used)))) for one in trees]),
        columns=columns, bias=sum(one.mean for one in trees), width=width,
    )  # fmt: skip


def _parts(matrix: np.ndarray) -> list[np.ndarray]:
    return [matrix[start : start + ROWS_AT_ONCE] for start in range(0, len(matrix), ROWS_AT_ONCE)] or [matrix]


def edges(table: ShapTable, rows: int = 64, seed: int = 7) -> np.ndarray:
    """Rows float64[rows, width] where comparisons are decided: at thresholds, beside them, nothing, missing, words."""
    dice = np.random.default_rng(seed)
    matrix = np.where(dice.random((rows, table.width)) < 0.2, np.nan, 0.0)
    for column in range(table.width):
        choices = _edges(table, column)
        matrix[:, column] = np.where(dice.random(rows) < 0.85, dice.choice(choices, rows), matrix[:, column])
    return matrix


def _edges(table: ShapTable, column: int) -> np.ndarray:
    """Values of a column at which something is decided."""
    known = np.concatenate([table.upto[table.compared == column], -table.upto[table.compared == column + table.width]])
    known = known[(np.abs(known) < ENDLESS) & (np.abs(known) > 1 / ENDLESS)]
    far = known[np.abs(known) > 1e-30]  # LightGBM takes what is nearer to 0 for 0
    words = np.unique(np.nonzero(table.words[table.word_columns == column])[1])
    beside = [np.nextafter(far, -np.inf), np.nextafter(far, np.inf)]
    return np.concatenate([far, *beside, words, words + 1.0, [0.0, -1.0]])
