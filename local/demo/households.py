"""Which households the demo tells of: chosen from the event file by a stated rule, not by their scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from scv.events.calendar import from_us


@dataclass(frozen=True)
class Basket:
    """A household whose next basket is about to arrive; `before` is the instant of the one before."""

    household: str
    at: datetime
    gap_days: int


def returning(path: Path, after: datetime, until: datetime) -> Basket:
    """The household with most baskets among those that order in `[after, until)` after 9 to 27 days without."""
    found = _ask(
        """
        WITH baskets AS (
            SELECT customer_id, occurred_at, lag(occurred_at) OVER w AS before, row_number() OVER w AS nth
            FROM read_parquet($path) WHERE kind = 'placed'
            WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at)
        )
        SELECT customer_id, epoch_us(occurred_at), date_diff('day', before, occurred_at) AS gap
        FROM baskets
        WHERE occurred_at >= $after AND occurred_at < $until AND gap BETWEEN 9 AND 27
        ORDER BY nth DESC, customer_id LIMIT 1""",
        path,
        after,
        until,
    )
    return Basket(str(found[0]), from_us(int(found[1])), int(found[2]))


def silent(path: Path, since: datetime, until: datetime) -> str:
    """The household with most baskets before `since` that has no event in `[since, until)`.

    Its last basket lies within the seven days before `since`, so that it stays among those asked about.
    """
    found = _ask(
        """
        WITH events AS (SELECT customer_id, kind, occurred_at FROM read_parquet($path) WHERE kind <> 'set')
        SELECT customer_id, count(*) FILTER (kind = 'placed' AND occurred_at < $after) AS baskets
        FROM events GROUP BY customer_id
        HAVING max(occurred_at) FILTER (kind = 'placed' AND occurred_at < $after) >= $after - INTERVAL 7 DAY
           AND count(*) FILTER (occurred_at >= $after AND occurred_at < $until) = 0
        ORDER BY baskets DESC, customer_id LIMIT 1""",
        path,
        since,
        until,
    )
    return str(found[0])


def _ask(query: str, path: Path, after: datetime, until: datetime) -> tuple[Any, ...]:
    with duckdb.connect() as connection:
        found = connection.execute(query, {"path": str(path), "after": after, "until": until}).fetchone()
    if found is None:
        raise LookupError(f"no household of {path} fits")
    return tuple(found)
