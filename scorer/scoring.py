"""Scores: what may be said of each customer and target. Pure; the live server and Tuesday's export both call it.

Because both call it with the same values and one row never touches another, the file equals the live reply to the
last digit at the same log position.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.contact import NEEDS, Contact, contact_of
from scorer.reasons import Reason, inputs_of, reasons_of
from scorer.subjects import Freshness, Subjects
from scv.events.country import Country
from scv.features import fetcher
from scv.features.array import Features
from scv.model import vector
from scv.model.bundle import Band, Bundle
from scv.model.encoder import Encoder
from scv.targets import population
from scv.targets.phase import NEEDS as PHASE_NEEDS
from scv.targets.phase import phase
from scv.targets.target import Basis, Target
from scv.targets.target import get as target_named

Status = Literal["SCORED", "NOT_APPLICABLE", "UNKNOWN_CUSTOMER", "STALE_REFUSED"]
Past = Mapping[str, Mapping[str, float]]
"""Target → customer → probability in the file of the Tuesday before."""

UNKNOWN = "nobody of this id in any family"


def _fetchers(features: Iterable[str]) -> frozenset[str]:
    """Of full names."""
    return frozenset(name.partition("__")[0] for name in features)


_PHASE, _POPULATION = _fetchers(PHASE_NEEDS), _fetchers(population.NEEDS)


@dataclass(frozen=True)
class Rules:
    """What of the settings decides a score: the age beyond which none is given, the secret of the held-out draw."""

    refuse_after_s: float
    salt: str


def past_of(scores: pa.Table) -> Past:
    """What a published week's scores told of those who were scored."""
    scored, told = scores.filter(pc.equal(scores["status"], "SCORED")), dict[str, dict[str, float]]()
    columns = (scored[name].to_pylist() for name in ("target", "customer_id", "probability"))
    for target, customer_id, probability in zip(*columns, strict=True):
        told.setdefault(target, {})[customer_id] = probability
    return told


@dataclass(frozen=True)
class TargetScore:
    """One target of one customer; numbers are None and `reasons` empty unless SCORED.

    `probability` is calibrated, of the event within `horizon_days` local days, until `horizon_end`. `change` is
    against the file of the Tuesday before, None where that has no score.
    """

    target: str
    basis: Basis
    status: Status
    status_reason: str
    horizon_days: int
    horizon_end: datetime | None
    model: str
    probability: float | None = None
    band: Band | None = None
    times_usual: float | None = None
    change: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Score:
    """One customer at `at`. `known`: see `Subjects`. `phase` and `contact` are None where the customer is not known,
    `phase` also where what it is told from is not built.
    """

    customer_id: str
    known: bool | None
    at: datetime | None
    phase: str | None
    contact: Contact | None
    freshness: Mapping[str, Freshness]
    targets: Sequence[TargetScore] = field(default=())

    @property
    def receipt(self) -> str:
        """16 hex digits that name this answer: its instant, models and numbers."""
        parts = [self.customer_id, str(self.at), *(f"{t.target}={t.model}={t.probability!r}" for t in self.targets)]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def score(
    subjects: Subjects,
    country: Country,
    models: Mapping[str, Bundle | None],
    rules: Rules,
    past: Past,
    with_reasons: bool = True,
) -> list[Score]:
    """One score per subject, in order; targets in the order of `models` (None: no champion yet).

    Raises CerebroError for a value that is not finite.
    """
    if not len(subjects):
        return []
    phases = phase(subjects.features, country)
    verdicts = {name: _verdicts(subjects, country, target_named(name), model, rules) for name, model in models.items()}
    asked = {name: [i for i, one in enumerate(scores) if one.status == "SCORED"] for name, scores in verdicts.items()}
    answering = {name: model for name, model in models.items() if model is not None and asked[name]}
    for name, matrix in _matrices(subjects.features, answering).items():
        told = _Told(past.get(name, {}), phases, with_reasons)
        _fill(verdicts[name], asked[name], answering[name], matrix, (subjects, country, told))
    by_target = list(verdicts.values())
    contacts = policies(subjects, country, rules)
    return [
        Score(
            customer_id=subjects.customer_ids[i],
            known=subjects.known[i],
            at=subjects.at[i],
            phase=str(phases[i]) if subjects.known[i] and not _missing(subjects.freshness[i], _PHASE) else None,
            contact=contacts[i],
            freshness=subjects.freshness[i],
            targets=tuple(scores[i] for scores in by_target),
        )
        for i in range(len(subjects))
    ]


def policies(subjects: Subjects, country: Country, rules: Rules) -> list[Contact | None]:
    """Whether each may be contacted: what the list, the live reply and whoever looks once more go by. None: unknown."""
    needed = _fetchers(NEEDS)
    lacks = [_missing(one, needed) for one in subjects.freshness]
    found: list[Contact | None] = []
    for i, values in enumerate(subjects.rows(NEEDS)):
        at = subjects.at[i]
        if not subjects.known[i] or at is None:
            found.append(None)
        elif lacks[i]:  # whoever asked not to be called must not be called for want of his row
            found.append(Contact("SUPPRESSED", _incomplete(lacks[i]), ()))
        else:
            found.append(contact_of(subjects.customer_ids[i], values, country, at, rules.salt))
    return found


class _Needed(NamedTuple):
    """The fetchers that tell who is asked about, and those that the model reads."""

    telling: frozenset[str]
    read: Sequence[str]


class _Told(NamedTuple):
    """What numbers are told with: last Tuesday's by customer, everybody's phase, and whether reasons are wanted."""

    before: Mapping[str, float]
    phases: np.ndarray
    reasons: bool


def _verdicts(
    subjects: Subjects, country: Country, target: Target, model: Bundle | None, rules: Rules
) -> list[TargetScore]:
    """One target of everyone without its numbers: whether there is a score, and why not."""
    excluded = target.not_applicable(subjects.features, country)
    needed = _Needed(_POPULATION | _fetchers(target.needs), _reads(model)[1] if model else ())
    days, id = country.days(target.horizon), model.info.id if model else ""
    ends: dict[datetime | None, datetime] = {at: target.horizon_end(at, country) for at in set(subjects.at) if at}
    verdicts = [_verdict(subjects, i, needed, rules, str(excluded[i]), model) for i in range(len(subjects))]
    return [
        TargetScore(target.name, target.basis, status, why, days, ends.get(at), id)
        for (status, why), at in zip(verdicts, subjects.at, strict=True)
    ]


def _matrices(features: Features, models: Mapping[str, Bundle]) -> dict[str, np.ndarray]:
    """Each model's input; what several of them read is computed once."""
    if not models:
        return {}
    encoder, places = _shared(tuple(models.values()))
    whole = encoder.matrix(features)
    return {name: whole[:, place] for name, place in zip(models, places, strict=True)}


@functools.lru_cache(maxsize=32)
def _shared(models: tuple[Bundle, ...]) -> tuple[Encoder, list[np.ndarray]]:
    """Every column that some of these models read, once, and for each model where its own are among them."""
    place = {column: j for j, column in enumerate(dict.fromkeys(one for model in models for one in model.columns))}
    return Encoder(list(place)), [np.array([place[one] for one in model.columns]) for model in models]


def _fill(
    scores: list[TargetScore],
    asked: Sequence[int],
    model: Bundle,
    matrix: np.ndarray,
    context: tuple[Subjects, Country, _Told],
) -> None:
    """The numbers of those who have a score."""
    subjects, country, told = context
    names = _reads(model)[0]
    rows = subjects.rows(inputs_of(names)) if told.reasons else []
    matrix = np.ascontiguousarray(matrix[asked])
    probabilities, added = model.explained(matrix) if told.reasons else (model.score(matrix), None)
    for k, (i, probability) in enumerate(zip(asked, probabilities.tolist(), strict=True)):
        before, level = told.before.get(subjects.customer_ids[i]), str(told.phases[i])
        weights = {} if added is None else dict(zip(names, added[k].tolist(), strict=True))
        scores[i] = replace(
            scores[i],
            probability=probability,
            band=model.band(probability, level),
            times_usual=model.times_usual(probability, level),
            change=None if before is None else probability - before,
            reasons=() if added is None else reasons_of(weights, rows[i], country, scores[i].target, level),
        )


@functools.lru_cache(maxsize=32)
def _reads(model: Bundle) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Its columns, and the fetchers that they need."""
    known = fetcher.all_features()
    needed = {known[name].fetcher for name in vector.inputs(model.columns) if name in known}
    return tuple(column.name for column in model.columns), tuple(sorted(needed))


def _verdict(
    subjects: Subjects, i: int, needed: _Needed, rules: Rules, excluded: str, model: Bundle | None
) -> tuple[Status, str]:
    """Status and reason of one customer: unknown before stale, and stale before a population that it may have wrong."""
    if subjects.known[i] is False:
        return "UNKNOWN_CUSTOMER", UNKNOWN
    freshness = subjects.freshness[i]
    missing = _missing(freshness, freshness if subjects.known[i] is None else {*needed.telling, *needed.read})
    stale = _incomplete(missing) if missing else _too_old(freshness, needed.read, rules.refuse_after_s)
    if stale:
        return "STALE_REFUSED", stale
    if excluded:
        return "NOT_APPLICABLE", excluded
    return ("SCORED", "") if model else ("NOT_APPLICABLE", "no model yet: run `cerebro train`")


def _missing(freshness: Mapping[str, Freshness], fetchers: Iterable[str]) -> set[str]:
    """Those of some fetchers that are MISSING."""
    return {name for name in fetchers if name in freshness and freshness[name].state == "MISSING"}


def _incomplete(missing: Iterable[str]) -> str:
    return f"not complete here: {', '.join(sorted(missing))}. Run `cerebro rebuild`, or wait for the first watermark"


def _too_old(freshness: Mapping[str, Freshness], needed: Sequence[str], limit_s: float) -> str:
    ages = {name: freshness[name].age_s or 0.0 for name in needed}
    late = [f"{name} ({age / 3600:.0f} h)" for name, age in ages.items() if age > limit_s]
    return f"too old: {', '.join(late)}. No score beyond {limit_s / 3600:.0f} h" if late else ""
