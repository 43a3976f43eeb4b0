"""What is compared with the batch: rows, Feast online and historical, the scorer's vectors and probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from feature_repo import feast_store, historical
from rpc.client import ScorerClient, ScorerError
from rpc.scorer_pb2 import SCORED, Status
from scorer import champions, scoring, subjects
from scorer.subjects import Subjects
from scv.errors import CerebroError, StaleBundle, Unreachable
from scv.events.country import Country
from scv.features import fetcher
from scv.features.array import Features
from scv.model.bundle import Bundle
from scv.online.reader import Reader, View
from scv.settings import Settings

ROWS, ONLINE, HISTORICAL = "rows", "Feast online", "Feast historical"
VECTOR, PROBABILITY = "scorer vector", "scorer probability"
Columns = Mapping[str, Sequence[Any]]
"""Full feature name → one value per customer."""


def columns(features: Features) -> Columns:
    """Features as plain values."""
    return {name: subjects.plain(values) for name, values in features.items()}


class Rows:
    """What the stream wrote, aged to the country's clock."""

    def __init__(self, client: Any, country: Country) -> None:
        self._reader, self._country = Reader(client), country
        self.fetchers = list(fetcher.collect().values())

    def read(self, customers: Sequence[str]) -> list[View]:
        return self._reader.read(self._country, customers, self.fetchers)


class Feast:
    """`get_online_features` and `get_historical_features` of the service with every feature."""

    def __init__(self, settings: Settings, country: Country) -> None:
        self._country = country
        self._store = feast_store.apply(settings)
        self._service = self._store.get_feature_service("scv")

    def online(self, customers: Sequence[str]) -> Columns:
        entities = [{"country": self._country.code, "customer_id": one} for one in customers]
        found: Columns = self._store.get_online_features(self._service, entities, full_feature_names=True).to_dict()
        return found

    def historical(self, customers: Sequence[str], at: Any) -> Any:
        """An Arrow table in the order of sorted `customers`."""
        frame = pd.DataFrame({"country": self._country.code, "customer_id": list(customers), "event_timestamp": at})
        return historical.historical(self._store, frame, self._service)


@dataclass(frozen=True)
class Answers:
    """What the scorer said of some customers, in their order: target → probability, status, model."""

    probability: Mapping[str, list[float | None]]
    status: Mapping[str, list[str]]
    model: Mapping[str, list[str]]


@dataclass
class Models:
    """The champions of a country by target; `stale` says of those that cannot be loaded why."""

    usable: dict[str, Bundle] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)


def models_of(settings: Settings, country: Country) -> Models:
    """The champions as their pointers stand. Raises CorruptBundle."""
    found = Models()
    for target in country.targets:
        try:
            model = champions.load(settings, country, target)
        except StaleBundle as error:
            found.stale[target] = str(error)
        else:
            if model is not None:
                found.usable[target] = model
    return found


class Scorer:
    """The vector that the scorer makes of what it read, and the probability that comes over the wire."""

    def __init__(self, settings: Settings, country: Country, models: Mapping[str, Bundle]) -> None:
        self.models = models
        self._country, self._stale_after_s = country, settings.stale_after_s
        self._rules = scoring.Rules(settings.refuse_after_s, settings.hold_out_salt)
        self._client = ScorerClient(settings.scorer, timeout_s=30)

    def close(self) -> None:
        self._client.close()

    def live(self, views: Sequence[View], fetchers: Sequence[type[fetcher.Fetcher]]) -> Subjects:
        return subjects.of_views(views, fetchers, self._stale_after_s)

    def vectors(self, of: Subjects, target: str) -> Columns:
        """Column of the model → one number per customer."""
        model = self.models[target]
        values = model.matrix(of.features).T.tolist()
        return {column.name: numbers for column, numbers in zip(model.columns, values, strict=True)}

    def expected(self, of: Subjects) -> Mapping[str, list[float | None]]:
        """Target → the probabilities that these subjects have, computed here."""
        told = scoring.score(of, self._country, self.models, self._rules, {})
        columns = zip(*([one.probability for one in score.targets] for score in told), strict=True)
        return dict(zip(self.models, map(list, columns), strict=True))

    def answers(self, customers: Sequence[str]) -> Answers:
        """What the live scorer says. Raises Unreachable, or CerebroError with what it refuses."""
        try:
            replies = self._client.score_batch(self._country.code, customers, list(self.models))
        except ScorerError as error:
            raise (Unreachable if error.code == "UNAVAILABLE" else CerebroError)(str(error)) from error
        found = Answers(*({target: [] for target in self.models} for _ in range(3)))
        for reply in replies:
            for one in reply.targets:
                found.probability[one.target].append(one.probability if one.status == SCORED else None)
                found.status[one.target].append(Status.Name(one.status))
                found.model[one.target].append(one.model)
        return found
