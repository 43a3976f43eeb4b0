"""Where a customer stands with us at an instant: exactly one phase each."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

from scv.events.country import Country
from scv.features.array import Features, column, numbers, words
from scv.fetchers import roles

Phase = Literal["new", "established", "paused", "dormant", "left"]
PHASES: tuple[Phase, ...] = ("new", "established", "paused", "dormant", "left")
ACTIVE: tuple[Phase, ...] = ("new", "established")
NEEDS = (roles.SILENCE, roles.FIRST_ORDER, roles.STATE, roles.SUBSCRIBED)
"""Features that a phase is told from."""


class PhaseRule(msgspec.Struct, frozen=True, kw_only=True):
    """What of a country's settings decides: a bundle keeps it, so that it codes a phase as when it was trained."""

    basis: Literal["recorded", "derived"]
    active_days: int
    memory_days: int
    new_days: int

    @classmethod
    def of(cls, country: Country) -> PhaseRule:
        return cls(**{name: getattr(country, name) for name in cls.__struct_fields__})


Rule: TypeAlias = Country | PhaseRule


def phase(features: Features, rule: Rule) -> np.ndarray:
    """object[n] of Phase.

    Recorded: what the newest lifecycle event says; nobody is dormant, and who never started counts as left.
    Derived: from the last order; who never ordered, or not for longer than the memory, is left.
    """
    return _recorded(features, rule) if rule.basis == "recorded" else _derived(features, rule)


def _recorded(features: Features, rule: Rule) -> np.ndarray:
    state = words(column(features, roles.STATE))
    new = numbers(column(features, roles.SUBSCRIBED)) < rule.new_days
    running = np.isin(state.astype(str), ["started", "resumed", "reactivated"])
    return _choose([running & new, running, state == "paused"], ["new", "established", "paused"])


def _derived(features: Features, rule: Rule) -> np.ndarray:
    silent = numbers(column(features, roles.SILENCE))
    new = numbers(column(features, roles.FIRST_ORDER)) < rule.new_days
    active = silent <= rule.active_days
    return _choose([active & new, active, silent <= rule.memory_days], ["new", "established", "dormant"])


def _choose(conditions: list[np.ndarray], phases: list[Phase]) -> np.ndarray:
    found = np.full(len(conditions[0]), "left", dtype=object)
    for condition, name in reversed(list(zip(conditions, phases, strict=True))):
        found[condition] = name
    return found
