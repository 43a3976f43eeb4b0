"""How many different values of a field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from scv.events.arrival import Arrival, hash64
from scv.folds.fold import Fold, Window


@dataclass(frozen=True)
class DistinctCount(Fold):
    """Number of different values: the `most` smallest 64-bit hashes, exact up to `most`, then saturated."""

    most: int = field(default=32, kw_only=True)
    sql_merges = "list"

    def alone(self, arrival: Arrival) -> list[int]:
        return [hash64(str(self.value(arrival)))]

    def merge(self, left: list[int], right: list[int]) -> list[int]:
        return sorted({*left, *right})[: self.most]

    def merged(self, states: Iterable[list[int] | None]) -> list[int] | None:
        return sorted(set[int]().union(*filter(None, states)))[: self.most] or None

    def read(self, state: list[int] | None, at_day: int, window: Window | None) -> int:
        return len(state or ())

    def sql_enter(self, entering: str) -> str:
        return f"list(DISTINCT md5_number_lower({self.sql_value()}::VARCHAR)) {entering}"

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"least(coalesce(len(list_distinct(flatten({state}))), 0), {self.most})::BIGINT"
