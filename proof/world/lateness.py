"""Dirt of time: seen late, seen too late, a sender's clock that runs ahead, neighbours that overtake each other.

Too late is what admission calls so: the local day of the event lies more than L days before the day of the
customer's newest earlier arrival in that family. Instants are microseconds since 1970.
"""

from __future__ import annotations

import numpy as np

from proof.world.localtime import LocalTime
from proof.world.luck import Ints, Luck
from proof.world.stock import Ground, Stock
from scv.events import calendar
from scv.events.arrival import SKEW_US

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
_HOURS_LATE = 0.7
"""Of the late ones; the others are late by any number of days that is not too many."""
_OVERTAKEN_US = 15 * MINUTE_US
_WORD_BITS = 63


class _Lines:
    """The events of each customer and family in order of seeing, one line after the other."""

    def __init__(self, stock: Stock) -> None:
        self._from = int(stock.seen.min())
        self._bits = int(stock.seen.max() - self._from).bit_length() + 1
        present = np.flatnonzero(stock.present)
        places = self._place(stock.line[present], stock.seen[present])
        order = np.argsort(places, kind="stable")
        self.order, self._places = present[order], places[order]

    def first_since(self, line: Ints, us: Ints) -> Ints:
        """The number of a line's first event that was seen at an instant or later; -1 where there is none."""
        at = np.searchsorted(self._places, self._place(line, us))
        inside = np.minimum(at, len(self._places) - 1)
        found = (at < len(self._places)) & (self._places[inside] >> self._bits == line)
        return np.where(found, self.order[inside], -1)

    def _place(self, line: Ints, us: Ints) -> Ints:
        """A customer's and family's line, then the time; years of microseconds leave room for tens of thousands."""
        if int(line.max(initial=0)).bit_length() + self._bits > _WORD_BITS:
            raise OverflowError("Dirt falls on one chunk of customers at a time: these are too many.")
        return line << self._bits | np.clip(us - self._from, 0, (1 << self._bits) - 1)


def too_late(stock: Stock, luck: Luck, ground: Ground) -> int:
    """Events are seen hours after a witness: a later one of that customer and family that makes them too late.

    How many. Fewer than the rate says where few customers have a witness.
    """
    wanted = luck.wanted(len(stock))
    rows = luck.some(np.flatnonzero(stock.free), 8 * wanted)
    if not len(rows):
        return 0
    barred = _too_old(stock.occurred[rows], ground)
    witness = _Lines(stock).first_since(stock.line[rows], barred)
    seen = stock.seen[witness] + luck.rng.integers(HOUR_US, 12 * HOUR_US, len(rows))
    fits = (witness >= 0) & (seen < ground.end_us)
    fits &= ~np.isin(rows, witness[fits])  # a witness stays where it is
    chosen = np.flatnonzero(fits)[:wanted]
    stock.seen[rows[chosen]] = seen[chosen]
    stock.free[rows[chosen]] = stock.free[witness[chosen]] = False
    return len(chosen)


def late(stock: Stock, luck: Luck, ground: Ground) -> int:
    """Events are seen half an hour to L local days after they occurred; how many."""
    rows = np.sort(luck.some(np.flatnonzero(stock.free), luck.wanted(len(stock))))
    if not len(rows):
        return 0
    occurred, before, count = stock.occurred[rows], stock.seen[rows], len(rows)
    barred = _too_old(occurred, ground)
    hours = occurred + HOUR_US // 2 + luck.rng.exponential(18 * HOUR_US, count).astype(np.int64)
    days = luck.rng.integers(before, np.maximum(barred, before + 1))
    seen = np.minimum(np.where(luck.rng.random(count) < _HOURS_LATE, hours, days), barred - 1)
    fits = (seen > before) & (seen < ground.end_us)
    stock.seen[rows[fits]] = seen[fits]
    stock.free[rows[fits]] = False
    return int(fits.sum())


def skewed(stock: Stock, luck: Luck) -> int:
    """Events claim to have occurred up to five minutes after they were seen; how many."""
    prompt = np.flatnonzero(stock.free & (stock.seen - stock.occurred <= SKEW_US))
    rows = luck.some(prompt, luck.wanted(len(stock)))
    stock.occurred[rows] = stock.seen[rows] + luck.rng.integers(1, SKEW_US + 1, len(rows))
    stock.free[rows] = False
    return len(rows)


def swapped(stock: Stock, luck: Luck, ground: Ground) -> tuple[Ints, int]:
    """When events are sent: at `seen_at`, but for some that others overtake within the hour; and how many those are.

    First of all those whose own customer and family overtakes them: neighbours in their partition.
    """
    sent, wanted = stock.seen.copy(), luck.wanted(len(stock))
    if not wanted:
        return sent, 0
    order = _Lines(stock).order
    first, second = order[:-1], order[1:]
    behind = stock.seen[second] + 1
    near = (stock.line[first] == stock.line[second]) & (stock.seen[first] < stock.seen[second])
    near &= (stock.seen[first] // HOUR_US == behind // HOUR_US) & (behind < ground.end_us)
    pairs = luck.some(np.flatnonzero(near), wanted)
    pairs = pairs[~np.isin(second[pairs], first[pairs])]  # who overtakes is not overtaken
    sent[first[pairs]] = behind[pairs]
    left = stock.present.copy()
    left[first[pairs]] = left[second[pairs]] = False
    others = luck.some(np.flatnonzero(left), wanted - len(pairs))
    hour_ends = (stock.seen[others] // HOUR_US + 1) * HOUR_US
    waits = luck.rng.integers(MINUTE_US, _OVERTAKEN_US, len(others))
    sent[others] = np.minimum(sent[others] + waits, np.minimum(hour_ends, ground.end_us) - 1)
    return sent, len(pairs) + len(others)


def _too_old(occurred: Ints, ground: Ground) -> Ints:
    """The first instant of seeing that makes an event too late for its country: a local midnight."""
    zone, days = ground.country.zone, ground.country.lateness_days + 1
    first = calendar.day_of(int(occurred.min()), zone)
    last = calendar.day_of(int(occurred.max()), zone) + days
    midnights = LocalTime(zone, first, last - first).midnights
    return midnights[np.searchsorted(midnights, occurred, side="right") - 1 + days]
