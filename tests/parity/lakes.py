"""A dirty world as a lake on disk, and events planted into it: what `scv.offline.snapshot` and the trainer read."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from proof.naive import world
from proof.naive.sides import lake_table
from proof.naive.world import DirtyWorld, LoggedEvent
from scv.events.country import Country
from scv.events.event import FAMILIES, Event
from scv.offline import lake
from scv.settings import Settings

PARTITIONS = 3
LAST_EPOCH = 9
"""Behind everything that a world sends."""


@dataclass
class Sea:
    """A lake of one country, complete in every family to an instant; `whole` has what is seen later as well."""

    path: Path
    country: Country
    worlds: Mapping[str, DirtyWorld]
    complete_to: datetime
    whole: Mapping[str, DirtyWorld]

    def grow(self, until: datetime) -> None:
        """What was seen since, up to an instant."""
        for family, world_ in self.whole.items():
            since = [one for one in _until(world_.records, until) if one.event.seen_at >= self.complete_to]
            _append(self.path, family, self.country, since, until)
        self.worlds = {name: replace(one, records=_until(one.records, until)) for name, one in self.whole.items()}
        self.complete_to = until

    def settings(self, home: Path) -> Settings:
        """Those of a home of its own that reads this lake."""
        home.mkdir(parents=True)
        (home / "lake").symlink_to(self.path)
        return Settings(home=str(home), threads=1)

    @contextmanager
    def planted(self, family: str, event: Event) -> Iterator[None]:
        """The lake with one more arrival at the end of a family's log, and without it again."""
        table = DeltaTable(str(self.path / family))
        rows = lake_table([LoggedEvent(LAST_EPOCH, 0, 0, event)], family, self.country)
        assert len(rows) == 1, "refused: nothing was planted"
        write_deltalake(table, rows, mode="append")
        try:
            yield
        finally:
            DeltaTable(str(self.path / family)).restore(table.version() - 1)


def fill(path: Path, country: Country, seed: int, customers: int, complete_to: datetime) -> Sea:
    """A lake of dirty worlds of every family, with the same customers in each, as far as seen before an instant."""
    whole = {family: world.make(seed, family, country, customers) for family in FAMILIES}
    worlds = {name: replace(one, records=_until(one.records, complete_to)) for name, one in whole.items()}
    path.mkdir(parents=True)
    topics = {f"cerebro.{family}": f"{number:032x}" for number, family in enumerate(FAMILIES)}
    epoch = lake.Epoch(epoch=1, topics=topics, partitions=PARTITIONS)
    (path / "epoch.json").write_bytes(msgspec.json.encode(epoch))
    for family, made in worlds.items():
        _append(path, family, country, made.records, complete_to)
    return Sea(path, country, worlds, complete_to, whole)


def _append(path: Path, family: str, country: Country, records: Sequence[LoggedEvent], complete_to: datetime) -> None:
    rows = pa.concat_tables([lake_table(records, family, country), _marks(family, country, complete_to)])
    write_deltalake(str(path / family), rows, mode="append", partition_by=["country", "month"])


def _until(records: Sequence[LoggedEvent], end: datetime) -> list[LoggedEvent]:
    return [record for record in records if record.event.seen_at < end]


def _marks(family: str, country: Country, complete_to: datetime) -> pa.Table:
    """A watermark on every partition."""
    mark = {"country": country.code, "month": f"{complete_to:%Y-%m}", "kind": "watermark", "seen_at": complete_to}
    rows = [mark | {"epoch": 1, "partition": number, "offset": 10**6} for number in range(PARTITIONS)]
    return pa.Table.from_pylist(rows, schema=lake.schema(family))


def any_event(rng: random.Random, family: str, where: Country, customer: str) -> Event:
    """An event of a family, as the worlds have them."""
    made = world.make(rng.randrange(10**9), family, where, customers=1, events_each=6)
    given = [event for event in made.log if event.kind != "erased"]
    return msgspec.structs.replace(rng.choice(given), customer_id=customer)
