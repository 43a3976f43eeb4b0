"""The boxes of a week: who takes one, what it costs, how it is paid, when it comes and what is said about it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from proof.world.climate import ClimateWeek
from proof.world.lifecycle import Moves, Skips
from proof.world.subscribers import REACH, Floats, Ints, Mask, Subscribers
from proof.world.words import DISCOUNTS

RETRY_DAYS = 2
RETRIES = 2
_RETRY_WORKS = 0.55
_COMPLAINS, _COMPLAINS_LATE = 0.018, 0.30
_CLOSED = 0.93


class Boxes(NamedTuple):
    """n customers; what follows `taken` means something only where it is true.

    `cut_day`, `due`, `arrives`: local days of cut-off, promised and real arrival; `late` days. `price` and
    `discount` cents. `attempts` int64[n]: payments that failed, `RETRIES + 1` of them where none went through.
    `complains`, and `waits` days until the complaint is closed (-1: never).
    """

    taken: Mask
    cut_day: Ints
    due: Ints
    late: Ints
    price: Ints
    discount: Ints
    attempts: Ints
    complains: Mask
    waits: Ints

    @property
    def arrives(self) -> Ints:
        return self.due + self.late

    @property
    def paid(self) -> Mask:
        return self.taken & (self.attempts <= RETRIES)


def order(s: Subscribers, week: ClimateWeek, moves: Moves, skips: Skips, fate: np.random.Generator) -> Boxes:
    n, climate, market = len(s), week.climate, week.market
    taken = moves.standing & ~skips.skipped[:, 0]
    cut_day = week.day + s.cut_off
    due = week.due(s.cut_off)
    shut = climate.closed[due - climate.first_day]
    due = due + np.where(shut, -1 if week.country.cut_off_days else 1, 0)  # a holiday: the day before
    late_at = climate.late[due - climate.first_day]
    late = np.where(fate.random(n) < late_at, 1 + fate.poisson(0.4, n).clip(0, 4), 0)
    price = np.round(np.array(market.prices)[s.box] * week.price / 10).astype(np.int64) * 10
    share = np.where(s.perks > 0, np.array(DISCOUNTS)[s.perk], 0.0)
    fails = np.minimum(np.array(market.failing)[s.method] * (0.3 + s.broke), 0.6)
    tries = fate.random((n, RETRIES + 1)) < np.stack([fails] + [np.full(n, 1 - _RETRY_WORKS)] * RETRIES, axis=1)
    complains = fate.random(n) < np.where(late > 0, _COMPLAINS_LATE, _COMPLAINS) * np.exp(-0.4 * s.patience)
    closed = fate.random(n) < _CLOSED
    return Boxes(
        taken=taken,
        cut_day=cut_day,
        due=due,
        late=late,
        price=price,
        discount=np.round(price * share).astype(np.int64),
        attempts=np.cumprod(tries, axis=1).sum(axis=1),
        complains=taken & complains,
        waits=np.where(closed, fate.integers(1, 9, n), -1),
    )


def marks(s: Subscribers, week: ClimateWeek, boxes: Boxes) -> Floats:
    """float64[n, REACH]: disappointment by the week, from this one on, in which it comes about.

    A late box hurts the impatient more; a complaint hurts on top, and much less once it was closed.
    """
    soreness = np.exp(-0.4 * s.patience)
    arrived, closed = _weeks(boxes.arrives - week.day), _weeks(boxes.arrives + boxes.waits - week.day)
    at = np.arange(REACH)
    cross = boxes.complains * 0.8 * soreness
    hurt = np.where(boxes.taken, 0.7 * (boxes.late > 0) * soreness + cross, 0.0)
    eased = np.where(boxes.waits > 0, 0.6 * cross, 0.0)
    return hurt[:, None] * (arrived[:, None] == at) - eased[:, None] * (closed[:, None] == at)


def settlements(week: ClimateWeek, boxes: Boxes) -> Ints:
    """int64[n, REACH]: 1 a payment, 2 a failure that stands, by the week in which that is known."""
    known = _weeks(boxes.cut_day + RETRY_DAYS * np.minimum(boxes.attempts, RETRIES) - week.day)
    what = np.where(boxes.taken, np.where(boxes.paid, 1, 2), 0)
    return what[:, None] * (known[:, None] == np.arange(REACH))


def _weeks(days: Ints) -> Ints:
    return np.minimum(days // 7, REACH - 1)
