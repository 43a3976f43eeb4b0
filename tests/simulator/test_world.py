"""What a seed means: chunks that do not depend on each other, weeks that begin at references, clocks that change."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc
import pytest
from msgspec import structs

from proof.world import climate
from proof.world.life import live
from proof.world.localtime import LocalTime
from proof.world.world import CHUNK, World
from scv.errors import UserError
from scv.events import calendar, country

ZZ = country.load("ZZ")
SECONDS = 1_000_000


@pytest.mark.parametrize("code", ["ZZ", "ZY", "ZX"])
def test_a_chunk_is_the_same_whoever_lives_before_or_after_it(code: str) -> None:
    where = country.load(code)
    small, large = World(where, CHUNK + 7, 3, 5), World(where, 3 * CHUNK, 3, 5)
    backwards = [live(small, chunk) for chunk in (1, 0)]
    alone, again = live(large, 0), live(small, 1)
    assert alone.events.equals(backwards[1].events) and alone.truth.equals(backwards[1].truth)
    assert again.events.equals(backwards[0].events) and again.truth.equals(backwards[0].truth)
    assert small.chunks == 2 and len(small.members(1)) == 7


def test_ids_are_unique_and_chunks_differ() -> None:
    chunks = [live(World(ZZ, CHUNK + 3000, 3, 5), chunk).events for chunk in (0, 1)]
    ids = [table["id"].to_pylist() for table in chunks]
    assert len(set(ids[0] + ids[1])) == len(ids[0]) + len(ids[1])
    people = [set(table["customer_id"].to_pylist()) for table in chunks]
    assert not people[0] & people[1]
    sessions = [table.filter(pc.equal(table["kind"], "session"))["duration_s"].to_pylist()[:200] for table in chunks]
    assert sessions[0] != sessions[1]


def test_another_seed_is_another_world_under_the_same_prices() -> None:
    one, other = (climate.of(World(ZZ, 10, 60, seed)) for seed in (1, 2))
    assert np.array_equal(one.price, other.price) and one.price[-1] > one.price[0]
    assert np.array_equal(one.closed, other.closed) and one.closed.any()
    assert not np.array_equal(one.late, other.late) and not np.array_equal(one.joining, other.joining)
    assert climate.of(World(ZZ, 10, 60, 1)) is climate.of(World(ZZ, 10, 60, 1))


def test_what_all_share_does_not_depend_on_how_many_they_are() -> None:
    few, many = (climate.of(World(ZZ, customers, 40, 3)) for customers in (1, 100_000))
    for name in ("price", "late", "app", "mood", "joining", "wave", "away"):
        assert np.array_equal(getattr(few, name), getattr(many, name)), name


def test_weeks_begin_on_tuesdays_at_local_midnight() -> None:
    for code in ("ZZ", "ZY", "ZX"):
        world = World(country.load(code), 1, 60, 7)
        local = [world.reference(week).astimezone(world.country.zone) for week in range(61)]
        assert {(at.weekday(), at.time()) for at in local} == {(1, time(0))}
        assert calendar.to_us(world.reference(60)) == world.end_us


def test_the_smallest_worlds_and_impossible_ones() -> None:
    assert live(World(ZZ, 1, 2, 7), 0).events.num_rows >= 5
    assert live(World(ZZ, 1, 206, 7), 0).truth.num_rows > 0
    with pytest.raises(IndexError, match="chunk 1 of 1"):
        live(World(ZZ, 10, 4, 7), 1)
    with pytest.raises(UserError, match="weeks >= 2"):
        World(ZZ, 10, 1)


ZONES = ("Europe/Berlin", "Pacific/Chatham", "Asia/Kolkata", "America/New_York", "America/Sao_Paulo", "America/Havana")


@pytest.mark.parametrize("name", ZONES)
def test_local_times_become_instants_as_the_zone_says(name: str) -> None:
    """Every quarter of an hour of every day that is not 24 hours long (in two zones some have no midnight), and any
    times of any days."""
    zone, first, days = ZoneInfo(name), date(2015, 1, 1), 4 * 365
    clock = LocalTime(zone, calendar.to_day(first), days)
    odd = np.flatnonzero(np.diff(clock.midnights) != calendar.DAY_US)
    assert len(odd) >= 6 or name == "Asia/Kolkata"
    moments = [(int(day), 900 * quarter) for day in odd for quarter in range(96)]
    luck = random.Random(7)
    moments += [(luck.randrange(days), luck.randrange(86_400)) for _ in range(3000)]
    day, second = np.array(moments).T
    got = clock.instant(day + calendar.to_day(first), second * SECONDS)
    for (number, seconds), us in zip(moments, got.tolist(), strict=True):
        wall = datetime.combine(first + timedelta(days=number), time(0)) + timedelta(seconds=seconds)
        expected = wall.replace(tzinfo=zone).astimezone(UTC)
        assert calendar.from_us(us) == expected, wall
        assert calendar.day_of(us, zone) == number + calendar.to_day(first)


def test_nobody_orders_before_the_cut_off_where_the_clock_changes() -> None:
    """Orders are placed in the first hours of a day, on which the clock may be put forward or back."""
    for code, days in (("ZX", (date(2017, 4, 2), date(2017, 9, 24))), ("ZZ", (date(2017, 3, 26), date(2017, 10, 29)))):
        where = country.load(code)
        events = live(World(where, 3000, 45, 7), 0).events
        placed = events.filter(pc.equal(events["kind"], "placed"))["occurred_at"].cast("int64").to_numpy()
        for day in days:
            begins = calendar.to_us(calendar.midnight(day, where.zone))
            near = placed[(placed >= begins - 3600 * SECONDS) & (placed < begins + 3 * 3600 * SECONDS)]
            ordered = day.weekday() in {(one - where.cut_off_days) % 7 for one in where.delivery_weekdays}
            assert (len(near) > 20) == ordered, (code, day)
            assert not len(near) or near.min() >= begins + 4 * 60 * SECONDS


LIVES = structs.replace(ZZ, code="DE", starts_on=date(2025, 1, 1), ends_on=date(2028, 1, 1))


@pytest.mark.parametrize(
    ("until", "ends"), [("2026-11-26", "2026-11-24"), ("2026-11-24", "2026-11-24"), ("2026-11-23", "2026-11-17")]
)
def test_a_history_ends_on_the_newest_tuesday_up_to_a_day(until: str, ends: str) -> None:
    made = World(LIVES, 30, 40, 1, date.fromisoformat(until))
    assert made.ends_on == date.fromisoformat(ends)
    seen = live(made, 0).events["seen_at"]
    assert made.reference(39) <= pc.max(seen).as_py() < made.reference(40)


@pytest.mark.parametrize("until", [date(2025, 9, 1), date(2028, 6, 1)])
def test_weeks_up_to_a_day_lie_within_the_span(until: date) -> None:
    with pytest.raises(UserError, match=r"40 weeks up to .* the span of DE, 2025-01-01 to 2028-01-01"):
        World(LIVES, 30, 40, 1, until)
