"""The same rows give the same events, ids and order, whatever file they come in."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scv.settings import Settings
from streams.tables import conventions, files, importing, mapping
from streams.tables.tally import Tally
from tests.tables.dresses import DRESSES, NEEDS, SoldLine, write

MAP = """
country = "US"
zone = "Europe/London"
decimal = "."
rows = "lines"
[columns]
id = "Order ID"
customer_id = "Customer ID"
occurred_at = "Order Date"
[events.placed]
amount_cents = {column = "Price", times = "Qty"}
items = "Qty"
[status]
column = "Status"
words = {paid = ["placed"], "übrig" = ["placed"], voided = []}
"""
ZONE = ZoneInfo("Europe/London")
TIMES = st.datetimes(dt.datetime(2017, 1, 1), dt.datetime(2017, 12, 31)).map(
    lambda at: at.replace(hour=at.hour or 1, microsecond=0)
)
NIGHTS = st.sampled_from([dt.datetime(2017, 3, 26, 1, 30), dt.datetime(2017, 10, 29, 1, 30)])


@st.composite
def tables(draw: st.DrawFn) -> list[SoldLine]:
    """Orders of one to three lines; further lines say only what differs from the first."""
    lines = []
    for n in range(draw(st.integers(1, 12))):
        order = draw(st.sampled_from(["#{}", "000{}", "ä{}", "=1+{}"])).format(n)
        customer, at = draw(st.integers(1, 99_999)), draw(TIMES | NIGHTS)
        status = draw(st.sampled_from(["paid", "Paid", "übrig", "voided"]))
        for further in range(draw(st.integers(1, 3))):
            price = Decimal(draw(st.integers(0, 2_000_000))) / 100
            quantity = draw(st.integers(0, 9))
            first = (customer, at, status) if not further else (None, None, None)
            lines.append(SoldLine(order, first[0], first[1], price, quantity, first[2]))
    return lines


def expected(lines: Iterable[SoldLine]) -> list[tuple[str, str, dt.datetime, int, int]]:
    """In plain Python, from the rows themselves."""
    orders = defaultdict[str, list[SoldLine]](list)
    for line in lines:
        orders[line.order].append(line)
    events = []
    for order, (first, *rest) in orders.items():
        assert first.at is not None
        if first.status != "voided":
            total = sum((line.price * line.quantity for line in (first, *rest)), Decimal(0)) * 100
            amount = int(total.quantize(Decimal(1), ROUND_HALF_UP))
            at = first.at.replace(tzinfo=ZONE).astimezone(dt.UTC)
            events.append((order, str(first.customer), at, amount, sum(line.quantity for line in (first, *rest))))
    return sorted(events, key=lambda one: (one[2], one[0]))


def read(path: Path, more: dict[str, str]) -> pa.Table:
    (path.parent / "map.toml").write_text(MAP, encoding="utf-8")
    map = mapping.load(path.parent / "map.toml", more)
    tally = Tally()
    table = files.TableFile(path, map)
    chosen = conventions.look([table], map)
    done = importing.summed([table], map, chosen, tally, Settings(home=str(path.parent)))
    assert not tally.bad, (path.name, tally.lines())
    return done.events


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_the_same_rows_in_every_dress_are_the_same_events(lines: list[SoldLine]) -> None:
    told = expected(lines)
    with tempfile.TemporaryDirectory() as folder:
        for name in DRESSES:
            events = read(write(Path(folder), name, lines), NEEDS.get(name, {}))
            columns = ("id", "customer_id", "occurred_at", "amount_cents", "items")
            assert list(zip(*(events[one].to_pylist() for one in columns), strict=True)) == told, name
