"""What a customer's active local days say: how many, how regular, how many weeks in a row.

The state is the newest day and a bitmap of the days up to it, as little-endian bytes: bit i stands for `newest - i`.
Statistics of gaps do not merge from tiles, so the days themselves are kept, as many as the country remembers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from scv.events.arrival import Arrival
from scv.events.country import Country
from scv.folds.fold import Fold, Window

REACH = 399
"""How many days back a country remembers at least."""
DaySet = tuple[int, bytes]


class DaySetFold(Fold):
    """A fold whose state is the set of days on which its events happened; folds over the same events share it."""

    tiled = False
    needs_field = False
    reach = REACH
    remembers = True

    def alone(self, arrival: Arrival) -> DaySet:
        return arrival.day, b"\x01"

    def merge(self, left: DaySet, right: DaySet) -> DaySet:
        if left[0] < right[0]:
            left, right = right, left
        return left[0], _bytes(_number(left[1]) | _number(right[1]) << (left[0] - right[0]))

    def cut(self, window: Window | None, country: Country) -> Window:
        return window or Window(_memory(country))

    def prune(self, state: DaySet | None, clock_day: int, country: Country) -> DaySet | None:
        if state is None:
            return None
        newest, bits = _within(state, clock_day, Window(_memory(country)))
        return (newest, _bytes(bits)) if bits else None

    def state_key(self) -> tuple[Any, ...]:
        return ("DaySet", 1, self.field, self.kinds, self.where)

    def key(self) -> str:
        return repr((type(self).__name__, type(self).version, self.state_key()))

    def sql_enter(self, entering: str) -> str:
        return f"nullif(count(*) {entering}, 0) > 0"

    def sql_merge(self, tile: str) -> str:
        return f"list(DISTINCT day) FILTER ({tile})"


def _memory(country: Country) -> int:
    return max(REACH, country.memory_days)


def _number(bits: bytes) -> int:
    return int.from_bytes(bits, "little")


def _bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _within(state: DaySet | None, at_day: int, window: Window | None) -> tuple[int, int]:
    """Newest day and bitmap of a set, only the days in the window left.

    Reads work on the bits: a customer has hundreds of days, and each of them is read several times.
    """
    if state is None:
        return at_day, 0
    newest, bits = state[0], _number(state[1])
    reach = window or Window(REACH)
    oldest = newest - (at_day - reach.start)
    bits &= (1 << oldest + 1) - 1 if oldest >= 0 else 0
    young = newest - (at_day - reach.end) + 1 if reach.end else 0
    return newest, bits >> young << young if young > 0 else bits


def _sql_days(state: str, window: Window | None) -> str:
    """The days in the window, oldest first, as SQL."""
    reach = window or Window(REACH)
    return f"list_sort([d FOR d IN {state} IF {reach.sql('d')}])"


@functools.lru_cache(maxsize=64)
def _gaps(bits: int) -> Sequence[int]:
    """The days from each active day to the next, oldest first: what lies between the ones of a bitmap. Remembered, for
    one read asks twice."""
    return [len(zeros) + 1 for zeros in bin(bits).rstrip("0")[3:].split("1")[:-1]] if bits else []


def _sql_gaps(state: str, window: Window | None) -> str:
    days = _sql_days(state, window)
    return f"list_transform(list_zip({days}[2:], {days}[:-2]), lambda pair: pair[1] - pair[2])"


class ActiveDays(DaySetFold):
    """Number of different local days with an event; nothing entered reads 0."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int:
        return _within(state, at_day, window)[1].bit_count()

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"coalesce(len({_sql_days(state, window)}), 0)::BIGINT"


class GapMean(DaySetFold):
    """Mean number of days from one active day to the next; missing below two active days."""

    gives = "float"

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> float | None:
        bits = _within(state, at_day, window)[1]
        days = bits.bit_count()
        return (bits.bit_length() - (bits & -bits).bit_length()) / (days - 1) if days > 1 else None

    def sql_read(self, state: str, window: Window | None) -> str:
        days = _sql_days(state, window)
        return f"CASE WHEN len({days}) > 1 THEN ({days}[-1] - {days}[1])::DOUBLE / (len({days}) - 1) END"


class GapSd(DaySetFold):
    """Standard deviation (n - 1) of those gaps; missing below three active days."""

    gives = "float"

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> float | None:
        gaps = _gaps(_within(state, at_day, window)[1])
        n = len(gaps)
        if n < 2:
            return None
        return math.sqrt((n * sum(g * g for g in gaps) - sum(gaps) ** 2) / (n * (n - 1)))

    def sql_read(self, state: str, window: Window | None) -> str:
        gaps = _sql_gaps(state, window)
        squares = f"list_sum(list_transform({gaps}, lambda g: g * g))"
        spread = f"(len({gaps}) * {squares} - list_sum({gaps}) * list_sum({gaps}))::DOUBLE"
        return f"CASE WHEN len({gaps}) > 1 THEN sqrt({spread} / (len({gaps}) * (len({gaps}) - 1))) END"


class GapLongest(DaySetFold):
    """Longest of those gaps in days; missing below two active days."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int | None:
        return max(_gaps(_within(state, at_day, window)[1]), default=None)

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"list_max({_sql_gaps(state, window)})::BIGINT"


class WeekStreak(DaySetFold):
    """How many weeks in a row, counted back from `at`, have an active day; nothing entered reads 0."""

    def read(self, state: DaySet | None, at_day: int, window: Window | None) -> int:
        newest, bits = _within(state, at_day, window)
        ago = at_day - 1 - newest  # today's bit, if it is there, counts with yesterday's week
        back = bits << ago if ago >= 0 else bits >> -ago | bool(bits & (1 << -ago) - 1)
        weeks = 0
        while back >> 7 * weeks & 0x7F:
            weeks += 1
        return weeks

    def sql_read(self, state: str, window: Window | None) -> str:
        back = f"list_transform({_sql_days(state, window)}, lambda d: greatest(at_day - 1 - d, 0) // 7)"
        weeks = f"list_sort(list_distinct({back}))"
        return f"coalesce(len(list_filter({weeks}, lambda w, i: w = i - 1)), 0)::BIGINT"
