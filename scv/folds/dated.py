"""How far a date, a year or a weekday that the newest event names lies from `at`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from scv.events.calendar import first_of, to_date
from scv.folds.fold import Dtype, Window
from scv.folds.latest import Latest, Stamped


@dataclass(frozen=True)
class DaysUntil(Latest):
    """Local days from `at` to the date in the newest event's field; negative once it is past."""

    field_types: ClassVar[tuple[str, ...]] = ("date",)

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> int | None:
        return None if state is None else state[2] - at_day

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"({state}.value - at_day)::BIGINT"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "int"


@dataclass(frozen=True)
class YearsSince(Latest):
    """Calendar years from the year in the newest event's field to `at`'s: an age."""

    field_types: ClassVar[tuple[str, ...]] = ("int",)

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> int | None:
        return None if state is None else to_date(at_day).year - state[2]

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"(year(DATE '1970-01-01' + at_day::INTEGER) - {state}.value)::BIGINT"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "int"


@dataclass(frozen=True)
class DaysUntilWeekday(Latest):
    """Local days from `at` to the next day of the weekday (0: Monday) in the newest event's field: 1 to 7.

    Over the open week it is the delivery of that weekday whose cut-off comes next, and the days until that cut-off.
    """

    tiled: ClassVar[bool] = False
    field_types: ClassVar[tuple[str, ...]] = ("int",)
    reach: ClassVar[int | None] = 0
    looks_ahead: ClassVar[bool] = True

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> int | None:
        first = at_day - window.start if window else at_day + 1
        return None if state is None else first_of(state[2], first) - first + 1

    def sql_read(self, state: str, window: Window | None) -> str:
        first = f"at_day - {window.start}" if window else "at_day + 1"
        return f"((({state}.value - ({first}) - 3) % 7 + 7) % 7 + 1)::BIGINT"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "int"
