"""On how many days something happened."""

from __future__ import annotations

from dataclasses import dataclass

from scv.fold import Window
from scv.folds.day_set import DaySet, DaySetFold, days_of, sql_days


@dataclass(frozen=True)
class ActiveDays(DaySetFold):
    """Number of different local days with an event; nothing entered reads 0."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int:
        return len(days_of(state, at_day, window))

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"coalesce(len({sql_days(state, window)}), 0)::BIGINT"
