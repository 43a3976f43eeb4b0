"""The open box: which delivery it is at any instant in any country, and whether it is already skipped."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import numpy as np
import pytest

from proof.naive import world
from proof.naive.ladder import climb
from proof.naive.sides import ParityTally, arrivals
from proof.naive.world import LoggedEvent
from scv.events.calendar import day_of, to_date, to_day, to_us
from scv.events.country import Country
from scv.events.event import Event, Reactivated, Skipped, Started, Unskipped
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.offline import batch
from scv.online.row import Row
from scv.targets import box
from tests.scv_model.conftest import Arrivals

ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kolkata")
"""Among them one where midnight is skipped, one of half an hour, and one without clock changes."""
LIFECYCLE = get("lifecycle")
TICK, DAY = timedelta(microseconds=1), timedelta(days=1)


def country(zone: str, cut_off_days: int) -> Country:
    return msgspec.structs.replace(world.country(zone), basis="recorded", cut_off_days=cut_off_days)


def naive_open_box(at: datetime, weekday: int, where: Country) -> date:
    """The first delivery day of that weekday, looked for day by day, whose cut-off's day has not begun."""
    today = at.astimezone(ZoneInfo(where.time_zone)).date()
    delivery = today - 10 * DAY
    while delivery.weekday() != weekday or not today < delivery - where.cut_off_days * DAY:
        delivery += DAY
    return delivery


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cut_off_days", [0, 3, 5, 6, 9])
def test_the_open_box_is_the_first_that_can_still_be_changed(zone: str, cut_off_days: int) -> None:
    where, dice = country(zone, cut_off_days), random.Random(cut_off_days)
    changes = [change + k * timedelta(minutes=30) for change in world.clock_changes(where) for k in range(-4, 5)]
    midnights = [world.local(date(2017, 1, 1) + dice.randrange(500) * DAY, where) for _ in range(20)]
    for at in [*changes, *(midnight + step for midnight in midnights for step in (-TICK, 0 * TICK, TICK, 15 * TICK))]:
        boxes = [box.open_at(at, weekday, where) for weekday in range(7)]
        assert [to_date(one) for one in boxes] == [naive_open_box(at, weekday, where) for weekday in range(7)]
        closes = [box.cut_off(one, where) for one in boxes]
        assert all(at < one for one in closes)
        assert all(one.astimezone(where.zone).date() <= at.astimezone(where.zone).date() + 7 * DAY for one in closes)
        assert all((one - TICK).astimezone(where.zone).date() < one.astimezone(where.zone).date() for one in closes)


def test_many_boxes_at_once_are_each_as_alone() -> None:
    days, weekdays = np.arange(17_000, 17_070), np.arange(70) % 7
    found = box.open_box(days, weekdays, 5)
    alone = [box.open_box(int(day), int(weekday), 5) for day, weekday in zip(days, weekdays, strict=True)]
    assert found.tolist() == alone


def told(kind: type[Event], at: datetime, number: int = 0, **payload: object) -> Event:
    return kind(id=f"{kind.__name__}{number}", country="ZZ", customer_id="c0", occurred_at=at, seen_at=at, **payload)


def reads(events: list[Event], where: Country, at: list[datetime]) -> list[dict[str, object]]:
    """The lifecycle of a row that holds these events, at instants after them."""
    row = Row(layout_of(LIFECYCLE), where)
    for _, arrival in arrivals([LoggedEvent(0, 0, n, event) for n, event in enumerate(events)], where):
        row.take(arrival)
    return [row.read(day_of(to_us(instant), where.zone)) for instant in at]


@pytest.mark.parametrize("cut_off_days", [0, 3, 6])
def test_a_skip_ahead_is_the_open_boxs_for_exactly_one_week(cut_off_days: int) -> None:
    """From the cut-off of the box before to its own: to the microsecond, and in each country at its own time."""
    where = country("Europe/Berlin", cut_off_days)
    clicked, delivery = datetime(2017, 2, 20, 12, tzinfo=UTC), date(2017, 3, 29)
    closes = box.cut_off(to_day(delivery), where)
    before = box.cut_off(to_day(delivery) - 7, where)
    instants = [clicked + DAY, before - TICK, before, closes - TICK, closes]
    started = told(Started, clicked - DAY, delivery_weekday=delivery.weekday())
    found = reads([started, told(Skipped, clicked, delivery_on=delivery)], where, instants)
    assert [one["open_box_skipped"] for one in found] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cut_off_days", [0, 5])
def test_the_days_until_the_cut_off_fall_from_seven_to_one(zone: str, cut_off_days: int) -> None:
    where, start = country(zone, cut_off_days), datetime(2017, 2, 20, 12, tzinfo=UTC)
    for weekday in range(7):
        instants = [start + DAY + k * timedelta(hours=7) for k in range(100)]
        found = reads([told(Started, start, delivery_weekday=weekday)], where, instants)
        for at, one in zip(instants, found, strict=True):
            closing_day = naive_open_box(at, weekday, where) - cut_off_days * DAY
            assert one["cut_off_in"] == (closing_day - at.astimezone(ZoneInfo(zone)).date()).days


def test_a_skip_that_was_undone_is_none() -> None:
    where, clicked, delivery = country("Europe/Berlin", 5), datetime(2017, 2, 20, tzinfo=UTC), date(2017, 2, 28)
    events = [
        told(Started, clicked - DAY, delivery_weekday=delivery.weekday()),
        told(Skipped, clicked, delivery_on=delivery),
        told(Unskipped, clicked + DAY, delivery_on=delivery),
    ]
    assert [reads(events[:n], where, [clicked + DAY + TICK])[0]["open_box_skipped"] for n in (1, 2, 3)] == [0, 1, 0]


def test_the_newest_start_that_names_a_day_gives_the_delivery_day() -> None:
    where, start = country("Europe/Berlin", 5), datetime(2017, 2, 20, tzinfo=UTC)
    events = [
        told(Started, start, delivery_weekday=2, source="friend"),
        told(Reactivated, start + DAY, delivery_weekday=4),
        told(Reactivated, start + 2 * DAY, number=1),
    ]
    found = [reads(events[:n], where, [start + 3 * DAY])[0] for n in (1, 2, 3)]
    assert [(one["delivery_weekday"], one["acquired_by"]) for one in found] == [
        (2, "friend"),
        (4, "friend"),
        (4, "friend"),
    ]


def test_missing_without_a_start_that_names_it(arrivals: Arrivals) -> None:
    where, start = country("Europe/Berlin", 5), datetime(2017, 2, 20, tzinfo=UTC)
    connection = duckdb.connect()
    batch.admit(connection, arrivals(connection, where, "subscription", [told(Started, start)]), where, "admitted")
    (row,) = batch.fold(connection, "admitted", layout_of(LIFECYCLE), where, [start + DAY]).to_pylist()
    names = ("delivery_weekday", "cut_off_in", "acquired_by", "open_box_skipped")
    assert [row[name] for name in names] == [None, None, None, None]


@pytest.mark.parametrize(("zone", "cut_off_days"), [("Europe/Berlin", 0), ("Pacific/Chatham", 6), ("Asia/Kolkata", 3)])
def test_oracle_batch_and_rows_agree_in_countries_with_other_cut_offs(zone: str, cut_off_days: int) -> None:
    tally = ParityTally()
    climb(world.make(7, "subscription", country(zone, cut_off_days)), [LIFECYCLE], tally, seed=7)
    assert tally.wrong == []
    assert tally.compared.total() > 1000
