"""Admission: which arrivals count. One rule, as a function of log order and as SQL.

Before an erasure: it occurred before its customer was erased, and arrives afterwards; it leaves no trace.
`clock` is the largest `seen_at` among the other earlier arrivals of the same customer and family.
Too late: the local day of `occurred_at` lies more than L days before the clock's day.
Repeated: the same identity (id, `occurred_at` as delivered) was admitted before, with the same content (kind and
payload). Changed: with other content; the first one counts.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal

from scv.events.arrival import CONTENT_BITS, Arrival
from scv.events.calendar import DAY_US

Verdict = Literal["admitted", "repeated", "changed", "too late", "before an erasure"]
Ids = dict[int, list[int]]
"""By the UTC day that their sender claimed: the identities admitted in order of size, each with its content in the
lower bits. As a row's bytes have it: a dict of each day takes twice the memory and is made anew whenever a row is read.
"""


def admit(arrival: Arrival, clock_day: int | None, erased_us: int, ids: Ids, lateness_days: int) -> Verdict:
    """The verdict on the next arrival in log order; what is admitted is noted in `ids`.

    `clock_day` is the local day of the clock (None before the first arrival), `erased_us` when the last erasure
    occurred.
    """
    if arrival.occurred_us < erased_us:
        return "before an erasure"
    if clock_day is not None and arrival.day < clock_day - lateness_days:
        return "too late"
    known = ids.setdefault(arrival.claimed_us // DAY_US, [])
    without = arrival.identity << CONTENT_BITS
    place = bisect_left(known, without)
    if place < len(known) and known[place] >> CONTENT_BITS == arrival.identity:
        return "repeated" if known[place] == without | arrival.content else "changed"
    known.insert(place, without | arrival.content)
    return "admitted"


def forget(ids: Ids, clock_day: int, lateness_days: int) -> None:
    """Drop the identities that only too-late arrivals could repeat.

    A UTC day may be a local day less or more, hence the day of grace.
    """
    for day in [day for day in ids if day + 1 < clock_day - lateness_days]:
        del ids[day]


_ORDER = 'epoch, "partition", "offset"'
_PLACE = """{'epoch': epoch, 'partition': "partition", 'offset': "offset"}"""


def sql(arrivals: str, lateness_days: int, content: str = "NULL") -> str:
    """The query `arrivals` with a column `verdict`, by the same rule.

    It needs customer_id, kind, id, occurred_us, claimed_us, day, seen_day and the log position (epoch, partition,
    "offset").
    `content` is SQL of what two arrivals of one content share; without it a changed one is called repeated.
    What lies before a customer's newest `erased` is left out, and so is that record. `arrivals` is read twice.
    """
    return f"""
        WITH log AS NOT MATERIALIZED ({arrivals}), gone AS (
            SELECT customer_id, max(occurred_us) AS gone_us, max({_PLACE}) AS place
            FROM log WHERE kind = 'erased' GROUP BY customer_id
        ), kept AS (
            SELECT log.*, coalesce(occurred_us < gone_us, false) AS forgotten
            FROM log LEFT JOIN gone USING (customer_id)
            WHERE place IS NULL OR {_PLACE} > place
        ), timed AS (
            SELECT *,
                coalesce(day < max(seen_day) FILTER (NOT forgotten) OVER earlier - {lateness_days}, false) AS too_late
            FROM kept
            WINDOW earlier AS (PARTITION BY customer_id ORDER BY {_ORDER}
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT * EXCLUDE (forgotten, too_late),
            CASE WHEN forgotten THEN 'before an erasure'
                 WHEN too_late THEN 'too late'
                 WHEN row_number() OVER same = 1 THEN 'admitted'
                 WHEN {content} IS DISTINCT FROM first_value({content}) OVER same THEN 'changed'
                 ELSE 'repeated' END AS verdict
        FROM timed
        WINDOW same AS (PARTITION BY customer_id, id, claimed_us, forgotten, too_late ORDER BY {_ORDER})"""
