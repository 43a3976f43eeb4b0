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

from scv.errors import CerebroError, expect
from scv.events.country import Country
from scv.features import derived
from scv.features.array import Features, column, numbers_of, words
from scv.features.fetcher import Feature, all_features
from scv.fetchers import roles
from scv.targets.phase import NEEDS as PHASE_NEEDS
from scv.targets.phase import PHASES, PhaseRule, phase

PHASE = "phase"
Kind = Literal["int", "float", "str", "derived", "phase"]
MOST_LEVELS = 12
LEAST_ROWS = 5


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
    expect("derived feature", [one.name for one in columns if one.dtype == "derived"], derived.collect())
    read = numbers_of(features, sorted(inputs([one for one in columns if one.dtype not in ("phase", "str")])))
    values = [_values(features, one, read) for one in columns]
    n = len(values[0]) if values else len(next(iter(features.values()), ()))
    found = np.empty((n, len(columns)))
    for j, one in enumerate(values):
        found[:, j] = one
    named = [one.name for one, value in zip(columns, found.T, strict=True) if np.isinf(value).any()]
    if named:
        raise CerebroError(f"Not a finite number in {', '.join(named)}: no score is made of it. Mend the source.")
    return found


def _values(features: Features, one: Column, read: Mapping[str, np.ndarray]) -> np.ndarray:
    if one.dtype == "phase":
        return _coded(phase(features, one.rule or _no_rule(one)), one.levels)
    if one.dtype == "str":
        return _coded(words(column(features, one.name)), one.levels)
    if one.dtype != "derived":
        return read[one.name]
    with np.errstate(over="ignore"):  # an overflow is found as an infinite value
        return derived.collect()[one.name].values(read)


def _coded(found: np.ndarray, levels: Sequence[str]) -> np.ndarray:
    place = {level: float(i) for i, level in enumerate(levels)}
    return np.array([place.get(word, np.nan) for word in found], dtype=np.float64)


def _no_rule(one: Column) -> PhaseRule:
    raise CerebroError(f"Column {one.name} of kind phase has no rule: train a new bundle.")


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


def candidates(
    features: Features, country: Country, definitions: Mapping[str, Feature] | None = None
) -> tuple[Column, ...]:
    """Every column a model of this country may use, given the training rows: each varies among them.

    Numbers, derived features, the phase, and words with at most `MOST_LEVELS` levels seen in enough rows; age
    and sex only where the country says so.
    """
    known = all_features() if definitions is None else definitions
    allowed = {n: f for n, f in known.items() if country.use_age_and_sex or n not in roles.PERSONAL}
    found = [_candidate(features, feature) for name, feature in allowed.items() if name in features]
    found += [
        Column(name=name, dtype="derived", fingerprint=fingerprint(name, "derived", known) or "")
        for name, one in derived.collect().items()
        if set(one.inputs) <= set(allowed) & set(features)
    ]
    if set(PHASE_NEEDS) <= set(features):
        rule = PhaseRule.of(country)
        found.append(Column(name=PHASE, dtype="phase", fingerprint=_phase_print(known), levels=PHASES, rule=rule))
    values = matrix(features, found)
    return tuple(one for one, value in zip(found, values.T, strict=True) if _varies(value))


def _candidate(features: Features, feature: Feature) -> Column:
    name = feature.full_name
    levels = _levels(words(features[name])) if feature.dtype == "str" else ()
    return Column(name=name, dtype=feature.dtype, fingerprint=feature.fingerprint, levels=levels)


def _levels(found: np.ndarray) -> tuple[str, ...]:
    """The most frequent words, in alphabetical order."""
    names, counts = np.unique([word for word in found if word is not None] or [""], return_counts=True)
    ranked = sorted(zip(-counts, names, strict=True))
    return tuple(sorted(str(name) for count, name in ranked[:MOST_LEVELS] if -count >= LEAST_ROWS))


def _varies(value: np.ndarray) -> bool:
    seen = value[~np.isnan(value)]
    return len(seen) > 0 and (len(seen) < len(value) or bool(seen.min() < seen.max()))


def fingerprint(name: str, dtype: Kind, definitions: Mapping[str, Feature] | None = None) -> str | None:
    """What a column of this name computes now, as 8 hex digits; None where nobody computes it any more."""
    known = all_features() if definitions is None else definitions
    if dtype == "phase":
        return _phase_print(known)
    if dtype != "derived":
        return known[name].fingerprint if name in known else None
    one = derived.collect().get(name)
    if one is None or not set(one.inputs) <= set(known):
        return None
    text = one.fingerprint + "".join(known[part].fingerprint for part in one.inputs)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _phase_print(known: Mapping[str, Feature]) -> str:
    text = "".join(known[name].fingerprint for name in PHASE_NEEDS if name in known)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
