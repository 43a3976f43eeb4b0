"""Local days across clock changes: midnights that are skipped or come twice, windows, and DuckDB's ICU beside ours."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scv.events.calendar import add_days, day_of, from_us, midnight, to_date, to_day, to_us
from scv.folds.fold import Window

ZONES = (
    "America/New_York", "America/Sao_Paulo", "America/Havana", "America/Nuuk", "Europe/Berlin", "Europe/Dublin",
    "Europe/Lisbon", "Africa/Cairo", "Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran",
    "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia",
    "Pacific/Kiritimati", "UTC",
)  # fmt: skip
SKIPPED = (
    ("America/Sao_Paulo", date(2017, 10, 15), "2017-10-15T03:00:00+00:00"),
    ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00+00:00"),
    ("Asia/Beirut", date(2017, 3, 26), "2017-03-25T22:00:00+00:00"),
    ("Africa/Cairo", date(2023, 4, 28), "2023-04-27T22:00:00+00:00"),
    ("America/Havana", date(2017, 3, 12), "2017-03-12T05:00:00+00:00"),
)
TWICE = (("America/Havana", date(2017, 11, 5), "2017-11-05T04:00:00+00:00"),)
DAYS = st.dates(date(1990, 1, 1), date(2030, 12, 31))
EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)
SECOND = timedelta(seconds=1)
every_zone = pytest.mark.parametrize("name", ZONES)


@pytest.mark.parametrize(("name", "day", "starts"), SKIPPED + TWICE)
def test_a_day_whose_midnight_is_skipped_or_comes_twice_starts_at_its_first_instant(
    name: str, day: date, starts: str
) -> None:
    at = midnight(day, ZoneInfo(name))
    assert at == datetime.fromisoformat(starts)
    assert to_date(day_of(to_us(at), ZoneInfo(name))) == day
    assert to_date(day_of(to_us(at) - 1, ZoneInfo(name))) == day - timedelta(days=1)


@every_zone
@given(day=DAYS)
@EXAMPLES
def test_midnight_is_the_first_instant_of_its_day(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    if (name, day) == ("Pacific/Apia", date(2011, 12, 30)):
        return  # a day that never was
    at = to_us(midnight(day, zone))
    assert day_of(at, zone) == to_day(day)
    assert day_of(at - 1, zone) < to_day(day)


@every_zone
@given(day=DAYS, second=st.integers(0, 86_399), days=st.integers(-400, 400))
@EXAMPLES
def test_add_days_keeps_the_local_time(name: str, day: date, second: int, days: int) -> None:
    """Unless that local time is skipped on the other day: then it lies just after the gap."""
    zone = ZoneInfo(name)
    at = midnight(day, zone) + second * SECOND
    moved = add_days(at, days, zone)
    wanted = at.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
    found = moved.astimezone(zone).replace(tzinfo=None)
    exists = wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wanted
    assert found == wanted if exists else timedelta() < found - wanted <= timedelta(days=1)
    assert moved.tzinfo is UTC


@pytest.mark.parametrize(("day", "hours"), [(date(2017, 3, 12), 23), (date(2017, 11, 5), 25), (date(2017, 6, 1), 24)])
def test_a_day_of_a_clock_change_is_shorter_or_longer(day: date, hours: int) -> None:
    zone = ZoneInfo("America/New_York")
    assert add_days(midnight(day, zone), 1, zone) - midnight(day, zone) == timedelta(hours=hours)


@every_zone
@given(day=st.dates(date(2012, 1, 1), date(2030, 12, 31)), second=st.integers(0, 90_000), start=st.integers(1, 100))
@EXAMPLES
def test_a_window_begins_at_a_local_midnight(name: str, day: date, second: int, start: int) -> None:
    """`[local midnight N days before at's day, at)`: its first instant is inside, the one before is not."""
    zone, window = ZoneInfo(name), Window(start, start // 2)
    at_day = day_of(to_us(midnight(day, zone)) + second * 1_000_000, zone)
    first = to_us(midnight(to_date(at_day - start), zone))
    end = to_us(midnight(to_date(at_day - window.end), zone))
    inside = window.days(at_day)
    assert day_of(first, zone) in inside and day_of(first - 1, zone) not in inside
    assert day_of(end - 1, zone) in inside and (not window.end or day_of(end, zone) not in inside)


@every_zone
def test_local_days_are_those_of_duckdb(name: str) -> None:
    """What the batch view calls a day and what the stream calls a day, at random and around every clock change."""
    zone, rng = ZoneInfo(name), random.Random(name)
    span = (to_us(datetime(2000, 1, 1, tzinfo=UTC)), to_us(datetime(2028, 1, 1, tzinfo=UTC)))
    instants = [rng.randrange(*span) for _ in range(1500)]
    for year in range(2000, 2028):
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
        turns = [
            d
            for d in days
            if from_us(to_us(midnight(d, zone)) + 86_400_000_000) != midnight(d + timedelta(days=1), zone)
        ]
        for turn in turns:
            start = to_us(midnight(turn, zone))
            instants += [start + k * 1_800_000_000 + nudge for k in range(-3, 54) for nudge in (-1, 0)]
    connection = duckdb.connect(config={"threads": 1})
    listed = ", ".join(f"({us})" for us in instants)
    local = f"(make_timestamptz(us) AT TIME ZONE '{name}')::DATE - DATE '1970-01-01'"
    found = connection.execute(f"SELECT us, {local} FROM (VALUES {listed}) instants(us)").fetchall()
    connection.close()
    assert len(found) == len(instants) >= 1500
    assert [(from_us(us), day, day_of(us, zone)) for us, day in found if day != day_of(us, zone)] == []
