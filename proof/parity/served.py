"""Served vectors, recomputed: each from the lake, over the very prefix of the log that its rows were of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import msgspec

from proof.parity import cause
from proof.parity.cause import Explanation
from proof.parity.evidence import Evidence, Looked, Progress, Witness, chunks
from proof.parity.tally import Compared, Comparison, Difference
from scorer.served import vector_file
from scorer.served.vector_file import Scored
from scv.errors import CerebroError
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.model import bundle, champion, vector
from scv.model.bundle import Bundle
from scv.model.column import Column
from scv.online.reader import Reading
from scv.settings import Settings
from scv.stamp import Stamp
from terminal.arguments import the_countries

VECTOR, PROBABILITY = "served vector", "served probability"
CHUNK = 500
"""Records recomputed together."""
NONE = "No served vector is logged. CEREBRO_VECTOR_LOG_SHARE says how many are kept."
TAMPERED = Explanation(cause.OTHER, "the record is not the one that was written")
CODE = Explanation(
    cause.DEFINITION, "SQL and fold agree on another value: other code served it, or the lake's past changed"
)

Records = Mapping[str, vector_file.ReadVector]
"""By a label of their own."""


def recompute_all(settings: Settings, codes: Sequence[str], since: str | None, progress: Progress) -> list[Comparison]:
    """The countries named, of what was read since a date; where none is named, those of which anything was served."""
    found = [
        recompute(settings, one, calendar.reference(since, one) if since else None, progress)
        for one in the_countries(codes, settings)
    ]
    return found if codes else [one for one in found if one.customers] or found[:1]


def recompute(settings: Settings, country: Country, since: datetime | None, progress: Progress) -> Comparison:
    """Each logged answer of a country, read at `since` or later, value by value; `progress` as of live ones."""
    found, records = Comparison(country.code, None), dict[str, vector_file.ReadVector]()
    for one in vector_file.read(settings.vectors_path):
        if isinstance(one, str):
            found.notes.append(f"{one} cannot be read: left out.")
        elif one.served.country == country.code and (since is None or one.served.at >= since):
            records[f"{one.served.customer_id} at {one.served.at.isoformat()} ({len(records) + 1})"] = one
    found.customers = len({one.served.customer_id for one in records.values()})
    found.notes.append(f"{len(records):,} served answers recomputed." if records else NONE)
    with closing(Witness(settings, country)) as lake:
        model = functools.cache(functools.partial(_model, settings, country, found))
        for number, some in enumerate(chunks(list(records.items()), CHUNK)):
            _compare(dict(some), lake, found, model)
            progress(f"Recomputing {country.code}", number * CHUNK + len(some), len(records))
    return found


def _compare(records: Records, lake: Witness, tally: Comparison, model_of: Callable[[str, str], Bundle | None]) -> None:
    """Records of one country with one version of the lake."""
    evidence, features = dict[tuple[str, str], Evidence](), dict[str, dict[str, Any]]()
    for one in fetcher.collect().values():
        found = lake.evidence(one, {label: _read(one, read) for label, read in records.items()})
        evidence |= {(one.name, label): each for label, each in found.items()}
        batch = {label: each.steps[0][0] for label, each in found.items()}
        features |= {each.full_name: {k: row.get(each.name) for k, row in batch.items()} for each in one.features}
    for (target, id), scores in _by_model(records).items():
        chosen, served = {label: records[label] for label in scores}, list(scores.values())
        columns, model = next(iter(chosen.values())).models[target, id].columns, model_of(target, id)
        whys = {one.name: _why_not(one) for one in columns}
        today = [one for one in columns if not whys[one.name]]
        matrix = vector.matrix({name: [of[one] for one in scores] for name, of in features.items()}, today)
        expected = {one.name: values.tolist() for one, values in zip(today, matrix.T, strict=True)}
        for j, column in enumerate(columns):
            sides = expected.get(column.name, [None] * len(served)), [one.vector[j] for one in served]
            inputs = vector.inputs([column]) if column in today else ()
            hint = functools.partial(_hint, chosen, whys[column.name])
            tally.compare(Compared(VECTOR, target, column.name), chosen, sides, inputs, hint)
        if model and len(today) == len(columns):
            sides = model.score(matrix).tolist(), [one.probability for one in served]
            place, hint = Compared(PROBABILITY, target, "probability"), functools.partial(_hint, chosen, "")
            tally.compare(place, chosen, sides, vector.inputs(columns), hint)
    tally.explain(evidence, [CODE])


def _model(settings: Settings, country: Country, tally: Comparison, target: str, id: str) -> Bundle | None:
    """The bundle that answered; None where it is gone or may not answer today."""
    try:
        return bundle.load(champion.folder(settings, country.code, target) / id, country)
    except CerebroError as error:
        tally.notes.append(f"The probabilities of {target} {id} are not compared: {error}")
        return None


def _why_not(column: Column) -> str:
    """Why a column is not today's, in words; "" where it is."""
    today = Stamp(definitions={column.name: vector.fingerprint(column.name, column.dtype) or "nothing"})
    return Stamp(definitions={column.name: column.fingerprint}).why_not(today)


def _hint(records: Records, why: str, one: Difference) -> list[Explanation]:
    """The record is of another stamp than its line's check or today's columns."""
    return [Explanation(cause.OTHER, why)] if why else [] if records[one.customer].intact else [TAMPERED]


def _read(one: type[Fetcher], record: vector_file.ReadVector) -> Looked:
    served = record.served
    position, upto = served.places.get(one.family), served.upto.get(one.name)
    held = msgspec.structs.replace(position, next=upto + 1) if position and upto is not None else None
    reading = Reading("", held is not None, layout_of(one), {}, None, None, held, position)
    return Looked(served.customer_id, served.at, reading)


def _by_model(records: Records) -> dict[tuple[str, str], dict[str, Scored]]:
    """(target, model) → label → what was told, of all whose columns are known."""
    found: dict[tuple[str, str], dict[str, Scored]] = {}
    for label, read in records.items():
        for one in read.served.scores:
            if (one.target, one.model) in read.models:
                found.setdefault((one.target, one.model), {})[label] = one
    return found
