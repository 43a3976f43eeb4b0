"""What a stored row drops and what it keeps: all that a later read or arrival can need, and for ever little more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from proof.naive import world
from proof.naive.sides import PLACE
from proof.naive.world import DAY
from scv.events.arrival import arrival_of
from scv.events.country import Country
from scv.events.event import FAMILIES, Event, Placed, Skipped
from scv.features.fetcher import collect, get
from scv.features.layout import layout_of
from scv.folds.day_set import REACH, DaySetFold
from scv.folds.subscriptions import KEPT_DAYS, Subscriptions
from scv.online.row import Row, unpack

BERLIN = world.country("Europe/Berlin", lateness_days=7)
FIRST = datetime(2016, 2, 1, 12, tzinfo=UTC)
DAYS = 440


def order(day: int) -> Placed:
    at = FIRST + day * DAY
    return Placed(id=f"{day}", country="ZZ", customer_id="c1", occurred_at=at, seen_at=at, amount_cents=100)


def skip(day: int) -> Skipped:
    at = FIRST + day * DAY
    return Skipped(
        id=f"{day}", country="ZZ", customer_id="c1", occurred_at=at, seen_at=at, delivery_on=(at + 9 * DAY).date()
    )


def stored(fetcher: str, events: list[Event], country: Country = BERLIN) -> Row:
    """The row of these events, stored and loaded after each of them."""
    layout = layout_of(get(fetcher))
    row = Row(layout, country)
    for offset, event in enumerate(events):
        row.take(arrival_of(event, country))
        _, row = unpack(row.pack(PLACE, offset), layout, country)
    return row


@pytest.mark.parametrize("fetcher", ["orders", "rhythm", "offers"])
def test_a_row_of_many_days_keeps_no_more_than_its_windows_and_l(fetcher: str) -> None:
    row = stored(fetcher, [order(day) for day in range(DAYS)])
    kept = max(row.layout.longest_days, BERLIN.lateness_days)
    oldest = row.clock_day - kept
    assert kept < 200 and sorted(row.tiles) == list(range(oldest, row.clock_day + 1) if row.layout.tiles else [])
    assert len(row.ids) <= BERLIN.lateness_days + 2, "of the days that can be delivered again, and one of grace"


@pytest.mark.parametrize(("memory_days", "kept"), [(28, REACH), (REACH, REACH), (REACH + 10, REACH + 10)])
def test_a_day_set_holds_the_days_that_a_country_remembers_and_400_at_least(memory_days: int, kept: int) -> None:
    row = stored("rhythm", [order(day) for day in range(DAYS)], replace(BERLIN, memory_days=memory_days))
    states = [state for fold, state in zip(row.layout.lives, row.lives, strict=True) if isinstance(fold, DaySetFold)]
    assert states and all(int.from_bytes(bits, "little") == 2 ** (kept + 1) - 1 for _, bits in states)


def test_dates_behind_their_limit_are_dropped() -> None:
    row = stored("lifecycle", [skip(day) for day in range(DAYS)])
    states = [state for fold, state in zip(row.layout.lives, row.lives, strict=True) if isinstance(fold, Subscriptions)]
    dates = range(row.clock_day - KEPT_DAYS, row.clock_day + 10)
    assert states and all(sorted(state) == list(dates) for state in states)


def test_the_first_day_of_the_longest_window_is_still_there() -> None:
    """An order, 91 days of nothing, another order: the first is in the window until its day is over."""
    row = stored("orders", [order(0), order(91)])
    assert row.layout.longest_days == 91
    counts = [row.read(row.clock_day + later)["count_91d"] for later in (0, 1)]
    assert counts == [2, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_without_an_admitted_event_is_missing(family: str) -> None:
    for fetcher in collect().values():
        if fetcher.family == family:
            row = Row(layout_of(fetcher), BERLIN)
            assert set(row.read(17_000).values()) == {None}
