"""Where a customer stands with us at an instant: exactly one phase each."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

from scv.events.country import Basis, Country
from scv.features.array import Features, column, first_of, numbers, words
from scv.fetchers import roles
from scv.folds.subscriptions import ENDING, PAUSED, RUNNING

Phase = Literal["new", "established", "paused", "dormant", "left"]
PHASES: tuple[Phase, ...] = ("new", "established", "paused", "dormant", "left")
ACTIVE: tuple[Phase, ...] = ("new", "established")
NEEDS = (roles.SILENCE, roles.FIRST_ORDER, roles.STATE, roles.SUBSCRIBED)
"""Features that a phase is told from."""


class PhaseRule(msgspec.Struct, frozen=True, kw_only=True):
    """What of a country's settings decides: a bundle keeps it, so that it codes a phase as when it was trained."""

    basis: Basis
    active_days: int
    memory_days: int
    new_days: int

    @classmethod
    def of(cls, country: Country) -> PhaseRule:
        return cls(**{name: getattr(country, name) for name in cls.__struct_fields__})


Rule: TypeAlias = Country | PhaseRule


def phase(features: Features, rule: Rule) -> np.ndarray:
    """object[n] of Phase.

    Recorded: as the customer's subscriptions stand; while what is paid for runs out, boxes come, and the customer is
    active. Nobody is dormant, and who never started counts as left.
    Derived: from the last order; who never ordered, or not for longer than the memory, is left.
    """
    if rule.basis == "recorded":
        state = words(column(features, roles.STATE))
        new = numbers(column(features, roles.SUBSCRIBED)) < rule.new_days
        active = np.isin(state.astype(str), [*RUNNING, ENDING])
        rest = (state == PAUSED, "paused")
    else:
        silent = numbers(column(features, roles.SILENCE))
        new = numbers(column(features, roles.FIRST_ORDER)) < rule.new_days
        active = silent <= rule.active_days
        rest = (silent <= rule.memory_days, "dormant")
    return first_of((active & new, "new"), (active, "established"), rest, otherwise="left")
