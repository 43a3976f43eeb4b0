"""How far a date or a year that the newest event names lies from `at`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from scv.calendar import to_date
from scv.fold import Dtype, Window
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
