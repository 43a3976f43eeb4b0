"""Where a customer stands with us at an instant: exactly one phase each."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec
import numpy as np

from scv.features.array import Features, column, numbers, words
from scv.fetchers import roles

Phase = Literal["new", "established", "paused", "dormant", "left"]
PHASES: tuple[Phase, ...] = ("new", "established", "paused", "dormant", "left")
ACTIVE: tuple[Phase, ...] = ("new", "established")
NEEDS = (roles.SILENCE, roles.FIRST_ORDER, roles.STATE, roles.SUBSCRIBED)
"""Features that a phase is told from."""


class Rule(Protocol):
    """What of a country's settings decides; every Country is one."""

    @property
    def basis(self) -> Literal["recorded", "derived"]: ...
    @property
    def active_days(self) -> int: ...
    @property
    def memory_days(self) -> int: ...
    @property
    def new_days(self) -> int: ...


class PhaseRule(msgspec.Struct, frozen=True, kw_only=True):
    """Those settings alone: what a bundle keeps, so that it codes a phase as it did when it was trained."""

    basis: Literal["recorded", "derived"]
    active_days: int
    memory_days: int
    new_days: int

    @classmethod
    def of(cls, rule: Rule) -> PhaseRule:
        return cls(**{name: getattr(rule, name) for name in cls.__struct_fields__})


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
