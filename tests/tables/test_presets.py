"""Every preset on a small invented file of its layout, with the traps of such files in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scv.settings import Settings
from streams.tables import importing, mapping
from streams.tables.importing import Imported
from tests.flow.pages import blocks, text

Said = tuple[Any, ...]


class PresetCase(NamedTuple):
    """A file, what has to be said beside the preset, and the events: the fields of `FIELDS` that it has."""

    name: str
    body: bytes
    given: dict[str, str]
    events: list[Said]
    left_out: dict[str, int]
    bad: dict[str, int]


SHOPIFY = """\
Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Cancelled at,Refunded Amount
#1001,ann@example.com,paid,USD,"1,659.95",2017-05-11 09:55:16 -0400,1,"Box, small",,0.00
#1001,ann@example.com,,,,2017-05-11 09:55:16 -0400,2,Note,,
#1001,,,,,,1,"Lamp
(second line)",,
#1002,bob@example.com,voided,USD,10.00,2017-05-12 09:00:00 -0400,1,Box,2017-05-12 10:00:00 -0400,0.00
#1003,bob@example.com,pending,USD,10.00,2017-05-13 09:00:00 -0400,1,Box,,0.00
#1004,Bob@example.com,refunded,USD,10.00,2017-05-14 09:00:00 -0400,1,Box,2017-05-20 09:00:00 -0400,-10.00
#1005,,paid,USD,5.00,2017-05-15 09:00:00 -0400,1,At the till,,0.00
#1006,ann@example.com,paid,CAD,5.00,2017-05-16 09:00:00 -0400,1,Box,,0.00
#1007,ann@example.com,disputed,USD,5.00,2017-05-17 09:00:00 -0400,1,Box,,0.00
"""
WOO = """\
order_id;order_number;date;status;order_currency;order_total;billing_email;item_name
11;11;2017-06-01 23:30:00;completed;USD;1.234,50;ann@example.com;Kürbis
11;11;2017-06-01 23:30:00;completed;USD;1.234,50;ann@example.com;Apfel
12;12;2017-06-02 10:00:00;on-hold;USD;7,00;ann@example.com;Apfel
13;13;2017-11-05 01:30:00;Refunded;USD;7,00;bob@example.com;Apfel
14;14;2017-06-04 10:00:00;processing;USD;7,00;;Apfel
"""
STRIPE = """\
id,Customer ID,Status,Created (UTC),Current Period End (UTC),Canceled At (UTC),Ended At (UTC),Cancellation Reason
sub_1,cus_1,active,2017-01-10 08:00,2017-10-10 08:00,,,
sub_2,cus_1,canceled,2017-01-10 08:00,2017-07-10 08:00,2017-06-01 09:00,2017-07-10 08:00,cancellation_requested
sub_3,cus_2,active,2017-02-01 00:30,2017-09-01 00:30,2017-08-20 10:00,,payment_failed
sub_4,cus_3,canceled,2017-02-01 08:00,2017-03-01 08:00,2017-02-20 10:00,2017-03-01 08:00,
sub_5,cus_4,incomplete_expired,2017-02-01 08:00,2017-02-01 08:00,,2017-02-02 08:00,
"""
RETAIL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,"LIGHT, WHITE",6,6/13/2017 8:26,2.55,17850.0,United Kingdom
536365,71053,LANTERN,6,6/13/2017 8:26,3.39,17850.0,United Kingdom
536365,71053,LANTERN,6,6/13/2017 8:26,3.39,17850.0,United Kingdom
536366,POST,POSTAGE,1,6/13/2017 8:30,18.00,17850.0,United Kingdom
C536379,85123A,"LIGHT, WHITE",-1,6/14/2017 9:41,2.55,17850.0,United Kingdom
536370,22728,CLOCK,24,6/15/2017 8:45,3.75,,United Kingdom
536371,22086,CHAIN,1,6/15/2017 9:00,0.005,12346.0,United Kingdom
536371,22087,CHAIN,3,6/15/2017 9:00,0.005,12346.0,United Kingdom
536372,22087,CHAIN,1,6/16/2017 9:00,0.005,12346.0,United Kingdom
"""
SESSIONS = """\
{"ts":1496311200000,"userId":"26","sessionId":583,"page":"Home"}
{"ts":1496311260500,"userId":"26","sessionId":583,"page":"NextSong"}
{"ts":1496311200000,"userId":"","sessionId":600,"page":"Login"}
{"ts":1496312000000,"userId":27.0,"sessionId":583,"page":"Home"}
not json
"""
FIELDS = (
    "kind",
    "id",
    "customer_id",
    "amount_cents",
    "items",
    "order_id",
    "duration_s",
    "subscription_id",
    "ends_on",
    "voluntary",
)
CASES = {
    "shopify": PresetCase(
        "orders_export.csv", SHOPIFY.encode("utf-8-sig"), {},
        [
            ("placed", "#1001", "ann@example.com", 165_995, 4),
            ("placed", "#1004", "Bob@example.com", 1_000, 1),
            ("order_cancelled", "#1004:order_cancelled", "Bob@example.com", 1_000, "#1004"),
        ],
        {"Financial Status: voided": 1, "Financial Status: pending": 1, "Email: empty": 1},
        {
            "Currency: not the country's currency, USD": 1,
            "Financial Status: a word that [status] does not have": 1,
        },
    ),
    "woocommerce": PresetCase(
        "orders.csv", WOO.encode("cp1252"), {"zone": "America/New_York"},
        [("placed", "11", "ann@example.com", 123_450), ("placed", "13", "bob@example.com", 700)],
        {"status: on-hold": 1},
        {"customer_id: empty": 1},
    ),
    "stripe": PresetCase(
        "subscriptions.csv", STRIPE.encode(), {},
        [
            ("started", "sub_1", "cus_1", "sub_1"),
            ("started", "sub_2", "cus_1", "sub_2"),
            ("started", "sub_3", "cus_2", "sub_3"),
            ("started", "sub_4", "cus_3", "sub_4"),
            ("cancelled", "sub_4:cancelled", "cus_3", "sub_4", dt.date(2017, 3, 1)),
            ("cancelled", "sub_2:cancelled", "cus_1", "sub_2", dt.date(2017, 7, 10), True),
            ("cancelled", "sub_3:cancelled", "cus_2", "sub_3", dt.date(2017, 8, 31), False),
        ],
        {"Status: incomplete_expired": 1},
        {},
    ),
    "online-retail": PresetCase(
        "data.csv", RETAIL.encode("cp1252"), {},
        [
            ("placed", "536365", "17850", 5_598, 18),
            ("returned", "C536379:returned", "17850", 255, 1, "C536379"),
            ("placed", "536371", "12346", 2, 4),
            ("placed", "536372", "12346", 1, 1),
        ],
        {"StockCode: POST": 1, "CustomerID: empty": 1},
        {},
    ),
    "app-sessions": PresetCase(
        "log.jsonl", SESSIONS.encode(), {},
        [("session", "583", "26", 60), ("session", "583", "27", 0)],
        {"userId: empty": 1},
        {"no JSON object": 1},
    ),
}  # fmt: skip


def told(imported: Imported) -> list[Said]:
    rows = imported.events.to_pylist()
    return [tuple(row[name] for name in FIELDS if row.get(name) is not None) for row in rows]


def read(folder: Path, name: str, change: Callable[[bytes], bytes] = lambda body: body, **given: str) -> Imported:
    case = CASES[name]
    path = folder / case.name
    path.write_bytes(change(case.body))
    map = mapping.load(mapping.preset(name), {"country": "US"} | case.given | given)
    return importing.read([path], map, Settings(home=str(folder)))


def test_every_preset_is_tried() -> None:
    assert set(CASES) == {path.stem for path in mapping.PRESETS.iterdir()}


@pytest.mark.parametrize("name", CASES)
def test_a_preset_reads_its_layout(tmp_path: Path, name: str) -> None:
    case, done = CASES[name], read(tmp_path, name)
    assert told(done) == case.events
    assert (done.tally.left_out, done.tally.bad) == (case.left_out, case.bad)
    assert not done.losses
    assert any("read as cp1252" in line for line in done.said()) == (name == "woocommerce")


def test_the_page_about_maps_shows_a_map_with_every_line(tmp_path: Path) -> None:
    (shown,) = blocks("docs/maps.md", "toml")
    (tmp_path / "map.toml").write_text(shown.text, encoding="utf-8")
    map = mapping.load(tmp_path / "map.toml", {})
    assert [name for name in map.__struct_fields__ if not getattr(map, name)] == []
    page = text("docs/maps.md")
    assert all(f"`{path.stem}`" in page for path in mapping.PRESETS.iterdir())
    assert all(one in page for one in mapping.Origin.__struct_fields__)
