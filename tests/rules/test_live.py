"""A live country: when a record counts as seen, and what a tick promises, whatever senders, brokers and restarts do."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME
from msgspec.structs import replace

from proof.naive import world
from proof.naive.sides import TableLake
from scv.errors import BadEvent
from scv.events import event
from scv.events.arrival import SKEW_US, Arrival, Reached
from scv.events.calendar import DAY_US, from_us, to_us
from scv.events.partition import partition_of
from scv.features.fetcher import of_family
from scv.features.layout import layout_of
from scv.offline import batch
from scv.offline.lake import Epoch, LakeVersion
from scv.online.facts import Log
from streams.kafka.log import Part
from streams.kafka.record import REPLAYED, Record, record_of
from streams.lake.writer import Buffer

PARTITIONS = 2
LOG = Log(family="orders", epoch=1, topic_id="0" * 32, partitions=PARTITIONS)
PARTS = [Part("orders", number) for number in range(PARTITIONS)]
AA = replace(world.country("Europe/Berlin"), code="AA", starts_on=date(2020, 1, 1), ends_on=date(2040, 1, 1))
KNOWN = {"AA": AA, "ZZ": world.country("Europe/Berlin")}
NOW = to_us(datetime(2026, 11, 24, 10, tzinfo=UTC))
SECOND, HOUR = 1_000_000, 3_600_000_000
BROKERS = {"append": TIMESTAMP_LOG_APPEND_TIME, "create": TIMESTAMP_CREATE_TIME}


@dataclass
class Message:
    """A record as the broker hands it out."""

    place: Part
    number: int
    record: event.Event | event.Watermark
    kind: int
    us: int
    sent_with: Sequence[tuple[str, bytes]] | None = None

    def __post_init__(self) -> None:
        self.topic, self.partition, self.offset = (lambda: "orders"), (lambda: self.place[1]), (lambda: self.number)
        self.key, self.value = (lambda: event.key_of(self.record)), (lambda: event.encode(self.record))
        self.headers, self.timestamp = (lambda: self.sent_with), (lambda: (self.kind, self.us // 1000))


def order(us: int, seen_us: int | None, customer: str = "1", id: str = "x", country: str = "AA") -> event.Placed:
    seen_at = None if seen_us is None else from_us(seen_us)
    times: dict[str, Any] = {"occurred_at": from_us(us), "seen_at": seen_at}
    return event.Placed(id=id, country=country, customer_id=customer, amount_cents=1, **times)


def part_of(customer: str) -> Part:
    return PARTS[partition_of(f"AA:{customer}".encode(), PARTITIONS)]


def taken(record: event.Event | event.Watermark, kind: int, headers: Any = None, tick_us: int = 0) -> Record:
    """What a consumer makes of it, recorded at NOW."""
    part = part_of(record.customer_id) if record.customer_id else PARTS[0]
    return record_of(Message(part, 7, record, kind, NOW, headers), {"orders": LOG}, KNOWN, {part: tick_us})  # type: ignore[arg-type]


@pytest.mark.parametrize("claim", [NOW - 3 * DAY_US, NOW - 1, NOW + 40 * DAY_US, None])
def test_the_brokers_word_counts_whatever_a_live_sender_says(claim: int | None) -> None:
    content = taken(order(NOW - HOUR, claim), TIMESTAMP_LOG_APPEND_TIME).content
    assert isinstance(content, Arrival)
    assert (content.seen_us, content.claimed_seen_us, content.occurred_us) == (NOW, claim, NOW - HOUR)


@pytest.mark.parametrize(
    ("claim", "seen"), [(NOW - 3 * DAY_US, NOW - 3 * DAY_US), (NOW + SKEW_US, NOW + SKEW_US), (None, NOW)]
)
def test_without_it_the_claim_counts_and_then_the_records_time(claim: int | None, seen: int) -> None:
    content = taken(order(NOW - 4 * DAY_US, claim), TIMESTAMP_CREATE_TIME).content
    assert isinstance(content, Arrival) and (content.seen_us, content.claimed_seen_us) == (seen, claim)


@pytest.mark.parametrize("kind", BROKERS.values(), ids=BROKERS)
def test_what_is_live_is_never_seen_before_the_tick(kind: int) -> None:
    content = taken(order(NOW + 2 * HOUR, NOW - HOUR), kind, tick_us=NOW + 2 * HOUR).content
    assert isinstance(content, Arrival)
    assert (content.seen_us, content.occurred_us) == (NOW + 2 * HOUR, NOW + 2 * HOUR), "the bound goes by it, too"


@pytest.mark.parametrize("kind", BROKERS.values(), ids=BROKERS)
def test_a_live_watermark_is_a_tick_whatever_it_says(kind: int) -> None:
    for claim in (None, NOW - DAY_US, NOW + 400 * DAY_US):
        mark = event.Watermark(country="AA", seen_at=claim and from_us(claim))
        assert taken(mark, kind).content == Reached("AA", NOW, True)
        assert taken(mark, kind, tick_us=NOW + HOUR).content == Reached("AA", NOW + HOUR, True), "it never runs back"
    assert event.encode(event.Watermark(country="AA")) == b'{"kind":"watermark","country":"AA"}'


@pytest.mark.parametrize("kind", BROKERS.values(), ids=BROKERS)
@pytest.mark.parametrize("country", ["AA", "ZZ"])
def test_a_history_keeps_its_own_instants(kind: int, country: str) -> None:
    """It says so, or its country's span is over: no tick and no broker moves it."""
    headers = [("other", b""), (REPLAYED, b"")] if country == "AA" else None
    then = to_us(datetime(2020 if country == "AA" else 2017, 1, 5, tzinfo=UTC))
    customer = next(str(n) for n in range(9) if partition_of(f"{country}:{n}".encode(), PARTITIONS) == 0)
    told = order(then, then, customer, country=country)
    message = Message(PARTS[0], 7, told, kind, NOW, headers)
    content = record_of(message, {"orders": LOG}, KNOWN, {PARTS[0]: NOW}).content  # type: ignore[arg-type]
    assert isinstance(content, Arrival) and content.seen_us == then
    for mark in (event.Watermark(country=country, seen_at=from_us(then)), event.Watermark(country=country)):
        message = Message(PARTS[0], 7, mark, kind, NOW, headers)
        content = record_of(message, {"orders": LOG}, KNOWN, {PARTS[0]: NOW}).content  # type: ignore[arg-type]
        if mark.seen_at:
            assert content == Reached(country, then, False)
        else:
            assert isinstance(content, BadEvent) and content.reason == "wrong type"


# -- worlds ------------------------------------------------------------------------------------------------------
@dataclass
class World:
    """Each partition's records: of senders that lag, skew and lie, by a broker whose clock may run back; and ticks."""

    dice: random.Random
    kind: int
    logs: dict[Part, list[Message]] = field(default_factory=lambda: {part: [] for part in PARTS})

    def grow(self, steps: int) -> None:
        dice, us = self.dice, dict.fromkeys(PARTS, NOW)
        customers = [str(n) for n in range(6)]
        for number in range(steps):
            part = dice.choice(PARTS)
            us[part] += dice.choice([1, 1000, 40 * SECOND, 40 * SECOND, HOUR, -90 * SECOND])
            if dice.random() < 0.3:
                late = 0 if self.kind == TIMESTAMP_LOG_APPEND_TIME else dice.choice([0, 0, 30 * SECOND])
                self._append(part, event.Watermark(country="AA"), us[part] - late)
                continue
            customer = dice.choice([one for one in customers if part_of(one) == part])
            late = dice.choice([0, SECOND, HOUR, 3 * DAY_US])
            recorded = (
                us[part] if self.kind == TIMESTAMP_LOG_APPEND_TIME else us[part] - late + dice.choice([0, SECOND])
            )
            claim = dice.choice([None, us[part] - late, us[part] - 2 * late, recorded + 4 * 60 * SECOND])
            occurred = us[part] - late - dice.choice([0, SECOND, 30 * DAY_US])
            self._append(part, order(occurred, claim, customer, f"{number // 2}"), recorded)

    def _append(self, part: Part, record: event.Event | event.Watermark, us: int) -> None:
        self.logs[part].append(Message(part, len(self.logs[part]), record, self.kind, us))


Place = tuple[int, int]
"""What a consumer keeps of a partition in one step: the next offset, and the newest tick before it."""


def read(logs: Mapping[Part, Sequence[Message]], dice: random.Random, deaths: int) -> dict[Part, list[Record]]:
    """What a consumer that dies so often, and goes on where it kept its places, makes of every record."""
    kept: dict[Part, Place] = dict.fromkeys(PARTS, (0, 0))
    made: dict[Part, list[Record]] = {part: [] for part in PARTS}
    while True:
        reading, ticks = (
            {part: place for part, (place, _) in kept.items()},
            {part: us for part, (_, us) in kept.items()},
        )
        left = dice.randrange(1, 30) if deaths else 10**9
        deaths -= 1
        while left > 0 and (open_parts := [part for part in PARTS if reading[part] < len(logs[part])]):
            part, left = dice.choice(open_parts), left - 1
            record = record_of(logs[part][reading[part]], {"orders": LOG}, KNOWN, ticks)  # type: ignore[arg-type]
            again = made[part][reading[part] : reading[part] + 1]
            assert not again or _same(again[0], record), "read again it says the same"
            made[part][reading[part] :] = [record, *made[part][reading[part] + 1 :]]
            reading[part] += 1
            if dice.random() < 0.2:
                kept[part] = reading[part], ticks.get(part, 0)
        if left > 0:
            return made


def _same(one: Record, other: Record) -> bool:
    same = one._replace(content=None) == other._replace(content=None)  # type: ignore[arg-type]
    return same and str(one.content) == str(other.content)


def worlds(count: int, steps: int) -> Iterator[tuple[World, random.Random]]:
    for seed in range(count):
        dice = random.Random(seed)
        made = World(dice, list(BROKERS.values())[seed % 2])
        made.grow(steps)
        yield made, dice


def test_two_consumers_say_the_same_and_keep_every_tick() -> None:
    """Whatever they read again and wherever they begin anew."""
    lifted = 0
    for made, dice in worlds(24, 120):
        online, lake = read(made.logs, dice, deaths=4), read(made.logs, dice, deaths=2)
        for part in PARTS:
            assert all(map(_same, online[part], lake[part])) and len(online[part]) == len(made.logs[part])
            tick = 0
            for record, message in zip(online[part], made.logs[part], strict=True):
                content = record.content
                if isinstance(content, Reached):
                    assert content.is_tick and content.us >= tick
                    tick = content.us
                elif isinstance(content, Arrival):
                    assert content.seen_us >= max(tick, content.occurred_us)
                    lifted += content.seen_us == tick > message.us
    assert lifted > 40, "clocks that run back and senders that lag are in these worlds"


class PrefixLake(TableLake):
    """A lake of which so much was committed."""

    def epoch(self) -> Epoch:
        return Epoch(epoch=1, topics={"orders": LOG.topic_id}, partitions=PARTITIONS)


def lake_of(made: Mapping[Part, Sequence[Record]], ends: Mapping[Part, int]) -> duckdb.DuckDBPyConnection:
    buffer, connection = Buffer("orders", 1), duckdb.connect(config={"threads": 1})
    for part, end in ends.items():
        for record in made[part][:end]:
            if isinstance(record.content, Arrival):
                buffer.add(part, record.offset, record.content)
            elif isinstance(record.content, Reached):
                buffer.mark(part, record.offset, record.content)
    connection.register("lake_orders", buffer.table())
    return connection


def view(connection: duckdb.DuckDBPyConnection, at: datetime) -> list[Any]:
    batch.admit(connection, PrefixLake().query("orders", AA, LakeVersion({})), AA, "admitted")
    tables = (batch.fold(connection, "admitted", layout_of(one), AA, [at]) for one in of_family("orders")[:2])
    return [sorted(table.to_pylist(), key=str) for table in tables]


def test_a_snapshot_as_soon_as_it_is_complete_is_what_is_computed_a_week_later() -> None:
    compared = 0
    for made, dice in worlds(8, 90):
        records = read(made.logs, dice, deaths=1)
        ends = {part: dice.randrange(len(made.logs[part]) // 2, len(made.logs[part])) for part in PARTS}
        early = lake_of(records, ends)
        complete = PrefixLake().watermark_us(early, "orders", "AA", LakeVersion({}))
        if complete is None:
            continue
        at = from_us(complete - dice.choice([0, 0, 1, 10 * SECOND]))
        later = view(lake_of(records, {part: len(records[part]) for part in PARTS}), at)
        assert view(early, at) == later
        compared += sum(map(len, later))
    assert compared > 15
