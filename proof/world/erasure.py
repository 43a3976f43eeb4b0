"""Customers who ask to be forgotten."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from proof.world.luck import Luck
from proof.world.stock import Ground, Stock, instants

ONE_OF = 100
"""Among so many customers at least one asks (if the rate is not zero)."""


def erase(stock: Stock, luck: Luck, ground: Ground) -> pa.Table:
    """What some customers ask: one `erased` each, at any time after we first heard of them.

    They do nothing afterwards; what they did before may still arrive.
    """
    count = len(stock.customers)
    who = np.sort(luck.some(np.arange(count), luck.wanted(count, at_least=1 if count >= ONE_OF else 0)))
    if not len(who):
        return stock.events.slice(0, 0)
    theirs = np.flatnonzero(np.isin(stock.customer, who))
    place = np.searchsorted(who, stock.customer[theirs])
    begins = np.full(len(who), ground.end_us)
    np.minimum.at(begins, place, stock.seen[theirs])
    asked = luck.rng.integers(begins, ground.end_us)
    stock.forget(theirs[stock.occurred[theirs] >= asked[place]])
    names, code, at = stock.customers.take(pa.array(who)), ground.country.code, instants(asked)
    columns = {
        "id": [f"{code}-erased-{name}" for name in names.to_pylist()],
        "country": [code] * len(who),
        "customer_id": names,
        "kind": ["erased"] * len(who),
        "occurred_at": at,
        "seen_at": at,
    }
    return pa.table(columns)
