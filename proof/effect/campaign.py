"""A season of lists in an invented world: whom we call is on a list and not held out, and what then happens."""

from __future__ import annotations

from collections.abc import Callable
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
Works = Callable[[Subscribers], Mask]
THEMES = ("complaints", "deliveries", "app", "no theme")
GROUPS = tuple(f"{phase}, {theme}" for phase in ("established", "new") for theme in THEMES)
NEW_WEEKS = 6


@dataclass(frozen=True)
class ListedRows:
    """n rows (customer, Tuesday) who were, or but for the lot would have been, listed. `y`: cancelled by their own wish
    within four weeks; `p` what a model expected of that. `group` a place in `GROUPS`, `boxes` those that
    the customer takes in four weeks."""

    customers: Ints
    week: Ints
    y: Floats
    held_out: Mask
    called: Mask
    reached: Mask
    p: Floats
    group: Ints
    boxes: Floats

    def __len__(self) -> int:
        return len(self.y)


def everybody(s: Subscribers) -> Mask:
    """A call helps whoever it reaches."""
    return np.ones(len(s), dtype=bool)


def nobody(s: Subscribers) -> Mask:
    """A call changes nothing."""
    return np.zeros(len(s), dtype=bool)


def new(s: Subscribers) -> Mask:
    """A call helps whoever is in their first weeks."""
    return s.age < NEW_WEEKS


def group_of(s: Subscribers) -> Ints:
    """Phase and what a reason would be about, a place in `GROUPS`."""
    theme = np.select([s.grumble > 0.5, s.slack > 0.35, s.warmth < -0.9], [0, 1, 2], 3)
    return (theme + len(THEMES) * (s.age < NEW_WEEKS)).astype(np.int64)


def rows(world: World, arm: Arm = "by lot", works: Works = everybody) -> ListedRows:
    """A world's season. The same world gives the same luck whatever the arm, so that two arms differ by calls alone.

    `works`: whom does a call change that reaches them?
    """
    state, fate, climate = birth(world, 0), world.random(0, "fate"), climates.of(world)
    lot = world.random(0, "lot").random(len(state)) < HELD_OUT
    held = {"by lot": lot, "everybody called": lot & False, "everybody held out": lot | True}[arm]
    luck, watches, found = world.random(0, "campaign"), dict[int, Watch](), list[tuple[int, _Calls]]()
    for number in range(WEEKS):
        week, tuesday = ClimateWeek(climate, number), number - FIRST
        calls = _Calls(state, np.full(len(state), -np.inf), held, luck.random(len(state)), works)
        noise = luck.normal(0, NOISE, len(state))
        if 0 <= tuesday < TUESDAYS:
            calls = _Calls(state, _score(state, week, noise), held, calls.luck, works)
            watches[tuesday] = Watch(len(state))
        state, happened = live_on(state, week, fate, calls)
        if 0 <= tuesday < TUESDAYS:
            found.append((tuesday, calls))
        for watch in watches.values():
            watch.see(happened)
    return _joined(world, found, watches, held)


def _score(s: Subscribers, week: ClimateWeek, noise: Floats) -> Floats:
    """Log odds of leaving within the week, as a model has them; -inf for who is not asked about."""
    asked = (s.status == ACTIVE) | (s.status == PAUSED)
    chance = np.clip(hazards(s, week).cancel, 1e-6, 1 - 1e-6)
    return np.where(asked, np.log(chance / (1 - chance)) + noise, -np.inf)


def _listed(s: Subscribers, score: Floats) -> Mask:
    """The likeliest tenth to leave, but for those whom we called lately."""
    asked = np.isfinite(score)
    if not asked.any():
        return asked
    return asked & (score >= np.quantile(score[asked], 1 - LISTED_SHARE)) & (s.rested > QUIET_WEEKS)


class _Calls:
    """Instead of the world's own contacts: `listed` are called unless they are `held` out or left the day before."""

    def __init__(self, s: Subscribers, score: Floats, held: Mask, luck: Floats, works: Works) -> None:
        self.listed, self.held, self.luck, self.helps = _listed(s, score), held, luck, works(s)
        self.called = self.reached = np.zeros_like(self.listed)
        self.p = 1 - (1 - 1 / (1 + np.exp(-score))) ** HORIZON_WEEKS
        self.group, self.boxes = group_of(s), HORIZON_WEEKS * (1 - s.slack) * np.where(s.fortnightly, 0.5, 1.0)

    def __call__(self, s: Subscribers, week: ClimateWeek, moves: Moves, fate: np.random.Generator) -> ContactWeek:
        own = contacting.contact(s, week, moves, fate)  # draws what it always draws
        self.called = self.listed & ~self.held & (moves.day > CALL_DAY)
        # Who is fond of us picks up the phone: comparing the reached with the others compares fond with others.
        self.reached = self.called & (self.luck < np.where(s.warmth > -0.3, 0.75, 0.25))
        consent = np.where(own.changed, ~own.consent, own.consent)
        return own._replace(
            called=self.called, day=np.full_like(own.day, CALL_DAY), channel=np.full_like(own.channel, PHONE),
            reached=self.reached & self.helps, changed=own.changed & False, consent=consent,
        )  # fmt: skip


def _joined(world: World, found: list[tuple[int, _Calls]], watches: dict[int, Watch], held: Mask) -> ListedRows:
    parts = []
    for tuesday, calls in found:
        came, removed = watches[tuesday].labels(world.country, world.first_day + 7 * (FIRST + tuesday))["cancellation"]
        kept = np.flatnonzero(calls.listed & ~removed)
        told = (came.astype(float), held, calls.called, calls.reached, calls.p, calls.group, calls.boxes)
        parts.append((kept, np.full(len(kept), tuesday), *(one[kept] for one in told)))
    return ListedRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
