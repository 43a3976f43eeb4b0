"""One country at its barrier: every customer, every way, a few hundred at a time; then the causes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from proof.parity import cause, people, ways
from proof.parity.batchside import BatchSide
from proof.parity.explaining import Explaining, Pending
from proof.parity.tally import Counts, Difference, Explained, Tally
from scv.events.country import Country
from scv.settings import Settings

CHUNK = 500
"""Customers of one read."""
BLOCK = 50_000
"""Customers of one point-in-time join, which reads all files each time."""

Progress = Callable[[int, int], None]


@dataclass
class Compared:
    """One country at one reference: how many customers, each way's tally, and what a reader must know beside it."""

    country: str
    at: datetime | None
    customers: int = 0
    tallies: list[Tally] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Comparing:
    """Reads and counts; `run` it once."""

    def __init__(self, settings: Settings, client: Any, country: Country, at: datetime) -> None:
        self._settings, self._client, self._country = settings, client, country
        self._side = BatchSide(settings, country, at)
        self._rows, self._feast = ways.Rows(client, country), ways.Feast(settings, country)
        self._models = ways.models_of(settings, country)
        self._scorer = ways.Scorer(settings, country, self._models.usable)
        self._explaining = Explaining(settings, client, country, self._side, self._models.usable)
        self._tallies = {way: Tally(way) for way in (ways.ROWS, ways.ONLINE, ways.HISTORICAL)}
        self._at = at

    def run(self, sample: int | None = None, progress: Progress = lambda done, total: None) -> Compared:
        """Everybody whom batch or store knows, or `sample` of them; `progress` hears (customers done, of all)."""
        known = {*self._side.customers, *people.stored(self._client, self._country)}
        customers = people.sample(self._country, known, sample)
        found = Compared(self._country.code, self._at, len(customers))
        pending, done = Pending(), 0
        with closing(self._scorer):
            for chunk, historical in self._chunks(customers):
                self._compare(chunk, historical, pending)
                done += len(chunk)
                if pending.enough:
                    pending = self._explain(pending)
                progress(done, len(customers))
            self._explain(pending)
        self._refused_models(found)
        found.tallies = list(self._tallies.values())
        return found

    def _chunks(self, customers: Sequence[str]) -> Iterator[tuple[list[str], Any]]:
        """So many customers, and what Feast's point-in-time join says of them (None: it refuses)."""
        for block in people.chunks(customers, BLOCK):
            joined = None if self._side.outdated else self._feast.historical(block, self._at)
            for i, chunk in enumerate(people.chunks(block, CHUNK)):
                yield chunk, None if joined is None else joined.slice(i * CHUNK, len(chunk))

    def _compare(self, chunk: list[str], historical: Any, pending: Pending) -> None:
        arrays = self._side.columns(chunk)
        batch = {name: values.to_pylist() for name, values in arrays.items()}
        views = self._rows.read(chunk)
        live = self._scorer.live(views, self._rows.fetchers)
        once: ways.Columns = {} if historical is None else {name: historical[name].to_pylist() for name in batch}
        nothing = [None] * len(chunk)
        differing: list[Difference] = []
        for way, found in (
            (ways.ROWS, ways.columns(live.features)),
            (ways.ONLINE, self._feast.online(chunk)),
            (ways.HISTORICAL, once),
        ):
            for name, values in batch.items():
                group = name.partition("__")[0]
                differing += self._tallies[way].compare(group, name, chunk, values, found.get(name, nothing))
        if self._models.usable:
            expected = self._side.subjects(chunk, arrays)
            differing += self._vectors(expected, live)
            differing += self._probabilities(expected, pending)
        pending.add(differing, views)

    def _vectors(self, expected: Any, live: Any) -> Iterator[Difference]:
        tally = self._tallies.setdefault(ways.VECTOR, Tally(ways.VECTOR))
        for target in self._models.usable:
            ours, theirs = (self._scorer.vectors(one, target) for one in (expected, live))
            for name, values in ours.items():
                yield from tally.compare(f"{target} vector", name, expected.customer_ids, values, theirs[name])

    def _probabilities(self, expected: Any, pending: Pending) -> Iterator[Difference]:
        tally = self._tallies.setdefault(ways.PROBABILITY, Tally(ways.PROBABILITY))
        told, answers = self._scorer.expected(expected), self._scorer.answers(expected.customer_ids)
        for target, values in told.items():
            found = answers.probability[target]
            for one in tally.compare(f"{target} probability", "probability", expected.customer_ids, values, found):
                place = expected.customer_ids.index(one.customer)
                pending.answered[target, one.customer] = answers.status[target][place], answers.model[target][place]
                yield one

    def _explain(self, pending: Pending) -> Pending:
        """Count the causes; nothing is pending then."""
        for one in self._explaining.explain(pending):
            self._tallies[one.difference.way].explain(one)
        return Pending()

    def _refused_models(self, found: Compared) -> None:
        """A champion that cannot be loaded gives no vector to compare: one difference, of everybody."""
        for target, why in self._models.stale.items():
            tally, group = self._tallies.setdefault(ways.VECTOR, Tally(ways.VECTOR)), f"{target} vector"
            one = Difference(ways.VECTOR, group, "every column", "everybody", "missing", "a vector", None)
            tally.counts[group, one.feature] = Counts(compared=1, missing=1)
            tally.explain(Explained(one, cause.FINGERPRINT, why))
        if not self._models.usable and not self._models.stale:
            found.notes.append(f"{found.country} has no model yet: the scorer is not compared.")


def unexplained(tallies: Iterable[Tally]) -> int:
    """How many differences nobody can explain."""
    return sum(
        finding.count for tally in tallies for key, finding in tally.findings.items() if cause.UNEXPLAINED in key[3]
    )
