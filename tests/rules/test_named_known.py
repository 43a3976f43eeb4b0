"""What a definition reaches by name is there: a typo is told when definitions are collected, with the nearest name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from scv.errors import UnknownName
from scv.events import country as countries
from scv.events.country import DAYS
from scv.folds.fold import Condition
from scv.targets.target import TARGETS, Clause, Target

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


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda one: one.name)
def test_every_target_can_be_asked_of_every_country(target: Target) -> None:
    for country in countries.known().values():
        assert target.sentence(country) and target.decided_days(country) > 0
        assert country.days(target.horizon) > 0 and set(target.settings) <= set(country.__struct_fields__)


def test_settings_that_count_days_are_whole_numbers() -> None:
    for country in countries.known().values():
        assert all(isinstance(getattr(country, name), int) for name in DAYS)
