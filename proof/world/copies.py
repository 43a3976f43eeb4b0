"""Arrivals beside the events themselves: once more, with other content, or spoilt so that nobody takes them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proof.world import harm
from proof.world.harm import Harm
from proof.world.lateness import HOUR_US
from proof.world.luck import Ints, Luck
from proof.world.stock import KINDS, Ground, Stock, instants, microseconds, put
from scv.events.arrival import SKEW_US

STRANGERS = tuple(f"X{letter}" for letter in "UVWTSRQPONMLKJIHGFEDCBA")
"""Codes that no country will ever have: ISO 3166 leaves them to whoever wants one."""
_CHANGEABLE = {"placed": "amount_cents", "charged": "amount_cents", "session": "duration_s"}
_AT_ONCE = 0.5
"""Of the events that come twice: a sender's retry, seen at the same instant."""

ONE_OF = 100
"""Among so many customers at least one asks to be forgotten (if the rate is not zero)."""

Copies = tuple[pa.Table, Harm]
"""Events in the wide schema, and the harm done to each."""


def erasures(stock: Stock, luck: Luck, ground: Ground) -> Copies:
    """What customers ask who want to be forgotten: one `erased` each, at any time after we first heard of them.

    They do nothing afterwards; what they did before may still arrive.
    """
    count = len(stock.customers)
    who = np.sort(luck.some(np.arange(count), luck.wanted(count, at_least=1 if count >= ONE_OF else 0)))
    if not len(who):
        return _harmed(stock.events.slice(0, 0))
    theirs = np.flatnonzero(np.isin(stock.customer, who))
    place = np.searchsorted(who, stock.customer[theirs])
    begins = np.full(len(who), ground.end_us)
    np.minimum.at(begins, place, stock.seen[theirs])
    asked = luck.rng.integers(begins, ground.end_us)
    stock.forget(theirs[stock.occurred[theirs] >= asked[place]])
    names, code, at = stock.customers.take(pa.array(who)), ground.country.code, instants(asked)
    columns = {"id": [f"{code}-erased-{name}" for name in names.to_pylist()], "country": [code] * len(who)}
    columns |= {"customer_id": names, "kind": ["erased"] * len(who), "occurred_at": at, "seen_at": at}
    return _harmed(pa.table(columns))


def again(stock: Stock, luck: Luck, ground: Ground) -> Copies:
    """The same id and content, at once or up to two days later."""
    found = _some(stock, luck)
    waits = luck.rng.integers(1, 48 * HOUR_US, len(found))
    waits[luck.rng.random(len(found)) < _AT_ONCE] = 0
    return _harmed(_later(found, waits, ground))


def changed(stock: Stock, luck: Luck, ground: Ground) -> Copies:
    """The same id and occurred_at, another amount or duration, seen up to a day later."""
    able = np.isin(stock.kind, [KINDS.index(kind) for kind in _CHANGEABLE]) & stock.present
    found = stock.take(np.sort(luck.some(np.flatnonzero(able), luck.wanted(len(stock)))))
    found = _later(found, luck.rng.integers(1, 24 * HOUR_US, len(found)), ground)
    for name in sorted(set(_CHANGEABLE.values()) & set(found.column_names)):
        found = put(found, name, pc.add(found[name], 100))
    return _harmed(found)


def ahead(stock: Stock, luck: Luck, ground: Ground) -> Copies:
    """A sender's clock runs minutes to hours ahead of ours: more than consumers forgive."""
    found = _some(stock, luck)
    beyond = SKEW_US + luck.rng.integers(1, 2 * HOUR_US, len(found))
    return _harmed(put(found, "occurred_at", instants(microseconds(found, "seen_at") + beyond)), harm.FIELDS)


def strange(stock: Stock, luck: Luck, ground: Ground) -> Copies:
    """From a country that nobody knows."""
    found = _some(stock, luck)
    return _harmed(put(found, "country", pa.array([ground.stranger] * len(found), pa.string())), harm.FIELDS)


def corrupt(stock: Stock, luck: Luck, ground: Ground) -> Copies:
    """Broken in one field or, where events are bytes, in these: as often in any way."""
    found = _some(stock, luck)
    codes = [harm.FIELDS] * len(harm.BROKEN_FIELDS) + (list(harm.IN_BYTES) if ground.as_bytes else [])
    way = luck.rng.integers(0, len(codes), len(found))
    return harm.break_fields(found, way), np.array(codes, dtype=np.uint8)[way]


def _harmed(events: pa.Table, way: int = harm.NONE) -> Copies:
    return events, np.full(len(events), way, np.uint8)


def _some(stock: Stock, luck: Luck) -> pa.Table:
    return stock.take(luck.pick(np.flatnonzero(stock.present)))


def _later(events: pa.Table, waits: Ints, ground: Ground) -> pa.Table:
    """Seen so much later, where that lies before the end."""
    seen = microseconds(events, "seen_at")
    return put(events, "seen_at", instants(np.where(seen + waits < ground.end_us, seen + waits, seen)))
