"""The boxes of a customer's subscriptions: which are skipped, and which one is open."""

from __future__ import annotations

from typing import Any, NamedTuple

from scv.events.calendar import first_of
from scv.folds.fold import FAR_DAY, Window
from scv.folds.newest import RANKS
from scv.folds.subscriptions import KEPT_DAYS, SKIPS, WEEKDAY, Standing, State, Subscriptions, standings

SKIPPED = -RANKS[SKIPS[0]]
"""In a stamp."""


class SkippedBoxes(Subscriptions):
    """Number of boxes (of one subscription, on one date) of which the newest word is that they are skipped.

    So a skip clicked weeks ahead counts until it is undone. Without a window it counts the dates from `at`'s day on,
    with one those of the window before that day, or of the open week ahead. Dates more than 35 days back are dropped.
    """

    reach = KEPT_DAYS
    looks_ahead = True

    def read(self, state: State | None, at_day: int, window: Window | None) -> int:
        days = window.days(at_day) if window else range(at_day, FAR_DAY)
        if window and not window.ahead:
            days = range(days.start, min(days.stop, at_day))
        return sum(len(_skipping(state, day)) for day in state or () if isinstance(day, int) and day in days)

    def sql_read(self, state: str, window: Window | None) -> str:
        reach = window.sql("x.delivery") if window else "x.delivery >= at_day"
        reach += " AND x.delivery < at_day" if window and not window.ahead else ""
        return f"coalesce(len([x FOR x IN {state}.skipped IF {reach}]), 0)::BIGINT"


def _skipping(state: State | None, day: int) -> list[str]:
    """The subscriptions whose box of a day is skipped."""
    return [name for name, word in (state or {}).get(day, {}).items() if word[2] == SKIPPED]


# -- the open box ------------------------------------------------------------------------------------------------


class OpenBox(NamedTuple):
    """A subscription's open box, in the order that makes the smallest the customer's own: all of that day are, so what
    is told of it never hangs on what a subscription is called."""

    skipped: bool
    day: int
    weekday: int


class _OfOpenBox(Subscriptions):
    """A fold that tells one thing of the customer's open box; missing where no weekday is known.

    Of the subscriptions that stand as the customer does each has its own, the delivery of its weekday in the open week
    (without a window: in the seven days from tomorrow on); it is skipped if any delivery of that week is. The
    customer's is the earliest that is not skipped, or the earliest.
    """

    looks_ahead = True

    def read(self, state: State | None, at_day: int, window: Window | None) -> Any:
        first = at_day - window.start if window else at_day + 1
        found = _open_boxes(state, standings(state, at_day), first)
        return self.tells(min(found), first) if found else None

    def tells(self, box: OpenBox, first: int) -> int:
        raise NotImplementedError

    def sql_tells(self, first: str) -> str:
        """Of the box `o`."""
        raise NotImplementedError

    def sql_read(self, state: str, window: Window | None) -> str:
        first = f"(at_day - {window.start})" if window else "(at_day + 1)"
        return f"list_transform([list_min({_sql_open_boxes(state, first)})], lambda o: {self.sql_tells(first)})[1]"


def _open_boxes(state: State | None, stand: list[Standing], first: int) -> list[OpenBox]:
    rank, weekdays = min((one.rank for one in stand), default=0), (state or {}).get(WEEKDAY, {})
    skipped = {name for day in range(first, first + 7) for name in _skipping(state, day)}
    names = [one.subscription for one in stand if one.rank == rank and one.subscription in weekdays]
    return [OpenBox(name in skipped, first_of(weekdays[name][5], first), weekdays[name][5]) for name in names]


def sql_open_box(state: str, first: str) -> str:
    """The subscriptions of which the customer's open box is; the state is settled."""
    same = "b.skipped = list_min(l).skipped AND b.day = list_min(l).day"
    return f"list_transform([{_sql_open_boxes(state, first)}], lambda l: [b.subscription FOR b IN l IF {same}])[1]"


def _sql_open_boxes(state: str, first: str) -> str:
    """A list of structs like `OpenBox`, each with its subscription."""
    own = f"list_min([y.stands FOR y IN {state}.stand])"
    names = f"[y.subscription FOR y IN {state}.stand IF y.stands = {own}]"
    week = f"x.delivery >= {first} AND x.delivery < {first} + 7"
    skipped = f"[x.subscription FOR x IN {state}.skipped IF {week}]"
    day = f"{first} + ((d.weekday - {first} - 3) % 7 + 7) % 7"
    box = f"""{{'skipped': list_contains({skipped}, d.subscription), 'day': {day},
        'weekday': d.weekday, 'subscription': d.subscription}}"""
    return f"[{box} FOR d IN {state}.days IF list_contains({names}, d.subscription)]"


class OpenBoxWeekday(_OfOpenBox):
    """The weekday of the customer's open box, 0 for Monday."""

    def tells(self, box: OpenBox, first: int) -> int:
        return box.weekday

    def sql_tells(self, first: str) -> str:
        return "o.weekday::BIGINT"


class OpenBoxSkipped(_OfOpenBox):
    """1 if the customer's open box is skipped, that is if every one of those that might be it is; else 0."""

    def tells(self, box: OpenBox, first: int) -> int:
        return int(box.skipped)

    def sql_tells(self, first: str) -> str:
        return "o.skipped::BIGINT"


class DaysUntilCutOff(_OfOpenBox):
    """Local days until the customer's open box closes, 1 to 7 (without a window: until it is delivered)."""

    def tells(self, box: OpenBox, first: int) -> int:
        return box.day - first + 1

    def sql_tells(self, first: str) -> str:
        return f"(o.day - {first} + 1)::BIGINT"
