"""What counts once and what counts twice: every line of that table in docs/producing.md is sent here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scv.events import country as countries
from scv.events.arrival import Arrival, Recorded, decode
from scv.events.calendar import day_of, to_us
from scv.features import fetcher
from scv.features.layout import layout_of
from scv.online.row import Row

PAGE = (Path(__file__).parents[2] / "docs" / "producing.md").read_text()
US = countries.load("US")
NOW = to_us(datetime(2017, 9, 4, tzinfo=UTC))
AT, TO_SECONDS = "2017-09-01T10:00:00.250Z", "2017-09-01T10:00:00Z"
SECOND = {
    "the same `id` at the same instant": (1, 4000),
    "the same `id` at the same instant with another amount": (1, 4000),
    "another `id`": (2, 6500),
    "the same `id` with its instant cut to seconds": (2, 6500),
    "another `customer_id` of the same person": (1, 4000),
}
"""What comes after an order over 40.00, and the customer's orders and spend by then."""


def body(id: str = "o1", at: str = AT, customer: str = "guest", cents: int = 4000) -> bytes:
    fields = f'"id": "{id}", "customer_id": "{customer}", "occurred_at": "{at}", "amount_cents": {cents}'
    return f'{{"kind": "placed", "country": "US", "seen_at": "2017-09-02T10:00:00Z", {fields}}}'.encode()


BODIES = [body(), body(cents=2500), body(id="1", cents=2500), body(at=TO_SECONDS, cents=2500), body(customer="member")]


def arrive(sent: bytes, customer: str = "guest") -> Arrival:
    found = decode("orders", f"US:{customer}".encode(), sent, {"US": US}, Recorded(NOW))
    assert isinstance(found, Arrival)
    return found


@pytest.mark.parametrize(("said", "then"), list(zip(SECOND, BODIES, strict=True)), ids=list(SECOND))
def test_as_the_page_says(said: str, then: bytes) -> None:
    rows: dict[str, Row] = {}
    for sent in (body(), then):
        customer = "member" if b"member" in sent else "guest"
        row = rows.setdefault(customer, Row(layout_of(fetcher.get("orders")), US))
        row.take(arrive(sent, customer))
    values = rows["guest"].read(day_of(NOW, US.zone))
    assert (values["count_ever"], values["spend_ever"]) == SECOND[said]
    assert f"\n| {said} |" in PAGE


def test_of_a_field_that_is_written_twice_the_last_counts() -> None:
    twice = body().replace(b'"amount_cents": 4000', b'"amount_cents": 1, "amount_cents": 4000')
    assert arrive(twice) == arrive(body())
    assert "\n| a field that stands twice in one record |" in PAGE
