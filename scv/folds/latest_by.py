"""The newest word on each date: the only fold that looks ahead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from scv.events.arrival import Arrival
from scv.folds.fold import Fold, Window
from scv.folds.newest import sql_stamp, stamp

KEPT_DAYS = 35
Word = tuple[int, int, int, str]
ByDate = dict[int, Word]


@dataclass(frozen=True)
class LatestBy(Fold):
    """Number of dates on which the newest event says `equals`.

    `field` is a date in the payload (a delivery); per date the newest event (`scv.folds.newest`) decides, its word
    is its kind. So a skip clicked weeks ahead counts until it is undone. Without a window it counts the
    dates from `at`'s day on, with one those of the window before that day, or of the open week ahead. Dates more
    than 35 days back are dropped.
    """

    equals: str = field(default="", kw_only=True)
    tiled = False
    field_types = ("date",)
    reach = KEPT_DAYS
    looks_ahead = True
    sql_merges = "list"
    sample_parameters: ClassVar[dict[str, Any]] = {"equals": "skipped"}

    def alone(self, arrival: Arrival) -> ByDate:
        return {self.value(arrival): (*stamp(arrival), arrival.kind)}

    def merge(self, left: ByDate, right: ByDate) -> ByDate:
        merged = dict(left)
        for day, stamped in right.items():
            merged[day] = min(_word(merged[day]), _word(stamped)) if day in merged else stamped
        return merged

    def read(self, state: ByDate | None, at_day: int, window: Window | None) -> int:
        said = ((day, stamped[3]) for day, stamped in (state or {}).items() if day >= at_day - KEPT_DAYS)
        if window is None:
            return sum(word == self.equals and day >= at_day for day, word in said)
        days = window.days(at_day)
        return sum(word == self.equals and day in days and (window.ahead or day < at_day) for day, word in said)

    def prune(self, state: ByDate | None, clock_day: int) -> ByDate | None:
        return state and {day: stamped for day, stamped in state.items() if day >= clock_day - KEPT_DAYS}

    def state_key(self) -> tuple[Any, ...]:
        return ("ByDate", 2, self.field, self.kinds, self.where)

    def key(self) -> str:
        return repr((type(self).__name__, type(self).version, self.state_key(), self.equals))

    def sql_enter(self) -> str:
        entry = f"{{'on': \"{self.field}\", 'said': {{{sql_stamp(self.kinds)}, 'kind': kind}}}}"
        return f"list({entry}) FILTER ({self.condition()})"

    def sql_read(self, state: str, window: Window | None) -> str:
        reach = window.sql("e.on") if window else "e.on >= at_day"
        reach += " AND e.on < at_day" if window and not window.ahead else ""
        said = f"flatten({state})"
        newest = f"[e FOR e IN {said} IF e.on >= at_day - {KEPT_DAYS} AND {reach}]"
        wins = f"len(list_filter({said}, lambda o: o.on = e.on AND o.said < e.said)) = 0"
        counts = f"list_filter(list_distinct({newest}), lambda e: e.said.kind = '{self.equals}' AND {wins})"
        return f"coalesce(len({counts}), 0)::BIGINT"


def _word(stored: Word) -> Word:
    """One that compares: msgpack gives tuples back as lists."""
    occurred, seen, rank, kind = stored
    return occurred, seen, rank, kind
