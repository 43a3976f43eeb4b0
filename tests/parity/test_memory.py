"""How far back a country remembers is its `memory_days`: oracle = batch = rows over years."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from proof.naive import world
from proof.naive.ladder import known_then, prefix
from proof.naive.sides import ParityTally, SqlSide, StreamSide, arrivals
from proof.naive.world import DAY, DirtyWorld, LoggedEvent
from scv.events.event import Event, Placed
from scv.features.fetcher import get
from scv.folds import ActiveDays, GapLongest, GapMean, GapSd, WeekStreak
from tests.parity.samples import probe

TIMES = 3
FOUR_YEARS = 1460
BERLIN = replace(world.country("Europe/Berlin"), ends_on=world.LAST + FOUR_YEARS * DAY, memory_days=FOUR_YEARS)
FETCHERS = (get("rhythm"), probe("orders", (ActiveDays, GapMean, GapSd, GapLongest, WeekStreak)))


def years(seed: int) -> DirtyWorld:
    """A world whose customers do in four years what others do in one and a half."""
    made = world.make(seed, "orders", BERLIN, customers=4, events_each=40)
    first = world.local(world.FIRST, BERLIN)
    records = []
    for record in made.records:
        later = (record.event.occurred_at - first) * (TIMES - 1)
        event = replace(
            record.event, occurred_at=record.event.occurred_at + later, seen_at=record.event.seen_at + later
        )
        records.append(LoggedEvent(record.epoch, record.partition, record.offset, world.within(event)))
    return DirtyWorld(BERLIN, made.family, records)


def midnights(rng: random.Random, many: int) -> list[datetime]:
    """In the four years and in those that follow."""
    return sorted(world.local(world.FIRST + timedelta(rng.randrange(100, 2500)), BERLIN) for _ in range(many))


@pytest.mark.parametrize("memory_days", [700, FOUR_YEARS])
def test_oracle_batch_and_rows_agree_however_long_a_country_remembers(memory_days: int) -> None:
    made, tally, rng = years(3), ParityTally(), random.Random(3)
    made = DirtyWorld(replace(BERLIN, memory_days=memory_days), made.family, made.records)
    known_then(made, FETCHERS, midnights(rng, 8), tally)
    streams = [(fetcher, StreamSide(fetcher, made.country)) for fetcher in FETCHERS]
    for record, arrival in arrivals(made.delivered, made.country):
        for _, stream in streams:
            stream.feed(arrival, record.offset)
    newest = max(record.event.seen_at for record in made.records)  # type: ignore[type-var]
    prefix(made, made.delivered, streams, [newest + timedelta(n) for n in (1, 400, 1300)], tally)
    assert tally.wrong == []
    assert tally.compared.total() > 1_000


def order(day: int) -> Event:
    at = world.local(world.FIRST + timedelta(day), BERLIN, 12)
    return Placed(id=f"{day}", country="ZZ", customer_id="c1", occurred_at=at, seen_at=at, amount_cents=100)


@pytest.mark.parametrize(("memory_days", "gap"), [(365, None), (499, None), (500, 500), (FOUR_YEARS, 500)])
def test_a_gap_is_remembered_while_both_its_orders_are(memory_days: int, gap: int | None) -> None:
    country = replace(BERLIN, memory_days=memory_days)
    records = [LoggedEvent(0, 0, day, order(day)) for day in (0, 500)]
    stream = StreamSide(get("rhythm"), country)
    for record, arrival in arrivals(records, country):
        stream.feed(arrival, record.offset)
    at = records[-1].event.occurred_at + timedelta(hours=1)
    with SqlSide(records, "orders", country) as table:
        ((_, known),) = table.read(get("rhythm"), [at]).items()
    streamed = stream.read("c1", at)
    assert streamed and [streamed["gap_longest"], known["gap_longest"]] == [gap, gap]
