"""What the catalogue says a feature without a window reaches is what it reads: nothing older, and nothing less."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from scv.events import event as events
from scv.events.arrival import Arrival, identify
from scv.events.calendar import DAY_US
from scv.features.catalogue import window_text
from scv.features.fetcher import Feature, all_features, get

AT = 20_000
EACH_WEEK = range(AT - 1, AT - 390, -7)
TELLS = {"SkippedBoxes": "skipped", "DaysUntilPauseEnds": "paused"}
"""Fold over all kinds → the kind that it hears something from, where that is not the first of its family."""
WINDOWLESS = [feature for feature in all_features().values() if feature.window is None]


def read(feature: Feature, *days: int, names: int | None = None) -> Any:
    """The feature's value at `AT` for one event on each of these days, whose dates are that day, or the day `names`."""
    states = [feature.fold.alone(an_event(feature, day, day if names is None else names)) for day in days]
    state = functools.reduce(feature.fold.merge, states) if states else None
    return feature.fold.read(state, AT, None)


def an_event(feature: Feature, day: int, date: int) -> Arrival:
    values: dict[str, Any] = {
        name: date if kind == "date" else "a" if kind == "str" else 1
        for name, kind in events.fields(get(feature.fetcher).family).items()
    }
    values |= {name: value for name, _, value in feature.fold.where}
    own = feature.fold.kinds or [events.tag(kind) for kind in events.FAMILIES[get(feature.fetcher).family]]
    kind = TELLS.get(type(feature.fold).__name__, own[0])
    us = day * DAY_US
    return Arrival(
        country="ZZ", customer_id="c", kind=kind, id=str(day), occurred_us=us, claimed_us=us, seen_us=us, day=day,
        seen_day=day, values=values, identity=identify(str(day), us), content=0,
    )  # fmt: skip


@pytest.mark.parametrize("feature", WINDOWLESS, ids=lambda one: one.full_name)
def test_a_feature_reaches_what_the_catalogue_says(feature: Feature) -> None:
    said = window_text(None, feature.fold)
    if said == "ever":
        assert read(feature, AT - 3_650, names=AT + 5) != read(feature)
    elif said == "ahead":
        assert read(feature, AT - 1) == read(feature) != read(feature, AT + 3)
    else:
        days = int(said.removeprefix("last ").removesuffix(", or memory_days if more").removesuffix(" days"))
        assert read(feature, *EACH_WEEK, AT - days) != read(feature, *EACH_WEEK)
        assert read(feature, AT - days - 1) == read(feature)
        assert read(feature, *EACH_WEEK, AT - days - 1) == read(feature, *EACH_WEEK)
