"""Regularity: the gaps between a customer's active days."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scv.folds.day_set import DaySet, DaySetFold, sql_days, within
from scv.folds.fold import Dtype, Window


def _gaps(state: DaySet | None, at_day: int, window: Window | None) -> list[int]:
    """The gaps, oldest first: what lies between the ones of the bitmap."""
    bits = within(state, at_day, window)[1]
    return [len(zeros) + 1 for zeros in bin(bits).rstrip("0")[3:].split("1")[:-1]] if bits else []


def _sql_gaps(state: str, window: Window | None) -> str:
    days = sql_days(state, window)
    return f"list_transform(list_zip({days}[2:], {days}[:-2]), lambda pair: pair[1] - pair[2])"


@dataclass(frozen=True)
class GapMean(DaySetFold):
    """Mean number of days from one active day to the next; missing below two active days."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> float | None:
        bits = within(state, at_day, window)[1]
        days = bits.bit_count()
        return (bits.bit_length() - (bits & -bits).bit_length()) / (days - 1) if days > 1 else None

    def sql_read(self, state: str, window: Window | None) -> str:
        days = sql_days(state, window)
        return f"CASE WHEN len({days}) > 1 THEN ({days}[-1] - {days}[1])::DOUBLE / (len({days}) - 1) END"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "float"


@dataclass(frozen=True)
class GapSd(DaySetFold):
    """Standard deviation (n - 1) of those gaps; missing below three active days."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> float | None:
        gaps = _gaps(state, at_day, window)
        n = len(gaps)
        if n < 2:
            return None
        return math.sqrt((n * sum(g * g for g in gaps) - sum(gaps) ** 2) / (n * (n - 1)))

    def sql_read(self, state: str, window: Window | None) -> str:
        gaps = _sql_gaps(state, window)
        squares = f"list_sum(list_transform({gaps}, lambda g: g * g))"
        spread = f"(len({gaps}) * {squares} - list_sum({gaps}) * list_sum({gaps}))::DOUBLE"
        return f"CASE WHEN len({gaps}) > 1 THEN sqrt({spread} / (len({gaps}) * (len({gaps}) - 1))) END"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "float"


@dataclass(frozen=True)
class GapLongest(DaySetFold):
    """Longest of those gaps in days; missing below two active days."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int | None:
        return max(_gaps(state, at_day, window), default=None)

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"list_max({_sql_gaps(state, window)})::BIGINT"


@dataclass(frozen=True)
class WeekStreak(DaySetFold):
    """How many weeks in a row, counted back from `at`, have an active day; nothing entered reads 0."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int:
        newest, bits = within(state, at_day, window)
        ago = at_day - 1 - newest  # today's bit, if it is there, counts with yesterday's week
        back = bits << ago if ago >= 0 else bits >> -ago | bool(bits & (1 << -ago) - 1)
        weeks = 0
        while back >> 7 * weeks & 0x7F:
            weeks += 1
        return weeks

    def sql_read(self, state: str, window: Window | None) -> str:
        back = f"list_transform({sql_days(state, window)}, lambda d: greatest(at_day - 1 - d, 0) // 7)"
        weeks = f"list_sort(list_distinct({back}))"
        return f"coalesce(len(list_filter({weeks}, lambda w, i: w = i - 1)), 0)::BIGINT"
