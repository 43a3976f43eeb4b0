"""What comes after an order (returned, refunded, called off) is no activity: it changes money and counts of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import msgspec
import numpy as np
import pytest

from proof.naive.sides import TableLake, lake_table
from proof.naive.world import DAY, LoggedEvent
from scorer import reasons, subjects
from scorer.tuesday import contact_list
from scv.errors import BadEvent
from scv.events import country as countries
from scv.events import event
from scv.events.arrival import Arrival, Recorded, arrival_of, decode
from scv.events.calendar import day_of, to_us
from scv.events.country import Country
from scv.events.event import AfterOrder, Event, Placed
from scv.features import derived
from scv.features.fetcher import Fetcher, all_features, of_family
from scv.features.layout import layout_of
from scv.offline.lake_version import LakeVersion
from scv.online.row import Row
from scv.targets import labels
from scv.targets.phase import phase
from scv.targets.target import TARGETS
from tests import oracle_targets

AT = datetime(2017, 9, 5, 4, tzinfo=UTC)
AFTER = tuple(kind for kind in event.FAMILIES["orders"] if issubclass(kind, AfterOrder))
TAGS = {event.tag(kind) for kind in AFTER}
MONEY = {"derived__net_spend_28d", "derived__net_spend_91d", "derived__net_spend_ever", "derived__return_share"}


def order(name: str, days_ago: float, cents: int = 3000) -> Placed:
    at = AT - days_ago * DAY
    return Placed(id=name, country="US", customer_id="c1", occurred_at=at, seen_at=at, amount_cents=cents, items=3)


def after(kind: type[AfterOrder], days_ago: float, cents: int = 500) -> AfterOrder:
    at = AT - days_ago * DAY
    id = f"{event.tag(kind)} {days_ago}"
    return kind(
        id=id, country="US", customer_id="c1", occurred_at=at, seen_at=at, order_id="a", amount_cents=cents, items=1
    )


ORDERS = [order("a", 60), order("b", 53), order("c", 40, 4500)]
LATER = [after(kind, days_ago) for kind in AFTER for days_ago in (59, 50, 30, 2)]
"""Before, between and long after the orders, and lately."""


@pytest.fixture(scope="module")
def us() -> Country:
    return countries.load("US")


def read(fetchers: Sequence[type[Fetcher]], log: Sequence[Event], country: Country) -> dict[str, Any]:
    """The customer's values at `AT` by full name, derived ones too, None for missing."""
    found: dict[str, Any] = {}
    for fetcher in fetchers:
        row = Row(layout_of(fetcher), country)
        for one in sorted(log, key=lambda one: one.seen_at):
            row.take(arrival_of(one, country))
        values = row.read(day_of(to_us(AT), country.zone))
        found |= {f"{fetcher.name}__{name}": value for name, value in values.items()}
    numbers = {name: np.array([np.nan if v is None or isinstance(v, str) else v]) for name, v in found.items()}
    for name, feature in derived.collect().items():
        if set(feature.inputs) <= set(numbers):
            value = float(feature.values(numbers)[0])
            found[name] = None if np.isnan(value) else value
    return found


@pytest.fixture(scope="module")
def without(us: Country) -> dict[str, Any]:
    return read(of_family("orders"), ORDERS, us)


@pytest.mark.parametrize("kind", AFTER, ids=event.tag)
def test_it_changes_nothing_but_money_and_counts_of_its_own(
    kind: type[AfterOrder], without: Mapping[str, Any], us: Country
) -> None:
    """Every feature of the family, whoever adds it: days since, tenure, counts, gaps and streaks stay as they were."""
    found = read(of_family("orders"), [*ORDERS, *(one for one in LATER if type(one) is kind)], us)
    changed = {name for name in without if found[name] != without[name]}
    own = {name for name, one in all_features().items() if one.fold.kinds and set(one.fold.kinds) <= TAGS}
    counted = {name for name, one in derived.collect().items() if set(one.inputs) & own}
    assert changed <= own | counted and changed & own
    assert MONEY <= changed <= MONEY | own | {"derived__return_rate"}


def test_the_money_is_what_was_given_back(us: Country) -> None:
    log = [order("a", 90, 9000), order("b", 20), after(AFTER[0], 85, 4000), after(AFTER[1], 28, 0),
           after(AFTER[1], 10, 1200), after(AFTER[2], 5, 300)]  # fmt: skip
    found = read(of_family("orders"), log, us)
    assert [found[f"orders__given_back_{name}"] for name in ("28d", "91d", "ever")] == [1500, 5500, 5500]
    assert [found[f"derived__net_spend_{name}"] for name in ("28d", "91d", "ever")] == [1500, 6500, 6500]
    assert [found[f"orders__{name}"] for name in ("spend_28d", "spend_91d", "count_91d")] == [3000, 12_000, 2]
    assert [found[f"orders__{name}"] for name in ("returns_28d", "returns_91d", "called_off")] == [0, 1, 1]
    assert [found[f"derived__{name}"] for name in ("return_rate", "return_share")] == [0.5, 5500 / 12_000]


def test_a_return_alone_makes_known_but_no_buyer(us: Country) -> None:
    """Who sent something back is known to us; the order that it was of is not, so that no silence can be told."""
    found = read(of_family("orders"), [after(kind, 10) for kind in AFTER], us)
    said = [found[f"orders__{name}"] for name in ("days_since", "tenure", "count_ever", "spend_ever")]
    assert said == [None, None, 0, 0]
    assert found["derived__net_spend_ever"] == -1500
    features = {name: [None] for name in all_features()} | {name: [value] for name, value in found.items()}
    asked = {name: one.not_applicable(features, us).tolist()[0] for name, one in TARGETS.items()}
    assert {asked[name] for name in ("lapse", "skip", "return")} == {"no order on record"}
    assert phase(features, us).tolist() == ["left"]


@pytest.mark.parametrize("name", TARGETS)
def test_it_answers_no_question(name: str, us: Country) -> None:
    """What comes after an order is no order in anybody's horizon, nor a paid one: the oracle says the same."""
    log = [order("a", 60), *(msgspec.structs.replace(after(kind, -3), id=event.tag(kind)) for kind in AFTER)]
    happened = {"orders": log}
    with duckdb.connect() as connection:
        records = [LoggedEvent(0, 0, n, one) for n, one in enumerate(log)]
        connection.register("lake_orders", lake_table(records, "orders", us))
        query = TableLake().query("orders", us, LakeVersion({}))
        outcomes = labels.prepare(connection, {"orders": query}, us)
        known = {one: [2] for one in TARGETS[name].known}
        found = outcomes.labels(TARGETS[name], np.array([to_us(AT)]), ["c1"], known)
    if name != "pause":  # asks nothing of orders, and of nobody without a box
        said = oracle_targets.ANSWERS[name](oracle_targets.story(happened, us, "c1"), AT)
        assert (found.y.tolist(), found.removed.tolist()) == ([float(said.y)], [said.removed])
    assert found.y.tolist() == [1.0 if name == "lapse" else 0.0]


@pytest.mark.parametrize("kind", [Placed, *AFTER], ids=event.tag)
def test_no_amount_of_an_order_is_below_zero(kind: type[Event], us: Country) -> None:
    """Shops export returns as orders below zero: taken as such they would be a sign of life."""
    good = order("a", 1) if kind is Placed else after(AFTER[0], 1)
    record = msgspec.to_builtins(good) | {"kind": event.tag(kind), "amount_cents": -500}
    with pytest.raises(BadEvent, match="given back is told above zero, by `returned`"):
        decode("orders", event.key_of(good), msgspec.json.encode(record), {"US": us}, Recorded(to_us(AT)))
    taken = decode(
        "orders", event.key_of(good), msgspec.json.encode(record | {"amount_cents": 0}), {"US": us}, Recorded(to_us(AT))
    )
    assert isinstance(taken, Arrival) and taken.values["amount_cents"] == 0


def test_reasons_say_it_as_money_and_only_facts_aloud(us: Country) -> None:
    found = read(of_family("orders"), [order("a", 20, 9000), after(AFTER[0], 10, 1250), after(AFTER[1], 9, 250)], us)
    for column, said, aloud in (
        ("orders__given_back_28d", "$15 was given back in the last 28 days.", ""),
        ("derived__return_share", "$15 was given back since the first order.", ""),
        ("derived__return_rate", "1 return since the first order.", ""),
        ("orders__returns_28d", "1 return in the last 28 days.", "We took back 1 of your last orders."),
    ):
        (reason,) = reasons.reasons_of({column: 1.0}, found, us, "lapse")
        assert (reason.hint, reason.sayable) == (said, aloud)


def test_a_customer_is_worth_what_they_kept() -> None:
    people = subjects.Subjects(["kept", "back", "new"], [AT] * 3, [True] * 3, {
        "orders__spend_91d": [5000, 9000, None], "orders__given_back_91d": [0, 8000, None],
    }, [{}] * 3)  # fmt: skip
    assert [contact_list.worth(row) for row in people.rows(contact_list.WORTH)] == [5000, 1000, None]
