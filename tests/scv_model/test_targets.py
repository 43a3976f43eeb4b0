"""Targets, populations and phases: they partition what they must, and labels are exact instants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pytest

from scv.errors import UnknownName
from scv.events import event
from scv.events.calendar import add_days, from_us, midnight, to_us
from scv.events.country import Country
from scv.features.array import Features
from scv.features.fetcher import all_features, get
from scv.features.layout import layout_of
from scv.offline import batch
from scv.targets import labels, target
from scv.targets.phase import PHASES, phase
from scv.targets.population import ALREADY_CANCELLED, TERM_OVER


class World:
    """Order features of everyone at some references, and what then happened."""

    def __init__(self, country: Country, arrivals: Callable, orders: list[event.Placed], days: list[date]) -> None:
        self.country, self.orders = country, orders
        self.connection = duckdb.connect()
        query = arrivals(self.connection, country, "orders", orders)
        batch.admit(self.connection, query, country, "admitted")
        references = [midnight(day, country.zone) for day in days]
        table = batch.fold(self.connection, "admitted", layout_of(get("orders")), country, references)
        self.features: Features = {f"orders__{name}": table[name] for name in table.column_names[3:]}
        self.customers = table["customer_id"].to_pylist()
        self.at_us = np.array([to_us(at) for at in table["event_timestamp"].to_pylist()])
        self.outcomes = labels.prepare(self.connection, {"orders": query}, country)

    def y(self, name: str) -> np.ndarray:
        return self.outcomes.labels(target.get(name), self.at_us, self.customers).y

    def ordered(self, row: int, start: int, end: int) -> bool:
        """The naive answer: is there an order in those local days after the row's reference?"""
        at = from_us(int(self.at_us[row]))
        since, until = (add_days(at, days, self.country.zone) for days in (start, end))
        mine = (one.occurred_at for one in self.orders if one.customer_id == self.customers[row])
        return any(since <= instant < until for instant in mine)


@pytest.fixture(scope="module")
def world(us: Country, arrivals: Callable, orders: list[event.Placed], tuesdays: list[date]) -> World:
    return World(us, arrivals, orders, tuesdays)


def test_labels_are_what_a_naive_scan_says(world: World) -> None:
    scan = {
        "lapse": lambda row: not world.ordered(row, 0, 56),
        "skip": lambda row: not world.ordered(row, 0, 7) and world.ordered(row, 7, 56),
        "return": lambda row: world.ordered(row, 0, 28),
    }
    for name, answer in scan.items():
        expected = np.array([answer(row) for row in range(len(world.customers))], dtype=float)
        assert 0 < expected.mean() < 1
        np.testing.assert_array_equal(world.y(name), expected, err_msg=name)


def test_lapse_and_return_partition_everyone_seen_in_a_year(world: World) -> None:
    lapse, returning = (target.get(name).population(world.features, world.country) for name in ("lapse", "return"))
    assert lapse.any() and returning.any()
    assert not (lapse & returning).any()
    silent = np.array(world.features["orders__days_since"].to_pylist())
    np.testing.assert_array_equal(lapse | returning, silent <= world.country.memory_days)


def test_on_the_rows_of_skip_order_skip_and_lapse_are_one(world: World) -> None:
    asked = target.get("skip").population(world.features, world.country)
    order = np.array([world.ordered(row, 0, 7) for row in range(len(asked))], dtype=float)
    np.testing.assert_array_equal((order + world.y("skip") + world.y("lapse"))[asked], 1)


def test_everyone_is_in_exactly_one_phase(world: World) -> None:
    found = phase(world.features, world.country)
    assert set(found) <= set(PHASES)
    active = np.isin(found.astype(str), ["new", "established"])
    np.testing.assert_array_equal(active, target.get("lapse").population(world.features, world.country))
    np.testing.assert_array_equal(found == "dormant", target.get("return").population(world.features, world.country))


@pytest.mark.parametrize(
    ("state", "tenure", "expected"),
    [
        ("started", 10, "new"),
        ("started", 35, "established"),
        ("resumed", 400, "established"),
        ("paused", 10, "paused"),
        ("cancelled", 10, "left"),
        (None, None, "left"),
    ],
)
def test_recorded_phases(zz: Country, state: str | None, tenure: int | None, expected: str) -> None:
    features = {"lifecycle__state": [state], "lifecycle__tenure": [tenure]}
    assert phase(features, zz).tolist() == [expected]


@pytest.mark.parametrize(
    ("name", "state", "ago", "reason"),
    [
        ("cancellation", "started", None, ""),
        ("cancellation", "paused", None, ""),
        ("cancellation", "cancelled", 3, ALREADY_CANCELLED),
        ("cancellation", None, None, "no subscription on record"),
        ("reactivation", "cancelled", 7, ""),
        ("reactivation", "cancelled", 365, ""),
        ("reactivation", "cancelled", 6, "too new: over for less than 7 days"),
        ("reactivation", "cancelled", 366, "over for longer than 365 days"),
        ("reactivation", "reactivated", 30, "not cancelled"),
        ("cancellation", "ending", 3, ALREADY_CANCELLED),
        ("cancellation", "ended", 3, TERM_OVER),
        ("reactivation", "ended", 7, ""),
        ("reactivation", "ending", 30, "cancelled, and paid for still"),
    ],
)
def test_recorded_populations(zz: Country, name: str, state: str | None, ago: int | None, reason: str) -> None:
    features = {"lifecycle__state": [state], "lifecycle__tenure": [90], "lifecycle__days_in_state": [ago]}
    assert target.get(name).not_applicable(features, zz).tolist() == [reason]


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [
        ("lapse", 28, ""),
        ("lapse", 29, "silent for longer than 28 days"),
        ("lapse", None, "no order on record"),
        ("skip", 7, ""),
        ("skip", 8, "silent for longer than 7 days"),
        ("return", 29, ""),
        ("return", 28, "ordered in the last 28 days"),
        ("return", 366, "silent for longer than 365 days"),
    ],
)
def test_derived_populations(us: Country, name: str, days: int | None, reason: str) -> None:
    assert target.get(name).not_applicable({"orders__days_since": [days]}, us).tolist() == [reason]


def subscription(kind: type[event.Event], customer: str, at: datetime, **payload: object) -> event.Event:
    name = f"{kind.__name__}-{customer}-{at.isoformat()}"
    return kind(id=name, country="ZZ", customer_id=customer, occurred_at=at, seen_at=at, **payload)


def test_recorded_labels_and_involuntary_ends(zz: Country, arrivals: Callable) -> None:
    at = midnight(date(2017, 9, 5), zz.zone)
    day = timedelta(days=1)
    happened = [
        subscription(event.Cancelled, "leaves", at + 3 * day, voluntary=True),
        subscription(event.Reactivated, "leaves", at + 5 * day),
        subscription(event.Paused, "pauses", at + 3 * day),
        subscription(event.Cancelled, "fraud", at + 3 * day, voluntary=False),
        subscription(event.Cancelled, "later", at + 28 * day, voluntary=True),
        subscription(event.Cancelled, "earlier", at - day, voluntary=True),
        subscription(event.Cancelled, "nobody knows", at + 3 * day),
        subscription(event.Cancelled, "not asked", at + 28 * day),
        subscription(event.Cancelled, "wished at last", at + 3 * day),
        subscription(event.Reactivated, "wished at last", at + 4 * day),
        subscription(event.Cancelled, "wished at last", at + 5 * day, voluntary=True),
        subscription(event.Erased, "erased", at + 90 * day),
    ]
    connection = duckdb.connect()
    query = arrivals(connection, zz, "subscription", happened)
    outcomes = labels.prepare(connection, {"subscription": query}, zz)
    customers = list(dict.fromkeys([*(one.customer_id for one in happened), "unheard of"]))
    found = outcomes.labels(target.get("cancellation"), np.full(len(customers), to_us(at)), customers)
    assert dict(zip(customers, found.removed, strict=True)) == dict.fromkeys(customers, "") | {
        "fraud": "ended involuntarily",
        "erased": "erased",
        "nobody knows": "cancelled, by whose wish unknown",
    }
    assert found.counts() == {"ended involuntarily": 1, "erased": 1, "cancelled, by whose wish unknown": 1}
    assert [name for name, y in zip(customers, found.y, strict=True) if y] == ["leaves", "wished at last"]


def test_an_end_of_unknown_wish_removes_no_row_of_another_target(zz: Country, arrivals: Callable) -> None:
    at = midnight(date(2017, 9, 5), zz.zone)
    happened = [subscription(event.Cancelled, "nobody knows", at + timedelta(days=3))]
    connection = duckdb.connect()
    outcomes = labels.prepare(connection, {"subscription": arrivals(connection, zz, "subscription", happened)}, zz)
    others = [one for one in target.TARGETS.values() if one.clauses and one.name != "cancellation"]
    for other in others:
        assert outcomes.labels(other, np.array([to_us(at)]), ["nobody knows"]).removed.tolist() == [""], other.name


def test_a_paid_order_reactivates(zz: Country, arrivals: Callable) -> None:
    at = midnight(date(2017, 9, 5), zz.zone)
    placed = [
        event.Placed(
            id=name, country="ZZ", customer_id=name, occurred_at=at + timedelta(days=1), seen_at=at + timedelta(days=1),
            amount_cents=cents,
        )
        for name, cents in (("paid", 100), ("free", 0))
    ]  # fmt: skip
    connection = duckdb.connect()
    outcomes = labels.prepare(connection, {"orders": arrivals(connection, zz, "orders", placed)}, zz)
    found = outcomes.labels(target.get("reactivation"), np.full(2, to_us(at)), ["paid", "free"])
    assert found.y.tolist() == [1, 0]


def test_labels_see_late_events_only_up_to_their_instant(us: Country, arrivals: Callable) -> None:
    at = midnight(date(2017, 9, 5), us.zone)
    order = event.Placed(
        id="a", country="US", customer_id="1", amount_cents=1,
        occurred_at=at + timedelta(days=50), seen_at=at + timedelta(days=60),
    )  # fmt: skip
    connection = duckdb.connect()
    query = arrivals(connection, us, "orders", [order])
    for label_as_of, expected in ((None, 0.0), (at + timedelta(days=58), 1.0)):
        outcomes = labels.prepare(connection, {"orders": query}, us, label_as_of)
        assert outcomes.labels(target.get("lapse"), np.array([to_us(at)]), ["1"]).y.tolist() == [expected]


def test_maturity_counts_from_what_the_label_reads(us: Country) -> None:
    at = midnight(date(2017, 7, 4), us.zone)
    skip = target.get("skip")
    assert skip.horizon_end(at, us) == midnight(date(2017, 7, 11), us.zone)
    assert skip.decided_at(at, us) == midnight(date(2017, 8, 29), us.zone)
    assert target.mature(skip, at, us, midnight(date(2017, 8, 30), us.zone))
    assert not target.mature(skip, at, us, midnight(date(2017, 8, 30), us.zone) - timedelta(microseconds=1))
    frozen = midnight(date(2017, 9, 5), us.zone)
    assert not target.mature(target.get("lapse"), midnight(date(2017, 7, 11), us.zone), us, frozen)


def test_a_horizon_keeps_its_local_time_across_a_clock_change(us: Country) -> None:
    at = midnight(date(2017, 10, 31), us.zone)
    assert target.get("lapse").horizon_end(at, us) - at == timedelta(days=56, hours=1)


def test_a_derived_target_is_never_called_a_cancellation(us: Country) -> None:
    for one in target.TARGETS.values():
        said = f"{one.name} {one.sentence(us)}".lower()
        assert one.basis == "recorded" or "cancel" not in said
    with pytest.raises(UnknownName, match="Did you mean 'lapse'"):
        target.get("lapsed")


def test_what_populations_need_are_features() -> None:
    from scv.targets.population import NEEDS

    assert set(NEEDS) <= set(all_features())
