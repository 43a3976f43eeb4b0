"""The smallest and the largest value of a whole-number field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Fold, Window


@dataclass(frozen=True)
class Min(Fold):
    """Smallest value of a whole-number field; nothing entered is missing."""

    field_types: ClassVar[tuple[str, ...]] = ("int",)

    def enter(self, state: int | None, arrival: Arrival) -> int:
        value: int = self.value(arrival)
        return value if state is None else min(state, value)

    def merge(self, left: int, right: int) -> int:
        return min(left, right)

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | None:
        return state

    def sql_enter(self) -> str:
        return f'min("{self.field}") FILTER ({self.condition()})'

    def sql_merge(self, tile: str) -> str:
        return f"min({tile})"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"{state}::BIGINT"


@dataclass(frozen=True)
class Max(Fold):
    """Largest value of a whole-number field; nothing entered is missing."""

    field_types: ClassVar[tuple[str, ...]] = ("int",)

    def enter(self, state: int | None, arrival: Arrival) -> int:
        value: int = self.value(arrival)
        return value if state is None else max(state, value)

    def merge(self, left: int, right: int) -> int:
        return max(left, right)

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | None:
        return state

    def sql_enter(self) -> str:
        return f'max("{self.field}") FILTER ({self.condition()})'

    def sql_merge(self, tile: str) -> str:
        return f"max({tile})"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"{state}::BIGINT"
