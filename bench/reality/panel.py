"""A panel of orders, whoever they are of: the one form in which real and invented customers are compared."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Panel:
    """n orders: `customer` int64[n] from 0, `day` int64[n] local days since 1970, sorted by customer and day.

    The panel is watched over `[first_day, last_day)`.
    """

    name: str
    customer: np.ndarray
    day: np.ndarray
    first_day: int
    last_day: int

    @property
    def customers(self) -> int:
        return int(self.customer.max()) + 1 if len(self.customer) else 0

    @property
    def days(self) -> int:
        return self.last_day - self.first_day

    def ordered(self) -> np.ndarray:
        """bool[customers, weeks]: an order in that week? Only whole weeks."""
        weeks = self.days // 7
        found = np.zeros((self.customers, weeks), dtype=bool)
        week = (self.day - self.first_day) // 7
        inside = week < weeks
        found[self.customer[inside], week[inside]] = True
        return found

    def first_order(self) -> np.ndarray:
        """int64[customers]: the day of each customer's first order."""
        return self.day[np.r_[True, self.customer[1:] != self.customer[:-1]]]


def of_events(events: pa.Table, zone: ZoneInfo, name: str) -> Panel:
    """The orders of a wide table of events, by local day; arrivals of one id count once."""
    connection = duckdb.connect()
    connection.register("events", events.select(["id", "customer_id", "kind", "occurred_at"]))
    found = connection.execute(
        f"""WITH orders AS (
              SELECT id, customer_id, min((occurred_at AT TIME ZONE '{zone.key}')::DATE - DATE '1970-01-01') AS day
              FROM events WHERE kind = 'placed' GROUP BY id, customer_id)
            SELECT dense_rank() OVER (ORDER BY customer_id) - 1 AS customer, day FROM orders ORDER BY customer, day"""
    ).fetchnumpy()
    connection.close()
    customer, day = (np.asarray(found[column], dtype=np.int64) for column in ("customer", "day"))
    return Panel(name, customer, day, int(day.min()), int(day.max()) + 1)


def by_chance(like: Panel, seed: int) -> Panel:
    """The same number of orders strewn over customers and days by coin toss: what an invented data set looks like."""
    random = np.random.default_rng(seed)
    customer = random.integers(0, like.customers, len(like.customer))
    day = random.integers(like.first_day, like.last_day, len(like.customer))
    order = np.lexsort((day, customer))
    _, numbers = np.unique(customer[order], return_inverse=True)
    return Panel("random dates and members", numbers, day[order], like.first_day, like.last_day)
