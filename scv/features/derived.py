"""Row-wise features: arithmetic over features that were read, by the same call in trainer and scorer.

A derived feature is data over a closed set of forms, `Over`, `Minus` and `Plus`, nested as one likes around full names
of features and whole numbers. Values are float64 arrays with NaN for missing: missing in, missing out.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from scv import project
from scv.errors import BadSetting, UnknownName, expect, named
from scv.features.array import Features, numbers
from scv.features.fetcher import NAME, RESERVED, all_features
from scv.stamp import print_of

PREFIX = f"{RESERVED}__"
VERSION = 1
"""Of what the forms compute: raised when one of them is changed, so that bundles notice."""


@dataclass(frozen=True, init=False)
class Term:
    """One form of its parts, joined from left to right by its `sign`."""

    parts: tuple[Part, ...]
    sign: ClassVar[str] = "?"

    def __init__(self, *parts: Part) -> None:
        object.__setattr__(self, "parts", parts)

    def join(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def __str__(self) -> str:
        """As people write it.

        >>> print(Over(Minus("a", "b"), 28))
        (a − b) / 28
        """
        return f" {self.sign} ".join(f"({one})" if isinstance(one, Term) else str(one) for one in self.parts)


Part: TypeAlias = str | int | Term


class Over(Term):
    """A quotient; missing where what it is divided by is zero."""

    sign = "/"

    def join(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        empty = np.full(np.broadcast_shapes(left.shape, right.shape), np.nan)
        return np.divide(left, right, out=empty, where=right != 0)


class Minus(Term):
    """A difference."""

    sign = "−"

    def join(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return left - right


class Plus(Term):
    """A sum."""

    sign = "+"

    def join(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return left + right


def evaluate(part: Part, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """float64[n], given every feature that the part names.

    >>> evaluate(Over("a", Plus("a", "b")), {"a": np.array([1.0, 0.0, np.nan]), "b": np.array([3.0, 0.0, 1.0])})
    array([0.25,  nan,  nan])
    """
    if isinstance(part, Term):
        return functools.reduce(part.join, (evaluate(one, values) for one in part.parts))
    return values[part] if isinstance(part, str) else np.array(float(part))


def inputs_of(part: Part) -> tuple[str, ...]:
    """The features that a part names, in order, each once."""
    if isinstance(part, Term):
        return tuple(dict.fromkeys(name for one in part.parts for name in inputs_of(one)))
    return (part,) if isinstance(part, str) else ()


@dataclass(frozen=True)
class Derived:
    """One derived feature."""

    name: str
    term: Term
    doc: str

    @property
    def full_name(self) -> str:
        return PREFIX + self.name

    @functools.cached_property
    def inputs(self) -> tuple[str, ...]:
        """Full names; the first one's words speak for it."""
        return inputs_of(self.term)

    @functools.cached_property
    def fingerprint(self) -> str:
        """8 hex digits of the arithmetic, not of its words; the inputs have fingerprints of their own."""
        return print_of(VERSION, self.name, repr(self.term))

    def values(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """float64[n], given its inputs by full name."""
        return evaluate(self.term, inputs)


def beside(features: Features) -> dict[str, np.ndarray]:
    """Every derived feature, by full name, whose inputs are among these features: float64[n]."""
    rows = [one for one in collect().values() if set(one.inputs) <= set(features)]
    inputs = {name: numbers(features[name]) for one in rows for name in one.inputs}
    with np.errstate(over="ignore"):
        return {one.full_name: one.values(inputs) for one in rows}


@functools.cache
def collect() -> dict[str, Derived]:
    """Every derived feature in `scv.fetchers.derived` and in the project's derived/, by full name, in order of
    definition.

    Raises BadSetting where two have one name, UnknownName for an input that no fetcher has; of the project's files
    BadSetting with file and line.
    """
    rows: tuple[Derived, ...] = importlib.import_module("scv.fetchers.derived").DERIVED
    for one in rows:
        expect("feature", one.inputs, all_features(), f"(in derived feature {one.name})")
    return _with_own(named("derived feature", ((one.full_name, one) for one in rows)))


def _with_own(ours: dict[str, Derived]) -> dict[str, Derived]:
    found, owner = dict(ours), dict.fromkeys(ours, "Cerebro's own")
    for file in project.definitions("derived"):
        rows = list(dict.fromkeys(file.held(Derived)))
        project.declares(file, len(rows))
        for one in rows:
            if found.get(one.full_name) is one:  # a neighbour's, imported
                continue
            _check(one, file)
            if one.full_name in found:
                raise project.clash("derived feature", one.name, file.path, owner[one.full_name])
            found[one.full_name], owner[one.full_name] = one, project.place(file.path, one.name)
    return found


def _check(one: Derived, file: project.Definition) -> None:
    where = project.place(file.path, one.name)
    if not NAME.fullmatch(one.name):
        raise BadSetting(f"{where}: names are lower case words, as in spend_per_item, not {one.name!r}.")
    if not one.doc.strip():
        raise BadSetting(f"{where}: derived feature {one.name} says nothing of itself: one sentence for an analyst.")
    try:
        expect("feature", one.inputs, all_features())
    except UnknownName as error:
        raise BadSetting(f"{where}: {error} `cerebro catalogue` lists them.") from error
