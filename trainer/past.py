"""What a training run reads, once for all its targets: features at past Tuesdays through Feast, and the outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from scv.errors import UserError
from scv.events.calendar import midnight, tuesdays
from scv.events.country import Country
from scv.features import fetcher
from scv.offline import batch, snapshot
from scv.offline.fetch import ensure
from scv.offline.lake import Lake, whole_to
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import Snapshots, path_of
from scv.settings import Settings
from scv.targets import labels
from scv.targets.target import Target, families_of, mature
from trainer.dataset import TrainingSet, training_set

if TYPE_CHECKING:
    from feast import FeatureStore

SERVICE = "scv"
"""The feature service with every view; a name that the feature repository and we share."""


@dataclass(frozen=True)
class Past:
    """A country's past as it was known: `table` has the keys and every feature under its full name.

    `at` is the instant that a bundle is frozen at, `label_as_of` the one up to which outcomes were read, `lake` the
    version of everything.
    """

    country: Country
    at: datetime
    table: pa.Table
    outcomes: labels.Outcomes
    label_as_of: datetime
    lake: LakeVersion

    def rows(self, target: Target, columns: Sequence | None = None) -> TrainingSet:
        """The mature rows of a target."""
        return training_set(self.table, target, self.outcomes, self.label_as_of, columns)


@contextmanager
def read(
    settings: Settings,
    country: Country,
    targets: Sequence[Target],
    at: datetime,
    store: FeatureStore | None = None,
    first: datetime | None = None,
) -> Iterator[Past]:
    """The past as known at `at`: every Tuesday from `first` on with a mature label of one of the targets.

    `first` is by default as many days after the first event seen as a population looks back: before, nobody can
    tell who belongs to it. Missing snapshots are fetched. Without a `store` the snapshot files are read as they
    are: the same values. Raises UserError where the lake is not complete or too short.
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
        begin = first or labels.begins(connection, lake, version, country, targets)
        references = [one for one in _tuesdays(country, begin, known) if _useful(one, targets, country, known)]
        table = features(settings, Snapshots(settings, country, version), references, store)
        outcomes = labels.of_lake(connection, lake, version, country, targets, known)
        yield Past(country, at, table, outcomes, known, version)


def _tuesdays(country: Country, begin: datetime, end: datetime) -> list[datetime]:
    first = begin.astimezone(country.zone).date()
    last = end.astimezone(country.zone).date() + timedelta(days=1)
    found = [midnight(day, country.zone) for day in tuesdays(first, last)]
    return [one for one in found if begin <= one <= end]


def _useful(reference: datetime, targets: Sequence[Target], country: Country, known: datetime) -> bool:
    return any(mature(target, reference, country, known) for target in targets)


def features(
    settings: Settings, snapshots: Snapshots, references: Sequence[datetime], store: FeatureStore | None
) -> pa.Table:
    """Everyone's features at those references, ordered by reference, then customer.

    Snapshots that are missing or may not be used as they are get fetched first.
    """
    if not references:
        columns = [pa.field(one.full_name, batch.ARROW[one.dtype]) for one in fetcher.all_features().values()]
        return pa.schema([*batch.KEYS, *columns]).empty_table()
    country = snapshots.country
    ensure(settings, snapshots, references)
    if store is None:
        table = pa.concat_tables([snapshot.join(snapshots.read(at)) for at in references])
    else:
        names = fetcher.collect()
        table = _joined(store, [path_of(snapshots.root, name, country, at) for name in names for at in references])
    return table.sort_by([("event_timestamp", "ascending"), ("customer_id", "ascending")]).combine_chunks()


def _joined(store: FeatureStore, files: Sequence[Path]) -> pa.Table:
    """Feast's point-in-time join of the whole service: a row per reference and customer with a row in any snapshot."""
    keys = [field.name for field in batch.KEYS]
    entities = pa.concat_tables(pq.ParquetFile(one).read(keys) for one in files).group_by(keys).aggregate([])
    service = store.get_feature_service(SERVICE)
    found = store.get_historical_features(entities.to_pandas(), service, full_feature_names=True).to_arrow()
    return found.select([*keys, *(name for name in found.column_names if "__" in name)])
