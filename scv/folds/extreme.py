"""The largest and the smallest of numbers: of a field, and of the days on which something happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Fold, Window


class Max(Fold):
    """Largest value of a whole-number field; nothing entered is missing."""

    field_types: ClassVar[tuple[str, ...]] = ("int",)
    sql_merges = "max"
    chooses: ClassVar[Callable[..., Any]] = max

    def alone(self, arrival: Arrival) -> int:
        return int(arrival.values[self.field])

    def merge(self, left: int, right: int) -> Any:
        return self.chooses(left, right)

    def merged(self, states: Iterable[int | None]) -> Any:
        return self.chooses((state for state in states if state is not None), default=None)

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | None:
        return state

    def sql_enter(self, entering: str) -> str:
        return f"{self.sql_merges}({self.sql_value()}) {entering}"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"{state}::BIGINT"


class Min(Max):
    """Smallest value of a whole-number field; nothing entered is missing."""

    sql_merges = "min"
    chooses = min


class DaysSince(Max):
    """Local days from the newest event to `at`; nothing entered is missing."""

    tiled = False
    needs_field = False
    field_types = ()
    reach = 0

    def alone(self, arrival: Arrival) -> int:
        return arrival.day

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | None:
        return None if state is None else at_day - state

    def sql_value(self) -> str:
        return "day"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"(at_day - {state})::BIGINT"


class DaysSinceFirst(DaysSince):
    """Local days from the oldest event to `at`: tenure; nothing entered is missing."""

    sql_merges = "min"
    chooses = min
