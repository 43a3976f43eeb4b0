"""How many events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Fold, Window


@dataclass(frozen=True)
class Count(Fold):
    """How many events (with `field`: how many that have it). Nothing entered reads 0."""

    needs_field: ClassVar[bool] = False

    def enter(self, state: int | None, arrival: Arrival) -> int:
        return (state or 0) + 1

    def merge(self, left: int, right: int) -> int:
        return left + right

    def read(self, state: int | None, at_day: int, window: Window | None) -> int:
        return state or 0

    def sql_enter(self) -> str:
        return f"nullif(count(*) FILTER ({self.condition()}), 0)"

    def sql_merge(self, tile: str) -> str:
        return f"sum({tile})"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"coalesce({state}, 0)::BIGINT"
