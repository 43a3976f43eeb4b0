"""What the lake holds of one customer, newest first: the events that count, as batch reads them."""

from __future__ import annotations

import functools
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from scv.events import admission, event
from scv.events.calendar import from_us, to_date
from scv.events.country import Country
from scv.events.event import FAMILIES
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.settings import Settings


class Happening(NamedTuple):
    """An admitted event: `values` are the fields that it has, dates as dates."""

    family: str
    kind: str
    id: str
    occurred_at: datetime
    seen_at: datetime
    values: dict[str, Any]


def timeline(
    settings: Settings,
    country: Country,
    version: LakeVersion,
    customer_id: str,
    most: int,
    families: Collection[str] = tuple(FAMILIES),
) -> list[Happening]:
    """The newest events of a customer over these families, newest first. Raises Damaged, or LakeConflict where files
    were vacuumed meanwhile."""
    lake, found = Lake(settings.lake_path), list[Happening]()
    with _database(settings.memory).cursor() as connection:
        for family in families:
            mine = f"SELECT * FROM ({lake.query(family, country, version)}) WHERE customer_id = $customer"
            judged = admission.sql(mine, country.lateness_days)
            rows = connection.execute(
                f"SELECT * FROM ({judged}) WHERE verdict = 'admitted' ORDER BY occurred_us DESC, id LIMIT {most}",
                {"customer": customer_id},
            )
            names = [one[0] for one in rows.description]
            found += [_happening(family, dict(zip(names, row, strict=True))) for row in rows.fetchall()]
    found.sort(key=lambda one: (one.occurred_at, one.seen_at, one.id), reverse=True)
    return found[:most]


@functools.cache
def _database(memory: str) -> duckdb.DuckDBPyConnection:
    """One for all pages, in memory and empty: to open one takes longer than a question. Each asks by a cursor."""
    return duckdb.connect(config={"threads": 1, "memory_limit": memory})


def _happening(family: str, row: dict[str, Any]) -> Happening:
    kinds = {event.tag(kind): kind for kind in event.kinds(family)}
    fields = event.payload(kinds[row["kind"]])
    values = {name: _value(row[name], fields[name]) for name in fields if row[name] is not None}
    occurred, seen = from_us(row["occurred_us"]), from_us(row["seen_us"])
    return Happening(family, row["kind"], row["id"], occurred, seen, values)


def _value(value: Any, kind: str) -> Any:
    if kind == "date":
        return to_date(value)
    return bool(value) if kind == "bool" else value
