"""Why a score is high, as sentences: one per fetcher, only what raises it, against the customer's own habit.

A model's contributions are in log-odds per column. A derived column speaks through its first input, so that the
sentence is about something that happened. Nothing is sayable unless its words say so, and some things never are.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scv.events.country import Country
from scv.features import derived, fetcher
from scv.features.fetcher import Feature
from scv.fetchers import roles
from scv.folds import ActiveDays, DaysSince, DaysSinceFirst, GapMean
from scv.folds.fold import Fold

NO_SINGLE_REASON = "no single reason"
EVER = 10**6
"""Days: longer than anybody was a customer."""
USUAL = re.compile(r"[;,]?\s*\(?[^;,(]*\{usual\}\)?")


@dataclass(frozen=True)
class Reason:
    """`hint` is for the agent's screen; `sayable` may be said aloud, "" where nothing may."""

    fetcher: str
    feature: str
    hint: str
    sayable: str


def reasons_of(contributions: Mapping[str, float], values: Mapping[str, Any], country: Country) -> tuple[Reason, ...]:
    """The reasons of one score, strongest first; none left: one reason that says so.

    `contributions` are log-odds by full column name, `values` the customer's values by full name.
    """
    weights: dict[str, float] = {}
    for column, weight in contributions.items():
        feature = speaker(column)
        if feature is not None:
            weights[feature.full_name] = weights.get(feature.full_name, 0.0) + weight
    found: dict[str, Reason] = {}
    for name in sorted(weights, key=lambda one: (-weights[one], one)):
        feature = _features()[name]
        if weights[name] <= 0 or feature.fetcher in found:
            continue
        reason = _reason(feature, values, country)
        if reason is not None:
            found[feature.fetcher] = reason
    return tuple(found.values()) or (Reason("", "", NO_SINGLE_REASON, ""),)


@functools.cache
def speaker(column: str) -> Feature | None:
    """The feature whose words speak for a column; None where no words do."""
    computed = derived.collect().get(column)
    feature = _features().get(computed.inputs[0] if computed else column)
    return feature if feature is not None and feature.fold.hint else None


@functools.lru_cache(maxsize=64)
def inputs_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The features whose values the sentences about these columns need."""
    speakers = [feature for feature in map(speaker, columns) if feature is not None]
    needed = {name for feature in speakers for name in (feature.full_name, *_habit(feature.full_name).needs)}
    return tuple(sorted(needed))


def _reason(feature: Feature, values: Mapping[str, Any], country: Country) -> Reason | None:
    value, usual = values.get(feature.full_name), _usual(feature, values)
    if value is None or isinstance(value, str) or not _off(feature, value, usual):
        return None
    fold, hint = feature.fold, feature.fold.hint
    if feature.window is not None and not feature.window.end:
        hint = hint.replace(" lately", f" in the last {feature.window.start} days")
    aloud = "" if _silent(feature.fetcher) else fold.sayable
    said, sayable = (_say(template, fold, value, usual, country) for template in (hint, aloud))
    return Reason(feature.fetcher, feature.full_name, said, sayable)


@functools.cache
def _silent(name: str) -> bool:
    """Is it a fetcher of whose family nothing is said aloud?"""
    return fetcher.get(name).family in roles.NEVER_SAYABLE


def _off(feature: Feature, value: float, usual: float | None) -> bool:
    """Is the value off the customer's habit, on the side that the sentence means? Never without a habit to compare."""
    if "{usual}" not in feature.fold.hint:
        return value > 0
    if usual is None:
        return False
    silence = isinstance(feature.fold, DaysSince)
    return round(value) > round(usual) if silence else round(value) < round(usual)


def _say(template: str, fold: Fold, value: float, usual: float | None, country: Country) -> str:
    if fold.unit == "cents":
        template = template.replace("{value} cents", "{value}")
    if usual is None:
        template = USUAL.sub("", template)
    shown = country.money if fold.unit == "cents" else _number
    return template.format(value=shown(value), usual="" if usual is None else shown(usual))


def _number(value: float) -> str:
    """A number for people: whole from two on."""
    return str(round(value)) if abs(value) >= 2 or value == round(value) else f"{value:.1f}"


# -- the customer's own habit --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Habit:
    """How the usual value of a feature follows from others of the same customer, `needs` by full name; `usual` takes
    them in that order and gives None where the history is too short to say.
    """

    needs: tuple[str, ...]
    usual: Callable[..., float | None]


NO_HABIT = Habit((), lambda: None)


def _usual(feature: Feature, values: Mapping[str, Any]) -> float | None:
    """The customer's own usual value; None where their history is too short to say."""
    habit = _habit(feature.full_name)
    return habit.usual(*(values.get(name) for name in habit.needs))


@functools.cache
def _habit(full_name: str) -> Habit:
    feature = _features()[full_name]
    family = fetcher.get(feature.fetcher).family
    kin = [one for other in fetcher.of_family(family) for one in other.features if one.fold.kinds == feature.fold.kinds]
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
