"""What a definition reaches by name is there: a typo is told when definitions are collected, with the nearest name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import trainer.search
import trainer.words
from scv.errors import BadSetting, UnknownName
from scv.events import country as countries
from scv.events.country import DAYS, Country
from scv.folds.fold import Condition
from scv.language import load
from scv.targets import population
from scv.targets.target import RECENCY, TARGETS, Clause, Target, of_country

RETURN = TARGETS["return"]


def looking(family: str = "orders", kind: str = "placed", end: str = "return_days", **more: Any) -> dict[str, Any]:
    return {"clauses": (Clause(family, (kind,), end, **more),)}


NO_AMOUNT: tuple[Condition, ...] = (("amount_cent", ">=", 1),)


@pytest.mark.parametrize(
    ("change", "nearest"),
    [
        ({"horizon": "return_day"}, "return_days"),
        ({"horizon": "capacity"}, "cut_off_days"),  # a setting, but it counts people
        ({"template": "an order in the next {retrun_days} days"}, "return_days"),
        ({"name": "retrun"}, "return"),
        (looking(end="horizon_day"), "horizon_days"),
        (looking(start="rythm_days"), "rhythm_days"),
        (looking(family="order"), "orders"),
        (looking(kind="place"), "placed"),
        (looking(where=NO_AMOUNT), "amount_cents"),
    ],
)
def test_a_target_with_a_typo_is_refused_when_it_is_declared(change: dict[str, Any], nearest: str) -> None:
    with pytest.raises(UnknownName, match=rf"{nearest}.*in target {change.get('name', 'return')}"):
        dataclasses.replace(RETURN, **change)


def test_a_target_compares_no_open_word() -> None:
    with pytest.raises(BadSetting, match=r"`box_size` of `placed` takes any word.*in target return"):
        dataclasses.replace(RETURN, **looking(where=(("box_size", "==", "large"),)))


def test_every_table_about_targets_has_each_of_them() -> None:
    """A new target is in all of them, or this says in which it is not; none speaks of one that there is not."""
    whole = {"rules": population.RULES, "words of a sheet": load("en").words["target"], "words": trainer.words.OUTCOME}
    assert {name: set(table) for name, table in whole.items()} == {name: set(TARGETS) for name in whole}
    assert {*trainer.search.TRIALS, *RECENCY} <= set(TARGETS)


@pytest.mark.parametrize("country", countries.known().values(), ids=lambda one: one.code)
def test_every_country_asks_for_targets_that_there_are(country: Country) -> None:
    assert of_country(country) and len(set(country.targets)) == len(country.targets)


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda one: one.name)
def test_every_target_can_be_asked_of_every_country(target: Target) -> None:
    for country in countries.known().values():
        assert target.sentence(country) and target.decided_days(country) > 0
        assert country.days(target.horizon) > 0 and set(target.settings) <= set(country.__struct_fields__)


def test_settings_that_count_days_are_whole_numbers() -> None:
    for country in countries.known().values():
        assert all(isinstance(getattr(country, name), int) for name in DAYS)
