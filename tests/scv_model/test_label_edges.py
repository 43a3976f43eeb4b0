"""The edges of labels, each by hand and to the microsecond."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pytest

from scv.events import event
from scv.events.calendar import midnight, to_us
from scv.events.country import Country
from scv.targets import labels, target
from scv.targets.labels import Labels

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


def order(name: str, at: datetime, seen: datetime | None = None) -> event.Placed:
    return event.Placed(
        id=f"{name} {at}", country="ZZ", customer_id=name, occurred_at=at, seen_at=seen or at, amount_cents=100
    )


def cancelled(name: str, at: datetime, voluntary: bool) -> event.Cancelled:
    return event.Cancelled(
        id=f"{name} {at}", country="ZZ", customer_id=name, occurred_at=at, seen_at=at, voluntary=voluntary
    )


@pytest.fixture
def at(zz: Country) -> datetime:
    """So that the clocks change inside every horizon."""
    return midnight(date(2017, 10, 24), zz.zone)


@pytest.fixture
def label(zz: Country, arrivals: Callable, at: datetime) -> Callable[..., dict[str, Labels]]:
    """Customer → the label of one row at `at`, for every customer who did anything."""

    def labelled(
        name: str, family: str, happened: Sequence[event.Event], as_of: datetime | None = None
    ) -> dict[str, Labels]:
        connection = duckdb.connect()
        query = arrivals(connection, zz, family, happened)
        outcomes = labels.prepare(connection, {family: query}, zz, as_of)
        customers = sorted({one.customer_id for one in happened})
        found = {}
        for customer in customers:
            found[customer] = outcomes.labels(target.get(name), np.array([to_us(at)]), [customer])
        return found

    return labelled


def positive(found: dict[str, Labels]) -> set[str]:
    return {name for name, one in found.items() if one.y.tolist() == [1.0]}


def removed(found: dict[str, Labels]) -> set[str]:
    return {name for name, one in found.items() if not one.kept.all()}


def test_a_horizon_is_half_open(zz: Country, label: Callable, at: datetime) -> None:
    end = midnight(at.astimezone(zz.zone).date() + zz.return_days * DAY, zz.zone)
    assert end - at != zz.return_days * DAY, "a clock change lies inside"
    happened = [order("before", at - TICK), order("first", at), order("last", end - TICK), order("after", end)]
    assert positive(label("return", "orders", happened)) == {"first", "last"}


def test_a_later_clause_begins_where_the_earlier_ends(zz: Country, label: Callable, at: datetime) -> None:
    """skip: nothing in the first seven days, something in the days up to 56."""
    day = at.astimezone(zz.zone).date()
    week, end = (midnight(day + days * DAY, zz.zone) for days in (zz.rhythm_days, zz.silence_days))
    happened = [order("week", week - TICK), order("next", week), order("last", end - TICK), order("gone", end)]
    assert positive(label("skip", "orders", happened)) == {"next", "last"}


def test_as_of_an_instant_is_before_it(label: Callable, at: datetime) -> None:
    as_of = at + 100 * DAY
    happened = [order(name, at + DAY, as_of + late) for name, late in (("in time", -TICK), ("late", timedelta()))]
    assert positive(label("return", "orders", happened, as_of)) == {"in time"}


def test_only_an_involuntary_end_inside_the_horizon_removes_a_row(zz: Country, label: Callable, at: datetime) -> None:
    end = midnight(at.astimezone(zz.zone).date() + zz.horizon_days * DAY, zz.zone)
    happened = [
        cancelled("before", at - TICK, False),
        cancelled("first", at, False),
        cancelled("last", end - TICK, False),
        cancelled("after", end, False),
        cancelled("wish", at, True),
    ]
    found = label("cancellation", "subscription", happened)
    assert removed(found) == {"first", "last"}
    assert positive(found) == {"wish"}


def test_an_erasure_after_the_reference_removes_a_row_and_one_before_does_not(label: Callable, at: datetime) -> None:
    def erased(name: str, when: datetime) -> event.Erased:
        return event.Erased(id=name, country="ZZ", customer_id=name, occurred_at=when, seen_at=when)

    happened = [erased("before", at - TICK), erased("at", at), erased("long after", at + 400 * DAY)]
    assert removed(label("return", "orders", happened)) == {"at", "long after"}
