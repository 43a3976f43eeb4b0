"""Arrivals as dirty as rates say: late, twice, changed, out of order or broken.

Of what consumers admit, only the too late and what an erased customer did are taken away: whatever else is refused
is a spoilt copy of an event that arrives whole as well. Each kind of dirt draws random numbers of its own, so that
another rate of one leaves the picks of the others alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from proof.world import copies, harm, lateness
from proof.world.copies import Copies
from proof.world.harm import Harm
from proof.world.luck import Ints, Luck
from proof.world.rates import HOMELY, KINDS, Dirt
from proof.world.stock import Ground, Stock, instants, microseconds
from scv.events.country import Country


class Arrivals(NamedTuple):
    """Events in the order in which they are delivered.

    `rows` is in the wide schema; `sent_us` ascends and lies in the UTC hour of `seen_at`, so that a watermark at a
    full hour tells the truth; `harm` is what happens to the bytes. `counts`: events by kind of dirt.
    """

    rows: pa.Table
    sent_us: Ints
    harm: Harm
    counts: Mapping[str, int]


def dirty(events: pa.Table, rng: np.random.Generator, end_us: int, country: Country) -> pa.Table:
    """Clean events with some late, too late, twice and changed among them, in the order of arrival."""
    return arrive(events, rng, HOMELY, Ground(country, end_us)).rows


def arrive(events: pa.Table, rng: np.random.Generator, dirt: Dirt, ground: Ground) -> Arrivals:
    """Send clean events of one country (wide schema, in order of seeing) as badly as `dirt` says.

    Everything is seen and sent before the ground's end. Equal arguments give equal arrivals.
    """
    luck = {name: Luck(one, getattr(dirt, name)) for name, one in zip(KINDS, rng.spawn(len(KINDS)), strict=True)}
    stock = Stock(events)
    if not len(stock):
        return Arrivals(events, np.empty(0, np.int64), np.empty(0, np.uint8), dict.fromkeys(KINDS, 0))
    more = {"erased": copies.erasures(stock, luck["erased"], ground)}  # first: who is gone does nothing late
    counts = {"too_late": lateness.too_late(stock, luck["too_late"], ground)}
    counts["late"] = lateness.late(stock, luck["late"], ground)
    counts["skewed"] = lateness.skewed(stock, luck["skewed"])
    sent, counts["swapped"] = lateness.swapped(stock, luck["swapped"], ground)
    spoilt = np.zeros(len(events), np.uint8)
    if ground.as_bytes:
        spoilt[luck["additions"].pick(np.flatnonzero(stock.present))] = harm.ADDITION
    counts["additions"] = int(np.count_nonzero(spoilt))
    for name, spoil in (
        ("twice", copies.again),
        ("changed", copies.changed),
        ("ahead", copies.ahead),
        ("unknown_country", copies.strange),
        ("corrupt", copies.corrupt),
    ):
        more[name] = spoil(stock, luck[name], ground)
    counts |= {name: len(rows) for name, (rows, _) in more.items()}
    return _in_order(stock, sent, spoilt, list(more.values()), {name: counts[name] for name in KINDS})


def _in_order(stock: Stock, sent: Ints, spoilt: Harm, more: list[Copies], counts: Mapping[str, int]) -> Arrivals:
    """The events and what comes beside them (sent when it is seen); of one instant, an event stands before its copies.

    Column by column: only the result is ever there twice.
    """
    beside = pa.concat_tables([stock.events.slice(0, 0), *(rows for rows, _ in more)], promote_options="default")
    sent = np.concatenate([sent, microseconds(beside, "seen_at")])
    numbers = np.concatenate([np.flatnonzero(stock.present), len(stock.events) + np.arange(len(beside))])
    order = numbers[np.argsort(sent[numbers], kind="stable")]
    moved = not np.array_equal(order, np.arange(len(stock.events)))
    known = {"occurred_at": stock.occurred, "seen_at": stock.seen}
    columns = {}
    for name in stock.events.column_names:
        if name in known:
            columns[name] = instants(np.concatenate([known[name], microseconds(beside, name)])[order])
        elif not moved:
            columns[name] = stock.events[name]
        else:
            both = pa.chunked_array([*stock.events[name].chunks, *beside[name].chunks]).combine_chunks()
            columns[name] = both.take(pa.array(order))
    harmed = np.concatenate([spoilt, *(one for _, one in more)])
    return Arrivals(pa.table(columns), sent[order], harmed[order], counts)
