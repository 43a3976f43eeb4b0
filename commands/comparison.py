"""The product's own ways to one value, compared at a barrier: batch, rows, Feast online, Feast historical, scorer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from feature_repo import historical, store
from rpc.client import ScorerClient
from rpc.scorer_pb2 import SCORED
from scorer import champions, scoring, subjects
from scorer.subjects import Subjects
from scv import fetcher, snapshot
from scv.bundle import Bundle
from scv.country import Country
from scv.errors import UserError
from scv.reader import Reader
from scv.rowstore import RowStore
from scv.settings import Settings

CHUNK = 500
EXAMPLES = 5
Table = dict[str, dict[str, Any]]
"""Customer → full feature name → value."""
Models = Mapping[str, Bundle | None]
"""Target → its champion, if there is one."""


@dataclass
class Tally:
    """One way against the batch: values compared where a side is not missing, and how many differ, per fetcher."""

    way: str
    compared: dict[str, int] = field(default_factory=dict)
    mismatches: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def compare(self, customer: str, batch: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        for name, expected in batch.items():
            self.note(name.split("__")[0], f"{customer} {name}", expected, other.get(name))

    def note(self, group: str, where: str, expected: Any, found: Any) -> None:
        """One pair of values."""
        expected, found = _plain(expected), _plain(found)
        if expected is None and found is None:
            return
        self.compared[group] = self.compared.get(group, 0) + 1
        if expected != found:
            self.mismatches[group] = self.mismatches.get(group, 0) + 1
            if len(self.examples) < EXAMPLES:
                self.examples.append(f"{where}: batch {expected!r}, {self.way} {found!r}")


def _plain(value: Any) -> Any:
    """Missing as None, whatever the way calls it."""
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def compare(
    settings: Settings, client: Any, country: Country, at: datetime, progress: Callable[[str], None]
) -> list[Tally]:
    """Every way against the batch, at a barrier: the country's clock must stand at `at` exactly."""
    clock = RowStore(client).clock(country.code).now
    if clock != at:
        raise UserError(
            f"{country.code} stands at {clock}, not at {at}: a row cannot answer for another instant. "
            f"Replay with --until, or compare at the clock."
        )
    tables = snapshot.read(settings.snapshots_path, country, at)
    joined = snapshot.join(tables)
    batch: Table = {row["customer_id"]: row for row in joined.to_pylist()}
    for row in batch.values():
        for key in ("country", "customer_id", "event_timestamp"):
            del row[key]
    ids = list(batch)
    ways: list[tuple[str, Callable[[], Iterable[tuple[str, Mapping[str, Any]]]]]] = [
        ("rows", lambda: _rows(client, country, ids)),
        ("Feast online", lambda: _online(settings, country, ids)),
        ("Feast historical", lambda: _historical(settings, country, ids, at)),
    ]
    tallies = []
    for way, read in ways:
        progress(f"{country.code}: {way}")
        tally = Tally(way)
        answered = dict(read())
        for customer, values in batch.items():  # whom a way leaves out has nothing there, and that differs
            tally.compare(customer, values, answered.get(customer, {}))
        tallies.append(tally)
    progress(f"{country.code}: scorer")
    models = {one: champions.load(settings, country.code, one) for one in country.targets}
    if any(models.values()):
        everyone = subjects.of_snapshot(tables, at, dict.fromkeys(tables, at), settings.stale_after_s)
        tallies.append(_scorer(settings, client, country, everyone, models))
    else:
        progress(f"{country.code} has no model yet: the scorer is not compared")
    return tallies


def _chunks(ids: Sequence[str]) -> Iterable[list[str]]:
    return (list(ids[i : i + CHUNK]) for i in range(0, len(ids), CHUNK))


def _rows(client: Any, country: Country, ids: Sequence[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    reader, fetchers = Reader(client), list(fetcher.collect().values())
    for chunk in _chunks(ids):
        yield from ((view.customer_id, view.values()) for view in reader.read(country, chunk, fetchers))


def _online(settings: Settings, country: Country, ids: Sequence[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    feast = store.apply(settings)
    service = feast.get_feature_service("scv")
    for chunk in _chunks(ids):
        entities = [{"country": country.code, "customer_id": one} for one in chunk]
        found = feast.get_online_features(service, entities, full_feature_names=True).to_dict()
        for i, customer in enumerate(chunk):
            yield customer, {name: values[i] for name, values in found.items()}


def _historical(
    settings: Settings, country: Country, ids: Sequence[str], at: datetime
) -> Iterable[tuple[str, Mapping[str, Any]]]:
    frame = pd.DataFrame({"country": country.code, "customer_id": list(ids), "event_timestamp": at})
    found = historical.historical(store.open_store(settings), settings, frame)
    for row in found.to_pylist():
        yield row["customer_id"], row


def _scorer(settings: Settings, client: Any, country: Country, batch: Subjects, models: Models) -> Tally:
    """The vector that the scorer makes of live rows, and the probability that comes over the wire."""
    tally = Tally("scorer")
    rules = scoring.Rules(settings.refuse_after_s, settings.hold_out_salt)
    reader, fetchers = Reader(client), list(fetcher.collect().values())
    with ScorerClient(settings.scorer, timeout_s=30) as scorer:
        for chunk in _chunks(batch.customer_ids):
            expected = batch.pick(chunk)
            views = reader.read(country, chunk, fetchers)
            live = subjects.of_views(views, fetchers, settings.stale_after_s)
            for target, model in models.items():
                if model:
                    _vectors(tally, target, chunk, model, (expected, live))
            told = {one.customer_id: one for one in scoring.score(expected, country, models, rules, {})}
            for reply in scorer.score_batch(country.code, chunk):
                _replies(tally, told[reply.customer_id], reply)
    return tally


def _vectors(tally: Tally, target: str, ids: Sequence[str], model: Any, pair: tuple[Any, Any]) -> None:
    names = [column.name for column in model.columns]
    matrices = [model.matrix(one.features).tolist() for one in pair]
    for customer, ours, theirs in zip(ids, *matrices, strict=True):
        for name, expected, found in zip(names, ours, theirs, strict=True):
            tally.note(f"{target} vector", f"{customer} {name}", expected, found)


def _replies(tally: Tally, told: scoring.Score, reply: Any) -> None:
    answered = {one.target: one for one in reply.targets}
    for expected in told.targets:
        found = answered[expected.target]
        number = found.probability if found.status == SCORED else None
        tally.note(f"{expected.target} probability", told.customer_id, expected.probability, number)
