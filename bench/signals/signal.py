"""What moves an invented customer, by group: the state from which the engine draws, and whether events show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from proof.world import climate as climates
from proof.world.climate import ClimateWeek
from proof.world.engine import live_on
from proof.world.subscribers import Floats, Subscribers, birth
from proof.world.world import World

State = Callable[[Subscribers, ClimateWeek], dict[str, Floats]]
FAR_DAYS = 400
"""In the place of a day that does not come."""


@dataclass(frozen=True)
class Signal:
    """`of` gives its columns float64[n] at the beginning of a week. `shown`: whoever sees every event could know them;
    the others act on events and are never said."""

    name: str
    shown: bool
    of: State


def _fields(names: str, s: Subscribers, _: ClimateWeek) -> dict[str, Floats]:
    return {name: np.asarray(getattr(s, name), dtype=np.float64) for name in names.split()}


def _stage(s: Subscribers, week: ClimateWeek) -> dict[str, Floats]:
    days = {"in_state": week.day - s.since, "pause_ends_in": s.until - week.day, "ends_in": s.ends - week.day}
    kept = {name: np.clip(value, -FAR_DAYS, FAR_DAYS).astype(np.float64) for name, value in days.items()}
    return kept | _fields("status age returns forced eaten source", s, week)


def _boxes(s: Subscribers, week: ClimateWeek) -> dict[str, Floats]:
    ahead = {f"ahead{box}": s.ahead[:, box].astype(np.float64) for box in range(s.ahead.shape[1])}
    return ahead | _fields("slack fed cut_off", s, week)


def _week(s: Subscribers, week: ClimateWeek) -> dict[str, Floats]:
    shared = {"mood_of_the_week": week.mood, "rise": week.rise}
    away = {"away": np.asarray(week.away(s.cut_off, 0), dtype=np.float64)}
    return away | {name: np.full(len(s), value, dtype=np.float64) for name, value in shared.items()}


SIGNALS: Sequence[Signal] = (
    Signal("stage of life", True, _stage),
    Signal("boxes skipped", True, _boxes),
    Signal("prices and vouchers", True, partial(_fields, "sting perks perk bereft")),
    Signal("disappointments", True, partial(_fields, "grumble")),
    Signal("unpaid boxes", True, partial(_fields, "unpaid")),
    Signal("contacts", True, partial(_fields, "comfort nudged rested")),
    Signal("season and week", True, _week),
    Signal("mood", False, partial(_fields, "mood warmth")),
    Signal("frailty", False, partial(_fields, "frailty")),
    Signal("taste, thrift, patience, habits", False, partial(
        _fields, "taste thrift patience habit busy fortnightly broke"
    )),
)  # fmt: skip
"""Of `disappointments` events show what happened; how sore it makes this customer they do not. Counted as shown."""


def states(world: World, chunk: int, weeks: Sequence[int]) -> Iterator[tuple[Subscribers, ClimateWeek]]:
    """How the customers of a chunk stand at the beginning of each of `weeks`, which ascend."""
    s, fate, climate = birth(world, chunk), world.random(chunk, "fate"), climates.of(world)
    for number in range(max(weeks) + 1):
        week = ClimateWeek(climate, number)
        if number in weeks:
            yield s, week
        s, _ = live_on(s, week, fate)
