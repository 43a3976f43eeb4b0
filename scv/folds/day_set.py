"""The set of a customer's active local days: the state that several folds read.

The newest day and a bitmap of the 400 days up to it, as little-endian bytes: bit i stands for `newest - i`.
Statistics of gaps do not merge from tiles, so the days themselves are kept.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Fold, Window

BITS = 400
_MASK = (1 << BITS) - 1
DaySet = tuple[int, bytes]
_ONE = b"\x01"


class DaySetFold(Fold):
    """A fold whose state is the set of days on which its events happened."""

    tiled: ClassVar[bool] = False
    needs_field: ClassVar[bool] = False
    reach: ClassVar[int | None] = BITS - 1

    def enter(self, state: Any, arrival: Arrival) -> DaySet:
        return (arrival.day, _ONE) if state is None else self.merge(state, (arrival.day, _ONE))

    def merge(self, left: Any, right: Any) -> DaySet:
        if left[0] < right[0]:
            left, right = right, left
        bits = _number(left[1]) | _number(right[1]) << (left[0] - right[0])
        bits &= _MASK
        return left[0], bits.to_bytes((bits.bit_length() + 7) // 8, "little")

    def state_key(self) -> tuple[Any, ...]:
        return ("DaySet", 1, self.field, self.kinds, self.where)

    def key(self) -> str:
        return repr((type(self).__name__, type(self).version, self.state_key()))

    def sql_enter(self) -> str:
        return f"nullif(count(*) FILTER ({self.condition()}), 0) > 0"

    def sql_merge(self, tile: str) -> str:
        return f"list(DISTINCT day) FILTER ({tile})"


def _number(bits: bytes) -> int:
    return int.from_bytes(bits, "little")


def within(state: DaySet | None, at_day: int, window: Window | None) -> tuple[int, int]:
    """Newest day and bitmap of a set, only the days in the window left; never older than the bitmap is long.

    Reads work on the bits: a customer has hundreds of days, and each of them is read several times.
    """
    if state is None:
        return at_day, 0
    newest, bits = state[0], _number(state[1])
    reach = window or Window(BITS - 1)
    oldest = newest - (at_day - reach.start)
    bits &= (1 << oldest + 1) - 1 if oldest >= 0 else 0
    young = newest - (at_day - reach.end) + 1 if reach.end else 0
    return newest, bits >> young << young if young > 0 else bits


def sql_days(state: str, window: Window | None) -> str:
    """The days in the window, oldest first, as SQL."""
    reach = window or Window(BITS - 1)
    return f"list_sort([d FOR d IN {state} IF {reach.sql('d')}])"
