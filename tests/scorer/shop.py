"""A small invented shop in the country US: its log in a lake, its rows in a store, snapshots, and trained champions."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import redis
from deltalake import write_deltalake
from msgspec.structs import replace

from proof.naive.world import family_of
from scv.events import arrival, calendar, country, event
from scv.events.event import FAMILIES, Event, Outcome, Placed
from scv.features.array import column, numbers
from scv.features.fetcher import collect, of_family
from scv.features.layout import layout_of
from scv.model import bundle, champion, trees, vector
from scv.model.bundle import Bundle, BundleInfo
from scv.model.calibration import Logistic
from scv.model.spread import spread_of
from scv.offline import lake, snapshot
from scv.offline.fetch import fetch
from scv.online.facts import RowWrite
from scv.online.row import Row, unpack
from scv.online.rowstore import RowStore
from scv.settings import Settings
from tests import champions
from tests.keys import client, clock_key, kept, position_key, put_back, row_key
from tests.logs import LOGS, PARTITIONS, begin, home_of, log, topic
from tests.marking import mark

US = country.load("US")
FIRST = datetime(2017, 1, 5, 17, tzinfo=UTC)
AT = calendar.reference("2017-09-05", US)
EARLIER = calendar.reference("2017-08-29", US)
TRAINED = calendar.reference("2017-06-06", US)
LIVELY = "1007"


def history(customers: int, until: datetime, seed: int = 7, named: Sequence[str] = ()) -> list[Event]:
    """Orders about once a week, each customer in a rhythm of their own; some fall silent. Ids like -1001 included.

    The first customers are `named`.
    """
    dice = random.Random(seed)
    found: list[Event] = []
    for number in range(customers):
        name = (*named, f"{'-' if number % 10 == 3 else ''}{1000 + number}")[min(number, len(named))]
        moment, rhythm = FIRST + timedelta(days=dice.random() * 60), dice.uniform(3, 14)
        stops = FIRST + timedelta(days=dice.uniform(60, 500))
        while moment < min(until, stops):
            found.append(order(name, moment, dice.randint(500, 9000)))
            moment += timedelta(days=dice.expovariate(1 / rhythm) + 0.2)
    contacted = AT - timedelta(days=3)
    times = {"occurred_at": contacted, "seen_at": contacted}
    found.append(Outcome(id="contact-1", country="US", customer_id="1000", channel="phone", reached=True, **times))
    return sorted(found, key=lambda one: (one.seen_at, one.id))


def order(customer: str, at: datetime, cents: int = 2000) -> Placed:
    """One order, seen at once."""
    return Placed(
        id=f"o-{customer}-{at.timestamp():.6f}", country="US", customer_id=customer, occurred_at=at, seen_at=at,
        amount_cents=cents, items=3,
    )  # fmt: skip


@dataclass
class Shop:
    """Everything that a scorer reads, under one home."""

    settings: Settings
    client: redis.Redis
    events: list[Event]
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    applied: int = 0
    kept: tuple[int, dict[str, bytes]] | None = None

    @cached_property
    def customers(self) -> list[str]:
        return sorted({one.customer_id for one in self.events})

    # -- the store -----------------------------------------------------------------------------------------
    def open(self) -> None:
        """An empty store whose clock has not begun."""
        self.client.flushall()
        self.rows, self.applied = {}, 0
        store = RowStore(self.client)
        store.set_logs(LOGS)
        mark(store, US, collect().values())
        self.client.hset(clock_key("US"), "mode", "replay")

    def rewind(self) -> None:
        """The store as it stands at `AT`; folded once, then put back."""
        if self.kept is None:
            self.open()
            self.advance(AT)
            self.kept = self.applied, kept(self.client)
            return
        self.rows = {}
        self.applied, keys = self.kept
        put_back(self.client, keys)

    def advance(self, at: datetime) -> None:
        """Apply all events seen before an instant, then let watermarks and clock stand there."""
        touched = set()
        while self.applied < len(self.events) and self.events[self.applied].seen_at < at:
            touched |= self.apply(self.events[self.applied])
            self.applied += 1
        self.write(touched)
        self.mark(at)

    def apply(self, one: Event) -> set[tuple[str, str]]:
        found = arrival.arrival_of(one, US)
        family = family_of(one.kind)
        keys = {(chosen.name, one.customer_id) for chosen in of_family(family)}
        for name, customer in keys:
            if (name, customer) not in self.rows:
                self.rows[name, customer] = self._stored(name, customer)
            self.rows[name, customer].take(found)
        return keys

    def _stored(self, name: str, customer: str) -> Row:
        layout = layout_of(collect()[name])
        data = self.client.hget(row_key("US", customer), layout.field)
        return Row(layout, US) if data is None else unpack(data, layout, US)[1]

    def write(self, keys: Iterable[tuple[str, str]]) -> None:
        writes: dict[str, list[RowWrite]] = defaultdict(list)
        for name, customer in keys:
            layout, key = layout_of(collect()[name]), row_key("US", customer)
            place = log(layout.family).place(1, home_of("US", customer))
            stored = self.client.hget(key, layout.field)
            row = self.rows[name, customer]
            expected = b"" if stored is None else stored[: len(row.fence(place, 0).pack())]
            writes[key].append(RowWrite(layout.field, expected, row.pack(place, self.applied)))
        assert RowStore(self.client).write_rows(writes) == []

    def mark(self, at: datetime, families: Sequence[str] = tuple(FAMILIES)) -> None:
        """Watermarks of some families, and the clock."""
        us = calendar.to_us(at)
        for family in families:
            for partition in range(PARTITIONS):
                self.client.hset(position_key(topic(family), partition), "wm:US", us)
        self.client.hset(clock_key("US"), "front", us)

    # -- the lake and its snapshots ------------------------------------------------------------------------
    def fill_lake(self, complete_to: datetime) -> None:
        """All events and the watermarks of one instant, as Delta tables."""
        path = self.settings.lake_path
        begin(path)
        for family in FAMILIES:
            write_deltalake(str(path / family), self._table(family, complete_to), partition_by=["country", "month"])

    def _table(self, family: str, complete_to: datetime) -> pa.Table:
        records = []
        mine = [one for one in self.events if one.kind == "erased" or family_of(one.kind) == family]
        for offset, one in enumerate(mine):
            partition = home_of("US", one.customer_id)
            record = {name: getattr(one, name, None) for name in event.fields(family)}
            record |= {"country": "US", "month": f"{one.seen_at:%Y-%m}", "customer_id": one.customer_id}
            record |= {"kind": one.kind, "id": one.id, "occurred_at": one.occurred_at, "seen_at": one.seen_at}
            record |= {"claimed_at": one.occurred_at, "epoch": 1, "partition": partition, "offset": offset}
            records.append(record)
        for partition in range(PARTITIONS):
            mark = {"country": "US", "month": f"{complete_to:%Y-%m}", "kind": "watermark", "seen_at": complete_to}
            records.append(mark | {"epoch": 1, "partition": partition, "offset": 10**6})
        return pa.Table.from_pylist(records, schema=lake.schema(family))

    def fetch(self, *references: datetime) -> None:
        """Snapshots at these references."""
        done = fetch(self.settings, {US: references})
        assert not [one.error for one in done if one.error]

    # -- champions -----------------------------------------------------------------------------------------
    def train(self, target: str = "lapse", rounds: int = 20, promoted: bool = True) -> Bundle:
        """A small model of a snapshot at `TRAINED`, with a logistic part, promoted."""
        table = snapshot.join(snapshot.Snapshots(self.settings, US).read(TRAINED))
        features = {name: table[name] for name in table.column_names[3:]}
        columns = vector.candidates(features, US)
        matrix = vector.matrix(features, columns)
        silent = numbers(column(features, "orders__days_since"))
        y = (silent + np.random.default_rng(3).normal(0, 6, len(silent)) > 12).astype(float)
        info = champions.told(
            US, target, columns, features, y, TRAINED, id=f"{target}-{rounds}", label_as_of=AT, offset=0.1, weight=0.3,
            logistic=logistic_of(matrix),
        )  # fmt: skip
        text = champions.grown(matrix, y, rounds, min_data_in_leaf=8)
        said = info.calibration(trees.blend(trees.booster(text), matrix, info.offset, info.logistic, info.weight))
        return self.promote(replace(info, spread=spread_of(said)), text, promoted)

    def promote(self, info: BundleInfo, text: str, promoted: bool = True) -> Bundle:
        path = bundle.write(champion.folder(self.settings, "US", info.target), info, text)
        return bundle.promote(path, US) if promoted else bundle.load(path, US)


def logistic_of(matrix: np.ndarray) -> Logistic:
    """Any logistic: what counts is that it takes part."""
    k = matrix.shape[1]
    weights: np.ndarray = np.random.default_rng(5).normal(0, 0.1, k)
    return Logistic(intercept=-1.0, coefficients=tuple(weights.tolist()), means=(1.0,) * k, sds=(2.0,) * k)


def make(home: Path, url: str, customers: int = 120, named: Sequence[str] = ()) -> Shop:
    """A shop with lake, snapshots and one champion each of lapse and skip; `return` has none. The first customers are
    `named`."""
    settings = Settings(home=str(home), store=url, wait_s=0)
    shop = Shop(settings, client(url), history(customers, AT + timedelta(days=90), named=named))
    shop.fill_lake(AT + timedelta(days=90))
    shop.fetch(TRAINED, EARLIER, AT)
    shop.train("lapse")
    shop.train("skip", rounds=12)
    return shop
