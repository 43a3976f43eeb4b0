"""Features into a model's input: one float64 matrix, the same call in trainer and scorer.

Missing is NaN. Words become the index of their level in the bundle (an unknown word is missing); derived features and
the phase are computed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scv.errors import CerebroError, expect
from scv.features import derived
from scv.features.array import Column as Values
from scv.features.array import Features, codes, column, numbers
from scv.features.program import Program
from scv.model.column import Column
from scv.targets.phase import phase

BLOCK_ROWS = 256
"""Rows that are laid side by side at once: they fit into a core's own cache."""


class Encoder:
    """Laid out once for some columns; then `matrix` for any features. Raises UnknownName for a derived feature that
    nobody defines any more."""

    def __init__(self, columns: Sequence[Column]) -> None:
        known = derived.collect()
        expect("derived feature", [one.name for one in columns if one.dtype == "derived"], known)
        self.columns = tuple(columns)
        computed = [j for j, one in enumerate(columns) if one.dtype not in ("phase", "str")]
        parts = [known[one.name].term if one.dtype == "derived" else one.name for one in (columns[j] for j in computed)]
        self._read = sorted({name for part in parts for name in derived.inputs_of(part)})
        self._program = Program(self._read, parts)
        self._coded = [(j, one) for j, one in enumerate(columns) if one.dtype in ("phase", "str")]
        self._from = np.zeros(len(columns), dtype=np.int64)
        self._from[computed] = self._program.places

    def matrix(self, features: Features) -> np.ndarray:
        """float64[n, k], C order, NaN for missing.

        `features` are full names → n values each and must hold every input of every column. Raises UnknownName for
        one that is not there, CerebroError for an infinite value.
        """
        read = [_plain(column(features, name)) for name in self._read]
        coded = [(j, _codes(features, one)) for j, one in self._coded]
        rows = len(next(iter(features.values()), ()))
        found = np.empty((rows, len(self.columns)))
        for start in range(0, rows if read else 0, BLOCK_ROWS):
            block = slice(start, min(start + BLOCK_ROWS, rows))
            found[block] = self._program.run(_stacked([one[block] for one in read]))[self._from].T
        for j, value in coded:
            found[:, j] = value
        if np.isinf(found).any():  # at once: a live score has one row and many columns
            self._refuse(found)
        return found

    def _refuse(self, found: np.ndarray) -> None:
        named = [one.name for one, endless in zip(self.columns, np.isinf(found).any(axis=0), strict=True) if endless]
        raise CerebroError(f"Not a finite number in {', '.join(named)}: no score is made of it. Mend the source.")


def _plain(values: Values) -> Values:
    """A column whose parts can be stacked; a list stays one, for a live score has many and each of one value."""
    return values if type(values) is list else numbers(values)


def _stacked(parts: Sequence[Values]) -> np.ndarray:
    """float64[columns, n]; missing is NaN. Lists in one go."""
    laid = [[np.nan if value is None else value for value in one] if type(one) is list else one for one in parts]
    return np.array(laid, dtype=np.float64)


def _codes(features: Features, one: Column) -> np.ndarray:
    if one.dtype == "str":
        return codes(column(features, one.name), one.levels)
    if one.rule is None:
        raise CerebroError(f"Column {one.name} of kind phase has no rule: train a new bundle.")
    return codes(phase(features, one.rule), one.levels)
