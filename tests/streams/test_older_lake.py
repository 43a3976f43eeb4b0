"""A lake that was written before events learned a field: it is read, and written on, as if the field had been empty."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from scv.events import arrival, calendar, event
from scv.events.country import load
from scv.offline.lake import Lake, schema
from scv.online.facts import Log
from streams.kafka.log import Part
from streams.lake.writer import PARTITION_BY, Buffer, LakeWriter
from tests.streams import shop

LOG = Log(family="subscription", epoch=1, topic_id="a" * 32, partitions=1)
PART = Part("x.subscription", 0)
NEW = ("delivery_weekday", "source")


def started(offset: int, country: str, **fields: Any) -> pa.Table:
    """One `started` as the lake takes it."""
    at = shop.FIRST + timedelta(days=offset)
    made = event.Started(id=f"s{offset}", country=country, customer_id="1", occurred_at=at, seen_at=at, **fields)
    known = {country: load(country)}
    found = arrival.decode(
        "subscription", event.key_of(made), event.encode(made), known, arrival.Recorded(calendar.to_us(shop.AT))
    )
    assert isinstance(found, arrival.Arrival)
    buffer = Buffer("subscription", 1)
    buffer.add(PART, offset, found)
    return buffer.table()


def test_old_files_have_the_new_fields_empty(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    old = started(0, "US").drop_columns(list(NEW))
    write_deltalake(str(lake.table_path("subscription")), old, partition_by=PARTITION_BY)
    assert read(lake, "US") == [(0, None, None)]
    writer = LakeWriter(lake, LOG)
    writer.append(started(1, "US", delivery_weekday=2, source="friend"), {PART: 0}, {PART: 2})
    written = DeltaTable(str(lake.table_path("subscription"))).schema().fields
    assert {field.name for field in written} == set(schema("subscription").names)
    assert read(lake, "US") == [(0, None, None), (1, 2, "friend")]


def test_a_country_whose_files_are_all_old_is_read_too(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_deltalake(
        str(lake.table_path("subscription")), started(0, "US").drop_columns(list(NEW)), partition_by=PARTITION_BY
    )
    LakeWriter(lake, LOG).append(started(1, "ZZ", delivery_weekday=0), {PART: 0}, {PART: 2})
    assert (read(lake, "US"), read(lake, "ZZ")) == ([(0, None, None)], [(1, 0, None)])


def read(lake: Lake, country: str) -> list[tuple[Any, ...]]:
    connection = duckdb.connect()
    query = lake.query("subscription", load(country), lake.version())
    return connection.execute(f'SELECT "offset", delivery_weekday, source FROM ({query}) ORDER BY 1').fetchall()
