"""A small shop's log, the consumers that read it, and the proof that rows equal the batch view of the lake."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from proof.naive import world
from scv.events import country as countries
from scv.events import event
from scv.events.calendar import day_of, to_us
from scv.events.country import Country
from scv.events.event import Event
from scv.features import fetcher
from scv.features.layout import layout_of
from scv.offline import batch
from scv.offline.lake import Lake
from scv.online.row import unpack
from scv.online.rowstore import RowStore
from scv.settings import PREFIX, Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.barrier import Barrier, barrier
from tests.keys import rows_of

ROOT = Path(__file__).parents[2]
FIRST = datetime(2017, 3, 1, 12, tzinfo=UTC)
DAYS = 90
AT = FIRST + timedelta(days=DAYS + 20)
US = countries.load("US")
DATABASE = duckdb.connect()
"""Of no file; to open one takes as long as many a question."""


def log(seed: int, count: int, customers: int = 60, days: int = DAYS) -> list[Event]:
    """Events of several families in order of seen_at: some late, some too late, some sent twice."""
    dice = random.Random(seed)
    events: list[Event] = []
    for number in range(count):
        seen = FIRST + timedelta(seconds=days * 86_400 * number / count)
        late = dice.choice([0] * 8 + [dice.randrange(30), dice.randrange(36, 80)])
        made = event_of(dice, f"{seed}-{number}", str(dice.randrange(customers)), seen - timedelta(days=late), seen)
        events += [made] * dice.choice([1] * 9 + [2])
    return events


def event_of(dice: random.Random, id: str, customer: str, occurred: datetime, seen: datetime) -> Event:
    common: dict[str, Any] = {"id": id, "country": "US", "customer_id": customer}
    common |= {"occurred_at": occurred, "seen_at": seen}
    kind = dice.choice(["placed"] * 3 + ["session"] * 3 + ["charged", "sent", "rating", "skipped"])
    if kind == "placed":
        return event.Placed(**common, amount_cents=dice.randrange(5000), items=dice.randrange(1, 9))
    if kind == "session":
        return event.Session(**common, duration_s=dice.randrange(900), device_brand=dice.choice(["A", "B", None]))
    if kind == "charged":
        return event.Charged(**common, method=dice.choice(["card", "cash"]), amount_cents=dice.randrange(5000))
    if kind == "sent":
        return event.MailSent(**common, campaign=dice.choice(["x", "y"]))
    if kind == "rating":
        return event.Rating(**common, stars=dice.randrange(1, 6))
    return event.Skipped(**common, delivery_on=occurred.date() + timedelta(days=dice.randrange(30)))


def family_of(one: Event) -> str:
    return world.family_of(one.kind)


producers: dict[str, Producer] = {}
"""By broker: a producer's first record waits half a second for an id."""


@contextmanager
def producing(settings: Settings) -> Iterator[Producer]:
    """The producer that all tests of a broker share; everything is acknowledged in the end."""
    producer = producers.pop(settings.broker, None) or Producer(settings)
    with producer:
        yield producer
    producers[settings.broker] = producer


def send(settings: Settings, events: Iterable[Event], until: datetime | None = AT) -> int:
    """Produce events, then a watermark to every partition; how many events."""
    found = topics.ensure(settings)
    count = 0
    with producing(settings) as producer:
        for one in events:
            producer.send(topics.events(settings, family_of(one)), event.encode(one), event.key_of(one))
            count += 1
        mark = None if until is None else event.encode(event.Watermark(country="US", seen_at=until))
        for family in event.FAMILIES if mark else ():
            name = topics.events(settings, family)
            for partition in range(found[name].partitions):
                producer.send(name, mark, b"US:", partition)
    return count


def garbage(settings: Settings, value: bytes) -> None:
    """One bad record."""
    with producing(settings) as producer:
        producer.send(topics.events(settings, "orders"), value, b"US:1")


def consume(settings: Settings, *kinds: type[OnlineConsumer] | type[LakeConsumer]) -> list[dict[str, Any]]:
    """Run consumers in threads until nothing is left; what they counted. An error of theirs is raised."""
    with Running(settings, *(kinds or (OnlineConsumer, LakeConsumer)), until_idle=True) as running:
        running.join()
    return [consumer.counters.facts() for consumer in running.consumers]


@dataclass
class Running:
    """Consumers in threads, inside the `with`."""

    settings: Settings
    kinds: tuple[type[OnlineConsumer] | type[LakeConsumer], ...]
    until_idle: bool
    stop: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __init__(self, settings: Settings, *kinds: Any, until_idle: bool = False) -> None:
        self.settings, self.kinds, self.until_idle = settings, kinds, until_idle
        self.stop, self.said, self.errors = threading.Event(), [], []
        self.consumers = [kind(settings, self.said.append) for kind in kinds]
        self.threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in self.consumers]

    def _run(self, consumer: Any) -> None:
        try:
            consumer.run(self.stop, until_idle=self.until_idle)
        except BaseException as error:
            self.errors.append(error)

    def join(self, timeout_s: float = 60.0) -> None:
        for thread in self.threads:
            thread.join(timeout_s)
            assert not thread.is_alive(), (self.said, [one.counters.facts() for one in self.consumers])

    def __enter__(self) -> Running:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join()
        if self.errors:
            raise self.errors[0]


def wait(condition: Callable[[], Any], timeout_s: float = 20.0) -> None:
    """Until it is true."""
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen")


def settle(settings: Settings, client: Any) -> Barrier:
    """Until running consumers have everything that was sent."""
    return barrier(settings, RowStore(client), Lake(settings.lake_path), timeout_s=20)


def process(settings: Settings, *words: str, fault: str = "") -> subprocess.Popen[str]:
    """A command of `cerebro` as its own process."""
    variables = {PREFIX + name.upper(): str(getattr(settings, name)) for name in settings.__struct_fields__}
    env = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    env |= {key: value for key, value in variables.items() if value}
    env |= {"CEREBRO_FAULT": fault} if fault else {}
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def last_json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads([line for line in text.splitlines() if line.startswith("{")][-1])
    return found


def compare(settings: Settings, client: Any, at: datetime = AT, country: Country | None = None) -> dict[str, int]:
    """Assert that every row at `at` equals the batch view of the lake; values compared per fetcher."""
    lake, store, connection = Lake(settings.lake_path), RowStore(client), DATABASE.cursor()
    country = country or US  # as it is now: a test may have changed it
    version, compared = lake.version(), {}
    for family in event.FAMILIES:
        query = lake.query(family, country, version)
        batch.admit(connection, query, country, "admitted")
        for one in fetcher.of_family(family):
            layout = layout_of(one)
            table = batch.fold(connection, "admitted", layout, country, [at]).to_pylist()
            wanted = {
                row["customer_id"]: {slot.feature.name: row[slot.feature.name] for slot in layout.slots}
                for row in table
            }
            found = rows(store, layout.field, country.code)
            live = {}
            for customer, data in found.items():
                _, row = unpack(data, layout, country)
                if row.exists:
                    live[customer] = row.read(day_of(to_us(at), country.zone))
            assert live.keys() == wanted.keys(), (one.name, len(live), len(wanted))
            for customer, values in wanted.items():
                assert live[customer] == values, (one.name, customer)
            compared[one.name] = sum(value is not None for values in wanted.values() for value in values.values())
    connection.close()
    return compared


def rows(store: RowStore, layout_field: str, code: str = "US") -> dict[str, bytes]:
    """Customer → bytes of one fetcher's row."""
    before = store.keys.row(code, "").removesuffix("}")
    keys = [key.decode() for key in store.client.scan_iter(match=store.keys.row(code, "*"), count=1000)]
    read = zip(keys, rows_of(store.client, keys, [layout_field]), strict=True)
    return {key.removeprefix(before).removesuffix("}"): data for key, (data,) in read if data}


def lake_count(settings: Settings) -> tuple[int, int]:
    """Arrivals in the lake, and how many different places in the log they have."""
    lake = Lake(settings.lake_path)
    version = lake.version()
    every = " UNION ALL ".join(
        f'SELECT \'{family}\' AS family, epoch, "partition", "offset" FROM ({lake.query(family, US, version)})'
        for family in event.FAMILIES
    )
    with DATABASE.cursor() as connection:
        query = f'SELECT count(*), count(DISTINCT (family, epoch, "partition", "offset")) FROM ({every})'
        total, places = connection.execute(query).fetchall()[0]
    return total, places
