"""What a lake holds and admission does not count: which events, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import duckdb

from scv.events import admission
from scv.events.calendar import from_us
from scv.events.country import Country
from scv.offline.lake import Lake, content


class RefusedEvent(NamedTuple):
    """An event that does not count; `occurred_at` is what its sender wrote. Instants are in UTC."""

    reason: str
    seen_at: datetime
    family: str
    customer_id: str
    kind: str
    id: str
    occurred_at: datetime


class RefusedEvents(NamedTuple):
    """How many events have which verdict, and of each reason the first ones, in order of seeing.

    What lies before a customer's erasure no longer exists, and has none.
    """

    verdicts: Counter[str]
    first: list[RefusedEvent]


def refused(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    country: Country,
    families: Iterable[str],
    customer: str | None,
    limit: int,
) -> RefusedEvents:
    """The verdicts on what these families hold of a country or one customer, with `limit` events of each reason."""
    verdicts, listed, version = Counter[str](), dict[str, list[RefusedEvent]](), lake.version()
    for family in families:
        sql = _sql(lake.query(family, country, version), family, country)
        rows = connection.execute(sql, [customer, limit]).fetchall()
        for verdict, number, place, seen_us, claimed_us, who, kind, id in rows:
            if place == 1:
                verdicts[verdict] += number
            if verdict != "admitted":
                one = RefusedEvent(verdict, from_us(seen_us), family, who, kind, id, from_us(claimed_us))
                listed.setdefault(verdict, []).append(one)
    first = [one for found in listed.values() for one in sorted(found)[:limit]]
    return RefusedEvents(verdicts, sorted(first))


def _sql(arrivals: str, family: str, country: Country) -> str:
    """Per verdict its number of events and the first of them (of those that count, too, one row to carry the number).

    Its parameters: a customer or null, and how many of each.
    """
    mine = f"SELECT * FROM ({arrivals}) WHERE customer_id = coalesce($1, customer_id)"
    return f"""
        SELECT verdict, count(*) OVER (PARTITION BY verdict),
            row_number() OVER (PARTITION BY verdict ORDER BY seen_us, customer_id, epoch, "offset") AS place,
            seen_us, claimed_us, customer_id, kind, id
        FROM ({admission.sql(mine, country.lateness_days, content(family))})
        QUALIFY place = 1 OR (place <= $2 AND verdict <> 'admitted')"""
