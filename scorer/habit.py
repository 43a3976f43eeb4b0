"""The customer's own habit: how the usual value of a feature follows from others of the same customer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scv.features import fetcher
from scv.features.fetcher import Feature
from scv.folds import ActiveDays, DaysSince, DaysSinceFirst, GapMean

EVER = 10**6
"""Days: longer than anybody was a customer."""


@dataclass(frozen=True)
class Habit:
    """`needs` are features by full name; `usual` takes them in that order and gives None where the history is too short
    to say.
    """

    needs: tuple[str, ...]
    usual: Callable[..., float | None]


NO_HABIT = Habit((), lambda: None)


@functools.cache
def habit_of(full_name: str) -> Habit:
    """The habit that a feature's value is held against."""
    feature = _features()[full_name]
    family = fetcher.get(feature.fetcher).family
    kin = [one for other in fetcher.of_family(family) for one in other.features if one.fold.kinds == feature.fold.kinds]
    if isinstance(feature.fold, GapMean):
        return NO_HABIT if feature.window is None else _gap_habit(kin)
    return _gap_habit(kin) if isinstance(feature.fold, DaysSince) else _window_habit(feature, kin)


def _gap_habit(kin: Sequence[Feature]) -> Habit:
    """The mean gap as it is, or else the widest window's length over its number of active days."""
    for one in kin:
        if isinstance(one.fold, GapMean) and one.window is None:
            return Habit((one.full_name,), lambda gap: gap if gap and gap > 0 else None)
    widest = max((one for one in kin if isinstance(one.fold, ActiveDays) and one.window), key=_days, default=None)
    if widest is None:
        return NO_HABIT
    days = _days(widest)
    return Habit((widest.full_name,), lambda active: days / active if active and active > 0 else None)


def _window_habit(feature: Feature, kin: Sequence[Feature]) -> Habit:
    """From the same fold's whole life, or else its widest window: who is leaving has no habit in the last weeks."""
    same = [one for one in kin if one.fold.state_key() == feature.fold.state_key() and one.fetcher == feature.fetcher]
    wider = max((one for one in same if one.window and _days(one) > _days(feature)), key=_days, default=None)
    ever = next((one for one in same if one.window is None), None)
    tenures = [one.full_name for one in kin if isinstance(one.fold, DaysSinceFirst)][:1]
    total = ever if ever and tenures else wider
    if feature.window is None or total is None:
        return NO_HABIT
    own, whole = _days(feature), _days(total) or EVER

    def usual(amount: float | None, tenure: int | None = EVER) -> float | None:
        if amount is None or tenure is None or (days := min(tenure, whole)) < 2 * own:
            return None
        return amount * own / days

    return Habit((total.full_name, *tenures), usual)


def _days(feature: Feature) -> int:
    return feature.window.start - feature.window.end if feature.window else 0


@functools.cache
def _features() -> Mapping[str, Feature]:
    return fetcher.all_features()
