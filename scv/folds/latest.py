"""What the newest event says: a value, or how far a date or a year in it lies from `at`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scv.events.arrival import Arrival
from scv.events.calendar import to_date
from scv.folds.fold import Dtype, Fold, Window
from scv.folds.newest import sql_stamp, stamp

Stamped = tuple[int, int, int, Any]


class Newest(Fold):
    """A fold that keeps one field of the newest event (`scv.folds.newest`); events without it do not enter."""

    version = 2
    sql_merges = "min"

    def alone(self, arrival: Arrival) -> Stamped:
        return *stamp(arrival), self.value(arrival)

    def merge(self, left: Stamped, right: Stamped) -> Stamped:
        return min(tuple(left), tuple(right))

    def sql_enter(self, entering: str) -> str:
        return f"min({{{sql_stamp(self.kinds)}, 'value': {self.sql_value()}}}) {entering}"


class Latest(Newest):
    """Value of the newest event; `field` may be `kind`: then it is that event's kind. Nothing entered is missing."""

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> Any:
        return None if state is None else state[3]

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"{state}.value"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "str" if self.field == "kind" or fields[self.field] == "str" else "int"


class DaysUntil(Newest):
    """Local days from `at` to the date in the newest event's field; negative once it is past."""

    field_types = ("date",)

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> int | None:
        return None if state is None else state[3] - at_day

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"({state}.value - at_day)::BIGINT"


class YearsSince(Newest):
    """Calendar years from the year in the newest event's field to `at`'s: an age."""

    field_types = ("int",)

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> int | None:
        return None if state is None else to_date(at_day).year - state[3]

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"(year(DATE '1970-01-01' + at_day::INTEGER) - {state}.value)::BIGINT"
