"""What comes after a box was ordered: money for what was missing or bad, goods sent back, orders called off.

Nothing here moves anybody's state; the dissatisfied send more back, so that it tells something of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from proof.world.boxes import RETRIES, RETRY_DAYS, Boxes
from proof.world.subscribers import Ints, Mask, Subscribers
from proof.world.words import MEALS

GIVE_UP_DAYS = RETRY_DAYS * RETRIES
"""From the cut-off to the last attempt at a payment."""
SOLD_OUT, CONSOLED, SENT_BACK = 0.012, 0.6, 0.01
"""Shares: of the boxes that lack a meal when they are packed, of the complaints that are paid for, of the boxes that
a customer without any particular mood sends back."""


class Aftermath(NamedTuple):
    """For k customers who took a box of the week; cents and meals mean something only where their mask is true.

    `called_off`: the whole order, never paid, before it left. `sold_out`: one meal of it, and `meal` its price.
    `consoled`: a complaint was answered with `relief` for `bad` meals. `sent_back`: all `meals` of it, worth `paid`;
    `at_once`: the money came with the return, and otherwise later, by itself.
    """

    called_off: Mask
    sold_out: Mask
    meal: Ints
    consoled: Mask
    bad: Ints
    relief: Ints
    sent_back: Mask
    meals: Ints
    paid: Ints
    at_once: Mask


def after(s: Subscribers, boxes: Boxes, who: Ints, luck: np.random.Generator) -> Aftermath:
    """What becomes of the boxes that the customers at positions `who` took."""
    k, meals = len(who), np.array(MEALS)[s.box[who]]
    settled, paid = boxes.paid[who], boxes.price[who] - boxes.discount[who]
    called_off = ~settled & (boxes.due[who] > boxes.cut_day[who] + GIVE_UP_DAYS)
    sold_out = settled & (luck.random(k) < SOLD_OUT)
    consoled = settled & boxes.complains[who] & (luck.random(k) < CONSOLED)
    bad = np.minimum(luck.integers(1, 4, k), meals - 1)
    disliked = np.exp(-0.6 * s.mood[who] + 0.4 * s.grumble[who] + 0.9 * (boxes.late[who] > 0))
    sent_back = settled & ~sold_out & ~consoled & (luck.random(k) < SENT_BACK * disliked)
    return Aftermath(
        called_off=called_off,
        sold_out=sold_out,
        meal=paid // meals,
        consoled=consoled,
        bad=bad,
        relief=paid * bad // meals,
        sent_back=sent_back,
        meals=meals,
        paid=paid,
        at_once=luck.random(k) < 0.5,
    )
