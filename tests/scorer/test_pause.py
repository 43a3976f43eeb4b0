"""`pause` in feedback and on the sheet: each customer's own box and its cut-off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from scorer.feedback import outcomes as hindsight
from scorer.feedback.outcomes import Hindsight
from scorer.feedback.page import _weeks
from scorer.tuesday import contact_list as roster
from scorer.tuesday.sheet import cut_off
from scv.events import country
from scv.events.event import Event, Skipped, Started
from scv.targets import labels, target
from tests.scv_model.conftest import deliveries_of

ZZ = country.load("ZZ")
AT = datetime(2017, 9, 4, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def skipped(customer: str, at: datetime, ahead: int) -> Event:
    """A click on the box of so many days after the reference's day."""
    on = (AT + timedelta(hours=2)).date() + ahead * DAY
    return Skipped(id="s", country="ZZ", customer_id=customer, occurred_at=at, seen_at=at, delivery_on=on)


def started(customer: str, weekday: int) -> Event:
    at = AT - 30 * DAY
    return Started(id="b", country="ZZ", customer_id=customer, occurred_at=at, seen_at=at, delivery_weekday=weekday)


def published(at: datetime, rows: list[dict[str, Any]], drop: str = "") -> Any:
    blank = dict.fromkeys(roster.SCHEMA.names)
    common = {"target": "pause", "status": "SCORED", "probability": 0.1, "would_list": False}
    table = pa.Table.from_pylist([blank | common | row for row in rows], schema=roster.SCHEMA)
    manifest = SimpleNamespace(reference=at, date=str(at.date()), target="pause")
    return SimpleNamespace(at=at, manifest=manifest, scores=lambda: table.drop_columns([drop]) if drop else table)


@pytest.fixture(scope="module")
def past() -> Hindsight:
    """Three Tuesdays: one from before there was the column, one with three customers, one a week later."""
    days = (("wednesday", 2), ("thursday", 3))
    events = [
        *(started(name, day) for name, day in days),
        skipped("wednesday", AT + DAY, 8),
        skipped("thursday", AT + DAY, 8),
        skipped("wednesday", AT + 8 * DAY, 9),
    ]
    connection = duckdb.connect()
    queries = {
        "subscription": deliveries_of(connection, ZZ, "subscription", events),
        "contacts": deliveries_of(connection, ZZ, "contacts", []),
    }
    happened = labels.prepare(connection, queries, ZZ)
    people = [{"customer_id": name, "delivery_weekday": day} for name, day in days]
    unknown = {"customer_id": "nobody", "delivery_weekday": None}
    weeks = [
        published(AT - 7 * DAY, [{"customer_id": "old", "target": "cancellation"}], drop="delivery_weekday"),
        published(AT, [*people, unknown]),
        published(AT + 7 * DAY, people),
    ]
    return hindsight._pooled(happened, target.get("pause"), [(one, one.scores()) for one in weeks], [])


def test_feedback_asks_what_became_of_each_customers_own_box(past: Hindsight) -> None:
    found = list(zip(past.customers, past.week, past.y, strict=True))
    assert found == [("wednesday", 1, 1), ("thursday", 1, 0), ("wednesday", 2, 0), ("thursday", 2, 0)]
    assert (past.outcomes, past.removed) == ({"box": 3, "pause": 1}, {"delivery day unknown": 1})


def test_the_page_says_what_became_of_the_rows(past: Hindsight) -> None:
    assert "What became of the rows: 3 box, 1 pause." in _weeks(past)


@pytest.mark.parametrize(
    ("at", "weekday", "expected"),
    [
        (AT, 2, "2017-09-08 00:00"),
        (AT + 3 * DAY - timedelta(microseconds=1), 2, "2017-09-08 00:00"),
        (AT + 3 * DAY, 2, "2017-09-15 00:00"),
        (AT, 0, "2017-09-06 00:00"),
        (AT, 6, "2017-09-12 00:00"),
        (AT, None, None),
    ],
)
def test_the_cut_off_on_the_sheet_is_the_customers_own(at: datetime, weekday: int | None, expected: str | None) -> None:
    closes = cut_off(ZZ, at, weekday)
    assert (closes and f"{closes:%Y-%m-%d %H:%M}") == expected
