"""How long ago the newest and the oldest event happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Fold, Window


@dataclass(frozen=True)
class DaysSince(Fold):
    """Local days from the newest event to `at`; nothing entered is missing."""

    tiled: ClassVar[bool] = False
    needs_field: ClassVar[bool] = False
    reach: ClassVar[int | None] = 0

    def enter(self, state: int | None, arrival: Arrival) -> int:
        return arrival.day if state is None else max(state, arrival.day)

    def merge(self, left: int, right: int) -> int:
        return max(left, right)

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | None:
        return None if state is None else at_day - state

    def sql_enter(self) -> str:
        return f"max(day) FILTER ({self.condition()})"

    def sql_merge(self, tile: str) -> str:
        return f"max({tile})"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"(at_day - {state})::BIGINT"


@dataclass(frozen=True)
class DaysSinceFirst(DaysSince):
    """Local days from the oldest event to `at`: tenure; nothing entered is missing."""

    def enter(self, state: int | None, arrival: Arrival) -> int:
        return arrival.day if state is None else min(state, arrival.day)

    def merge(self, left: int, right: int) -> int:
        return min(left, right)

    def sql_enter(self) -> str:
        return f"min(day) FILTER ({self.condition()})"

    def sql_merge(self, tile: str) -> str:
        return f"min({tile})"
