"""Money by its currency's own digits: a country's currency is one that there is, and tables are read by its digits."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from scv.errors import BadSetting
from scv.events import country, event
from tests.tables.shop import events

FILE = (country.BUILT_IN / "US.toml").read_text(encoding="utf-8")


def written(folder: Path, currency: str) -> Path:
    path = folder / "countries" / "US.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(FILE.replace('currency = "USD"', f'currency = "{currency}"'), encoding="utf-8")
    return path


@pytest.mark.parametrize(("currency", "near"), [("EURO", "'EUR'"), ("usd", "'USD'")])
def test_a_country_has_a_currency_that_there_is(tmp_path: Path, currency: str, near: str) -> None:
    with pytest.raises(BadSetting, match=rf"US\.toml: currency '{currency}' is no currency\. Did you mean {near}"):
        country.read(written(tmp_path, currency))


@pytest.mark.parametrize(("currency", "minor"), [("USD", 398_050), ("JPY", 3981), ("KWD", 3_980_500)])
def test_a_table_is_read_by_the_digits_of_the_currency(tmp_path: Path, currency: str, minor: int) -> None:
    written(tmp_path, currency)
    lines = b"Order ID,Customer ID,Order Date,Sales\n1,ann,2017-05-11T09:55:16-04:00,3980.50\n"
    (row,) = events(tmp_path, {"orders.csv": lines})
    assert row["amount_cents"] == minor


@pytest.mark.parametrize("cents", [1_500_000_000, event.MOST])
def test_a_large_order_of_a_small_currency_is_one(cents: int) -> None:
    """15,000,000 IDR are a fridge; no sum of as many orders as anybody has leaves a row's 64 bits."""
    placed = {"kind": "placed", "id": "1", "country": "US", "customer_id": "ann", "amount_cents": cents}
    times = {"occurred_at": "2017-05-11T09:55:16Z", "seen_at": "2017-05-11T09:55:16Z"}
    found = event.decoder("orders").decode(json.dumps(placed | times))
    assert isinstance(found, event.Placed) and found.amount_cents == cents and cents * 10**6 < 2**63
    with pytest.raises(msgspec.ValidationError, match="amount_cents"):
        event.decoder("orders").decode(json.dumps(placed | times | {"amount_cents": event.MOST + 1}))
