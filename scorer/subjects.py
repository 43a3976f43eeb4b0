"""Customers to be scored: their values in columns, their instants and how fresh each fetcher is.

The live read and a snapshot become the same thing here; from here on nothing knows which it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from scv.events.calendar import EPOCH
from scv.features import fetcher
from scv.features.array import Features
from scv.features.fetcher import Fetcher
from scv.offline import snapshot
from scv.offline.snapshot import SnapshotManifest, Snapshots
from scv.online.reader import Reading, View
from scv.settings import Settings

FreshnessState = Literal["FRESH", "STALE", "MISSING"]


@dataclass(frozen=True)
class Freshness:
    """Of one fetcher: clock − watermark in seconds, never below 0; None where no watermark is known.

    MISSING: the fetcher is not built for this country, or nothing says how complete it is.
    """

    state: FreshnessState
    age_s: float | None


@dataclass(frozen=True)
class Subjects:
    """n customers of one country. Every column of `features` (full names) has n values; missing is None or null.

    `at` is each customer's instant, None where a replay has not begun; `known[i]` is False where a customer has no
    row in any family, None where that cannot be told because not all rows are built.
    """

    customer_ids: Sequence[str]
    at: Sequence[datetime | None]
    known: Sequence[bool | None]
    features: Features
    freshness: Sequence[Mapping[str, Freshness]]

    def __len__(self) -> int:
        return len(self.customer_ids)

    def pick(self, customer_ids: Sequence[str]) -> Subjects:
        """Those customers in the order asked, of subjects that share one instant; others are not known."""
        place = {one: i for i, one in enumerate(self.customer_ids)}
        places = [place.get(one) for one in customer_ids]
        taken = pa.array(places, pa.int64())
        return Subjects(
            customer_ids=list(customer_ids),
            at=[self.at[0] if self.at else None] * len(places),
            known=[one is not None for one in places],
            features={
                name: (column if isinstance(column, pa.Array) else pa.array(plain(column))).take(taken)
                for name, column in self.features.items()
            },
            freshness=[self.freshness[0] if self.freshness else {}] * len(places),
        )

    def rows(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Per customer the values of those features."""
        columns = [plain(self.features[name]) for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def plain(column: Any) -> Sequence[Any]:
    """A column as Python values, None for missing."""
    return column.to_pylist() if isinstance(column, pa.Array | pa.ChunkedArray) else column


def of_views(views: Sequence[View], fetchers: Sequence[type[Fetcher]], stale_after_s: float) -> Subjects:
    """Customers as the reader found them."""
    features = {
        feature.full_name: [view.fetchers[fetcher.name].values[feature.name] for view in views]
        for fetcher in fetchers
        for feature in fetcher.features
    }
    return Subjects(
        customer_ids=[view.customer_id for view in views],
        at=[view.at for view in views],
        known=[view.known for view in views],
        features=features,
        freshness=[{name: fresh(one, stale_after_s) for name, one in view.fetchers.items()} for view in views],
    )


def blank(fetchers: Sequence[type[Fetcher]]) -> Subjects:
    """One customer of whom everything is missing."""
    features = {feature.full_name: [None] for fetcher in fetchers for feature in fetcher.features}
    freshness = {fetcher.name: Freshness("FRESH", 0.0) for fetcher in fetchers}
    return Subjects(["-"], [EPOCH], [True], features, [freshness])


def fresh(reading: Reading, stale_after_s: float) -> Freshness:
    """How fresh a reading is."""
    age = reading.freshness_s
    return Freshness("MISSING", age) if not reading.built or age is None else _aged(age, stale_after_s)


def _aged(age_s: float, stale_after_s: float) -> Freshness:
    return Freshness("STALE" if age_s > stale_after_s else "FRESH", age_s)


def of_snapshot(
    tables: Mapping[str, pa.Table], at: datetime, watermarks: Mapping[str, datetime | None], stale_after_s: float
) -> Subjects:
    """Everyone in a reference's snapshot, ordered by id. `watermarks`: per fetcher, how far the lake was complete."""
    table = snapshot.join(tables)
    ids = table["customer_id"].to_pylist()
    states = {name: _at_reference(at, watermarks.get(name), stale_after_s) for name in tables}
    features = {name: table[name].combine_chunks() for name in table.column_names[3:]}
    return Subjects(ids, [at] * len(ids), [True] * len(ids), features, [states] * len(ids))


def _at_reference(at: datetime, watermark: datetime | None, stale_after_s: float) -> Freshness:
    # Unknown is not MISSING here: the values are there, and a snapshot is taken by whoever waited for the log.
    if watermark is None:
        return Freshness("STALE", None)
    return _aged(max(0.0, (at - watermark).total_seconds()), stale_after_s)


def at_reference(settings: Settings, snapshots: Snapshots, at: datetime) -> Subjects:
    """Everyone in the snapshot of a reference. Raises NoSnapshot where there is none that may be used."""
    marks = watermarks(snapshots.usable(at))
    by_fetcher = {name: marks.get(one.family) for name, one in fetcher.collect().items()}
    return of_snapshot(snapshots.read(at), at, by_fetcher, settings.stale_after_s)


def watermarks(made: SnapshotManifest) -> Mapping[str, datetime | None]:
    """Per family, how far the lake of a snapshot was complete, never beyond its reference; None: unknown."""
    marks = made.stamp.complete_to
    return {family: min(made.at, marks[family]) if family in marks else None for family in made.stamp.lake}
