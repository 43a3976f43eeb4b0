"""One country at its barrier: every customer, every way, a few hundred at a time; then the causes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import pandas as pd

from feature_repo import feast_store, historical
from feature_repo.views import SERVICE, TTL
from proof.parity import cause, standing
from proof.parity.cause import Explanation
from proof.parity.evidence import Evidence, Looked, Progress, Witness, chunks, plain
from proof.parity.tally import Compared, Comparison, Difference
from rpc.client import ScorerClient
from rpc.scorer_pb2 import STALE_REFUSED, TargetScore
from scorer import champions, scoring, subjects
from scorer.subjects import Subjects
from scv.errors import StaleBundle, UserError
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.model import vector
from scv.model.bundle import Bundle
from scv.online.reader import Reader, View
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.stamp import Stamp, sha256_of
from scv.targets import population
from scv.targets import target as targets
from store.client import connect
from terminal.arguments import the_countries, the_references

ROWS, ONLINE, HISTORICAL = "rows", "Feast online", "Feast historical"
VECTOR, PROBABILITY = "scorer vector", "scorer probability"
CHUNK = 500
"""Customers of one read."""
BLOCK = 50_000
"""Customers of one point-in-time join, which reads all files each time."""
ENOUGH = 2_000
"""Customers who differ, beyond which they are looked into together."""
FILE = Explanation(cause.DEFINITION, "today's batch of the snapshot's lake version says otherwise than its file")
ROW = Explanation(cause.DEFINITION, "the row says otherwise than the batch over its own prefix of the log")


def compare_all(
    settings: Settings, codes: Sequence[str], date: str | None, sample: int | None, progress: Progress
) -> list[Comparison]:
    """The countries named, at the instant that a date names (None: each country's clock); where none is named, all
    whose clock has begun. Raises UserError where none has, and as `compare` does.
    """
    places = the_countries(codes, settings)
    if not codes:
        with connect(settings) as client:
            store = RowStore(client)
            places = [one for one in places if store.has_clock(one.code) and store.clock(one.code).now is not None]
    if not places:
        raise UserError("No country's clock has begun. Replay or simulate one, or start `cerebro consume`.")
    dates = [date] if date else []
    return [compare(settings, one, the_references(dates, one, settings)[0], sample, progress) for one in places]


def compare(settings: Settings, country: Country, at: datetime, sample: int | None, progress: Progress) -> Comparison:
    """At the barrier, with a snapshot of it, every way with the batch: of everybody, or of a sample of so many.

    Raises UserError where the country's clock does not stand at `at`, or its snapshot may not be used.
    """
    tally = Comparison(country.code, at)
    with connect(settings) as client, ScorerClient(settings.scorer, 30, settings.caller_keys) as scorer:
        standing.check_clock(client, country, at)
        standing.wait(settings, client, tally.notes.append)
        with standing.snapshot_at(settings, client, country, at, progress) as batch:
            customers = sampled(country, {*batch.everyone.customer_ids, *standing.stored(client, country)}, sample)
            Comparing(settings, client, scorer, batch, tally).run(customers, progress)
    return tally


class Comparing:
    """Reads customers, and counts in a tally. Raises CorruptBundle, ScorerError."""

    def __init__(
        self, settings: Settings, client: Any, scorer: ScorerClient, batch: standing.BatchSide, tally: Comparison
    ) -> None:
        self._settings, self._scorer, self._batch, self._tally = settings, scorer, batch, tally
        self._reader, self._fetchers = Reader(client), list(fetcher.collect().values())
        self._feast, self._country, self._views = feast_store.apply(settings), batch.country, dict[str, View]()
        self._models: dict[str, Bundle] = {}
        for target in batch.country.targets:
            try:
                if model := champions.load(settings, batch.country, target):
                    self._models[target] = model
            except StaleBundle as error:  # no vector to compare: one difference, of everybody
                tally.compare(Compared(VECTOR, target, "every column"), ["everybody"], (["a vector"], [None]))
                tally.explain({}, [Explanation(cause.OTHER, str(error))])

    def run(self, customers: Sequence[str], progress: Progress) -> None:
        """Everything of these customers; afterwards no difference is without its cause."""
        for chunk in chunks(customers, CHUNK):
            self._compare(chunk)
            if len(self._views) > ENOUGH:
                self._explain()
            self._tally.customers += len(chunk)
            progress(f"Comparing {self._country.code}", self._tally.customers, len(customers))
        self._explain()
        try:
            for block in chunks(customers, BLOCK):
                self._join(block)
        except UserError as refused:  # on wall time the lake may be complete further by now
            self._tally.notes.append(f"Feast historical is not compared. {refused}")
        if not any(place.way == VECTOR for place in self._tally.counts):
            self._tally.notes.append(f"{self._country.code} has no model yet: the scorer is not compared.")

    def _compare(self, chunk: Sequence[str]) -> None:
        read, batch = self._reader.read(self._country, chunk, self._fetchers), self._batch.everyone.pick(chunk)
        live = subjects.of_views(read, self._fetchers, self._settings.stale_after_s)
        online, views = self.online(chunk), dict(zip(chunk, read, strict=True))
        given = functools.partial(_given, views)
        for name, values in batch.features.items():
            group = name.partition("__")[0]
            self._tally.compare(Compared(ROWS, group, name), views, (values, live.features[name]), (name,))
            self._tally.compare(Compared(ONLINE, group, name), views, (values, online[name]), (name,), given)
        if self._models:
            self._score(batch, live)
        self._views |= {one.customer: views[one.customer] for one, _ in self._tally.pending if one.customer in views}

    def online(self, customers: Sequence[str]) -> dict[str, list[Any]]:
        """Feast's online features: full name → one value per customer."""
        service = self._feast.get_feature_service(SERVICE)
        keys = [{"country": self._country.code, "customer_id": one} for one in customers]
        return self._feast.get_online_features(service, keys, full_feature_names=True).to_dict()

    def historical(self, customers: Sequence[str]) -> Any:
        """Feast's point-in-time join, an Arrow table in the order of sorted `customers`."""
        keys = {"country": self._country.code, "customer_id": list(customers), "event_timestamp": self._batch.at}
        return historical.historical(self._feast, pd.DataFrame(keys))

    def _score(self, batch: Subjects, live: Subjects) -> None:
        """The vectors that the models get of either, and the probabilities of the one beside the live scorer's."""
        customers, answers = batch.customer_ids, self._answers(batch.customer_ids)
        rules = scoring.Rules(self._settings.refuse_after_s, self._settings.hold_out_salt)
        ours = scoring.score(batch, self._country, self._models, rules, {})
        for i, (target, model) in enumerate(self._models.items()):
            left, right = (model.matrix(one.features).T.tolist() for one in (batch, live))
            for column, *sides in zip(model.columns, left, right, strict=True):
                place = Compared(VECTOR, target, column.name)
                self._tally.compare(place, customers, (sides[0], sides[1]), vector.inputs([column]))
            told = {customer: of[target] for customer, of in zip(customers, answers, strict=True)}
            theirs = [one.probability if one.HasField("probability") else None for one in told.values()]
            telling = {*population.NEEDS, *targets.get(target).needs}
            inputs = {*vector.inputs(model.columns), *telling}
            place = Compared(PROBABILITY, target, "probability")
            given = functools.partial(_answered, told, model.info.id)
            self._tally.compare(place, customers, ([one.targets[i].probability for one in ours], theirs), inputs, given)

    def _answers(self, customers: Sequence[str]) -> list[dict[str, TargetScore]]:
        """By target what the live scorer says of each. Raises ScorerError."""
        replies = self._scorer.score_batch(self._country.code, customers, list(self._models))
        return [{one.target: one for one in reply.targets} for reply in replies]

    def _join(self, block: Sequence[str]) -> None:
        joined = self.historical(block)
        for name, values in self._batch.everyone.pick(block).features.items():
            place = Compared(HISTORICAL, name.partition("__")[0], name)
            self._tally.compare(place, block, (values, joined[name]))
        self._tally.explain({})

    def _explain(self) -> None:
        """By evidence about the rows that differ, or that Feast says something else of; scores are made of those."""
        wanted: dict[str, dict[str, View]] = {}
        for one, _ in self._tally.pending:
            if one.place.way in (ROWS, ONLINE):
                wanted.setdefault(one.place.group, {})[one.customer] = self._views[one.customer]
        evidence: dict[tuple[str, str], Evidence] = {}
        with closing(Witness(self._settings, self._country)) as lake:
            for name, views in wanted.items():
                found = self._evidence(lake, fetcher.get(name), views)
                evidence |= {(name, customer): each for customer, each in found.items()}
        self._tally.explain(evidence)
        self._views = {}

    def _evidence(self, lake: Witness, one: type[Fetcher], views: Mapping[str, View]) -> dict[str, Evidence]:
        """Customer → the steps from the snapshot's file to what was read."""
        names, at = {feature.full_name: feature.name for feature in one.features}, self._batch.at
        files = self._batch.everyone.pick(list(views)).rows(list(names))
        reads = {name: Looked(name, view.at or at, view.fetchers[one.name]) for name, view in views.items()}
        found = lake.evidence(one, reads, at)
        grown = self._batch.stamp.why_not(Stamp(lake={one.family: lake.version.families[one.family]}))
        late = Explanation(cause.LATE, grown) if grown else FILE
        for file, (customer, evidence) in zip(files, found.items(), strict=True):
            (whole, _), *steps = evidence.steps
            first = {names[name]: value for name, value in file.items()}, FILE
            last = reads[customer].reading.values, evidence.rest or ROW
            found[customer] = Evidence([first, (whole, late), *steps, last])
        return found


def _given(views: Mapping[str, View], one: Difference) -> Iterator[Explanation]:
    """Why Feast gives another value than the row that it reads."""
    reading = views[one.customer].fetchers[one.place.group]
    read, age_s = plain(reading.values[one.place.feature.partition("__")[2]]), reading.freshness_s
    if one.found is None and read is not None and (age_s is None or age_s > TTL.total_seconds()):
        yield Explanation(cause.TOO_OLD, f"complete to {reading.watermark}, Feast gives nothing older than {TTL}")
    elif read != one.found:
        yield Explanation(cause.UNEXPLAINED, f"the row that Feast reads says {read!r}")


def _answered(answers: Mapping[str, TargetScore], champion: str, one: Difference) -> Iterator[Explanation]:
    """Why the live scorer answers otherwise than its champion of the same rows."""
    told = answers[one.customer]
    if told.model not in ("", champion):
        yield Explanation(cause.OTHER_MODEL, f"answered by {told.model}, the champion is {champion}")
    if told.status == STALE_REFUSED:
        yield Explanation(cause.TOO_OLD, "the scorer refuses: no watermark, or one that is too old")


def sampled(country: Country, customers: Iterable[str], count: int | None) -> list[str]:
    """`count` of the customers (None: all), ordered by id: those whose hash is smallest, the same every time."""
    drawn = sorted(customers, key=lambda one: sha256_of(f"parity:{country.code}:{one}".encode()))
    return sorted(drawn[:count])
