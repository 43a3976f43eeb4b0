"""The target `pause` on dirty worlds: population, outcome and removal are what a naive scan of the events says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from scv.events.calendar import to_us
from scv.events.country import Country
from scv.events.event import Erased
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.offline import batch
from scv.targets import labels, target
from scv.targets.labels import INVOLUNTARY, Labels
from scv.targets.population import WEEKDAY_UNKNOWN
from tests import oracle, world
from tests.parity.sides import Batch
from tests.scv_model.test_box import country, naive_open_box
from tests.world import World

PAUSE = target.get("pause")
WEEKDAY = "lifecycle__delivery_weekday"
STATES, SKIPS = ("started", "paused", "resumed", "cancelled", "reactivated"), ("skipped", "unskipped")
DAY = timedelta(days=1)


def known_weekday(facts: Sequence[oracle.Fact], at: datetime) -> int | None:
    named = [
        (fact.occurred, fact.id, fact.payload["delivery_weekday"])
        for fact in facts
        if fact.kind in ("started", "reactivated") and fact.payload.get("delivery_weekday") is not None
    ]
    return max(named)[2] if named else None


def newest(facts: Sequence[oracle.Fact], kinds: Sequence[str]) -> oracle.Fact | None:
    """By instant, then id; of two that share both, the word that sorts last."""
    mine = [fact for fact in facts if fact.kind in kinds]
    return max(mine, key=lambda one: (one.occurred, one.id, one.kind), default=None)


def asked(facts: Sequence[oracle.Fact], at: datetime, where: Country) -> bool:
    """Is the subscription running, its weekday known and no box of the open week skipped, as known then?"""
    known = [fact for fact in facts if fact.occurred < at and fact.seen < at]
    state, weekday = newest(known, STATES), known_weekday(known, at)
    if state is None or state.kind in ("paused", "cancelled") or weekday is None:
        return False
    week = [naive_open_box(at, day, where) for day in range(7)]
    words = [newest([fact for fact in known if fact.payload.get("delivery_on") == day], SKIPS) for day in week]
    return not any(word is not None and word.kind == "skipped" for word in words)


def became(facts: Sequence[oracle.Fact], at: datetime, weekday: int, where: Country) -> tuple[str, bool]:
    """The outcome by the cut-off, and whether an involuntary end takes the row away."""
    delivery, zone = naive_open_box(at, weekday, where), ZoneInfo(where.time_zone)
    closing_day = delivery - where.cut_off_days * DAY
    before = [fact for fact in facts if fact.occurred.astimezone(zone).date() < closing_day]
    state = newest(before, STATES)
    word = newest([fact for fact in before if fact.payload.get("delivery_on") == delivery], SKIPS)
    lost = any(one.kind == "cancelled" and not one.payload["voluntary"] and one.occurred >= at for one in before)
    if state is not None and state.kind == "cancelled":
        return "cancelled", lost
    if (state is not None and state.kind == "paused") or (word is not None and word.kind == "skipped"):
        return "pause", lost
    return "box", lost


PLACES = (("Europe/Berlin", 5), ("America/New_York", 0), ("Australia/Lord_Howe", 6), ("Pacific/Chatham", 3))
SEEN: Counter[str] = Counter()


@pytest.mark.parametrize(("zone", "cut_off_days"), PLACES)
def test_population_and_labels_are_what_a_naive_scan_says(zone: str, cut_off_days: int) -> None:
    where = country(zone, cut_off_days)
    made = world.make(cut_off_days, "subscription", where, customers=12, events_each=60)
    at = world.references(random.Random(1), made)
    with Batch(made.records, "subscription", where) as sql:
        table = batch.fold(sql.connection, "admitted", layout_of(get("lifecycle")), where, at)
        features: dict[str, Any] = {f"lifecycle__{name}": table[name] for name in table.column_names[3:]}
        population = PAUSE.population(features, where)
        happened = labels.prepare(sql.connection, {"subscription": sql.query}, where)
        instants, customers = table["event_timestamp"].to_pylist(), table["customer_id"].to_pylist()
        at_us = np.array([to_us(one) for one in instants])
        found = happened.labels(PAUSE, at_us, customers, {WEEKDAY: features[WEEKDAY]})
    compare(made, list(zip(instants, customers, strict=True)), population, found)


def compare(made: World, rows: list[tuple[datetime, str]], population: np.ndarray, found: Labels) -> None:
    where = made.country
    facts = {
        name: [fact for fact, verdict in oracle.judged(made.log, where, name) if verdict == "admitted"]
        for name in made.customers
    }
    erased = {event.customer_id: event.seen_at for event in made.log if isinstance(event, Erased)}
    for i, (at, name) in enumerate(rows):
        assert population[i] == asked(facts[name], at, where), f"{name} at {at}"
        known = [fact for fact in facts[name] if fact.occurred < at and fact.seen < at]
        weekday = known_weekday(known, at)
        if weekday is None:
            assert found.removed[i] in (WEEKDAY_UNKNOWN, "erased")
            continue
        outcome, lost = became(facts[name], at, weekday, where)
        forgotten = name in erased and erased[name] >= at
        removed = "erased" if forgotten else INVOLUNTARY if lost else ""
        assert (found.outcome[i], found.removed[i]) == (outcome, removed), f"{name} at {at}"
        assert found.y[i] == (outcome == "pause")
        SEEN.update([removed or outcome, f"asked, {outcome}" if population[i] else "not asked"])


def test_every_outcome_was_seen() -> None:
    if not SEEN:
        pytest.skip("runs after the comparisons of this file")
    assert all(SEEN[one] > 50 for one in ("box", "pause", "cancelled", INVOLUNTARY, "asked, box", "not asked")), SEEN
    assert SEEN["asked, pause"] > 10 and SEEN["asked, cancelled"] > 10, SEEN
