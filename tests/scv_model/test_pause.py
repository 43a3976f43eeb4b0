"""The target `pause`: who is asked, and what became of the open box by its cut-off, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from scv.events.calendar import midnight, to_us
from scv.events.country import Country
from scv.events.event import Cancelled, Erased, Event, Paused, Reactivated, Resumed, Skipped, Started, Unskipped
from scv.targets import labels, target
from scv.targets.box import LONGEST_DAYS
from scv.targets.labels import INVOLUNTARY, Labels
from scv.targets.population import ALREADY_CANCELLED, NO_SUBSCRIPTION, WEEKDAY_UNKNOWN
from tests.scv_model.conftest import Arrivals
from tests.scv_model.test_box import naive_open_box

PAUSE = target.get("pause")
WEEKDAY = "lifecycle__delivery_weekday"
TICK, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)


# -- who is asked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "weekday", "skipped", "reason"),
    [
        ("started", 2, 0, ""),
        ("resumed", 0, 0, ""),
        ("reactivated", 6, 0, ""),
        ("started", 2, 1, "box already skipped"),
        ("paused", 2, 0, "subscription is paused"),
        ("paused", None, 1, "subscription is paused"),
        ("cancelled", 2, 0, ALREADY_CANCELLED),
        ("started", None, 0, WEEKDAY_UNKNOWN),
        ("started", None, 1, WEEKDAY_UNKNOWN),
        (None, None, None, NO_SUBSCRIPTION),
    ],
)
@pytest.mark.parametrize("tenure", [3, 300])
def test_who_is_asked(
    zz: Country, state: str | None, weekday: int | None, skipped: int | None, reason: str, tenure: int
) -> None:
    features = {
        "lifecycle__state": [state],
        "lifecycle__tenure": [tenure],
        WEEKDAY: [weekday],
        "lifecycle__open_box_skipped": [skipped],
    }
    assert PAUSE.not_applicable(features, zz).tolist() == [reason]


# -- what became of the box ----------------------------------------------------------------------------------

AT = datetime(2017, 9, 4, 22, tzinfo=UTC)
"""Local midnight starting Tuesday 2017-09-05 in Berlin."""
WEDNESDAY, BOX = 2, date(2017, 9, 13)
CUT_OFF = datetime(2017, 9, 7, 22, tzinfo=UTC)
"""Local midnight starting Friday: five days before the box."""
Told = tuple[type[Event], datetime, dict[str, Any]]


def skip(at: datetime, on: date = BOX) -> Told:
    return Skipped, at, {"delivery_on": on}


def unskip(at: datetime, on: date = BOX) -> Told:
    return Unskipped, at, {"delivery_on": on}


def plain(kind: type[Event], at: datetime, **payload: Any) -> Told:
    return kind, at, payload


CASES: dict[str, tuple[list[Told], str, str]] = {
    "nothing happens": ([], "box", ""),
    "clicked before and seen late": ([skip(AT - DAY)], "pause", ""),
    "clicked just after": ([skip(AT)], "pause", ""),
    "clicked just before the cut-off": ([skip(CUT_OFF - TICK)], "pause", ""),
    "clicked at the cut-off": ([skip(CUT_OFF)], "box", ""),
    "undone": ([skip(AT), unskip(AT + HOUR)], "box", ""),
    "undone at the cut-off": ([skip(AT), unskip(CUT_OFF)], "pause", ""),
    "undone, and skipped again": ([skip(AT), unskip(AT + HOUR), skip(AT + 2 * HOUR)], "pause", ""),
    "the box before": ([skip(AT, BOX - 7 * DAY)], "box", ""),
    "the box after": ([skip(AT, BOX + 7 * DAY)], "box", ""),
    "another day of the open week": ([skip(AT, BOX + DAY)], "box", ""),
    "paused": ([plain(Paused, AT + DAY)], "pause", ""),
    "paused just before the cut-off": ([plain(Paused, CUT_OFF - TICK)], "pause", ""),
    "paused at the cut-off": ([plain(Paused, CUT_OFF)], "box", ""),
    "paused before and seen late": ([plain(Paused, AT - HOUR)], "pause", ""),
    "resumed before the cut-off": ([plain(Paused, AT), plain(Resumed, CUT_OFF - TICK)], "box", ""),
    "resumed at the cut-off": ([plain(Paused, AT), plain(Resumed, CUT_OFF)], "pause", ""),
    "resumed, but the box skipped": ([plain(Paused, AT), skip(AT), plain(Resumed, AT + DAY)], "pause", ""),
    "cancelled": ([plain(Cancelled, AT + DAY)], "cancelled", ""),
    "cancelled at the cut-off": ([plain(Cancelled, CUT_OFF)], "box", ""),
    "cancelled before and seen late": ([plain(Cancelled, AT - DAY)], "cancelled", ""),
    "skipped, then cancelled": ([skip(AT), plain(Cancelled, AT + DAY)], "cancelled", ""),
    "paused, then cancelled": ([plain(Paused, AT), plain(Cancelled, AT + DAY)], "cancelled", ""),
    "cancelled and undone": ([plain(Cancelled, AT), plain(Reactivated, AT + DAY)], "box", ""),
    "cancelled, undone, paused": (
        [plain(Cancelled, AT), plain(Reactivated, AT + HOUR), plain(Paused, AT + DAY)],
        "pause",
        "",
    ),
    "cancelled and undone after the cut-off": ([plain(Cancelled, AT), plain(Reactivated, CUT_OFF)], "cancelled", ""),
    "ended": ([plain(Cancelled, AT, voluntary=False)], "cancelled", INVOLUNTARY),
    "ended just before the cut-off": ([plain(Cancelled, CUT_OFF - TICK, voluntary=False)], "cancelled", INVOLUNTARY),
    "ended at the cut-off": ([plain(Cancelled, CUT_OFF, voluntary=False)], "box", ""),
    "ended and undone": ([plain(Cancelled, AT, voluntary=False), plain(Reactivated, AT + DAY)], "box", INVOLUNTARY),
    "ended before and seen late": ([plain(Cancelled, AT - DAY, voluntary=False)], "cancelled", ""),
    "ended long ago and back": (
        [plain(Cancelled, AT - 9 * DAY, voluntary=False), plain(Reactivated, AT - 2 * DAY)],
        "box",
        "",
    ),
    "erased": ([plain(Erased, AT + 90 * DAY)], "box", "erased"),
}


def events_of(cases: dict[str, tuple[list[Told], str, str]]) -> list[Event]:
    """Each case is a customer who started long before; everything is seen in order, the newest last."""
    found: list[Event] = []
    for n, (told, _, _) in enumerate(cases.values()):
        told = [plain(Started, AT - 60 * DAY, delivery_weekday=WEDNESDAY), *told]
        for i, (kind, at, payload) in enumerate(told):
            found.append(kind(id=f"e{i}", country="ZZ", customer_id=f"c{n}", occurred_at=at, seen_at=max(at, AT + HOUR)
                              if i else at, **payload))  # fmt: skip
    return sorted(found, key=lambda one: one.seen_at)


def label(
    arrivals: Arrivals, where: Country, events: Sequence[Event], at: datetime, weekdays: dict[str, float | None]
) -> dict[str, tuple[float, str, str]]:
    """Customer → y, outcome, why removed."""
    connection = duckdb.connect()
    query = arrivals(connection, where, "subscription", events)
    outcomes = labels.prepare(connection, {"subscription": query}, where)
    names = list(weekdays)
    found = outcomes.labels(PAUSE, np.full(len(names), to_us(at)), names, {WEEKDAY: list(weekdays.values())})
    return dict(zip(names, zip(found.y, found.outcome, found.removed, strict=True), strict=True))


def test_what_became_of_the_box_case_by_case(zz: Country, arrivals: Arrivals) -> None:
    assert midnight(date(2017, 9, 5), zz.zone) == AT
    assert naive_open_box(AT, WEDNESDAY, zz) == BOX and midnight(date(2017, 9, 8), zz.zone) == CUT_OFF
    found = label(arrivals, zz, events_of(CASES), AT, {f"c{n}": WEDNESDAY for n in range(len(CASES))})
    expected = {name: (float(outcome == "pause"), outcome, removed) for name, (_, outcome, removed) in CASES.items()}
    assert dict(zip(CASES, found.values(), strict=True)) == expected


@pytest.mark.parametrize(
    ("at", "weekday", "box", "closes"),
    [
        pytest.param(AT + 13 * HOUR, WEDNESDAY, BOX, CUT_OFF, id="in the middle of a day"),
        pytest.param(CUT_OFF - TICK, WEDNESDAY, BOX, CUT_OFF, id="just before the cut-off"),
        pytest.param(CUT_OFF, WEDNESDAY, BOX + 7 * DAY, CUT_OFF + 7 * DAY, id="at the cut-off the next one is open"),
        pytest.param(AT, 0, date(2017, 9, 11), AT + DAY, id="the day after"),
        pytest.param(AT, 6, date(2017, 9, 17), AT + 7 * DAY, id="seven days ahead"),
        pytest.param(
            datetime(2017, 10, 29, 0, 30, tzinfo=UTC), 5, date(2017, 11, 4), datetime(2017, 10, 29, 23, tzinfo=UTC),
            id="in the hour that comes twice",
        ),
        pytest.param(
            datetime(2017, 3, 25, 23, tzinfo=UTC), 5, date(2017, 4, 1), datetime(2017, 3, 26, 22, tzinfo=UTC),
            id="a day of 23 hours",
        ),
    ],
)  # fmt: skip
def test_the_box_is_the_one_open_at_the_reference(
    zz: Country, arrivals: Arrivals, at: datetime, weekday: int, box: date, closes: datetime
) -> None:
    """Skipping that one in time counts; too late, or the ones beside it, does not."""
    told = [(box, closes - TICK), (box, closes), (box - 7 * DAY, at), (box + 7 * DAY, at)]
    events = [
        Skipped(id="s", country="ZZ", customer_id=f"c{n}", occurred_at=click, seen_at=click, delivery_on=on)
        for n, (on, click) in enumerate(told)
    ] + [
        Started(
            id="b", country="ZZ", customer_id=f"c{n}", occurred_at=at - DAY, seen_at=at - DAY, delivery_weekday=weekday
        )
        for n in range(4)
    ]
    found = label(arrivals, zz, sorted(events, key=lambda one: one.seen_at), at, {f"c{n}": weekday for n in range(4)})
    assert [y for y, _, _ in found.values()] == [1, 0, 0, 0]


def test_without_a_known_day_there_is_no_label(zz: Country, arrivals: Arrivals) -> None:
    found = label(arrivals, zz, events_of(CASES), AT, {"c1": None, "c2": WEDNESDAY, "nobody": None})
    assert {name: removed for name, (_, _, removed) in found.items()} == {
        "c1": WEEKDAY_UNKNOWN,
        "c2": "",
        "nobody": WEEKDAY_UNKNOWN,
    }


def test_a_family_without_a_table_counts_as_silent(zz: Country, arrivals: Arrivals) -> None:
    connection = duckdb.connect()
    outcomes = labels.prepare(connection, {"orders": arrivals(connection, zz, "orders", [])}, zz)
    found = outcomes.labels(PAUSE, np.array([to_us(AT)]), ["c"], {WEEKDAY: [2]})
    assert (found.y.tolist(), found.outcome.tolist(), found.removed.tolist()) == ([0], ["box"], [""])


def test_outcomes_are_counted_among_the_kept() -> None:
    made = Labels(np.zeros(4), np.array(["", "", "", "erased"]), np.array(["box", "pause", "box", "cancelled"]))
    assert (made.outcomes(), made.counts()) == ({"box": 2, "pause": 1}, {"erased": 1})
    plain = Labels(np.zeros(2), np.array(["", ""]), np.array(["", "lapse"]))
    assert plain.outcomes() == {}


def test_labels_see_what_was_seen_late_but_not_what_is_seen_after_their_instant(
    zz: Country, arrivals: Arrivals
) -> None:
    late = Skipped(id="s", country="ZZ", customer_id="c", occurred_at=AT, seen_at=AT + 20 * DAY, delivery_on=BOX)
    connection = duckdb.connect()
    begun = Started(id="b", country="ZZ", customer_id="c", occurred_at=AT - DAY, seen_at=AT - DAY, delivery_weekday=2)
    query = arrivals(connection, zz, "subscription", [begun, late])
    for label_as_of, expected in ((None, 1.0), (AT + 20 * DAY + TICK, 1.0), (AT + 20 * DAY, 0.0)):
        outcomes = labels.prepare(connection, {"subscription": query}, zz, label_as_of)
        assert outcomes.labels(PAUSE, np.array([to_us(AT)]), ["c"], {WEEKDAY: [2]}).y.tolist() == [expected]


def test_the_horizon_shown_is_a_week_and_no_label_reads_beyond(zz: Country) -> None:
    assert PAUSE.horizon_end(AT, zz) == midnight(date(2017, 9, 12), zz.zone)
    assert PAUSE.decided_days(zz) == LONGEST_DAYS == 7
    assert PAUSE.families == ("subscription",)
    assert "7 days" in PAUSE.sentence(zz)
