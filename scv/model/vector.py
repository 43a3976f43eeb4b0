"""A model's input: named features as one float64 matrix, the same call in trainer and scorer.

Missing is NaN. Words become the index of their level in the bundle (an unknown word is missing); derived
features and the phase are computed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scv.errors import CerebroError, expect
from scv.events.country import Country
from scv.features import derived
from scv.features.array import Column as Values
from scv.features.array import Features, codes, column, numbers, words
from scv.features.fetcher import all_features
from scv.fetchers import roles
from scv.stamp import print_of
from scv.targets.phase import NEEDS as PHASE_NEEDS
from scv.targets.phase import PHASES, PhaseRule, phase

PHASE = "phase"
Kind = Literal["int", "float", "str", "derived", "phase"]
MOST_LEVELS = 12
LEAST_ROWS = 5
BLOCK_ROWS = 1024
"""Rows that are laid side by side at once: they fit into a core's own cache."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a model's matrix.

    `fingerprint` says what it computes. `levels` are the words that a number stands for; `rule` is kept for the
    phase only.
    """

    name: str
    dtype: Kind
    fingerprint: str
    levels: tuple[str, ...] = ()
    rule: PhaseRule | None = None


def matrix(features: Features, columns: Sequence[Column]) -> np.ndarray:
    """float64[n, k], C order, NaN for missing.

    `features` are full names → n values each and must hold every input of every column. Raises UnknownName for
    one that is not there, CerebroError for an infinite value.
    """
    return _side_by_side(features, _each(features, columns), columns)


def _each(features: Features, columns: Sequence[Column]) -> list[np.ndarray]:
    """float64[n] of every column."""
    expect("derived feature", [one.name for one in columns if one.dtype == "derived"], derived.collect())
    read = sorted(inputs([one for one in columns if one.dtype not in ("phase", "str")]))
    numeric = {name: numbers(column(features, name)) for name in read}
    return [_values(features, one, numeric) for one in columns]


def _side_by_side(features: Features, values: Sequence[np.ndarray], columns: Sequence[Column]) -> np.ndarray:
    rows = len(values[0]) if values else len(next(iter(features.values()), ()))
    found = np.empty((rows, len(columns)))
    for start in range(0, rows, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        for j, one in enumerate(values):
            found[block, j] = one[block]
    if np.isinf(found).any():  # at once: a live score has one row and many columns
        _refuse(values, columns)
    return found


def _refuse(values: Sequence[np.ndarray], columns: Sequence[Column]) -> None:
    named = [one.name for one, value in zip(columns, values, strict=True) if np.isinf(value).any()]
    if named:
        raise CerebroError(f"Not a finite number in {', '.join(named)}: no score is made of it. Mend the source.")


def _values(features: Features, one: Column, numeric: Mapping[str, np.ndarray]) -> np.ndarray:
    if one.dtype == "phase":
        if one.rule is None:
            raise CerebroError(f"Column {one.name} of kind phase has no rule: train a new bundle.")
        return codes(phase(features, one.rule), one.levels)
    if one.dtype == "str":
        return codes(column(features, one.name), one.levels)
    if one.dtype != "derived":
        return numeric[one.name]
    with np.errstate(over="ignore"):  # an overflow is found as an infinite value
        return derived.collect()[one.name].values(numeric)


def inputs(columns: Sequence[Column]) -> set[str]:
    """The full names of all features that `matrix` reads for these columns."""
    known = derived.collect()
    found: set[str] = set()
    for one in columns:
        if one.dtype == "derived":
            found.update(known[one.name].inputs if one.name in known else ())
        else:
            found.update(PHASE_NEEDS if one.dtype == "phase" else (one.name,))
    return found


def candidates(features: Features, country: Country) -> tuple[Column, ...]:
    """Every column a model of this country may use, given the training rows: see `chosen`."""
    return chosen(features, country)[0]


def chosen(features: Features, country: Country) -> tuple[tuple[Column, ...], np.ndarray]:
    """Every column a model of this country may use, given the training rows, and their `matrix`: each varies among
    them, and none says what one before it says already (money spent, and what of it was kept, where nothing ever came
    back).

    Numbers, derived features, the phase, and words with at most `MOST_LEVELS` levels seen in enough rows; age
    and sex only where the country says so.
    """
    found = _allowed(features, country)
    values, told = _each(features, found), dict[bytes, int]()
    _refuse(values, found)
    for j, value in enumerate(values):
        same = np.where(np.isnan(value), np.nan, value + 0.0)  # one kind of NaN, one zero
        if _varies(same):
            told.setdefault(hashlib.sha256(same.data).digest(), j)
    kept = tuple(found[j] for j in told.values())
    return kept, _side_by_side(features, [values[j] for j in told.values()], kept)


def _allowed(features: Features, country: Country) -> list[Column]:
    """Every column that these features give, whatever it says of these rows."""
    allowed = set(features) - set(() if country.use_age_and_sex else roles.PERSONAL)
    found = []
    for name, one in all_features().items():
        if name in allowed:
            levels = _levels(features[name]) if one.dtype == "str" else ()
            found.append(Column(name=name, dtype=one.dtype, fingerprint=one.fingerprint, levels=levels))
    for name, term in derived.collect().items():
        if set(term.inputs) <= allowed:
            found.append(Column(name=name, dtype="derived", fingerprint=fingerprint(name, "derived")))
    if set(PHASE_NEEDS) <= set(features):
        print_, rule = fingerprint(PHASE, "phase"), PhaseRule.of(country)
        found.append(Column(name=PHASE, dtype="phase", fingerprint=print_, levels=PHASES, rule=rule))
    return found


def _levels(values: Values) -> tuple[str, ...]:
    """The most frequent words, in alphabetical order."""
    counted = pc.value_counts(pa.array(words(values), pa.string()).drop_null())
    names, counts = (counted.field(place).to_pylist() for place in (0, 1))
    ranked = sorted((-count, name) for name, count in zip(names, counts, strict=True))
    return tuple(sorted(name for count, name in ranked[:MOST_LEVELS] if -count >= LEAST_ROWS))


def _varies(value: np.ndarray) -> bool:
    seen = value[~np.isnan(value)]
    return len(seen) > 0 and (len(seen) < len(value) or bool(seen.min() < seen.max()))


def fingerprint(name: str, dtype: Kind) -> str:
    """What a column of this name computes now, as 8 hex digits; "" where nobody computes it any more."""
    known = all_features()
    if dtype == "phase":
        return print_of("".join(known[need].fingerprint for need in PHASE_NEEDS))
    if dtype != "derived":
        return known[name].fingerprint if name in known else ""
    one = derived.collect().get(name)
    return print_of(one.fingerprint + "".join(known[part].fingerprint for part in one.inputs)) if one else ""
