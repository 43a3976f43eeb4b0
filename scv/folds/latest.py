"""The newest value of a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scv.events.arrival import Arrival
from scv.folds.fold import Dtype, Fold, Window

Stamped = tuple[int, str, Any]


@dataclass(frozen=True)
class Latest(Fold):
    """Value of the newest event by (`occurred_at`, id); events without the field do not enter.

    `field` may be `kind`: then the value is the newest event's kind. Nothing entered is missing.
    """

    def enter(self, state: Stamped | None, arrival: Arrival) -> Stamped:
        stamped = (arrival.occurred_us, arrival.id, self.value(arrival))
        return stamped if state is None else max(tuple(state), stamped)

    def merge(self, left: Stamped, right: Stamped) -> Stamped:
        return max(tuple(left), tuple(right))

    def read(self, state: Stamped | None, at_day: int, window: Window | None) -> Any:
        return None if state is None else state[2]

    def sql_enter(self) -> str:
        value = "kind" if self.field == "kind" else f'"{self.field}"'
        return f"max({{'occurred': occurred_us, 'id': id, 'value': {value}}}) FILTER ({self.condition()})"

    def sql_merge(self, tile: str) -> str:
        return f"max({tile})"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"{state}.value"

    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return "str" if self.field == "kind" or fields[self.field] == "str" else "int"
