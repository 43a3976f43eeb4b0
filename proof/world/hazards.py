"""The hazards of a week, given everything latent at its beginning: pure functions of the state and the calendar.

The engine draws from these numbers and the truth is written from these numbers, so the truth is exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from proof.world.climate import AHEAD, ClimateWeek
from proof.world.subscribers import ACTIVE, GONE, PAUSED, Floats, Mask, Subscribers
from proof.world.words import WAVE

FULL_RATE = 1.8
"""The highest weekly rate; nobody is certain to go."""
UNDONE = 0.08
"""Share of cancellations taken back within the week."""
REGRETTED = 0.07
"""Share of skips of the open box taken back before its cut-off."""


class Hazards(NamedTuple):
    """Chances float64[n] of the week; 0 for those not at risk.

    `cancel`: by the customer's wish. `force`: an involuntary end, given no such wish. `move`, given neither: an
    active subscription is paused, a paused one resumed, a cancelled one reactivated. `skip`: a click that skips the
    open box, given nothing else happens before; `ahead` [n, AHEAD]: one that skips a later box.
    """

    cancel: Floats
    force: Floats
    move: Floats
    skip: Floats
    ahead: Floats


def hazards(s: Subscribers, week: ClimateWeek) -> Hazards:
    active, paused, gone = s.status == ACTIVE, s.status == PAUSED, s.status == GONE
    move = np.where(active, _rest(s, week), np.where(paused, _resume(s, week), 0.0))
    return Hazards(
        cancel=np.where(active | paused, _cancel(s, week, paused), 0.0),
        force=np.where(active | paused, _force(s), 0.0),
        move=np.where(gone, _back(s, week), move),
        skip=np.where(active & ~s.ahead[:, 0], _sigmoid(_appetite(s, week, 0)), 0.0),
        ahead=np.where(active[:, None] & ~s.ahead[:, 1:], _ahead(s, week), 0.0),
    )


def welcomed(s: Subscribers) -> Mask:
    """bool[n]: the next box is still cheaper, as it was promised at the start."""
    return (s.perks > 0) & (s.perk <= WAVE)


def _chance(log_rate: Floats) -> Floats:
    """Of at least one event in a week at this rate."""
    return -np.expm1(-np.exp(np.minimum(log_rate, np.log(FULL_RATE))))


def _sigmoid(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))


def _cancel(s: Subscribers, week: ClimateWeek, paused: Mask) -> Floats:
    market = week.market
    young = market.novice * np.exp(-s.age / market.fading) * np.where(s.returns > 0, 0.6, 1.0)
    pull = 0.6 * s.frailty - 1.3 * s.mood + 1.1 * s.grumble + 1.2 * s.slack + 0.6 * s.unpaid
    money = s.thrift * (s.sting + 6.0 * week.rise + 0.7 * s.bereft) - 0.5 * welcomed(s)
    care = -market.contact_effect * (s.comfort > 0)
    log_rate = market.level + np.log(market.settled + young) + pull + money + care + week.mood - 0.5 * paused
    return _chance(log_rate)


def _force(s: Subscribers) -> Floats:
    """Fraud in the first weeks, and what is not paid."""
    return np.where(s.unpaid, 0.22, 0.0) + np.where(s.age < 3, 0.0024, 0.0004)


def _rest(s: Subscribers, week: ClimateWeek) -> Floats:
    leave = week.away(s.cut_off, 0)
    return _chance(np.log(week.market.resting) + 0.5 * s.busy - 0.5 * s.mood + 1.2 * s.slack + 0.9 * leave)


def _resume(s: Subscribers, week: ClimateWeek) -> Floats:
    early = np.where(s.until < week.day + 400, 0.05, 0.16)
    return np.where(s.until < week.day + 7, 1.0, _chance(np.log(early) + 0.3 * s.mood))


def _appetite(s: Subscribers, week: ClimateWeek, ahead: int) -> Floats:
    """Log odds of not wanting the box `ahead` weeks after the open one."""
    away = week.away(s.cut_off, ahead)
    rhythm = np.where(s.fortnightly, np.where(s.fed, 3.2, -0.8), 0.0) if not ahead else 0.0
    odds = week.market.skipping + 1.15 * s.busy + 2.2 * s.slack - 0.6 * s.mood + 0.3 * s.grumble
    return odds - 0.6 * welcomed(s) + 1.4 * away + rhythm


def _ahead(s: Subscribers, week: ClimateWeek) -> Floats:
    odds = np.stack([_appetite(s, week, ahead) - 1.2 - 0.3 * ahead for ahead in range(1, AHEAD + 1)], axis=1)
    return _sigmoid(odds)


def _back(s: Subscribers, week: ClimateWeek) -> Floats:
    away = (week.day - s.since) / 7
    wish = 1.1 * s.mood - 0.35 * s.frailty + 1.2 * (s.nudged > 0) - 1.2 * s.forced - 0.3 * week.mood
    fond = 0.3 * np.log1p(s.eaten) - 0.5
    return _chance(np.log(week.market.returning + 0.025 * np.exp(-away / 6)) + wish + fond)


def targets(s: Subscribers, week: ClimateWeek, h: Hazards) -> dict[str, Floats]:
    """The chances of what labels ask of the week, float64[n], among rows that labels keep; NaN for those not asked.

    `cancellation`: a voluntary one. `pause`: the open box is skipped, or the subscription paused, at its cut-off,
    without an end before. `reactivation`. `involuntary`: the chance of an involuntary end, which takes the row away
    (for `pause` only before the cut-off): so the plain hazard of cancelling is `cancellation * (1 - involuntary)`.
    """
    here, open_box = (s.status == ACTIVE) | (s.status == PAUSED), s.running(week.day) & ~s.ahead[:, 0]
    force = (1 - h.cancel) * h.force
    end = h.cancel + force
    rest = (1 - end) * h.move
    skipped, early = h.skip * (1 - REGRETTED), week.before(s.cut_off)
    pause = (1 - end - rest) * skipped + rest * (early + (1 - early) * skipped) + end * (1 - early) * skipped
    return {
        "cancellation": np.where(here, h.cancel / (1 - force), np.nan),
        "pause": np.where(open_box, np.where(s.status == ACTIVE, pause / (1 - force * early), 0.0), np.nan),
        "reactivation": np.where(s.status == GONE, h.move, np.nan),
        "involuntary": np.where(here, force, np.nan),
    }
