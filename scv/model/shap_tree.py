"""One tree of a model: every outcome of its comparisons, with the answer and the SHAP values of each."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

WORDS = 4096
"""No column of words has as many."""


class TreeSplit(NamedTuple):
    """A comparison that holds where `column` is at most `upto`; `turned`: where its negative is, which is how a missing
    value, of which nothing holds, comes to go left. `words` bool[WORDS]: where its code is one of these instead."""

    column: int
    upto: float
    turned: bool = False
    words: np.ndarray | None = None


class Leaf(NamedTuple):
    rows: float
    answer: float


class Fork(NamedTuple):
    """`left` and `right` of the comparison of that number."""

    rows: float
    number: int
    left: Node
    right: Node


Node = Leaf | Fork


@dataclass(frozen=True)
class ShapTree:
    """`splits` are numbered in the order in which they are met; an outcome's bit k says whether number k holds."""

    root: Node
    splits: Sequence[TreeSplit]

    @classmethod
    def of(cls, structure: Mapping[str, Any]) -> ShapTree:
        """Of a tree as LightGBM dumps it. Raises NotImplementedError where it compares in a way that we do not know."""
        splits: list[TreeSplit] = []
        return cls(_node(structure, splits), splits)

    def __len__(self) -> int:
        return len(self.splits)

    @property
    def outcomes(self) -> int:
        return 1 << len(self)

    @functools.cached_property
    def used(self) -> list[int]:
        """The columns that are compared, in order."""
        return sorted({one.column for one in self.splits})

    @property
    def mean(self) -> float:
        """The answer about somebody of whom nothing is known."""
        return float(self._expected(self.root, np.zeros((1, len(self.used)), dtype=bool))[0, 0])

    def answers(self) -> np.ndarray:
        """float64[outcomes]."""
        return self._expected(self.root, np.ones((1, len(self.used)), dtype=bool))[0]

    def shap(self) -> np.ndarray:
        """float64[outcomes, columns used]: the mean, over all orders in which the columns could become known, of what
        each changes (Shapley 1953)."""
        count = len(self.used)
        subsets = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1 == 1
        return (_shapley(count) @ self._expected(self.root, subsets)).T

    def _expected(self, node: Node, subsets: np.ndarray) -> np.ndarray:
        """float64[subsets, outcomes], or what broadcasts to it: the mean answer below a node about somebody of whom the
        columns of a subset compare as the outcome says, and the others as those of the rows that it was grown on."""
        if isinstance(node, Leaf):
            return np.full((1, 1), node.answer)
        split = self.splits[node.number]
        known = subsets[:, self.used.index(split.column), None]
        goes_left = ((np.arange(self.outcomes) >> node.number) & 1 == 1) != split.turned
        low, high = self._expected(node.left, subsets), self._expected(node.right, subsets)
        share = node.left.rows / node.rows
        return np.where(known, np.where(goes_left, low, high), share * low + (1 - share) * high)


def _node(node: Mapping[str, Any], splits: list[TreeSplit]) -> Node:
    if "split_feature" not in node:
        return Leaf(float(node.get("leaf_count", 1)), float(node["leaf_value"]))
    number = len(splits)
    splits.append(_split(node))
    left, right = _node(node["left_child"], splits), _node(node["right_child"], splits)
    return Fork(float(node["internal_count"]), number, left, right)


def _split(node: Mapping[str, Any]) -> TreeSplit:
    column, kind, missing = int(node["split_feature"]), node["decision_type"], node["missing_type"]
    if kind == "<=" and missing in ("None", "NaN"):
        upto = float(node["threshold"])
        if node["default_left"] if missing == "NaN" else upto >= 0:  # to a tree that saw none, missing is 0
            return TreeSplit(column, -float(np.nextafter(upto, np.inf)), turned=True)
        return TreeSplit(column, upto)
    codes = [int(code) for code in str(node["threshold"]).split("||")] if kind == "==" else [WORDS]
    if max(codes) >= WORDS:
        raise NotImplementedError(f"a comparison {kind} where missing is {missing}")
    words = np.zeros(WORDS, dtype=bool)
    words[codes] = True
    return TreeSplit(column, -math.inf, words=words)


@functools.cache
def _shapley(count: int) -> np.ndarray:
    """float64[count, 2^count]: times the mean answers by subset, the Shapley value of each of `count` columns."""
    weights = np.zeros((count, 1 << count))
    for subset in range(1 << count):
        size = subset.bit_count()
        for column in range(count):
            if subset >> column & 1:
                weights[column, subset] = math.factorial(size - 1) * math.factorial(count - size)
            else:
                weights[column, subset] = -math.factorial(size) * math.factorial(count - size - 1)
    return weights / math.factorial(count)
