"""The rows that a consumer holds unpacked, each with the fence bytes that it read or wrote last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from scv.features.layout import Layout
from scv.online.row import Row
from streams.kafka.log import Part

CUSTOMERS = 20_000


class Name(NamedTuple):
    """One customer in one family's topic."""

    part: Part
    country: str
    customer_id: str


@dataclass
class Held:
    """One fetcher's row of a customer: what stands in the store (`fence`, b'' = absent) and up to which offset."""

    layout: Layout
    row: Row
    fence: bytes
    upto: int


class RowCache:
    """Rows by customer and topic; it forgets whole customers, never part of one."""

    def __init__(self, customers: int = CUSTOMERS) -> None:
        self._most = customers
        self._held: OrderedDict[Name, list[Held]] = OrderedDict()

    def get(self, name: Name) -> list[Held] | None:
        found = self._held.get(name)
        if found is not None:
            self._held.move_to_end(name)
        return found

    def put(self, name: Name, rows: list[Held]) -> None:
        self._held[name] = rows
        self._held.move_to_end(name)

    def forget(self, name: Name) -> None:
        self._held.pop(name, None)

    def drop(self, parts: Iterable[Part]) -> None:
        """Forget every row of these partitions."""
        gone = set(parts)
        for name in [name for name in self._held if name.part in gone]:
            del self._held[name]

    def shrink(self) -> None:
        """Back to size; between batches only, so that a batch keeps what it works on."""
        while len(self._held) > self._most:
            self._held.popitem(last=False)
