"""How many events, and how much of what they carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scv.events.arrival import Arrival
from scv.folds.fold import Dtype, Fold, Window


class Count(Fold):
    """How many events (with `field`: how many that have it). Nothing entered reads 0."""

    needs_field = False
    sql_merges = "sum"

    def alone(self, arrival: Arrival) -> int:
        return 1

    def merge(self, left: int, right: int) -> int:
        return left + right

    def merged(self, states: Iterable[int | None]) -> int | None:
        return sum(filter(None, states)) or None  # nothing and a sum of zero read alike

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | float:
        return state or 0

    def sql_enter(self, entering: str) -> str:
        return f"nullif(count(*) {entering}, 0)"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"coalesce({state}, 0)::BIGINT"


@dataclass(frozen=True)
class Sum(Count):
    """Sum of a whole-number field, divided by `per` when read. Nothing entered reads 0.

    Whole numbers only: a sum of floats depends on the order of the events.
    """

    per: int = field(default=1, kw_only=True)
    needs_field = True
    field_types = ("int", "bool")

    def alone(self, arrival: Arrival) -> int:
        return int(arrival.values[self.field])

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | float:
        return (state or 0) if self.per == 1 else (state or 0) / self.per

    def sql_enter(self, entering: str) -> str:
        return f'(sum("{self.field}") {entering})::BIGINT'

    def sql_read(self, state: str, window: Window | None) -> str:
        total = super().sql_read(state, window)
        return total if self.per == 1 else f"({total})::DOUBLE / {self.per}"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "int" if self.per == 1 else "float"
