"""What the store holds of a customer's row, beside its values: fence, other definitions' rows, where its log stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scv.errors import StoreUnusable
from scv.events.country import Country
from scv.events.partition import partition_of
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.online import marker
from scv.online.row import Fence, Row, unpack
from scv.online.rowstore import RowStore


@dataclass(frozen=True)
class Home:
    """The partition that a customer's events of a family come from. `next` is the online consumer's restart point."""

    topic: str
    partition: int
    epoch: int
    next: int


@dataclass(frozen=True)
class Stored:
    """One customer's row of one fetcher. `row` and `fence` are None where there is none that can be read.

    `built`: the fetcher's rows are whole here. `others`: fields of the same fetcher under other fingerprints.
    `followed`: the row was folded from the log that the store follows.
    """

    built: bool
    others: tuple[str, ...]
    home: Home | None
    fence: Fence | None
    row: Row | None
    followed: bool

    @property
    def usable(self) -> bool:
        """Does a reader take values from it?"""
        return self.built and self.row is not None and self.followed


class StoredRows:
    """Looks into one store."""

    def __init__(self, client: Any, country: Country) -> None:
        self._client, self._country, self._store = client, country, RowStore(client)
        self._logs = {log.family: (topic, log) for topic, log in self._store.logs().items()}
        self._generation = self._store.generation()

    def of(self, one: type[Fetcher], customers: Iterable[str]) -> Mapping[str, Stored]:
        """Customer → what there is of a fetcher's row."""
        layout, code, names = layout_of(one), self._country.code, list(customers)
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.hget(self._store.keys.row(code, name), layout.field)
            pipe.hkeys(self._store.keys.row(code, name))
        replies = pipe.execute()
        marks = self._store.marks([code])[code]
        (built,) = marker.whole(marks, self._country, [layout])
        elsewhere = () if built else tuple(filter(None, [marker.other_field(marks, layout)]))
        homes = self._homes(one.family, names)
        found = {}
        for name, data, keys in zip(names, replies[::2], replies[1::2], strict=True):
            others = tuple(field for field in _others(keys, layout.field)) or elsewhere
            fence, row = self._unpacked(data, one)
            home = homes.get(name)
            found[name] = Stored(built, others, home, fence, row, self._follows(fence, one.family, home))
        return found

    def _unpacked(self, data: bytes | None, one: type[Fetcher]) -> tuple[Fence | None, Row | None]:
        if data is None:
            return None, None
        try:
            return unpack(data, layout_of(one), self._country.lateness_days)
        except StoreUnusable:  # the reader would have said so
            return None, None

    def _follows(self, fence: Fence | None, family: str, home: Home | None) -> bool:
        if fence is None or home is None:
            return fence is not None
        return fence.place == self._logs[family][1].place(self._generation, home.partition)

    def _homes(self, family: str, customers: Iterable[str]) -> dict[str, Home]:
        if family not in self._logs:
            return {}
        topic, log = self._logs[family]
        parts = [(topic, partition) for partition in range(log.partitions)]
        stands = [position.offset or 0 for position in self._store.positions(parts)]
        places = {one: partition_of(f"{self._country.code}:{one}".encode(), log.partitions) for one in customers}
        return {one: Home(topic, place, log.epoch, stands[place]) for one, place in places.items()}


def _others(keys: Iterable[bytes], field: str) -> Iterable[str]:
    name = field.partition("@")[0]
    return (key.decode() for key in sorted(keys) if key.decode() != field and key.decode().partition("@")[0] == name)
