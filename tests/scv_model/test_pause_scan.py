"""The target `pause` on dirty worlds: population, outcome and removal are what a naive scan of the events says."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from proof.naive import world
from proof.naive.sides import SqlSide
from proof.naive.world import DirtyWorld
from scv.events.calendar import to_us
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.offline import batch
from scv.targets import labels, target
from scv.targets.labels import INVOLUNTARY, Labels
from scv.targets.population import WEEKDAY_UNKNOWN
from tests import oracle_targets
from tests.scv_model.test_box import country

PAUSE = target.get("pause")
WEEKDAY = "lifecycle__delivery_weekday"
PLACES = (("Europe/Berlin", 5), ("America/New_York", 0), ("Australia/Lord_Howe", 6), ("Pacific/Chatham", 3))
SEEN: Counter[str] = Counter()


@pytest.mark.parametrize(("zone", "cut_off_days"), PLACES)
def test_population_and_labels_are_what_a_naive_scan_says(zone: str, cut_off_days: int) -> None:
    where = country(zone, cut_off_days)
    made = world.make(cut_off_days, "subscription", where, customers=20, events_each=60)
    at = world.references(random.Random(1), made)
    with SqlSide(made.records, "subscription", where) as sql:
        table = batch.fold(sql.connection, "admitted", layout_of(get("lifecycle")), where, at)
        features: dict[str, Any] = {f"lifecycle__{name}": table[name] for name in table.column_names[3:]}
        population = PAUSE.population(features, where)
        happened = labels.prepare(sql.connection, {"subscription": sql.query}, where)
        instants, customers = table["event_timestamp"].to_pylist(), table["customer_id"].to_pylist()
        at_us = np.array([to_us(one) for one in instants])
        found = happened.labels(PAUSE, at_us, customers, {WEEKDAY: features[WEEKDAY]})
    compare(made, list(zip(instants, customers, strict=True)), population, found)


def compare(made: DirtyWorld, rows: list[tuple[datetime, str]], population: np.ndarray, found: Labels) -> None:
    where, logs = made.country, {"subscription": made.log}
    stories = {name: oracle_targets.story(logs, where, name) for name in made.customers}
    for i, (at, name) in enumerate(rows):
        asked = oracle_targets.ASKED["pause"](stories[name], at)
        assert population[i] == asked, f"{name} at {at}"
        if oracle_targets.open_box(stories[name], at) is None:
            assert found.removed[i] in (WEEKDAY_UNKNOWN, "erased")
            continue
        answer = oracle_targets.ANSWERS["pause"](stories[name], at)
        assert (found.outcome[i], found.removed[i]) == (answer.outcome, answer.removed), f"{name} at {at}"
        assert found.y[i] == answer.y
        SEEN.update([answer.removed or answer.outcome, f"asked, {answer.outcome}" if asked else "not asked"])


def test_every_outcome_was_seen() -> None:
    if not SEEN:
        pytest.skip("runs after the comparisons of this file")
    assert all(SEEN[one] > 50 for one in ("box", "pause", "cancelled", INVOLUNTARY, "asked, box", "not asked")), SEEN
    assert SEEN["asked, pause"] > 10 and SEEN["asked, cancelled"] > 10, SEEN
