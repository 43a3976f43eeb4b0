"""Columns of features as numpy arrays: numbers with NaN for missing, words with None for missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scv.errors import look_up

Column: TypeAlias = Sequence[Any] | np.ndarray | Any
"""A list, a numpy array or an Arrow array (whose types nobody ships)."""
Features: TypeAlias = Mapping[str, Column]
"""Full feature name → one value per customer; None, null and NaN are missing."""


def column(features: Features, name: str) -> Column:
    """One column. Raises UnknownName: a column that is not there is a mistake, never "missing"."""
    if name in features:  # every live score comes here for every column
        return features[name]
    return look_up("feature", name, features, "Read every feature of the service, then ask again.")


def numbers(values: Column) -> np.ndarray:
    """float64[n]; missing is NaN.

    >>> numbers([1, None, 2.5])
    array([1. , nan, 2.5])
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.astype(np.float64, copy=False)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def first_of(*rules: tuple[np.ndarray, str], otherwise: str) -> np.ndarray:
    """object[n]: the word of the first rule, bool[n], that holds.

    >>> first_of((np.array([True, False]), "a"), (np.array([True, True]), "b"), otherwise="").tolist()
    ['a', 'b']
    """
    found = np.full(len(rules[0][0]), otherwise, dtype=object)
    for holds, word in reversed(rules):
        found[holds] = word
    return found


def words(values: Column) -> np.ndarray:
    """object[n] of str; missing is None."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return np.asarray(values.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=object)
    found = np.empty(len(values), dtype=object)
    found[:] = [value if isinstance(value, str) else None for value in values]
    return found


def codes(values: Column, levels: Sequence[str]) -> np.ndarray:
    """float64[n]: the place of each word among `levels`; NaN for one that is missing or none of them.

    >>> codes(["b", None, "c"], ("a", "b"))
    array([ 1., nan, nan])
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return numbers(pc.index_in(values.cast(pa.string()), pa.array(levels, pa.string())))
    place = {level: float(i) for i, level in enumerate(levels)}
    return np.array([place.get(word, np.nan) for word in words(values)], dtype=np.float64)
