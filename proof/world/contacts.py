"""What we send and whom we call, and what comes of it.

Whom we call depends on what we see; whether a call reaches someone is luck, and only a call that reached has an
effect. So comparing the reached with the others among those called measures it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from proof.world.climate import ClimateWeek
from proof.world.lifecycle import Moves
from proof.world.subscribers import ACTIVE, GONE, PAUSED, Ints, Mask, Subscribers
from proof.world.words import CHANNELS, EMAIL, NOT_AGAIN, PHONE, POST

REACHED = 0.5
_ANSWERS = (0.28, 0.42, 0.20, 0.10)
_QUIET_WEEKS = 3
_FLIPS = 0.003
_INVITED, _GIFTED = 0.15, 0.02


class ContactWeek(NamedTuple):
    """n customers: `called` on `day` (0 to 6) by `channel`, `reached`, and what was `said` (number of a word).

    `invited`: a come-back mail to someone who left; `gifted`: a voucher by mail; both on day 1. `changed`
    bool[n, channels]: a consent given or withdrawn; `consent` after it.
    """

    called: Mask
    day: Ints
    channel: Ints
    reached: Mask
    said: Ints
    invited: Mask
    gifted: Mask
    changed: Mask
    consent: Mask


def contact(s: Subscribers, week: ClimateWeek, moves: Moves, fate: np.random.Generator) -> ContactWeek:
    n = len(s)
    here, gone = (s.status == ACTIVE) | (s.status == PAUSED), s.status == GONE
    channel = np.where(fate.random(n) < 0.75, PHONE, np.where(fate.random(n) < 0.7, EMAIL, POST))
    worried = here & ((s.grumble > 0.5) | (s.slack > 0.35) | (s.warmth < -0.9))
    share = np.where(worried, 0.09, np.where(here, 0.012, np.where(gone, 0.008, 0.0)))
    day = week.click_day(fate.random(n)) % 5 + 1  # Wednesday to Sunday
    may = s.consent[np.arange(n), channel] & (s.rested > _QUIET_WEEKS) & (day < moves.day)
    called = may & (fate.random(n) < share)
    reached = called & (fate.random(n) < REACHED)
    said = np.searchsorted(np.cumsum(_ANSWERS), fate.random(n), side="right").clip(0, len(_ANSWERS) - 1)
    mailed = fate.random(n)
    invited = gone & s.consent[:, EMAIL] & (mailed < _INVITED) & (week.day - s.since >= 7)
    gifted = (s.status == ACTIVE) & s.consent[:, EMAIL] & (mailed < _GIFTED) & (s.perks == 0) & (moves.day > 1)
    flips = (fate.random((n, len(CHANNELS))) < _FLIPS) & (here | gone)[:, None]
    refused = reached & (said == NOT_AGAIN)
    flips &= ~(called[:, None] & (channel[:, None] == np.arange(len(CHANNELS))))
    changed = flips | (refused[:, None] & (channel[:, None] == np.arange(len(CHANNELS))))
    return ContactWeek(called, day, channel, reached, said, invited, gifted, changed, s.consent ^ changed)
