"""The batch's side of a comparison: the snapshot of a reference, as its files have it, whatever made them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

import msgspec
import pyarrow as pa

from scorer.subjects import Freshness, Subjects
from scv.errors import UserError
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline import batch, snapshot
from scv.offline.snapshot import Manifest
from scv.settings import Settings


class BatchSide:
    """One snapshot. Files of an older definition are read too: what differs then has that cause.

    Raises UserError where there is none.
    """

    def __init__(self, settings: Settings, country: Country, at: datetime) -> None:
        self.country, self.at = country, at
        self._root = settings.snapshots_path
        self.manifest = manifest_of(self._root, country, at)
        self.fetchers = fetcher.collect()
        tables = {name: self._table(one) for name, one in self.fetchers.items()}
        joined = snapshot.join(tables)
        self._values = {name: joined[name].combine_chunks() for name in joined.column_names[3:]}
        self.customers: list[str] = joined["customer_id"].to_pylist()
        self._places = {customer: i for i, customer in enumerate(self.customers)}
        self._fresh: Mapping[str, Freshness] = dict.fromkeys(tables, Freshness("FRESH", 0.0))

    def columns(self, customers: Sequence[str]) -> dict[str, pa.Array]:
        """Full feature name → one value per customer, null where the batch has none."""
        taken = pa.array([self._places.get(one) for one in customers], pa.int64())
        return {name: values.take(taken) for name, values in self._values.items()}

    def subjects(self, customers: Sequence[str], columns: Mapping[str, pa.Array]) -> Subjects:
        """The same customers as the scorer scores them; complete to the reference."""
        return Subjects(
            customer_ids=customers,
            at=[self.at] * len(customers),
            known=[one in self._places for one in customers],
            features=columns,
            freshness=[self._fresh] * len(customers),
        )

    @cached_property
    def outdated(self) -> dict[str, str]:
        """Fetcher → the fingerprint that this snapshot was made under, where that is not the one of today."""
        made = self.manifest.stamp.definitions
        return {n: made.get(n, "nothing") for n, one in self.fetchers.items() if made.get(n) != one.fingerprint()}

    @cached_property
    def changed(self) -> frozenset[str]:
        """The fetchers whose file is not the one that was written with the manifest."""
        return frozenset(
            name for name in self.fetchers if _hash(self._path(name)) != self.manifest.stamp.files.get(name, "nothing")
        )

    def _path(self, name: str) -> Path:
        return snapshot.path_of(self._root, name, self.country, self.at)

    def _table(self, one: type[Fetcher]) -> pa.Table:
        """A fetcher's file in today's columns; what it does not have is null."""
        wanted = batch.schema(layout_of(one))
        path = self._path(one.name)
        if not path.exists():
            return wanted.empty_table()
        found = snapshot.read_file(path)
        columns = [
            found[one.name] if one in list(found.schema) else pa.nulls(len(found), one.type) for one in list(wanted)
        ]
        return pa.table(columns, schema=wanted)


def manifest_of(root: Path, country: Country, at: datetime) -> Manifest:
    """The manifest of a reference's snapshot, under whatever definitions it was made."""
    path = snapshot.manifest_path(root, country, at)
    if not path.exists():
        when = calendar.label(at, country)
        raise UserError(f"No snapshot of {country.code} at {when}. Run `cerebro fetch {country.code} -d {when}`.")
    return msgspec.json.decode(path.read_bytes(), type=Manifest)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "nothing"
