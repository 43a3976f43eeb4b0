"""Rows of another country for a small one: all together, or a larger country's model as something to go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.candidates.known import Fit, Known, Logits
from bench.candidates.method import blend
from trainer.dataset import TrainingSet

GROUP = 150
"""Customers of a country that has just begun."""
GROUPS = 4


def small_ones(rows: TrainingSet) -> Iterator[TrainingSet]:
    """Rows of some customers each, as if nobody else were in the country."""
    count = max(len(rows.ids) // GROUP, 1)
    of = np.random.default_rng(7).permutation(len(rows.ids)) % count
    for group in range(min(count, GROUPS)):
        yield rows.take(np.flatnonzero(of[rows.customers] == group))


@dataclass(frozen=True)
class Pool:
    """`big` are the rows of another country, with the columns of the small one."""

    big: TrainingSet

    @classmethod
    def beside(cls, big: TrainingSet, small: TrainingSet) -> Pool:
        places = {(one.name, one.levels): j for j, one in enumerate(big.columns)}
        found = [places.get((one.name, one.levels)) for one in small.columns]
        parts = [np.full(len(big), np.nan) if j is None else big.matrix[:, j] for j in found]
        return cls(replace(big, columns=small.columns, matrix=np.column_stack(parts)))

    @property
    def fits(self) -> dict[str, Fit]:
        return {
            "rows of both": self.together,
            "the other's logits as a column": self.borrowed,
            "the other's": self.others,
        }

    def together(self, known: Known) -> Logits:
        """One model of all rows, which is told the country."""
        big, small = self._then(known), known.rows
        flag = next(one for one in small.columns if not one.levels)
        both = replace(
            small,
            columns=(*small.columns, flag),
            matrix=np.concatenate([_flagged(small.matrix, 1.0), _flagged(big.matrix, 0.0)]),
            at_us=np.concatenate([small.at_us, big.at_us]),
            y=np.concatenate([small.y, big.y]),
        )
        logits = blend(both, {})
        return lambda matrix: logits(_flagged(matrix, 1.0))

    def borrowed(self, known: Known) -> Logits:
        """A model of the small country's rows, to which the other's model is a column."""
        theirs, small = self.others(known), known.rows
        told = next(one for one in small.columns if not one.levels)
        wider = replace(
            small, columns=(*small.columns, told), matrix=np.column_stack([small.matrix, theirs(small.matrix)])
        )
        logits = blend(wider, {})
        return lambda matrix: logits(np.column_stack([matrix, theirs(matrix)]))

    def others(self, known: Known) -> Logits:
        """The other country's model as it is; what calibrates it knows the small one."""
        return blend(self._then(known), {})

    def _then(self, known: Known) -> TrainingSet:
        """The other's rows with final labels: all of them where its history was over before."""
        return self.big.take(np.flatnonzero(self.big.mature_by(known.at_us)))


def _flagged(matrix: np.ndarray, flag: float) -> np.ndarray:
    return np.column_stack([matrix, np.full(len(matrix), flag)])
