"""docs/lifecycle.md: every case of its table, read by rows, batch SQL, labels and the oracle alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pytest

from proof.naive.sides import SqlSide, TableLake, lake_table
from proof.naive.world import HOUR, LoggedEvent, local
from scv.events import country as countries
from scv.events import event as events
from scv.events.arrival import arrival_of
from scv.events.calendar import day_of, midnight, to_us
from scv.events.event import Event
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.folds.subscriptions import MOST
from scv.offline.lake_version import LakeVersion
from scv.online.row import Row
from scv.targets import labels, target
from scv.targets.phase import phase
from tests import oracle_targets

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
ZZ = countries.load("ZZ")
REFERENCE = date(2017, 9, 5)
AT = midnight(REFERENCE, ZZ.zone)
TARGETS = [one for one in target.TARGETS.values() if one.basis == "recorded"]
KINDS = {events.tag(kind): kind for kind in events.FAMILIES["subscription"]}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FIELDS = {"ends": "ends_on", "until": "until_on", "of": "delivery_on"}
SAID = re.compile(r"(?:([A-Z]) )?([a-z]+) ([+-]?\d+)((?: [A-Za-z]+(?: [+-]?\d+)?)*)")


class Case(NamedTuple):
    said: str
    stands: str
    days: str
    phase: str
    asked: str
    yes: str
    aside: str


def cases() -> list[Case]:
    """The rows of the page's last table."""
    lines = PAGE.read_text("utf-8").partition("## Cases")[2].splitlines()
    return [Case(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines if line.startswith("| ")][1:]


def day(offset: str) -> date:
    return REFERENCE + timedelta(days=int(offset))


def told(text: str, customer: str) -> list[Event]:
    """What one case says, at noon of its days."""
    found: list[Event] = []
    for n, part in enumerate(text.split(", ")):
        spoken = SAID.fullmatch(part)
        assert spoken, f"{part!r} cannot be read"
        name, kind, offset, rest = spoken.groups()
        at = local(day(offset), ZZ, 12)
        envelope = {"id": f"e{n:02}", "country": "ZZ", "customer_id": customer, "occurred_at": at, "seen_at": at}
        if kind == "order":
            found.append(events.Placed(**envelope, amount_cents=100))
            continue
        payload: dict[str, Any] = {"subscription_id": name} if name else {}
        words = iter(rest.split())
        for word in words:
            if word in DAYS:
                payload["delivery_weekday"] = DAYS.index(word)
            elif word in FIELDS:
                payload[FIELDS[word]] = day(next(words))
            else:
                payload["voluntary"] = {"free": True, "forced": False}[word]
        found.append(KINDS[kind](**envelope, **payload))
    return found


class Logs(NamedTuple):
    subscription: list[Event]
    orders: list[Event]


def logs(texts: Sequence[str]) -> Logs:
    """The cases as customers c0, c1 …, by family in order of seeing."""
    every = [event for n, text in enumerate(texts) for event in told(text, f"c{n}")]
    every.sort(key=lambda event: event.seen_at)
    placed = [event for event in every if isinstance(event, events.Placed)]
    return Logs([event for event in every if event not in placed], placed)


def shown(words: Sequence[str]) -> str:
    return ", ".join(words) or "–"


def known(value: Any) -> str:
    return "–" if value is None else str(value)


def by_the_product(texts: Sequence[str]) -> list[Case]:
    made, names = logs(texts), [f"c{n}" for n in range(len(texts))]
    records = {
        family: [LoggedEvent(0, 0, n, one) for n, one in enumerate(log)] for family, log in made._asdict().items()
    }
    with SqlSide(records["subscription"], "subscription", ZZ) as table:
        rows = {customer: row for (customer, _), row in table.read(get("lifecycle"), [AT]).items()}
    features = {f"lifecycle__{name}": [rows.get(c, {}).get(name) for c in names] for name in layout_names()}
    asked = {one.name: one.population(features, ZZ) for one in TARGETS}
    with duckdb.connect(config={"threads": 1}) as connection:
        arrivals = {}
        for family, of_family in records.items():
            connection.register(f"lake_{family}", lake_table(of_family, family, ZZ))
            arrivals[family] = TableLake().query(family, ZZ, LakeVersion({}))
        outcomes = labels.prepare(connection, arrivals, ZZ)
        at_us = np.full(len(names), to_us(AT))
        found = {one.name: outcomes.labels(one, at_us, names, features) for one in TARGETS}
    phases = phase(features, ZZ)
    cases = []
    for i, text in enumerate(texts):
        mine = [one.name for one in TARGETS if asked[one.name][i]]
        aside = {name: str(found[name].removed[i]) for name in mine if found[name].removed[i]}
        yes = [name for name in mine if found[name].y[i] and name not in aside]
        state, days = (features[f"lifecycle__{name}"][i] for name in ("state", "days_in_state"))
        told_aside = shown([f"{name}: {reason}" for name, reason in aside.items()])
        cases.append(Case(text, known(state), known(days), str(phases[i]), shown(mine), shown(yes), told_aside))
    return cases


def layout_names() -> list[str]:
    return [feature.name for feature in get("lifecycle").features]


def by_the_oracle(texts: Sequence[str]) -> list[Case]:
    made, cases = logs(texts), []
    for n, text in enumerate(texts):
        one = oracle_targets.story(made._asdict(), ZZ, f"c{n}")
        stands = oracle_targets.stands(one, AT)
        mine = [each.name for each in TARGETS if oracle_targets.ASKED[each.name](one, AT)]
        answers = {name: oracle_targets.ANSWERS[name](one, AT) for name in mine}
        aside = [f"{name}: {answer.removed}" for name, answer in answers.items() if answer.removed]
        yes = [name for name, answer in answers.items() if answer.y and not answer.removed]
        days = str((REFERENCE - stands.since).days) if stands else "–"
        state, where = known(stands and stands.word), oracle_targets.phase(one, AT)
        cases.append(Case(text, state, days, where, shown(mine), shown(yes), shown(aside)))
    return cases


@pytest.mark.parametrize("side", [by_the_product, by_the_oracle])
def test_every_case_of_the_page(side: Any) -> None:
    written = cases()
    assert len(written) > 70
    assert side([case.said for case in written]) == written


@pytest.mark.parametrize("side", [by_the_product, by_the_oracle])
def test_what_a_subscription_is_called_changes_no_answer(side: Any) -> None:
    """Every case once more with its letters exchanged: an id is a name, and its place in the alphabet says nothing."""
    written = cases()
    other = [re.sub(r"\b[AB]\b", lambda letter: {"A": "B", "B": "A"}[letter[0]], case.said) for case in written]
    assert sum(said != case.said for said, case in zip(other, written, strict=True)) > 20
    assert [case[1:] for case in side(other)] == [case[1:] for case in written]


def rows(log: Sequence[Event]) -> dict[str, Row]:
    """Everybody's lifecycle as the stream has it."""
    found: dict[str, Row] = {}
    for event in log:
        row = found.setdefault(event.customer_id, Row(layout_of(get("lifecycle")), ZZ))
        row.take(arrival_of(event, ZZ))
    return found


def test_silence_ages_what_was_said() -> None:
    """Every case once more with nothing after the reference, on every day around every date: row = batch."""
    texts = [case.said for case in cases()]
    log = [event for event in logs(texts).subscription if event.seen_at < AT]
    streamed, at = rows(log), [AT + HOUR + timedelta(days=n) for n in (0, 1, 3, 4, 5, 8, 9, 10, 20, 40, 400)]
    with SqlSide([LoggedEvent(0, 0, n, event) for n, event in enumerate(log)], "subscription", ZZ) as table:
        batch = table.read(get("lifecycle"), at)
    assert len(batch) == len(streamed) * len(at)
    for (customer, us), row in batch.items():
        mine = streamed[customer].read(day_of(us, ZZ.zone))
        assert mine == {name: row[name] for name in mine}, f"{customer} ({texts[int(customer[1:])]}) at {us}"
        assert min(mine["pause_ends_in"] or 1, mine["ends_in"] or 1) >= 1


def test_of_many_subscriptions_those_that_spoke_last_are_remembered() -> None:
    """Whatever the order of arrival: four that run are forgotten, since all others spoke later, to end."""
    common = {"country": "ZZ", "customer_id": "c0", "seen_at": AT - HOUR}
    log: list[Event] = []
    for n in range(MOST + 4):
        mine = {"subscription_id": f"s{n:02}", **common}
        log.append(events.Started(id=f"a{n}", occurred_at=AT - timedelta(days=30, hours=-n), **mine))
        if n >= 4:
            log.append(events.Cancelled(id=f"b{n}", occurred_at=AT - timedelta(days=20, hours=-n), **mine))
    for order in (log, log[::-1], log[::3] + log[1::3] + log[2::3]):
        (row,) = rows(order).values()
        mine = row.read(day_of(to_us(AT), ZZ.zone))
        with SqlSide([LoggedEvent(0, 0, n, event) for n, event in enumerate(order)], "subscription", ZZ) as table:
            (values,) = table.read(get("lifecycle"), [AT]).values()
        assert mine == {name: values[name] for name in mine}
        assert (mine["state"], mine["subscriptions"]) == ("cancelled", 0)
