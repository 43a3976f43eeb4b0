"""Served vectors, recomputed: each from the lake, over the very prefix of the log that its rows were of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from proof.parity import cause
from proof.parity.comparing import Compared
from proof.parity.people import chunks
from proof.parity.recomputed import Prefix, Recomputed, Values
from proof.parity.servedcause import Looked, reasons
from proof.parity.steps import Reason
from proof.parity.tally import Difference, Explained, Tally
from scorer.served import vector_file
from scorer.served.vector_file import Read, Scored
from scv.errors import CerebroError
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.model import bundle, champion, vector
from scv.model.bundle import Bundle
from scv.offline.lake import Arrival, Lake
from scv.settings import Settings

VECTOR, PROBABILITY = "served vector", "served probability"
CHUNK = 500
"""Records recomputed together."""
NONE = "No served vector is logged. CEREBRO_VECTOR_LOG_SHARE says how many are kept."


@dataclass
class Chunk:
    """Some records and what the lake says of them: `features` are full names → values, in the records' order."""

    records: list[Read]
    labels: list[str]
    prefixes: Mapping[str, list[Prefix]]
    values: Mapping[tuple[str, Prefix], Values]
    features: dict[str, list[Any]] = field(default_factory=dict)
    logs: dict[str, dict[str, list[Arrival]]] = field(default_factory=dict)


def recompute(
    settings: Settings, country: Country, since: datetime | None, progress: Callable[[int, int], None]
) -> Compared:
    """Every logged answer of a country, read at `since` or later, value by value; `progress` hears (done, of all)."""
    found, records = Compared(country.code, None), []
    for one in vector_file.read(settings.vectors_path):
        if isinstance(one, str):
            found.notes.append(f"{one} cannot be read: left out.")
        elif one.served.country == country.code and (since is None or one.served.at >= since):
            records.append(one)
    found.customers = len({one.served.customer_id for one in records})
    found.notes.append(f"{len(records):,} served answers recomputed." if records else NONE)
    with closing(Recomputed(settings, country, Lake(settings.lake_path).version())) as lake:
        work = Serving(settings, country, lake)
        for i, some in enumerate(chunks(records, CHUNK)):
            work.compare(some)
            progress(min((i + 1) * CHUNK, len(records)), len(records))
    found.tallies = [tally for tally in (work.vectors, work.probabilities) if tally.counts]
    found.notes += work.notes
    return found


class Serving:
    """Compares records of one country with one version of the lake."""

    def __init__(self, settings: Settings, country: Country, lake: Recomputed) -> None:
        self.vectors, self.probabilities = Tally(VECTOR), Tally(PROBABILITY)
        self.notes: list[str] = []
        self._settings, self._country, self._lake = settings, country, lake
        self._fetchers = list(fetcher.collect().values())
        self._models: dict[tuple[str, str], Bundle | None] = {}

    def compare(self, records: list[Read]) -> None:
        chunk = self._recomputed(records)
        for (target, model), places in _by_model(records).items():
            columns = records[places[0]].models[target, model].columns
            known = [one for one in columns if vector.fingerprint(one.name, one.dtype) is not None]
            chosen = {name: [values[i] for i in places] for name, values in chunk.features.items()}
            batch = vector.matrix(chosen, known)
            served = [_scored(records[i], target, model) for i in places]
            labels = [chunk.labels[i] for i in places]
            by_name = {one.name: column.tolist() for one, column in zip(known, batch.T, strict=True)}
            causes: dict[str, list[Reason]] = {}
            for j, column in enumerate(columns):
                expected = by_name.get(column.name, [None] * len(places))
                told = [one.vector[j] for one in served]
                for one in self.vectors.compare(f"{target} vector", column.name, labels, expected, told):
                    why = self._reasons(one, column, chunk)
                    causes.setdefault(one.customer, []).extend(why)
                    self.vectors.explain(_explained(one, why))
            if len(known) == len(columns):
                self._probabilities((target, model), labels, batch, served, causes, chunk)

    def _recomputed(self, records: list[Read]) -> Chunk:
        """What the lake says: per fetcher everything up to the row's fence and its partition's position."""
        prefixes = {one.name: [_prefix(one, read) for read in records] for one in self._fetchers}
        together: dict[tuple[str, tuple[Prefix, ...]], list[type[Fetcher]]] = {}
        for one in self._fetchers:
            together.setdefault((one.family, tuple(prefixes[one.name])), []).append(one)
        values: dict[tuple[str, Prefix], Values] = {}
        for (_, wanted), some in together.items():
            values |= self._lake.batch(some, wanted)
        chunk = Chunk(records, _labels(records), prefixes, values)
        for one in self._fetchers:
            rows = [values[one.name, prefix] or {} for prefix in prefixes[one.name]]
            chunk.features |= {each.full_name: [row.get(each.name) for row in rows] for each in one.features}
        return chunk

    def _probabilities(
        self,
        key: tuple[str, str],
        labels: Sequence[str],
        batch: Any,
        served: Sequence[Scored],
        causes: Mapping[str, list[Reason]],
        chunk: Chunk,
    ) -> None:
        target, _ = key
        model = self._model(*key)
        if model is None:
            return
        told = [one.probability for one in served]
        group = f"{target} probability"
        for one in self.probabilities.compare(group, "probability", labels, model.score(batch).tolist(), told):
            why = causes.get(one.customer, [])
            if not why and not chunk.records[chunk.labels.index(one.customer)].intact:
                why = [Reason(cause.CHANGED, "the record is not the one that was written")]
            self.probabilities.explain(_explained(one, why))

    def _reasons(self, one: Difference, column: vector.Column, chunk: Chunk) -> list[Reason]:
        place = chunk.labels.index(one.customer)
        names = {name.partition("__")[0] for name in vector.inputs([column])}
        chosen = [each for each in self._fetchers if each.name in names]
        return reasons(chunk.records[place], column, [self._looked(each, place, chunk) for each in chosen], self._lake)

    def _looked(self, one: type[Fetcher], place: int, chunk: Chunk) -> Looked:
        if one.family not in chunk.logs:
            everyone = {read.served.customer_id for read in chunk.records}
            chunk.logs[one.family] = self._lake.deliveries(one.family, everyone)
        prefix = chunk.prefixes[one.name][place]
        log = chunk.logs[one.family].get(prefix.customer, [])
        return Looked(one, prefix, chunk.values[one.name, prefix], log)

    def _model(self, target: str, id: str) -> Bundle | None:
        """The bundle that answered; None where it is gone or its columns compute something else today."""
        if (target, id) not in self._models:
            try:
                path = champion.folder(self._settings, self._country.code, target) / id
                self._models[target, id] = bundle.load(path, self._country)
            except CerebroError as error:
                self._models[target, id] = None
                self.notes.append(f"The probabilities of {target} {id} are not compared: {error}")
        return self._models[target, id]


def _prefix(one: type[Fetcher], read: Read) -> Prefix:
    served = read.served
    place, upto = served.places.get(one.family), served.upto.get(one.name)
    if place is None:
        return Prefix(served.customer_id, served.at, epoch=-1)
    return Prefix(served.customer_id, served.at, place.epoch, max(place.next - 1, -1 if upto is None else upto))


def _by_model(records: Sequence[Read]) -> dict[tuple[str, str], list[int]]:
    """(target, model) → the places of the records that it answered."""
    found: dict[tuple[str, str], list[int]] = {}
    for i, read in enumerate(records):
        for one in read.served.scores:
            if (one.target, one.model) in read.models:
                found.setdefault((one.target, one.model), []).append(i)
    return found


def _scored(read: Read, target: str, model: str) -> Scored:
    return next(one for one in read.served.scores if (one.target, one.model) == (target, model))


def _labels(records: Sequence[Read]) -> list[str]:
    """A name for each record: customer and instant; told apart where they are equal."""
    seen: dict[str, int] = {}
    found = []
    for read in records:
        name = f"{read.served.customer_id} at {read.served.at.isoformat()}"
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _explained(one: Difference, why: Sequence[Reason]) -> Explained:
    words = "; ".join(dict.fromkeys(reason.why for reason in why)) or "the model gives this vector another probability"
    return Explained(one, cause.joined([reason.cause for reason in why]), words)
