"""The steps that lead from a snapshot's value to the one that was read, each recomputed for few customers.

    file → today's batch of the snapshot's lake version → of the newest version → of the row's own prefix of the log
    → the same at the read's instant → folded in Python → the row in the store → what was read

Two neighbours that differ are a cause; whatever differs from end to end has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proof.parity.batchside import BatchSide
from proof.parity.recomputed import Prefix, Recomputed, Values
from proof.parity.stored import Stored, StoredRows
from scv.errors import LakeConflict
from scv.events.calendar import day_of, to_us
from scv.events.country import Country
from scv.features.fetcher import Fetcher
from scv.offline.lake import Arrival, Lake, LakeVersion
from scv.online.reader import View
from scv.settings import Settings

Steps = dict[tuple[str, Prefix], Values]


@dataclass(frozen=True)
class Evidence:
    """One customer and fetcher. `then` is None where the snapshot's lake version can no longer be read.

    The last four steps are of the row's prefix, and equal None where no row is read.
    """

    fetcher: str
    customer: str
    at: datetime
    read_at: datetime
    then: Steps | None
    now: Steps
    folded: Steps
    kept: Values
    read: Values
    stored: Stored
    log: list[Arrival]
    lake_next: int
    erased: bool

    @property
    def whole(self) -> Prefix:
        return Prefix(self.customer, self.at)

    def prefix(self, at: datetime) -> Prefix:
        """What the row says it holds."""
        return prefix_of(self.customer, self.stored, at)

    @property
    def beyond(self) -> list[Arrival]:
        """What the row does not hold and the snapshot's instant knows."""
        row, before = self.prefix(self.at), to_us(self.at)
        return [one for one in self.log if not row.holds(one.epoch, one.offset) and one.delivery.seen_us < before]

    @property
    def early(self) -> list[Arrival]:
        """What the row holds and the snapshot's instant does not know."""
        row, before = self.prefix(self.at), to_us(self.at)
        return [one for one in self.log if row.holds(one.epoch, one.offset) and one.delivery.seen_us >= before]


def prefix_of(customer: str, stored: Stored, at: datetime) -> Prefix:
    if stored.fence is None:
        return Prefix(customer, at, epoch=-1)
    return Prefix(customer, at, stored.fence.place.epoch, stored.fence.upto)


def values_of(view: View, fetcher: str) -> Values:
    """What was read of a fetcher; None where there is no row."""
    reading = view.fetchers[fetcher]
    return reading.values if reading.present else None


class Collector:
    """Gathers evidence about one country's snapshot and store."""

    def __init__(self, settings: Settings, client: Any, country: Country, side: BatchSide) -> None:
        self._country, self._side = country, side
        version, taken = Lake(settings.lake_path).version(), LakeVersion(side.manifest.stamp.lake)
        self._newest = Recomputed(settings, country, version)
        self._taken = self._newest if taken == version else Recomputed(settings, country, taken)
        self._rows = StoredRows(client, country)

    def close(self) -> None:
        self._newest.close()
        self._taken.close()

    def of(self, one: type[Fetcher], views: Mapping[str, View]) -> dict[str, Evidence]:
        """Customer → the evidence about a fetcher, of those whose views are given."""
        stored, at = self._rows.of(one, views), self._side.at
        read_at = {name: view.at or at for name, view in views.items()}
        usable = [name for name in views if stored[name].usable]
        later = [prefix_of(name, stored[name], read_at[name]) for name in usable]
        now = self._newest.batch(
            [one], [*(Prefix(n, at) for n in views), *(prefix_of(n, stored[n], at) for n in usable), *later]
        )
        folded = self._newest.folded([one], later)
        log = self._newest.deliveries(one.family, views)
        then, erased = self._then(one, views), self._erased(one, log)
        return {
            name: Evidence(
                fetcher=one.name,
                customer=name,
                at=at,
                read_at=read_at[name],
                then=then,
                now=now,
                folded=folded,
                kept=self._kept(stored[name], read_at[name]),
                read=values_of(view, one.name),
                stored=stored[name],
                log=log.get(name, []),
                lake_next=self._lake_next(one.family, stored[name]),
                erased=name in erased,
            )
            for name, view in views.items()
        }

    def _then(self, one: type[Fetcher], customers: Iterable[str]) -> Steps | None:
        try:
            return self._taken.batch([one], [Prefix(name, self._side.at) for name in customers])
        except LakeConflict:
            return None

    def _erased(self, one: type[Fetcher], log: Mapping[str, list[Arrival]]) -> set[str]:
        """Who was erased after the snapshot's lake version."""
        last = {name: max(places) for name, placed in log.items() if (places := _erasures(placed))}
        if not last or self._taken is self._newest:
            return set()
        try:
            known = self._taken.deliveries(one.family, last)
        except LakeConflict:
            return set()
        return {name for name, place in last.items() if place not in _erasures(known.get(name, []))}

    def _kept(self, stored: Stored, at: datetime) -> Values:
        if not stored.usable or stored.row is None or not stored.row.exists:
            return None
        return stored.row.read(day_of(to_us(at), self._country.zone), self._country.cut_off_days)

    def _lake_next(self, family: str, stored: Stored) -> int:
        home = stored.home
        return 0 if home is None else self._newest.position(family, home.topic, home.partition)


def _erasures(log: Iterable[Arrival]) -> list[tuple[int, int]]:
    return [(one.epoch, one.offset) for one in log if one.delivery.kind == "erased"]
