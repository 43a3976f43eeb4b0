"""Events into rows: the online consumer's inner step, by Rule R.

A batch is applied to what the store holds and written where the fences still stand as they were read. If a restart
point is not where this consumer left it, the store was rolled back or another owner is ahead: nothing is applied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

import msgspec

from scv.errors import LogChanged, StoreUnusable
from scv.events.admission import Verdict
from scv.events.arrival import Arrival
from scv.events.country import Country
from scv.features.layout import Layout
from scv.online.facts import Move, Position, RowWrite
from scv.online.row import FENCE_BYTES, NEVER, Fence, Place, Row, unpack
from scv.online.rowstore import RowStore
from streams import faultpoint
from streams.counters import Counters
from streams.kafka.log import ADVICE, Part

READS = 1_000
"""Customers whose rows are in memory at once: those of a whole backlog's batch would be the process's size for ever."""
WRITES = 250
"""Customers per pipeline of writes."""

_COUNTERS = {verdict: verdict.replace(" ", "_") for verdict in get_args(Verdict)} | {None: "erased"}
"""Verdict → counter; a row that takes an erasure gives no verdict."""
_TRACELESS = {"before_an_erasure", "fenced"}
"""Of whom nothing else is counted nobody is told: they were forgotten, and stay so."""


class Name(NamedTuple):
    """One customer in one family's topic."""

    part: Part
    country: str
    customer_id: str


@dataclass(slots=True)
class Held:
    """One fetcher's row of a customer: what stands in the store (`fence`, b'' = absent) and up to which offset."""

    layout: Layout
    row: Row
    fence: bytes
    upto: int


class Moved(Exception):
    """Restart points that are not where this consumer left them."""

    def __init__(self, parts: list[Part]) -> None:
        super().__init__(f"{len(parts)} restart points moved")
        self.parts = parts


@dataclass
class Lease:
    """What was read when a partition was placed, and where its restart point stands since."""

    place: Place
    offset: int
    turn: int
    layouts: Mapping[str, Sequence[Layout]]
    """By country: the built fetchers of the topic's family."""


@dataclass
class Batch:
    """Records of one round: what to apply, where the partitions that were read on then stand, what time says."""

    next: Mapping[Part, int]
    work: dict[Name, list[tuple[int, Arrival]]] = field(default_factory=dict)
    marks: dict[Part, dict[str, int]] = field(default_factory=dict)
    """Newest watermark by country (us)."""
    ticks: dict[Part, int] = field(default_factory=dict)
    """The newest tick (us)."""
    fronts: dict[str, int] = field(default_factory=dict)
    """By country: the newest watermark, or 1 us after the newest event's seen_at (us)."""
    live: dict[str, int] = field(default_factory=dict)
    """The same of live events, which move no replay's clock."""
    size: int = 0


class Folding:
    """Applies batches; `leases` holds the partitions that are this consumer's now.

    No row stays in memory between batches: to keep it until its customer comes back costs as much as to read it again,
    and more where not all customers fit.
    """

    def __init__(self, store: RowStore, countries: Mapping[str, Country], counters: Counters) -> None:
        self.leases: dict[Part, Lease] = {}
        self._store, self._countries, self._counters = store, countries, counters

    def begin(self, part: Part, place: Place, position: Position, layouts: Mapping[str, Sequence[Layout]]) -> None:
        """A partition was placed at its restart point."""
        self.leases[part] = Lease(place, position.offset or 0, position.turn, layouts)

    def end(self, parts: Iterable[Part]) -> None:
        """Partitions that are no longer ours, or about to be placed again."""
        for part in parts:
            self.leases.pop(part, None)

    def behind(self, places: Mapping[Part, int]) -> dict[Part, int]:
        """Those of these places that restart points have not reached, by record or without one."""
        return {part: offset for part, offset in places.items() if offset != self.leases[part].offset}

    def apply(self, batch: Batch, tell: Callable[[list[Name]], None] = lambda changed: None) -> None:
        """Rows, then whoever is told of the customers whose rows changed, restart points, clocks. Raises Moved.

        What `tell` raises leaves the restart points: the batch is read again, and then no row changes any more.
        """
        changed, names = list[Name](), list(batch.work)
        for start in range(0, len(names), READS):
            changed += self._fold(names[start : start + READS], batch)
        faultpoint.reach("online.written", batch.size)
        tell(changed)
        self.advance(batch.next, batch.marks, batch.ticks)
        faultpoint.reach("online.advanced", batch.size)
        self._store.tick(batch.fronts, batch.live)

    def _fold(self, pending: Sequence[Name], batch: Batch) -> list[Name]:
        """These customers' rows take what is theirs of a batch; whose rows changed."""
        changed: list[Name] = []
        while pending:
            held = self._read(pending, list(batch.next))
            taken = {name: _take(held[name], batch.work[name]) for name in pending}
            refused = self._write({name: held[name] for name in pending if taken[name][1]}, batch.size)
            pending = [name for name in pending if name in refused]
            for name, (counted, moved) in taken.items():
                if name not in refused:
                    self._counters.count(counted)
                    changed += [name] * (moved and bool(counted.keys() - _TRACELESS))
        return changed

    def check(self) -> None:
        """Raise Moved unless every restart point is where this consumer left it."""
        self._read([], list(self.leases))

    def advance(
        self, offsets: Mapping[Part, int], marks: Mapping[Part, Mapping[str, int]], ticks: Mapping[Part, int]
    ) -> None:
        """Move restart points, watermarks and ticks. Raises Moved."""
        parts = list(dict.fromkeys([*offsets, *marks]))
        moves = []
        for part in parts:
            lease = self.leases[part]
            offset = offsets.get(part, lease.offset)
            moves.append(Move(*part, lease.offset, lease.turn, offset, marks.get(part, {}), ticks.get(part, 0)))
        moved = self._store.advance(moves)
        for part, move, stood in zip(parts, moves, moved, strict=True):
            if stood:
                self.leases[part].offset = move.offset
        if not all(moved):
            raise Moved([part for part, stood in zip(parts, moved, strict=True) if not stood])

    def _read(self, names: Sequence[Name], parts: Sequence[Part]) -> dict[Name, list[Held]]:
        """Customers' rows, and in the same round trip proof that the restart points are ours still."""
        pipe, shards = self._store.client.pipeline(transaction=False), self._store.shards
        for part in parts:
            for keys in shards:
                pipe.hmget(keys.position(*part), "offset", "turn")
        fields: dict[Name, Sequence[Layout]] = {}
        held: dict[Name, list[Held]] = {}
        for name in names:
            layouts = self.leases[name.part].layouts.get(name.country, ())
            if layouts:
                fields[name] = layouts
                pipe.hmget(self._store.keys.row(name.country, name.customer_id), [layout.field for layout in layouts])
            else:
                held[name] = []
        replies = pipe.execute()
        places = [part for part in parts for _ in shards]
        moved = [part for part, reply in zip(places, replies, strict=False) if not self._stands(part, reply)]
        if moved:
            raise Moved(list(dict.fromkeys(moved)))
        for (name, layouts), data in zip(fields.items(), replies[len(places) :], strict=True):
            held[name] = self._unpack(name, layouts, data)
        return held

    def _stands(self, part: Part, reply: Sequence[bytes | None]) -> bool:
        lease = self.leases[part]
        return reply[0] is not None and (int(reply[0]), int(reply[1] or 0)) == (lease.offset, lease.turn)

    def _unpack(self, name: Name, layouts: Sequence[Layout], data: Sequence[bytes | None]) -> list[Held]:
        """A customer's rows, empty where the store has none."""
        country = self._countries[name.country]
        stored = [one and (one, *unpack(one, layout, country)) for layout, one in zip(layouts, data, strict=True)]
        return [
            self._judged(name, *one) if one else Held(layout, Row(layout, country), b"", NEVER)
            for layout, one in zip(layouts, stored, strict=True)
        ]

    def _judged(self, name: Name, data: bytes, fence: Fence, row: Row) -> Held:
        """A stored row, or an empty one in its place if it is left over from another log. Raises LogChanged."""
        layout, place = row.layout, self.leases[name.part].place
        if fence.place == place:
            return Held(layout, row, data[:FENCE_BYTES], fence.upto)
        if (fence.place.generation, fence.place.epoch) < (place.generation, place.epoch):
            self._refuse_unbuilt(name, layout, fence)
            # Left over from a log that is gone, and not in the lake: whatever is, was built again.
            return Held(layout, Row(layout, row.country), data[:FENCE_BYTES], NEVER)
        raise LogChanged(
            f"A row of {layout.field} belongs to epoch {fence.place.epoch}, generation {fence.place.generation}; this "
            f"consumer is in epoch {place.epoch}, generation {place.generation}. {ADVICE}"
        )

    def _refuse_unbuilt(self, name: Name, layout: Layout, fence: Fence) -> None:
        """Raise StoreUnusable for an older generation's row that holds nothing but what was built again: it was not."""
        lease = self.leases[name.part]
        place = msgspec.structs.replace(fence.place, generation=lease.place.generation)
        if place == lease.place and fence.upto < lease.offset:
            raise StoreUnusable(
                f"{layout.field} is marked as built for generation {lease.place.generation}, but a row of it is of "
                f"generation {fence.place.generation}. Run `cerebro rebuild`."
            )

    def _write(self, held: Mapping[Name, Sequence[Held]], in_hand: int) -> set[Name]:
        """Write these customers' rows; who was refused."""
        refused, names = set[Name](), list(held)
        for start in range(0, len(names), WRITES):
            keys = {
                name: self._store.keys.row(name.country, name.customer_id) for name in names[start : start + WRITES]
            }
            writes: dict[str, list[RowWrite]] = {}
            for name, key in keys.items():  # one customer may have moved in several families: its rows go together
                writes.setdefault(key, []).extend(self._writes(name, held[name]))
            denied = self._store.write_rows(writes)
            refused |= {name for name, key in keys.items() if key in denied}
            self._counters.rows += sum(len(made) for key, made in writes.items() if key not in denied)
            faultpoint.reach("online.half-written", in_hand)
        self._counters.refused += len(refused)
        return refused

    def _writes(self, name: Name, held: Sequence[Held]) -> list[RowWrite]:
        place = self.leases[name.part].place
        return [RowWrite(one.layout.field, one.fence, one.row.pack(place, one.upto)) for one in held]


def _take(held: Sequence[Held], items: Sequence[tuple[int, Arrival]]) -> tuple[Counter[str], bool]:
    """Let a customer's rows take what they do not hold yet: what became of it, and did any row?"""
    counted, moved = Counter[str](), False
    for offset, arrival in items:
        verdict = "re_read" if held else "unbuilt"
        for one in held:
            if offset > one.upto:
                verdict = _COUNTERS[one.row.take(arrival)]
                one.upto, moved = offset, True
            else:
                counted["fenced"] += 1
        counted[verdict] += 1
    return counted, moved
