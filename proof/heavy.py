"""A customer who does every day what others do in weeks: how large rows get, and what a longer memory costs."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from scv.events import event as events
from scv.events.arrival import Arrival, arrival_of
from scv.events.country import Country
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.online.row import Place, Row

FOUR_YEARS = 1460
START = date(2016, 2, 1)
NEW_YORK = Country(
    code="ZZ", name="Invented", time_zone="America/New_York", starts_on=START - timedelta(1), ends_on=date(2021, 1, 1)
)
A_DAY: Mapping[str, Mapping[str, float]] = {
    "app": {"session": 6}, "orders": {"placed": 3, "delivered": 1, "voucher_redeemed": 1 / 7,
    "returned": 1 / 7, "refunded": 1 / 7, "order_cancelled": 1 / 30},
    "payments": {"charged": 1, "failed": 1 / 7}, "support": {"complaint_opened": 1 / 7, "complaint_closed": 1 / 7,
    "rating": 1}, "subscription": {"skipped": 1, "unskipped": 1 / 2, "paused": 1 / 30, "resumed": 1 / 30},
    "profile": {"set": 1 / 7}, "mail": {"sent": 1}, "contacts": {"outcome": 1 / 2, "consent": 1 / 30},
}  # fmt: skip
"""What a heavy customer does on an average day, by family and kind."""
PLACE = Place(1, 0, bytes(16), 0)


class Size(NamedTuple):
    """Bytes of a heavy customer's row after four years: in a country as it comes, and in one that remembers them."""

    usual: int
    four_years: int


def arrivals(family: str, seed: int, days: int) -> list[Arrival]:
    """A heavy customer's arrivals of so many days, in order of seeing."""
    rng, found = random.Random(seed), []
    kinds = {events.tag(kind): kind for kind in events.FAMILIES[family]}
    first = datetime(START.year, START.month, START.day, tzinfo=ZoneInfo("UTC"))
    for day in range(days):
        for kind, rate in A_DAY[family].items():
            for _ in range(int(rate) + (rng.random() < rate - int(rate))):
                at = first + timedelta(days=day, seconds=rng.randrange(86_400))
                found.append(kinds[kind](**payload(rng, kinds[kind], at), id=f"{at.timestamp():.0f}", country="ZZ",
                                         customer_id="c1", occurred_at=at, seen_at=at))  # fmt: skip
    return [arrival_of(event, NEW_YORK) for event in sorted(found, key=lambda event: event.occurred_at)]


def payload(rng: random.Random, kind: type[events.Event], at: datetime) -> dict[str, object]:
    choices: dict[str, object] = {
        "duration_s": rng.randrange(3600), "device_brand": "Samsung", "device_model": "Galaxy S7", "late_days": 1,
        "order_id": f"{at.timestamp():.0f}",
        "amount_cents": rng.randrange(20_000), "discount_cents": rng.randrange(2000), "items": rng.randrange(60),
        "box_size": "large", "method": "direct debit", "stars": 3, "birth_year": 1980, "sex": "f", "channel": "email",
        "delivery_on": (at + timedelta(days=rng.randrange(60))).date(), "campaign": f"c{rng.randrange(500)}",
        "until_on": (at + timedelta(days=30)).date(), "reached": True, "given": True,
    }  # fmt: skip
    return {name: value for name, value in choices.items() if name in kind.__struct_fields__}


def sizes() -> Mapping[str, Size]:
    """Fetcher → how large its row gets."""
    logs = {family: arrivals(family, 0, FOUR_YEARS) for family in A_DAY}
    found = {}
    for name, fetcher in collect().items():
        row = Row(layout_of(fetcher), replace(NEW_YORK, memory_days=FOUR_YEARS))
        for arrival in logs[fetcher.family]:
            row.take(arrival)
        remembers = len(row.pack(PLACE, 0))
        row.country = NEW_YORK
        found[name] = Size(len(row.pack(PLACE, 0)), remembers)
    return found
