"""Rule R as a small world: two workers of one partition, rebuilds, an erasure, a store that loses power.

Every actor is a generator that stops between any two things it says to the store, and a seeded scheduler picks who
goes on. Rows, fences and admission are the real code. `Rules` holds the wrong variants as switches. Now and then a
rebuild begins another generation, whoever else is at work.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from proof.naive import world
from proof.naive.sides import arrivals
from scv.events.arrival import Arrival
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.online import marker, rowstore
from scv.online.facts import Built, Move, Position, RowWrite
from scv.online.rebuild import is_behind
from scv.online.row import FENCE_BYTES, NEVER, Place, Row, fence_of, unpack
from tests.keys import row_key

LOOKS = 0.3
"""How often a worker whose client reconnects without a word asks for the store's incarnation before a batch."""
AFRESH = 0.5
"""How often a rebuild begins another generation."""
TOPIC = "cerebro.payments"
LOG = rowstore.Log(family="payments", epoch=0, topic_id=bytes(range(16)).hex(), partitions=1)
PLACE = LOG.place(1, 0)
LAYOUT = layout_of(get("payments"))
BERLIN = world.country("Europe/Berlin")
Log = Sequence[Arrival]
Steps = Iterator[None]


@dataclass(frozen=True)
class Rules:
    """The wrong variants; all off is Rule R. (`NewerWins` and `MarksAnyway` of tests.rules.store are two more.)"""

    cut_at_reference: bool = False
    resume_from_commit: bool = False
    keep_cache: bool = False
    erase_deletes: bool = False
    silent_reconnect: bool = False


@dataclass
class Worker:
    """A stream consumer: its cache of row bytes, its place in the log, the store's incarnation it knows.

    `assigned` is what it believes: a zombie believes it still.
    """

    cache: dict[str, bytes] = field(default_factory=dict)
    next: int | None = None
    stands: Position = field(default_factory=lambda: Position(None))
    place: Place = PLACE
    built: bool = False
    power: int = 0
    assigned: bool = False
    stopped: bool = False


class Moved(Exception):
    """The store is another incarnation or the restart point is not the one that was read: drop all rows and seek."""


def built_of(generation: int, *positions: int, log: rowstore.Log = LOG) -> Built:
    """What a rebuild made that held everything before these offsets."""
    marks = {LAYOUT.fetcher: marker.encode(marker.of_rows(BERLIN, LAYOUT, log, generation))}
    return Built(BERLIN.code, TOPIC, log, generation, positions, [0] * len(positions), marks)


def fresh_row() -> Row:
    return Row(LAYOUT, BERLIN)


def make_log(seed: int) -> list[Arrival]:
    """A dirty log of one partition, with an erasure in its middle; offsets are places in the list."""
    made = world.make(seed, "payments", BERLIN, customers=3, events_each=14)
    log = [arrival for _, arrival in arrivals(made.records, BERLIN)]
    middle = log[len(log) // 2]
    return [*log[: len(log) // 2], replace(middle, kind="erased", id="erased"), *log[len(log) // 2 :]]


class Model:
    """One world from the first event to the barrier."""

    def __init__(self, seed: int, store: Any, rules: Rules = Rules()) -> None:
        self.rng, self.seen = random.Random(seed), Counter[str]()
        self.store, self.rules, self.log = store, rules, make_log(seed)
        self.workers = [Worker(), Worker()]
        self.owner = 0
        self.produced = self.lake = self.committed = 0
        store.set_logs({TOPIC: LOG})
        for _ in self.rebuild(0):
            pass
        self.saves = [store.saved()]
        self.hears = self.rng.choice((0.2, 0.9))
        self.workers[0].assigned = True
        self.running: list[Steps] = [self.consume(worker) for worker in self.workers]

    # -- the scheduler -------------------------------------------------------------------------------------
    def run(self) -> int:
        """Let everything happen, then drain; how many customers end up wrong."""
        while self.produced < len(self.log) or self.lake < len(self.log):
            self.happen()
            for _ in range(self.rng.randrange(5)):
                self.step(self.rng.choice(self.running))
        for _ in range(40):
            self.step(self.rng.choice(self.running))
        self.drain()
        return sum(not self.right(name) for name in sorted({arrival.customer_id for arrival in self.log}))

    def happen(self) -> None:
        roll = self.rng.random()
        if roll < 0.35:
            self.produced = min(len(self.log), self.produced + self.rng.randint(1, 3))
        elif roll < 0.6:
            self.lake = self.rng.randint(self.lake, self.produced)
        elif roll < 0.7:
            self.rebalance()
        elif roll < 0.76:
            position = self.rng.randint(self.lake // 2, self.lake)
            self.running.append(self.afresh(position) if self.rng.random() < AFRESH else self.rebuild(position))
        elif roll < 0.86:
            self.saves = [*self.saves[-2:], self.store.saved()]
        elif roll < 0.9:
            self.store.lose_power(self.rng.choice(self.saves))
            self.seen["power losses"] += 1

    def rebalance(self) -> None:
        """The other worker gets the partition; the old one may not know for a while."""
        self.owner = 1 - self.owner
        self.workers[self.owner].assigned = True
        self.seen["rebalances"] += 1

    def step(self, actor: Steps) -> None:
        if next(actor, "done") == "done":
            self.running = [one for one in self.running if one is not actor]

    def drain(self) -> None:
        """Everyone who is at work finishes; then the owner reads to the end."""
        for worker in self.workers:
            worker.stopped = True
        while any(next(actor, "done") != "done" for actor in self.running):
            pass
        for _ in () if self.built() else self.rebuild(self.lake):  # a consumer's start builds what is not whole
            pass
        owner = self.workers[self.owner]
        owner.stopped, owner.assigned = False, True
        for _ in self.consume(owner):
            at_end = owner.next == len(self.log) and self.stands(owner)
            if at_end and (owner.stands.offset == owner.next or self.rules.resume_from_commit):
                return

    def right(self, customer: str) -> bool:
        """Is the stored row the fold of the whole log, and one that a reader takes?"""
        expected = fresh_row()
        for arrival in self.log:
            if arrival.customer_id == customer:
                expected.take(arrival)
        _, expected = unpack(expected.pack(PLACE, 0), LAYOUT, BERLIN)
        place, found = self.place(), fresh_row()
        if (stored := self.stored(customer)) and fence_of(stored).place == place:
            found = unpack(stored, LAYOUT, BERLIN)[1]
        return self.built() and found == expected

    def place(self) -> Place:
        """Where rows belong now."""
        return LOG.place(self.store.generation(), 0)

    def built(self) -> bool:
        """Do the rows that stand count as whole?"""
        return marker.unbuilt(self.store.marks(["ZZ"])["ZZ"], BERLIN, [LAYOUT]) == [""]

    # -- a stream consumer ---------------------------------------------------------------------------------
    def consume(self, worker: Worker) -> Steps:
        while not worker.stopped:
            if worker.assigned:
                try:
                    yield from self.batch(worker)
                except Moved:
                    self.begin_again(worker)
                self.poll(worker)
            yield

    def poll(self, worker: Worker) -> None:
        """Between two batches a worker may hear that its partition is gone; when it is back, it seeks again."""
        if worker is not self.workers[self.owner] and self.rng.random() < self.hears:
            worker.assigned, worker.next = False, None

    def batch(self, worker: Worker) -> Steps:
        if self.rules.silent_reconnect and worker.power != self.store.power and self.rng.random() < LOOKS:
            raise Moved
        self.check(worker)
        if worker.next is None:
            self.seek(worker)
        start = worker.next or 0
        end = min(self.produced, start + self.rng.randint(1, 4))
        records = list(enumerate(self.log))[start:end]
        self.seen["read again"] += sum(offset < self.committed for offset, _ in records)
        for customer in sorted({arrival.customer_id for _, arrival in records}):
            yield from self.apply(worker, customer, [one for one in records if one[1].customer_id == customer])
        yield
        self.check(worker)
        if end == start and not self.stands(worker):
            raise Moved  # an idle consumer looks now and then
        if end > start:
            self.advance(worker, end)

    def apply(self, worker: Worker, customer: str, records: Sequence[tuple[int, Arrival]]) -> Steps:
        """Read (or remember), fold what lies after the fence, write if the fence still stands; refused: again."""
        while True:
            self.check(worker)
            data = worker.cache.get(customer) or self.read(worker, customer)
            upto = fence_of(data).upto if data and fence_of(data).place == worker.place else NEVER
            new = [(offset, arrival) for offset, arrival in records if offset > upto]
            if not new or not worker.built:
                return
            written = self.applied(worker, data, new)
            yield
            self.check(worker)
            if self.wrote(worker, customer, data, written):
                return
            worker.cache.pop(customer, None)
            self.seen["fenced"] += 1

    def applied(self, worker: Worker, data: bytes, new: Sequence[tuple[int, Arrival]]) -> bytes:
        """A row of an older generation is one that nothing was built of: it begins anew."""
        mine = data and fence_of(data).place == worker.place
        row = unpack(data, LAYOUT, BERLIN)[1] if mine else fresh_row()
        for _, arrival in new:
            row.take(arrival)
        gone = self.rules.erase_deletes and new[-1][1].kind == "erased"
        return b"" if gone else row.pack(worker.place, new[-1][0])

    def wrote(self, worker: Worker, customer: str, data: bytes, written: bytes) -> bool:
        key = row_key("ZZ", customer)
        if not written:  # the wrong variant: nothing remembers the erasure
            self.store.delete(key)
            worker.cache.pop(customer, None)
            return True
        worker.cache[customer] = written
        return not self.store.write_rows({key: [RowWrite(LAYOUT.field, data[:FENCE_BYTES], written)]})

    def advance(self, worker: Worker, end: int) -> None:
        offset, turn = worker.stands.offset, worker.stands.turn
        if self.store.advance([Move(TOPIC, 0, offset, turn, end)])[0]:
            worker.next, worker.stands = end, Position(end, turn=turn)
            self.committed = max(self.committed, end)
        else:  # another worker or a rebuild moved it, or the store went back
            raise Moved

    def seek(self, worker: Worker) -> None:
        worker.stands = self.store.positions([(TOPIC, 0)])[0]
        worker.next = worker.stands.offset or 0
        worker.place, worker.built = self.place(), self.built()

    def check(self, worker: Worker) -> None:
        """A store that went away breaks the connection: whoever speaks next learns of it."""
        if worker.power != self.store.power and not self.rules.silent_reconnect:
            raise Moved

    def read(self, worker: Worker, customer: str) -> bytes:
        """A row, and in the same round trip the proof that the restart point still stands."""
        if not self.stands(worker):
            raise Moved
        return self.stored(customer) or b""

    def stands(self, worker: Worker) -> bool:
        """Is the restart point the one that was read?"""
        now, stands = self.store.positions([(TOPIC, 0)])[0], worker.stands
        return (now.offset, now.turn) == (stands.offset, stands.turn)

    def begin_again(self, worker: Worker) -> None:
        """Forget all rows and seek to the restart point that stands in the store."""
        lost, worker.power = worker.power != self.store.power, self.store.power
        if not self.rules.keep_cache:
            worker.cache.clear()
        self.seek(worker)
        if lost and self.rules.resume_from_commit:
            worker.next = self.committed

    # -- a rebuild from the lake ---------------------------------------------------------------------------
    def afresh(self, position: int) -> Steps:
        """Begin another generation beside whoever is at work, then build what is not whole."""
        self.seen["generations"] += 1
        yield
        self.store.next_generation()
        yield
        if not self.built():
            yield from self.rebuild(position)

    def rebuild(self, position: int) -> Steps:
        """Fold the lake up to one position and write what is absent or older; the restart point goes back to it."""
        known, power, place = self.log[:position], self.store.power, self.place()
        self.seen["rebuilds"] += position > 0
        if self.rules.cut_at_reference and known:
            reference = self.rng.choice(known).seen_us
            known = [arrival for arrival in known if arrival.seen_us < reference]
        for customer, mine in itertools.groupby(sorted(known, key=lambda d: d.customer_id), lambda d: d.customer_id):
            row = fresh_row()
            for arrival in mine:
                row.take(arrival)
            yield from self.build(customer, row.pack(place, position - 1), power)
        yield
        if self.lost(power):
            return  # rows written before may be gone: whoever started it starts it again
        self.seen["refused marks"] += not self.store.mark_built(built_of(place.generation, position))

    def build(self, customer: str, built: bytes, power: int) -> Steps:
        while True:
            yield
            data, fence = self.stored(customer) or b"", fence_of(built)
            if self.lost(power) or not is_behind(data[:FENCE_BYTES], fence.place, fence.upto):
                return
            yield
            write = RowWrite(LAYOUT.field, data[:FENCE_BYTES], built)
            if self.lost(power) or not self.store.write_rows({row_key("ZZ", customer): [write]}):
                return
            self.seen["fenced"] += 1

    def lost(self, power: int) -> bool:
        """Does a builder's broken connection tell it that the store is another one than it began with?"""
        return power != self.store.power and not self.rules.silent_reconnect

    def stored(self, customer: str) -> bytes | None:
        found: bytes | None = self.store.read_rows([row_key("ZZ", customer)], [LAYOUT.field])[0][0]
        return found
