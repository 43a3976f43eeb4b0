"""On how many days something happened."""

from __future__ import annotations

from dataclasses import dataclass

from scv.folds.day_set import DaySet, DaySetFold, sql_days, within
from scv.folds.fold import Window


@dataclass(frozen=True)
class ActiveDays(DaySetFold):
    """Number of different local days with an event; nothing entered reads 0."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int:
        return within(state, at_day, window)[1].bit_count()

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"coalesce(len({sql_days(state, window)}), 0)::BIGINT"
