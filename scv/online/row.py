"""A row: all admitted events of one customer for one fetcher, folded, with the fence that says up to where.

Bytes = fence (fixed length, compared for equality by the store) + body (msgpack). Nothing of a row is cut at a
reference: windows are cut when it is read.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scv.errors import StoreUnusable
from scv.events import admission
from scv.events.admission import Ids, Verdict
from scv.events.arrival import Arrival
from scv.events.country import Country
from scv.features.layout import NOWHERE, Layout

_FENCE = struct.Struct("<BII16sIqqi")
FENCE_BYTES = _FENCE.size
FORMAT = 2
NEVER = -1


class Place(msgspec.Struct, frozen=True, gc=False):
    """Which log: a rebuild's generation, the broker's epoch, the topic's id and the partition."""

    generation: int
    epoch: int
    topic_id: bytes
    partition: int


class Fence(msgspec.Struct, frozen=True, gc=False):
    """Which prefix of which log a row is the fold of.

    `upto` is the last offset applied (-1: none of this epoch's log); `clock_us` the newest `seen_at`
    delivered and `clock_day` its local day (`clock_us` -1: none yet).
    """

    place: Place
    upto: int
    clock_us: int = NEVER
    clock_day: int = 0

    def pack(self) -> bytes:
        p = self.place
        return _FENCE.pack(
            FORMAT, p.generation, p.epoch, p.topic_id, p.partition, self.upto, self.clock_us, self.clock_day
        )


@dataclass(slots=True)
class Row:
    """One customer's state of one fetcher; mutable, owned by whoever read it."""

    layout: Layout
    country: Country
    admitted: int = 0
    clock_us: int = NEVER
    clock_day: int = 0
    erased_us: int = NEVER
    ids: Ids = field(default_factory=dict)
    lives: list[Any] = field(default_factory=list)
    tiles: dict[int, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lives = self.lives or [None] * len(self.layout.lives)

    @property
    def exists(self) -> bool:
        """Has the customer an admitted event of this family?"""
        return self.admitted > 0

    def take(self, arrival: Arrival) -> Verdict | None:
        """Apply the next arrival in log order; the verdict, or None for an erasure."""
        if arrival.kind == "erased":
            self._erase(arrival.occurred_us)
            return None
        clock_day = self.clock_day if self.clock_us != NEVER else None
        verdict = admission.admit(arrival, clock_day, self.erased_us, self.ids, self.country.lateness_days)
        if verdict == "admitted":
            self._enter(arrival)
        if verdict != "before an erasure" and arrival.seen_us > self.clock_us:
            self.clock_us, self.clock_day = arrival.seen_us, arrival.seen_day
        return verdict

    def read(self, at_day: int) -> dict[str, Any]:
        """Every feature's value at an instant of that local day, at or after the row's clock.

        A row that does not exist reads None throughout.
        """
        if not self.exists:
            return dict(self.layout.nothing)
        values: dict[str, Any] = {}
        windows, reads = self.layout.plan(self.country)
        tiles = self._inside([window.days(at_day) for window in windows])
        for name, place, fold, inside, window in reads:
            if inside == NOWHERE:
                state = self.lives[place]
            else:
                states = tiles[inside]
                state = fold.merged(states[place]) if states else None
            values[name] = fold.read(state, at_day, window)
        return values

    def _inside(self, windows: Sequence[range]) -> list[list[tuple[Any, ...]]]:
        """By window, by state of a tile its values on these days; empty: there is no such day."""
        days = sorted(self.tiles)
        laid = [self.tiles[day] for day in days]
        return [
            list(zip(*laid[bisect_left(days, one.start) : bisect_left(days, one.stop)], strict=True)) for one in windows
        ]

    def fence(self, place: Place, upto: int) -> Fence:
        """The fence of this row once everything up to that offset is in it."""
        return Fence(place, upto, self.clock_us, self.clock_day)

    def pack(self, place: Place, upto: int) -> bytes:
        """The row's bytes; what no later read or admission can need is dropped first."""
        self._prune()
        body = (self.admitted, self.erased_us, sorted(self.ids.items()), self.lives, sorted(self.tiles.items()))
        return self.fence(place, upto).pack() + _encoder.encode(body)

    def _enter(self, arrival: Arrival) -> None:
        self.admitted += 1
        taking = [one for one in self.layout.takers[arrival.kind] if one.always or one.fold.takes(arrival)]
        for place, fold, tiled, _ in taking:
            states = self.tiles.setdefault(arrival.day, [None] * len(self.layout.tiles)) if tiled else self.lives
            state, alone = states[place], fold.alone(arrival)
            states[place] = alone if state is None else fold.merge(state, alone)

    def _erase(self, occurred_us: int) -> None:
        self.erased_us = max(self.erased_us, occurred_us)
        self.admitted, self.clock_us, self.clock_day = 0, NEVER, 0
        self.ids, self.tiles = {}, {}
        self.lives = [None] * len(self.layout.lives)

    def _prune(self) -> None:
        if self.clock_us == NEVER:
            return
        admission.forget(self.ids, self.clock_day, self.country.lateness_days)
        oldest = self.clock_day - max(self.layout.longest_days, self.country.lateness_days)
        for day in [day for day in self.tiles if day < oldest]:
            del self.tiles[day]
        for place, fold in self.layout.pruning:
            self.lives[place] = fold.prune(self.lives[place], self.clock_day, self.country)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(
    tuple[int, int, list[tuple[int, list[int]]], list[Any], list[tuple[int, list[Any]]]],
)


def fence_of(data: bytes) -> Fence:
    """The fence at the head of a row's bytes. Raises StoreUnusable for another format."""
    if len(data) < FENCE_BYTES or data[0] != FORMAT:
        raise StoreUnusable("A row in the store has another format. Run `cerebro rebuild`.")
    _, generation, epoch, topic_id, partition, upto, clock_us, clock_day = _FENCE.unpack_from(data)
    return Fence(Place(generation, epoch, topic_id, partition), upto, clock_us, clock_day)


def is_empty(data: bytes) -> bool:
    """Does a row's bytes hold no admitted event? Raises StoreUnusable for what is no row of this format."""
    fence_of(data)
    try:
        return bool(_decoder.decode(memoryview(data)[FENCE_BYTES:])[0] == 0)
    except msgspec.MsgspecError as error:
        raise StoreUnusable(f"A row cannot be read ({error}). Run `cerebro rebuild`.") from error


def unpack(data: bytes, layout: Layout, country: Country) -> tuple[Fence, Row]:
    """Fence and row of a row's bytes. Raises StoreUnusable when they are not those of this layout."""
    fence = fence_of(data)
    try:
        admitted, erased_us, ids, lives, tiles = _decoder.decode(memoryview(data)[FENCE_BYTES:])
    except msgspec.MsgspecError as error:
        raise StoreUnusable(f"A row of {layout.field} cannot be read ({error}). Run `cerebro rebuild`.") from error
    clock = fence.clock_us, fence.clock_day
    row = Row(layout, country, admitted, *clock, erased_us, dict(ids), lives, dict(tiles))
    return fence, row
