"""The sum of a whole-number field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Dtype, Fold, Window


@dataclass(frozen=True)
class Sum(Fold):
    """Sum of a whole-number field, divided by `per` when read. Nothing entered reads 0.

    Whole numbers only: a sum of floats depends on the order of the events.
    """

    per: int = field(default=1, kw_only=True)
    field_types: ClassVar[tuple[str, ...]] = ("int", "bool")

    def enter(self, state: int | None, arrival: Arrival) -> int:
        return (state or 0) + self.value(arrival)

    def merge(self, left: int, right: int) -> int:
        return left + right

    def read(self, state: int | None, at_day: int, window: Window | None) -> int | float:
        return (state or 0) if self.per == 1 else (state or 0) / self.per

    def sql_enter(self) -> str:
        return f'(sum("{self.field}") FILTER ({self.condition()}))::BIGINT'

    def sql_merge(self, tile: str) -> str:
        return f"sum({tile})"

    def sql_read(self, state: str, window: Window | None) -> str:
        total = f"coalesce({state}, 0)::BIGINT"
        return total if self.per == 1 else f"({total})::DOUBLE / {self.per}"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "int" if self.per == 1 else "float"
