"""What every fold is: a small algebra over a customer's events, in Python and beside it in SQL.

A fold says which state an admitted event makes *alone*, how states *merge* (commutative, associative, `None` is
zero) and how a merged state *reads* at a local day. The stream uses those three; the batch uses the SQL of
the same three: an aggregate over a day's events, one over tiles, an expression over the result.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from scv.events.arrival import Arrival
from scv.events.country import Country

Dtype = Literal["int", "float", "str"]
Scalar = int | str
Condition = tuple[str, Literal["==", ">="], Scalar]


@dataclass(frozen=True)
class Window:
    """Local days `[D - start, D - end)` before the day D of `at`; `end` 0 reaches to `at` itself.

    With both below zero it looks ahead, and counts from the country's cut-off: `after` says which days those are.
    """

    start: int
    end: int = 0

    @property
    def ahead(self) -> bool:
        return self.start < 0

    def after(self, cut_off_days: int) -> Window:
        """The window in a country whose boxes close so many days before their delivery.

        >>> OPEN_WEEK.after(5), Window(28).after(5)
        (Window(start=-6, end=-13), Window(start=28, end=0))
        """
        return Window(self.start - cut_off_days, self.end - cut_off_days) if self.ahead else self

    def sql(self, day: str = "day") -> str:
        head = f" AND {day} < at_day - {self.end}" if self.end else ""
        return f"{day} >= at_day - {self.start}{head}"

    def days(self, at_day: int) -> range:
        """The local days inside at an instant of that local day; one that ends today has no last day.

        >>> Window(14, 7).days(100)
        range(86, 93)
        """
        return range(at_day - self.start, at_day - self.end if self.end else FAR_DAY)


FAR_DAY = 2**31
"""After every day."""
OPEN_WEEK = Window(-1, -8)
"""The seven delivery days from the first whose cut-off is still to come: one of them is that of the open box."""


@dataclass(frozen=True)
class Fold:
    """One aggregation of one kind of fact.

    `kinds` are the event kinds that enter (all of the family when empty), `where` are comparisons of
    payload fields, all of which must hold. Subclasses add their own parameters. `field_types` are the types
    a field may have (any when empty), `reads` fields that it reads besides, `reach` the longest window in days (None:
    any, 0: no window at all); with `remembers` it is also what the fold reads without a window, or the country's
    `memory_days` where that is more.
    A fold that `looks_ahead` is over dates that events name, and can be read over the open week. One that is not
    `tiled` keeps one state and cuts its windows itself; `sql_merges` names the aggregate of tiles.

    What it says of itself to people is part of no fingerprint: `doc` is a sentence for the catalogue, `hint` a reason
    for an agent's screen, `sayable` one that may be said aloud: whole sentences with {value}, {usual}, {days} (of the
    window) and forms of words, {value:order|orders}. `scv/languages` has them in other languages.
    """

    field: str = ""
    kinds: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)
    where: tuple[Condition, ...] = dataclasses.field(default=(), kw_only=True)
    doc: str = dataclasses.field(default="", kw_only=True, compare=False)
    unit: str = dataclasses.field(default="", kw_only=True, compare=False)
    hint: str = dataclasses.field(default="", kw_only=True, compare=False)
    sayable: str = dataclasses.field(default="", kw_only=True, compare=False)

    version: ClassVar[int] = 1
    tiled: ClassVar[bool] = True
    needs_field: ClassVar[bool] = True
    field_types: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    reach: ClassVar[int | None] = None
    remembers: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = False
    gives: ClassVar[Dtype] = "int"
    sql_merges: ClassVar[str] = ""
    sample_parameters: ClassVar[dict[str, Any]] = {}

    # -- the algebra (None is zero) ------------------------------------------------------------------------
    def alone(self, arrival: Arrival) -> Any:
        """The state of one admitted event."""
        raise NotImplementedError

    def merge(self, left: Any, right: Any) -> Any:
        """Two states as one; neither is None."""
        raise NotImplementedError

    def merged(self, states: Iterable[Any]) -> Any:
        """Any number of states as one; None among them is zero, and so is what comes of none. Folds that have a shorter
        way than one by one may take it."""
        found = [state for state in states if state is not None]
        return functools.reduce(self.merge, found) if found else None

    def read(self, state: Any, at_day: int, window: Window | None) -> Any:
        """The value of a merged state (None: nothing entered) at a local day; the window is one that `cut` gave."""
        raise NotImplementedError

    def cut(self, window: Window | None, country: Country) -> Window | None:
        """A feature's window as it is read in a country."""
        return window and window.after(country.cut_off_days)

    def prune(self, state: Any, clock_day: int, country: Country) -> Any:
        """The state without what no read of the country at or after the clock's day can see."""
        return state

    # -- the same as SQL -----------------------------------------------------------------------------------
    def sql_enter(self, entering: str) -> str:
        """An aggregate over the events of one customer and day; NULL is zero. `entering` is `sql_filter`'s."""
        raise NotImplementedError

    def sql_merge(self, tile: str) -> str:
        """An aggregate over the tiles in column `tile`; a FILTER with the window may follow it."""
        return f"{self.sql_merges}({tile})"

    def sql_settle(self, state: str) -> str:
        """What a merged state says at `at_day`, which is in scope: what all reads of the state share."""
        return state

    def sql_read(self, state: str, window: Window | None) -> str:
        """The value of a merged and settled state; `at_day` is in scope."""
        raise NotImplementedError

    # -- what follows from the parameters ------------------------------------------------------------------
    def dtype(self, fields: Mapping[str, str]) -> Dtype:
        return self.gives

    def takes(self, arrival: Arrival) -> bool:
        """Does this event enter?"""
        if self.kinds and arrival.kind not in self.kinds:
            return False
        values = arrival.values
        if self.field and self.field != "kind" and values.get(self.field) is None:
            return False
        for name, sign, value in self.where:
            if not _holds(arrival.kind if name == "kind" else values.get(name), sign, value):
                return False
        return True

    def value(self, arrival: Arrival) -> Any:
        return arrival.kind if self.field == "kind" else arrival.values[self.field]

    def sql_value(self) -> str:
        """`value` as SQL over the events."""
        return f'"{self.field}"'

    def sql_filter(self) -> str:
        """What leaves an aggregate the events that enter."""
        return f"FILTER ({self.condition()})"

    def condition(self) -> str:
        """`takes` as SQL over the events."""
        parts = []
        if self.kinds:
            parts.append("kind IN (" + ", ".join(literal(kind) for kind in self.kinds) + ")")
        if self.field and self.field != "kind":
            parts.append(f'"{self.field}" IS NOT NULL')
        parts += [f'"{name}" {sign} {literal(value)}' for name, sign, value in self.where]
        return " AND ".join(parts) or "true"

    def state_key(self) -> tuple[Any, ...]:
        """Folds with equal keys share one state in a row."""
        own = [(f.name, getattr(self, f.name)) for f in dataclasses.fields(self) if f.compare]
        return (type(self).__name__, type(self).version, *own)

    def key(self) -> str:
        """What this fold computes, as text: part of a fingerprint."""
        return repr((type(self).__name__, self.state_key()))

    # -- how definitions are written -----------------------------------------------------------------------
    def over(self, days: int) -> Windowed:
        """The last `days` local days and today so far."""
        return Windowed(self, {"": Window(days)})

    def each_week(self, weeks: int) -> Windowed:
        """One feature per week back: `_w1` is the last seven days and today so far."""
        return Windowed(self, {f"_w{k}": Window(7 * k, 7 * (k - 1)) for k in range(1, weeks + 1)})

    def each(self, *days: int) -> Windowed:
        """One feature per window: `_7d`, `_28d` …"""
        return Windowed(self, {f"_{n}d": Window(n) for n in days})

    def over_open_week(self) -> Windowed:
        """The arrivals of the seven days from the first that can still be changed."""
        return Windowed(self, {"": OPEN_WEEK})


@dataclass(frozen=True)
class Windowed:
    """A fold and its windows, by the suffix that each adds to the feature's name."""

    fold: Fold
    windows: Mapping[str, Window]


def _holds(found: Any, sign: str, value: Any) -> bool:
    return found is not None and (found == value if sign == "==" else found >= value)


def literal(value: Scalar) -> str:
    """A value as SQL text."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
