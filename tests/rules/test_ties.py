"""Two events of one instant: which is the newest is a rule about what they say, and ids are names."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from proof.naive import world
from proof.naive.sides import SqlSide, arrivals
from proof.naive.world import DAY, HOUR, MINUTE, DirtyWorld, LoggedEvent
from scv.events import event as events
from scv.events.arrival import arrival_of
from scv.events.calendar import day_of, to_us
from scv.events.event import (
    Cancelled,
    Consent,
    Event,
    Paused,
    ProfileSet,
    Reactivated,
    Resumed,
    Skipped,
    Started,
    Unskipped,
)
from scv.features.fetcher import all_features, collect, get, of_family
from scv.features.layout import layout_of
from scv.folds.newest import RANKS
from scv.online.row import Row
from tests.parity import questions

BERLIN = world.country("Europe/Berlin", basis="recorded")
NOON = datetime(2016, 6, 1, 10, tzinfo=UTC)
AT = NOON + DAY
BOX = (NOON + 9 * DAY).date()


def said(kind: type[Event], at: datetime = NOON, seen: datetime | None = None, id: str = "", **payload: Any) -> Event:
    name = id or events.tag(kind)
    return kind(id=name, country="ZZ", customer_id="c1", occurred_at=at, seen_at=seen or at, **payload)


def read(name: str, log: Sequence[Event]) -> Any:
    """The one customer's value of a feature at `AT`, by row."""
    feature = all_features()[name]
    row = Row(layout_of(get(feature.fetcher)), BERLIN)
    for one in log:
        row.take(arrival_of(one, BERLIN))
    return row.read(day_of(to_us(AT), BERLIN.zone))[feature.name]


def read_in_sql(name: str, log: Sequence[Event]) -> Any:
    feature = all_features()[name]
    fetcher = get(feature.fetcher)
    with SqlSide([LoggedEvent(0, 0, n, one) for n, one in enumerate(log)], fetcher.family, BERLIN) as table:
        ((_, values),) = table.read(fetcher, [AT]).items()
    return values[feature.name]


BEGAN = said(Started, NOON - 90 * DAY)
TIES = {
    "gone and back": ("lifecycle__state", [BEGAN, said(Cancelled), said(Reactivated)], "reactivated"),
    "begun and gone": ("lifecycle__state", [said(Started), said(Cancelled)], "cancelled"),
    "paused and resumed": ("lifecycle__state", [BEGAN, said(Paused), said(Resumed)], "resumed"),
    "paused and gone": ("lifecycle__state", [BEGAN, said(Paused), said(Cancelled)], "cancelled"),
    "skipped and not": (
        "lifecycle__skips_ahead", [BEGAN, said(Skipped, delivery_on=BOX), said(Unskipped, delivery_on=BOX)], 0
    ),
    "seen later": (
        "lifecycle__state", [BEGAN, said(Reactivated), said(Cancelled, seen=NOON + MINUTE)], "cancelled"
    ),
    "happened later, seen earlier": (
        "lifecycle__state",
        [BEGAN, said(Reactivated, NOON - MINUTE, NOON + HOUR), said(Cancelled)],
        "cancelled",
    ),
    "two terms": (
        "lifecycle__ends_in",
        [said(Started, id=id, subscription_id=id, ends_on=on) for id, on in (("y", BOX), ("z", BOX + 7 * DAY))],
        8,
    ),
    "a term and none": (
        "lifecycle__ends_in",
        [said(Started, id="y", subscription_id="y"), said(Started, id="z", subscription_id="z", ends_on=BOX)],
        8,
    ),
    "two settings": ("profile__sex", [said(ProfileSet, id="b", sex="f"), said(ProfileSet, id="a", sex="m")], "f"),
    "a setting seen later": (
        "profile__sex", [said(ProfileSet, id="a", sex="f"), said(ProfileSet, NOON, NOON + MINUTE, "b", sex="m")], "m"
    ),
    "yes and no": (
        "contacts__consent_email",
        [said(Consent, id=id, channel="email", given=given) for id, given in (("b", True), ("a", False))],
        0,
    ),
}  # fmt: skip
"""What happened at noon, a feature of it, and its value on the next day: in any order of arrival, under any ids."""


@pytest.mark.parametrize("name", TIES)
def test_of_one_instant_what_was_said_decides_and_not_its_id(name: str) -> None:
    feature, log, expected = TIES[name]
    named = [replace(one, id=id) for one, id in zip(log, "abc", strict=False)]
    turned = [replace(one, id=id) for one, id in zip(log, "cba", strict=False)]
    for order in (*permutations(named), *permutations(turned)):
        assert read(feature, order) == expected
    assert [read_in_sql(feature, one) for one in (named, turned)] == [expected] * 2


def test_what_undoes_stands_behind_what_it_undoes() -> None:
    pairs = [("started", "cancelled"), ("cancelled", "reactivated"), ("paused", "resumed"), ("skipped", "unskipped"),
             ("started", "paused"), ("complaint_opened", "complaint_closed"), ("placed", "returned")]  # fmt: skip
    assert all(RANKS[done] < RANKS[undone] for done, undone in pairs)
    assert set(RANKS) == {events.tag(kind) for own in events.FAMILIES.values() for kind in own}


def crowded(seed: int, family: str) -> DirtyWorld:
    """A world in which half of what a customer did happened at one of few instants, and was seen when it happened."""
    made, rng = world.make(seed, family, BERLIN, customers=5, events_each=40), random.Random(seed)
    few = [world.local(world.FIRST + day * DAY, BERLIN, 12) for day in range(0, 470, 47)]
    records = []
    for record in made.records:
        if rng.random() < 0.5 and not isinstance(record.event, events.Erased):
            at = min(few, key=lambda one: abs(one - record.event.occurred_at))
            record = replace_event(record, replace(record.event, occurred_at=at, seen_at=at))
        records.append(record)
    return DirtyWorld(BERLIN, family, records)


def replace_event(record: LoggedEvent, event: Event) -> LoggedEvent:
    return LoggedEvent(record.epoch, record.partition, record.offset, event)


def renamed(made: DirtyWorld, *fields: str) -> DirtyWorld:
    """The same with every id turned round: what came first in the alphabet comes last, as far as letters go."""

    def other(id: str) -> str:
        return "".join(chr(0x2000 - ord(letter)) for letter in id)

    records = []
    for record in made.records:
        ids = {name: getattr(record.event, name, None) for name in ("id", *fields)}
        told = {name: other(id) for name, id in ids.items() if id}
        records.append(replace_event(record, replace(record.event, **told)))
    return DirtyWorld(made.country, made.family, records)


@pytest.mark.parametrize("family", events.FAMILIES)
def test_ids_are_names(family: str) -> None:
    """Every fetcher's values are the same under other ids, in rows and in SQL, however many events share an instant."""
    made = crowded(3, family)
    at = [world.local(day, BERLIN) for day in (world.date(2016, 9, 12), world.date(2017, 2, 1), world.LAST)]
    sides = []
    for one in (made, renamed(made, "subscription_id", "order_id")):
        with SqlSide(one.records, family, BERLIN) as table:
            found = {fetcher.name: table.read(fetcher, at) for fetcher in of_family(family)}
        sides.append((found, {name: rows(one, name) for name in found}))
    assert sides[0] == sides[1]
    assert any(found for found in sides[0][0].values())


def rows(made: DirtyWorld, name: str) -> dict[str, Any]:
    """Everybody's values, on the day after the newest event, in the order in which a consumer gets the log."""
    found = {customer: Row(layout_of(collect()[name]), BERLIN) for customer in made.customers}
    for _, arrival in arrivals(made.delivered, BERLIN):
        found[arrival.customer_id].take(arrival)
    return {customer: row.read(row.clock_day + 1) for customer, row in found.items()}


def test_ids_are_names_to_every_question() -> None:
    """Phases, populations and labels too."""
    made = [crowded(5, family) for family in questions.FAMILIES]
    at = [world.local(day, BERLIN) for day in (world.date(2016, 9, 13), world.date(2017, 2, 7))]
    sides = []
    for worlds in (made, [renamed(one, "subscription_id", "order_id") for one in made]):
        asked = questions.of_worlds({one.family: one for one in worlds}, at)
        labels = {target.name: found for target, found in asked.labels(None)}
        told = {name: (one.y.tolist(), one.removed.tolist(), one.outcome.tolist()) for name, one in labels.items()}
        sides.append((list(asked.features), asked.columns(), told))
    assert sides[0] == sides[1]
