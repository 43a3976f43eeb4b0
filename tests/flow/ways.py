"""Every way from arrivals to a value, of all customers at the clock: customer → full feature name → value.

The oracle stands beside the product's five: snapshot, rows, Feast online, Feast historical, the scorer's vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from feature_repo import feast_store, historical
from proof.naive import oracle
from proof.naive.sides import ParityTally
from scorer import subjects
from scv.events.country import Country
from scv.features import fetcher
from scv.model import vector
from scv.model.column import Column
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.online.reader import Reader
from scv.settings import Settings
from tests.flow.town import Logs

Values = Mapping[str, Mapping[str, Any]]
FETCHERS = list(fetcher.collect().values())
ASIDE = ("country", "customer_id", "event_timestamp")


@dataclass(frozen=True)
class Place:
    """Where and when to read."""

    settings: Settings
    client: Any
    country: Country
    at: datetime
    customers: Sequence[str]


def told(logs: Logs, place: Place) -> Values:
    """The naive oracle's, from raw arrivals."""
    found: dict[str, dict[str, Any]] = {one: {} for one in place.customers}
    for customer, values in found.items():
        judged = {family: oracle.judged(log, place.country, customer) for family, log in logs.items()}
        for one in FETCHERS:
            known = oracle.values(judged[one.family], place.country, one, place.at) or {}
            values |= {feature.full_name: known.get(feature.name) for feature in one.features}
    return found


def batch(place: Place) -> Values:
    """A snapshot of the lake."""
    done = fetch(place.settings, {place.country: [place.at]}, workers=2)
    assert [one.error for one in done if one.error] == []
    return _by_customer(snapshot.join(snapshot.Snapshots(place.settings, place.country).read(place.at)))


def rows(place: Place) -> Values:
    """What the stream wrote, read at the clock, which stands at the barrier for everybody."""
    views = Reader(place.client).read(place.country, place.customers, FETCHERS)
    assert {(view.clock, view.at) for view in views} == {(place.at, place.at)}
    return {view.customer_id: view.values() for view in views}


def online(place: Place) -> Values:
    """Feast's `get_online_features`."""
    feast = feast_store.apply(place.settings)
    entities = [{"country": place.country.code, "customer_id": one} for one in place.customers]
    service = feast.get_feature_service("scv")
    found = feast.get_online_features(service, entities, full_feature_names=True).to_dict()
    assert found["customer_id"] == list(place.customers)
    columns = {name: column for name, column in found.items() if name not in ASIDE}
    return {one: {name: columns[name][i] for name in columns} for i, one in enumerate(place.customers)}


def historically(place: Place) -> Values:
    """Feast's `get_historical_features` at the snapshot's reference."""
    asked = {"country": place.country.code, "customer_id": list(place.customers), "event_timestamp": place.at}
    found = historical.historical(feast_store.open_store(place.settings), pd.DataFrame(asked))
    return _by_customer(found)


WAYS: Mapping[str, Callable[[Place], Values]] = {
    "snapshot": batch, "rows": rows, "Feast online": online, "Feast historical": historically,
}  # fmt: skip


@dataclass
class Compared:
    """Way → its tally against the oracle."""

    tallies: dict[str, ParityTally] = field(default_factory=dict)

    def at(self, place: Place, logs: Logs) -> Values:
        """Compare every way with the oracle, for every customer and every fetcher; what the oracle says."""
        expected = told(logs, place)
        for way, read in WAYS.items():
            self._note(way, place, expected, read(place))
        columns = columns_of(expected)
        self._note("scorer's vector", place, coded(expected, columns), vectors(place, columns))
        return expected

    def _note(self, way: str, place: Place, expected: Values, found: Values) -> None:
        tally = self.tallies.setdefault(way, ParityTally())
        assert not found.keys() - expected.keys(), f"{way} knows customers that nobody sent"
        for customer, values in expected.items():
            theirs = found.get(customer, {})
            assert not theirs or theirs.keys() >= values.keys(), f"{way} leaves out {values.keys() - theirs.keys()}"
            for one in FETCHERS:
                pair = [{f.name: side.get(f.full_name) for f in one.features} for side in (theirs, values)]
                tally.compare(one, f"{way}, {customer} at {place.at}", *pair, exact=False)


def columns_of(expected: Values) -> list[Column]:
    """A column for every feature of every fetcher; words in the order of the alphabet, as far as they occur."""
    found = []
    for one in (feature for each in FETCHERS for feature in each.features):
        seen = {values[one.full_name] for values in expected.values()} - {None}
        levels = tuple(sorted(seen)) if one.dtype == "str" else ()
        found.append(Column(name=one.full_name, dtype=one.dtype, fingerprint=one.fingerprint, levels=levels))
    return found


def coded(expected: Values, columns: Sequence[Column]) -> Values:
    """The oracle's values as a model reads them: numbers, and for a word its place among the levels."""
    return {
        customer: {one.name: _code(values[one.name], one.levels) for one in columns}
        for customer, values in expected.items()
    }


def _code(value: Any, levels: Sequence[str]) -> float | None:
    return None if value is None else float(levels.index(value) if isinstance(value, str) else value)


def vectors(place: Place, columns: Sequence[Column]) -> Values:
    """The matrix that the scorer hands to a model, made of live views."""
    views = Reader(place.client).read(place.country, place.customers, FETCHERS)
    live = subjects.of_views(views, FETCHERS, place.settings.stale_after_s)
    matrix = vector.matrix(live.features, columns)
    assert matrix.dtype == np.float64 and matrix.shape == (len(place.customers), len(columns))
    named = [[None if math.isnan(value) else value for value in row] for row in matrix.tolist()]
    names = [one.name for one in columns]
    return {one: dict(zip(names, row, strict=True)) for one, row in zip(place.customers, named, strict=True)}


def _by_customer(table: Any) -> Values:
    rows = table.to_pylist()
    return {row["customer_id"]: {name: row[name] for name in row if name not in ASIDE} for row in rows}
