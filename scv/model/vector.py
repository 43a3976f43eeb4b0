"""Which columns a model may have: of all features, those that say something, and what each computes today."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scv.events.country import Country
from scv.features import derived
from scv.features.array import Column as Values
from scv.features.array import Features, words
from scv.features.fetcher import all_features, of_family
from scv.fetchers import roles
from scv.model.column import Column, Kind
from scv.model.encoder import Encoder
from scv.stamp import print_of
from scv.targets.phase import NEEDS as PHASE_NEEDS
from scv.targets.phase import PHASES, PhaseRule

PHASE = "phase"
MOST_LEVELS = 12
LEAST_ROWS = 5
SAMPLE_ROWS = 500
"""By so many rows columns that differ are mostly told apart."""


def matrix(features: Features, columns: Sequence[Column]) -> np.ndarray:
    """Of columns that are asked for once, see `Encoder.matrix`."""
    return Encoder(columns).matrix(features)


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
    whole = Encoder(found).matrix(features)
    kept = _telling(whole)
    columns = tuple(found[j] for j in kept)
    return columns, whole if len(kept) == len(found) else np.take(whole, kept, axis=1)


def _telling(whole: np.ndarray) -> list[int]:
    """The columns that vary and say what none before them says. All are looked at together, row by row as they lie in
    memory; only those that are alike so far are compared value by value."""
    if not len(whole):
        return []
    missing = np.count_nonzero(np.isnan(whole), axis=0)
    least, most = np.fmin.reduce(whole, axis=0), np.fmax.reduce(whole, axis=0)
    sample = whole[:: 1 + len(whole) // SAMPLE_ROWS].T
    sample = np.where(np.isnan(sample), np.nan, sample + 0.0)  # one kind of NaN, one zero
    alike: dict[tuple[object, ...], list[int]] = {}
    for j in np.flatnonzero((missing < len(whole)) & ((missing > 0) | (least < most))).tolist():
        first = alike.setdefault((missing[j], least[j], most[j], sample[j].tobytes()), [])
        if not any(np.array_equal(whole[:, i], whole[:, j], equal_nan=True) for i in first):
            first.append(j)
    return sorted(j for first in alike.values() for j in first)


def _allowed(features: Features, country: Country) -> list[Column]:
    """Every column that these features give, whatever it says of these rows."""
    personal = {one.full_name for each in of_family(roles.PERSONAL) for one in each.features}
    allowed = set(features) - (set() if country.use_age_and_sex else personal)
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


def fingerprint(name: str, dtype: Kind) -> str:
    """What a column of this name computes now, as 8 hex digits; "" where nobody computes it any more."""
    known = all_features()
    if dtype == "phase":
        return print_of("".join(known[need].fingerprint for need in PHASE_NEEDS))
    if dtype != "derived":
        return known[name].fingerprint if name in known else ""
    one = derived.collect().get(name)
    return print_of(one.fingerprint + "".join(known[part].fingerprint for part in one.inputs)) if one else ""
