"""A heavy customer's row stays small: at most 4 KB at p99, for every fetcher."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from scv.events import event as events
from scv.events.arrival import Arrival, arrival_of
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.online.row import Row
from tests import world
from tests.parity.sides import PLACE

MOST = 4096
CUSTOMERS = 3
A_DAY = {
    "app": {"session": 6}, "orders": {"placed": 3, "delivered": 1, "voucher_redeemed": 1 / 7,
    "returned": 1 / 7, "refunded": 1 / 7, "order_cancelled": 1 / 30},
    "payments": {"charged": 1, "failed": 1 / 7}, "support": {"complaint_opened": 1 / 7, "complaint_closed": 1 / 7,
    "rating": 1}, "subscription": {"skipped": 1, "unskipped": 1 / 2, "paused": 1 / 30, "resumed": 1 / 30},
    "profile": {"set": 1 / 7}, "mail": {"sent": 1}, "contacts": {"outcome": 1 / 2, "consent": 1 / 30},
}  # fmt: skip
"""What a heavy customer does on an average day, by family and kind."""
NEW_YORK = world.country("America/New_York")
START = datetime(2016, 2, 1, tzinfo=UTC)


def a_year(family: str, seed: int) -> list[Arrival]:
    """A year and more of a heavy customer's arrivals, in order of seeing."""
    rng, found = random.Random(seed), []
    kinds = {events.tag(kind): kind for kind in events.FAMILIES[family]}
    for day in range(400):
        for kind, rate in A_DAY[family].items():
            for _ in range(int(rate) + (rng.random() < rate - int(rate))):
                at = START + timedelta(days=day, seconds=rng.randrange(86_400))
                found.append(kinds[kind](**payload(rng, kinds[kind], at), id=f"{at:%s}", country="ZZ", customer_id="c1",
                                         occurred_at=at, seen_at=at))  # fmt: skip
    return [arrival_of(event, NEW_YORK) for event in sorted(found, key=lambda event: event.seen_at)]


def payload(rng: random.Random, kind: type[events.Event], at: datetime) -> dict[str, object]:
    choices: dict[str, object] = {
        "duration_s": rng.randrange(3600), "device_brand": "Samsung", "device_model": "Galaxy S7", "late_days": 1,
        "order_id": f"{at:%s}",
        "amount_cents": rng.randrange(20_000), "discount_cents": rng.randrange(2000), "items": rng.randrange(60),
        "box_size": "large", "method": "direct debit", "stars": 3, "birth_year": 1980, "sex": "f", "channel": "email",
        "delivery_on": (at + timedelta(days=rng.randrange(60))).date(), "campaign": f"c{rng.randrange(500)}",
        "until_on": (at + timedelta(days=30)).date(), "reached": True, "given": True,
    }  # fmt: skip
    return {name: value for name, value in choices.items() if name in kind.__struct_fields__}


@pytest.mark.parametrize("name", collect())
def test_a_heavy_customers_row_is_small(name: str) -> None:
    layout, sizes = layout_of(collect()[name]), []
    for seed in range(CUSTOMERS):
        row = Row(layout, NEW_YORK.lateness_days)
        for offset, arrival in enumerate(a_year(layout.family, seed)):
            row.take(arrival)
            if offset % 10 == 0:
                sizes.append(len(row.pack(PLACE, offset)))
    p99 = sorted(sizes)[int(len(sizes) * 0.99)]
    assert len(sizes) > 15
    assert p99 <= MOST, f"{name}: {p99} bytes at p99"
