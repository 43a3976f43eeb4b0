"""Whatever stands in a cell: a row gives events, is left out or is bad; it is never a bug of ours."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from scv.events import country
from streams.tables import mapping, sums
from streams.tables.cells import BadCell
from streams.tables.conventions import Conventions
from streams.tables.rows import LeftOut, RowReader

MAP = """
country = "US"
negative = "returned"
currency = "currency"
[columns]
id = "id"
customer_id = {column = "customer", otherwise = "mail"}
occurred_at = "at"
seen_at = "seen"
[events.placed]
amount_cents = {column = "price", times = "quantity"}
items = "quantity"
box_size = "box"
[events.started]
delivery_weekday = "day"
[events.cancelled]
voluntary = "wish"
[events.skipped]
delivery_on = "on"
"""
COLUMNS = ("id", "customer", "mail", "at", "seen", "price", "quantity", "box", "day", "wish", "on", "currency")
CELLS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.binary(max_size=4), st.dates(),
    st.decimals(allow_nan=False), st.datetimes(), st.datetimes(timezones=st.just(dt.timezone(dt.timedelta(hours=14)))),
    st.times(), st.dates().map(str), st.datetimes().map(str), st.decimals(allow_nan=False).map(str),
    st.from_regex(r"[0-9]{1,20}([.,/ -][0-9]{1,4}){0,3} ?(Z|[+-][0-9]{2,4}|AM)?", fullmatch=True),
)  # fmt: skip
GOOD = {"id": "1", "customer": "ann", "at": "2017-06-01T10:00:00Z", "price": "1.50", "quantity": 2, "on": "2017-06-02"}
US = country.load("US")


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(COLUMNS), CELLS))
def test_no_cell_is_a_bug(row: dict[str, Any]) -> None:
    map = mapping.parse(MAP)
    for reading in (None, "day first", "month first"):
        order = dict.fromkeys(COLUMNS, reading)
        decimal = dict.fromkeys(COLUMNS, None if reading is None else "," if reading == "day first" else ".")
        reader = RowReader(map, Conventions(order, decimal, frozenset(), US.zone), lambda _: US)
        try:
            lines = reader.lines(GOOD | row)
        except (BadCell, LeftOut):
            continue
        with_sums(map, lines)


def with_sums(map: mapping.Map, lines: list[dict[str, Any]]) -> None:
    """What a reader gives fits into the columns that it is summed in."""
    columns = sums.schema(map)
    assert pa.Table.from_pylist(lines, schema=columns).num_rows == len(lines)
    for line in lines:
        assert set(line) <= set(columns.names), line
        assert abs(Decimal(line.get("amount_cents") or 0)) < 2**63
