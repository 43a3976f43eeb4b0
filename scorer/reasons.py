"""Why a score is high, as sentences: one per theme, only what raises it, against the customer's own habit.

A model's contributions are in log-odds per column and add up within a theme. A derived column speaks through its first
input, so that the sentence is about something that happened. A fact is a reason only where it is off the habit by a
quarter and by something that people see; where nothing of the customer's own is, the strongest theme has a sentence.
Nothing is sayable unless its words say so, and some things never are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scorer.habit import habit_of
from scorer.theme import theme_of
from scorer.wording import worded
from scv.events.country import Country
from scv.features import derived, fetcher
from scv.features.fetcher import Feature
from scv.fetchers import roles
from scv.folds import DaysSince, GapMean
from scv.language import load
from scv.targets.target import get as target_named

NO_SINGLE_REASON = "no single reason"
FEWER = frozenset((roles.RHYTHM, roles.MONEY, roles.APP))
"""Themes of which less than usual makes leaving likelier."""
COMING_BACK = frozenset(("return", "reactivation"))
"""Targets that are about who comes back: what makes leaving likelier is no reason there."""
LEAST_SHARE, LEAST_UNITS = 0.25, 1.0
"""Off the habit by a quarter, and by one of what is counted: a day, an order, a unit of money."""
AT_MOST = {roles.WORST_STARS: 3}
"""A rating is a reason to leave up to so many stars."""


@dataclass(frozen=True)
class Reason:
    """`hint` is for the agent's screen; `sayable` may be said aloud, "" where nothing may. `feature` is the one that it
    is about, "" where it is about a `theme` as a whole."""

    theme: str
    feature: str
    hint: str
    sayable: str

    @property
    def fetcher(self) -> str:
        return self.feature.partition("__")[0]


def reasons_of(
    contributions: Mapping[str, float], values: Mapping[str, Any], country: Country, target: str, phase: str = ""
) -> tuple[Reason, ...]:
    """The reasons of one score, the strongest theme first; a theme's sentence where the customer gives no fact; none
    left: one reason that says so.

    `contributions` are log-odds by full column name, `values` the customer's values by full name.
    """
    themes: dict[str, dict[str, float]] = {}
    for column, weight in contributions.items():
        themes.setdefault(theme_of(column), {})[column] = weight
    pushing = {name: sum(weights.values()) for name, weights in themes.items()}
    ranked = sorted((one for one in pushing if pushing[one] > 0), key=lambda one: (-pushing[one], one))
    facts = [fact for name in ranked if (fact := _fact(themes[name], values, country, target))]
    if facts:
        return tuple(facts)
    told = ((name, _of_theme(name, country, target, phase)) for name in ranked if name != roles.OTHER)
    about, said = next(((name, text) for name, text in told if text), ("", NO_SINGLE_REASON))
    return (Reason(about, "", said, ""),)


def _fact(weights: Mapping[str, float], values: Mapping[str, Any], country: Country, target: str) -> Reason | None:
    """The strongest fact of a theme, if any of it is one."""
    speaking: dict[str, float] = {}
    for column, weight in weights.items():
        if (feature := speaker(column)) is not None:
            speaking[feature.full_name] = speaking.get(feature.full_name, 0.0) + weight
    for name in sorted(speaking, key=lambda one: (-speaking[one], one)):
        if speaking[name] > 0 and (found := _reason(_features()[name], values, country, target)):
            return found
    return None


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
    needed = {name for feature in speakers for name in (feature.full_name, *habit_of(feature.full_name).needs)}
    return tuple(sorted(needed))


def _reason(feature: Feature, values: Mapping[str, Any], country: Country, target: str) -> Reason | None:
    value, habit = values.get(feature.full_name), habit_of(feature.full_name)
    usual = habit.usual(*(values.get(name) for name in habit.needs))
    if value is None or isinstance(value, str) or not _is_off(feature, value, usual, country, target):
        return None
    aloud = "" if _silent(feature.fetcher) else feature.fold.sayable
    said, sayable = (worded(text, feature, value, usual, country) for text in (feature.fold.hint, aloud))
    return Reason(theme_of(feature.full_name), feature.full_name, said, sayable)


@functools.cache
def _silent(name: str) -> bool:
    """Is it a fetcher of whose family nothing is said aloud?"""
    return fetcher.get(name).family in roles.NEVER_SAYABLE


def _is_off(feature: Feature, value: float, usual: float | None, country: Country, target: str) -> bool:
    """Is the value a fact that people would call a reason? Off the habit on the side that makes the target likelier,
    or, where there is no habit to be off, something that happened and that speaks for leaving."""
    back, own = target in COMING_BACK, target_named(target).is_own
    if "{usual" not in feature.fold.hint:
        return not back and 0 < value <= AT_MOST.get(feature.full_name, value)
    if usual is None:
        return False
    unit = country.minor_units if feature.fold.unit == "cents" else 1
    off = value - usual
    if abs(off) < max(LEAST_SHARE * usual, LEAST_UNITS * unit):
        return False
    if own:  # whichever side of the habit speaks for it: the model says so
        return True
    if isinstance(feature.fold, DaysSince | GapMean):
        return (off < 0) if back else (off > 0)
    if theme_of(feature.full_name) in FEWER:
        return (off > 0) if back else (off < 0)
    return True


def _of_theme(name: str, country: Country, target: str, phase: str) -> str:
    """The sentence of a theme; "" where the language has none (a fetcher or a target of one's own)."""
    if target_named(target).is_own:
        return ""
    said = load(country.language).themes["coming back" if target in COMING_BACK else "leaving"]
    return said.get(f"{name}, {phase}", said.get(name, ""))


@functools.cache
def _features() -> Mapping[str, Feature]:
    return fetcher.all_features()


def sentences() -> Iterator[str]:
    """Every sentence that a definition has, once."""
    found = dict.fromkeys(text for one in _features().values() for text in (one.fold.hint, one.fold.sayable) if text)
    yield from found
