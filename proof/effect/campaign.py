"""A season of lists in an invented world: whom we call is on a list and not held out, and what then happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from proof.world import climate as climates
from proof.world import contacts as contacting
from proof.world.climate import ClimateWeek
from proof.world.contacts import ContactWeek
from proof.world.engine import live_on
from proof.world.hazards import hazards
from proof.world.lifecycle import Moves
from proof.world.subscribers import ACTIVE, PAUSED, Floats, Ints, Mask, Subscribers, birth
from proof.world.truth import Watch
from proof.world.words import PHONE
from proof.world.world import World

FIRST, TUESDAYS = 26, 9
"""The first week with a list, and how many weeks have one: all of one season."""
HORIZON_WEEKS = 4
WEEKS = FIRST + TUESDAYS + HORIZON_WEEKS
HELD_OUT = 0.2
LISTED_SHARE = 0.1
"""Of those who are asked about."""
QUIET_WEEKS = 3
NOISE = 0.7
"""Of a model that ranks by the log odds of leaving."""
CALL_DAY = 1
Arm = Literal["by lot", "everybody called", "everybody held out"]


@dataclass(frozen=True)
class ListedRows:
    """n rows (customer, Tuesday) who were, or but for the lot would have been, listed. `y`: cancelled by their own wish
    within four weeks."""

    customers: Ints
    week: Ints
    y: Floats
    held_out: Mask
    called: Mask
    reached: Mask


def rows(world: World, arm: Arm = "by lot", works: bool = True) -> ListedRows:
    """A world's season. The same world gives the same luck whatever the arm, so that two arms differ by calls alone.

    `works`: do calls that reach somebody change anything?
    """
    state, fate, climate = birth(world, 0), world.random(0, "fate"), climates.of(world)
    lot = world.random(0, "lot").random(len(state)) < HELD_OUT
    held = {"by lot": lot, "everybody called": lot & False, "everybody held out": lot | True}[arm]
    luck, watches, found = world.random(0, "campaign"), dict[int, Watch](), list[tuple[int, Ints, Mask, Mask]]()
    for number in range(WEEKS):
        week, tuesday = ClimateWeek(climate, number), number - FIRST
        calls = _Calls(np.zeros(len(state), dtype=bool), held, luck.random(len(state)), works)
        noise = luck.normal(0, NOISE, len(state))
        if 0 <= tuesday < TUESDAYS:
            calls = _Calls(_listed(state, week, noise), held, calls.luck, works)
            watches[tuesday] = Watch(len(state))
        state, happened = live_on(state, week, fate, calls)
        if 0 <= tuesday < TUESDAYS:
            found.append((tuesday, np.flatnonzero(calls.listed), calls.called, calls.reached))
        for watch in watches.values():
            watch.see(happened)
    return _joined(world, found, watches, held)


def _listed(s: Subscribers, week: ClimateWeek, noise: Floats) -> Mask:
    """The likeliest tenth to leave, but for those whom we called lately."""
    asked = (s.status == ACTIVE) | (s.status == PAUSED)
    chance = np.clip(hazards(s, week).cancel, 1e-6, 1 - 1e-6)
    score = np.where(asked, np.log(chance / (1 - chance)) + noise, -np.inf)
    edge = np.quantile(score[asked], 1 - LISTED_SHARE)
    return asked & (score >= edge) & (s.rested > QUIET_WEEKS)


class _Calls:
    """Instead of the world's own contacts: `listed` are called unless they are `held` out or left the day before."""

    def __init__(self, listed: Mask, held: Mask, luck: Floats, works: bool) -> None:
        self.listed, self.held, self.luck, self.works = listed, held, luck, works
        self.called = self.reached = np.zeros_like(listed)

    def __call__(self, s: Subscribers, week: ClimateWeek, moves: Moves, fate: np.random.Generator) -> ContactWeek:
        own = contacting.contact(s, week, moves, fate)  # draws what it always draws
        self.called = self.listed & ~self.held & (moves.day > CALL_DAY)
        # Who is fond of us picks up the phone: comparing the reached with the others compares fond with others.
        self.reached = self.called & (self.luck < np.where(s.warmth > -0.3, 0.75, 0.25))
        consent = np.where(own.changed, ~own.consent, own.consent)
        return own._replace(
            called=self.called, day=np.full_like(own.day, CALL_DAY), channel=np.full_like(own.channel, PHONE),
            reached=self.reached & self.works, changed=own.changed & False, consent=consent,
        )  # fmt: skip


def _joined(
    world: World, found: list[tuple[int, Ints, Mask, Mask]], watches: dict[int, Watch], held: Mask
) -> ListedRows:
    parts = []
    for tuesday, who, called, reached in found:
        came, removed = watches[tuesday].labels(world.country, world.first_day + 7 * (FIRST + tuesday))["cancellation"]
        kept = who[~removed[who]]
        parts.append(
            (kept, np.full(len(kept), tuesday), came[kept].astype(float), held[kept], called[kept], reached[kept])
        )
    return ListedRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
