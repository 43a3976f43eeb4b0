"""Many derived features at once: what several of them share is computed once, and steps of one kind in one go.

A live score is one row, and arithmetic on one number costs as much as on a thousand: so the terms are taken apart into
steps, and all steps of one form that need nothing but what is known already are done together. Each number comes from
the same operation on the same two numbers as by `derived.evaluate`, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scv.features.derived import Part, Term


class _Step(NamedTuple):
    """Joins of one form: the places of both sides among the values, and where the results come."""

    form: Term
    left: np.ndarray
    right: np.ndarray
    into: np.ndarray


class Program:
    """For inputs by name, in this order; `places` says where the value of each part stands in what `run` gives."""

    def __init__(self, inputs: Sequence[str], parts: Sequence[Part]) -> None:
        self._place: dict[object, int] = {name: place for place, name in enumerate(inputs)}
        self._numbers: list[tuple[int, float]] = []
        self._joins: dict[tuple[int, type[Term]], list[tuple[int, int, int]]] = {}
        self._depth = [0] * len(inputs)
        self._width = len(inputs)
        self.places = np.array([self._take(part) for part in parts], dtype=np.int64)
        self._steps = [
            _Step(form(), *np.array(joins, dtype=np.int64).T)
            for (_, form), joins in sorted(self._joins.items(), key=_turn)
        ]

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """float64[values, n], the inputs float64[k, n] first. Overflow gives an infinite value and no warning."""
        values = np.empty((len(self._depth), inputs.shape[1]))
        values[: self._width] = inputs
        for place, number in self._numbers:
            values[place] = number
        with np.errstate(over="ignore"):
            for form, left, right, into in self._steps:
                values[into] = form.join(values[left], values[right])
        return values

    def _take(self, part: Part) -> int:
        """Where a part's value stands; everything that it needs stands before it."""
        if not isinstance(part, Term):
            if part not in self._place:
                self._numbers.append((self._new(part, 0), float(part)))
            return self._place[part]
        place = self._take(part.parts[0])
        for other in part.parts[1:]:
            place = self._join(type(part), place, self._take(other))
        return place

    def _join(self, form: type[Term], left: int, right: int) -> int:
        key = form, left, right
        if key not in self._place:
            depth = 1 + max(self._depth[left], self._depth[right])
            into = self._new(key, depth)
            self._joins.setdefault((depth, form), []).append((left, right, into))
        return self._place[key]

    def _new(self, key: object, depth: int) -> int:
        self._place[key] = len(self._depth)
        self._depth.append(depth)
        return self._place[key]


def _turn(found: tuple[tuple[int, type[Term]], object]) -> tuple[int, str]:
    (depth, form), _ = found
    return depth, form.__name__
