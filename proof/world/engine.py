"""One week of everyone's life: the state moves on, and what happened is handed back.

All luck that moves the state comes from one generator, `fate`. What only colours an event (its minute, the length of
an app session) is drawn where events are written, so lives that nobody writes down are the same lives.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from proof.world import boxes as ordering
from proof.world import contacts as contacting
from proof.world import lifecycle
from proof.world.boxes import Boxes
from proof.world.climate import ClimateWeek
from proof.world.contacts import ContactWeek
from proof.world.hazards import Hazards, hazards, welcomed
from proof.world.lifecycle import Moves, Skips
from proof.world.subscribers import ACTIVE, GONE, Subscribers
from proof.world.words import ACCEPTED, COMEBACK, EXTRA

Contacting = Callable[[Subscribers, ClimateWeek, Moves, np.random.Generator], ContactWeek]


class Happened(NamedTuple):
    """A week that was lived: the state at its beginning, what the chances were, and what came of them."""

    week: ClimateWeek
    before: Subscribers
    hazards: Hazards
    moves: Moves
    skips: Skips
    boxes: Boxes
    contacts: ContactWeek


def live_on(
    s: Subscribers, week: ClimateWeek, fate: np.random.Generator, contact: Contacting = contacting.contact
) -> tuple[Subscribers, Happened]:
    """The state a week later, and what happened; `s` stays as it was. `contact`: whom we call, where not as ever."""
    h = hazards(s, week)
    moves = lifecycle.move(s, week, h, fate)
    skips = lifecycle.skip(s, week, h, moves, fate)
    boxes = ordering.order(s, week, moves, skips, fate)
    contacts = contact(s, week, moves, fate)
    after = copy.copy(s)
    _stand(after, s, week, moves, skips)
    _feel(after, s, week, boxes, fate)
    _pay(after, s, week, boxes)
    _remember(after, s, week, moves, boxes, contacts)
    return after, Happened(week, s, h, moves, skips, boxes, contacts)


def _stand(after: Subscribers, s: Subscribers, week: ClimateWeek, moves: Moves, skips: Skips) -> None:
    moved = moves.day < lifecycle.STAYED
    changed = np.where(moves.undone, moves.back, moves.day)
    entered = moves.started | moves.returned
    after.status = moves.status
    after.since = np.where(moved, week.day + changed, s.since)
    after.age = np.where(entered, 0, s.age + 1)
    after.returns = s.returns + moves.returned
    after.until = np.where(moves.paused, moves.until, s.until)
    after.ends = np.where((moves.status == GONE) | ~s.prepaid, moves.ends, 0)
    after.second = s.second | moves.switched
    after.forced = np.where(moves.forced, True, s.forced & ~moves.returned)
    ahead = np.concatenate([skips.skipped[:, 1:], np.zeros((len(s), 1), dtype=bool)], axis=1)
    after.ahead = ahead & ~moves.switched[:, None]  # what was skipped were boxes of the other subscription


def _feel(after: Subscribers, s: Subscribers, week: ClimateWeek, boxes: Boxes, fate: np.random.Generator) -> None:
    n = len(s)
    coming = s.coming + ordering.marks(s, week, boxes)
    blow = np.where(fate.random(n) < 0.02, 1.3, 0.0)  # a new diet, a new town
    drift = 0.90 * s.mood + 0.10 * (0.9 * s.taste + 0.3) + fate.normal(0, 0.24, n)
    after.mood = drift - blow - 0.15 * coming[:, 0]
    after.warmth = 0.55 * s.warmth + 0.45 * s.mood + fate.normal(0, 0.15, n)
    after.grumble = np.maximum(0.78 * s.grumble + coming[:, 0], 0)
    after.coming = np.concatenate([coming[:, 1:], np.zeros((n, 1))], axis=1)


def _pay(after: Subscribers, s: Subscribers, week: ClimateWeek, boxes: Boxes) -> None:
    settling = np.maximum(s.settling, ordering.settlements(week, boxes))
    after.unpaid = np.where(settling[:, 0] > 0, settling[:, 0] == 2, s.unpaid)
    after.settling = np.concatenate([settling[:, 1:], np.zeros((len(s), 1), dtype=np.int64)], axis=1)
    after.sting = 0.7 * (s.sting + 6.0 * week.rise)


def _remember(
    after: Subscribers, s: Subscribers, week: ClimateWeek, moves: Moves, boxes: Boxes, contacts: ContactWeek
) -> None:
    took, sat = boxes.taken, moves.standing & ~boxes.taken
    after.slack = np.where(took, 0.75 * s.slack, np.where(sat, 0.75 * s.slack + 0.25, s.slack))
    after.fed = np.where(took, True, s.fed & ~sat)
    after.eaten = s.eaten + took
    used = took & (s.perks > 0)
    ended = used & (s.perks == 1) & welcomed(s)
    won = contacts.reached & (contacts.said == ACCEPTED) & (moves.status == ACTIVE)
    perks = s.perks - used
    perks = np.where(won, np.maximum(perks, 2), np.where(contacts.gifted, 1, perks))
    lured = moves.returned & (s.nudged > 0)
    after.perks = np.where(lured, 3, np.where(moves.status == GONE, 0, perks))
    after.perk = np.where(lured, COMEBACK, np.where(won | contacts.gifted, EXTRA, s.perk))
    after.bereft = np.where(ended, 1.0, 0.6 * s.bereft)
    reached, market = contacts.reached, week.market
    after.comfort = np.where(reached, market.contact_weeks, np.maximum(s.comfort - 1, 0))
    invited = contacts.invited | (reached & (s.status == GONE))
    after.nudged = np.where(invited, 3, np.maximum(s.nudged - 1, 0))
    after.rested = np.where(contacts.called, 0, s.rested + 1)
    after.consent = contacts.consent
