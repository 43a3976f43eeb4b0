"""What a training run reads, once for all its targets: features at past Tuesdays through Feast, and the outcomes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from scv.errors import UserError
from scv.events.calendar import midnight, next_tuesday, to_us
from scv.events.country import Country
from scv.features import fetcher
from scv.offline import batch, snapshot
from scv.offline.fetch import ensure
from scv.offline.lake import Lake, whole_to
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from scv.targets import labels, population
from scv.targets.target import Target, families_of, mature, of_country
from trainer.dataset import TrainingSet, columns_of, training_set
from trainer.draw import Draw
from trainer.weeks import KeptOutcomes, Weeks

if TYPE_CHECKING:
    from feast import FeatureStore

Contacted = Mapping[datetime, frozenset[str]]
"""Reference → the customers on a list of that day that was acted on."""
ON_A_LIST = "on a list that was acted on"
SERVICE = "scv"
"""The feature service with every view; a name that the feature repository and we share."""


@dataclass(frozen=True)
class Past:
    """A country's past as it was known: `table` has the keys and every feature under its full name, of whom any of the
    targets asks about; `share` of them were drawn, see `trainer.draw`.

    `at` is the instant that a bundle is frozen at, `label_as_of` the one up to which outcomes were read, `lake` the
    version of everything. `contacted` are not among the rows: what became of them is what came of a contact.
    """

    country: Country
    at: datetime
    table: pa.Table
    outcomes: labels.Outcomes
    label_as_of: datetime
    lake: LakeVersion
    share: float = 1.0
    contacted: Contacted = field(default_factory=dict)

    def rows(self, target: Target, columns: Sequence | None = None) -> TrainingSet:
        """The mature rows of a target. Raises UserError where there is nothing to learn from."""
        found = training_set(self.table, target, self.outcomes, self.label_as_of, columns)
        away = self._contacted(found)
        if not away.any():
            return replace(found, share=self.share)
        removed = found.removed | {ON_A_LIST: int(away.sum())}
        return replace(found.take(~away), share=self.share, removed=removed).checked()

    def without(self, contacted: Contacted) -> Past:
        """The same past, but for these rows."""
        return replace(self, contacted=contacted)

    def _contacted(self, rows: TrainingSet) -> np.ndarray:
        """bool[n]: who stood on a list of that day; not who was called later, who must have stayed until then."""
        away = np.zeros(len(rows), dtype=bool)
        for at, customers in self.contacted.items():
            then = np.flatnonzero(rows.at_us == to_us(at))
            away[then] = np.isin(rows.ids[rows.customers[then]].astype(str), sorted(customers))
        return away


@contextmanager
def read(
    settings: Settings,
    country: Country,
    targets: Sequence[Target],
    at: datetime,
    store: FeatureStore | None = None,
    first: datetime | None = None,
) -> Iterator[Past]:
    """The past as known at `at`: every week from `first` on with a mature label of one of the targets.

    `first` is by default the Tuesday that lies as many days after the first event seen as a population looks back:
    before, nobody can tell who belongs to it. Missing snapshots are fetched. Without a `store` the snapshot files are
    read as they are: the same values. Raises UserError where the lake is not complete or too short.
    """
    lake = Lake(settings.lake_path)
    version, families = lake.version(), families_of(targets)
    with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory}) as connection:
        complete = whole_to(lake.complete_to(country.code, version, families), families)
        if complete is None:
            raise UserError(
                f"The lake does not say up to when {country.code} is complete (no watermark on every partition). "
                "Replay its events; of a live country the lake consumer says it a minute after the first one."
            )
        known = min(complete, at)
        begin = first or next_tuesday(labels.begins(connection, lake, version, country, targets), country.zone)
        weeks = _weeks(country, begin, known)
        references = [one for one in weeks if _useful(one, targets, country, known)]
        snapshots = Snapshots(settings, country, version)
        table, share = features(settings, snapshots, references, targets, store)
        outcomes = labels.of_lake(connection, lake, version, country, targets, known)
        outcomes = KeptOutcomes(connection, country, outcomes.events, settings, snapshots, known)
        yield Past(country, at, table, outcomes, known, version, share)


def _weeks(country: Country, first: datetime, end: datetime) -> Iterator[datetime]:
    """The local midnights of the same weekday, up to an instant."""
    day = first.astimezone(country.zone).date()
    found = (midnight(day + timedelta(days=7 * week), country.zone) for week in itertools.count())
    return itertools.takewhile(lambda one: one <= end, found)


def _useful(reference: datetime, targets: Sequence[Target], country: Country, known: datetime) -> bool:
    return any(mature(target, reference, country, known) for target in targets)


def features(
    settings: Settings,
    snapshots: Snapshots,
    references: Sequence[datetime],
    targets: Sequence[Target],
    store: FeatureStore | None,
) -> tuple[pa.Table, float]:
    """The features of everyone whom a target asks about at those references, by reference, then customer; the share of
    them that was drawn, where they are more than `train_rows`.

    Snapshots that are missing or may not be used as they are get fetched first.
    """
    ensure(settings, snapshots, references)
    every = tuple(dict.fromkeys([*of_country(snapshots.country), *targets]))  # a week is kept for all of them
    asked = partial(_asked, snapshots, targets=every, whole=store is None)
    weeks, draw = (
        Weeks(settings, snapshots, every, asked, partial(_joined, store)),
        Draw(settings.train_rows, _nobody()),
    )
    for at, table in weeks.read(references):
        draw.add(table if len(targets) == len(every) else _those(table, targets, snapshots.country), at)
    return draw.table.combine_chunks(), draw.share  # a week's rows are by customer already


def _nobody() -> pa.Table:
    columns = [pa.field(one.full_name, batch.ARROW[one.dtype]) for one in fetcher.all_features().values()]
    return pa.schema([*batch.KEYS, *columns]).empty_table()


def _asked(snapshots: Snapshots, at: datetime, targets: Sequence[Target], whole: bool) -> pa.Table:
    """The rows of a snapshot that a target asks about: `whole`, or their keys."""
    tables = snapshots.read(at)
    if not whole:
        telling = {need.partition("__")[0] for one in targets for need in (*population.NEEDS, *one.needs)}
        tables = {name: table for name, table in tables.items() if name in telling}
    asked = _those(snapshot.join(tables), targets, snapshots.country)
    return asked if whole else asked.select([field.name for field in batch.KEYS])


def _those(table: pa.Table, targets: Sequence[Target], country: Country) -> pa.Table:
    """The rows that a target asks about."""
    rules = [one.population(columns_of(table), country) for one in targets]
    return table.filter(pa.array(np.any(rules, axis=0), pa.bool_()))


def _joined(store: FeatureStore | None, keys: pa.Table) -> pa.Table:
    """Feast's point-in-time join of the whole service, for these customers at these references; without Feast they
    have their features already."""
    if store is not None and len(keys):
        service = store.get_feature_service(SERVICE)
        keys = store.get_historical_features(keys.to_pandas(), service, full_feature_names=True).to_arrow()
    form = _nobody().schema
    return keys.select(form.names).cast(form) if len(keys) else form.empty_table()
