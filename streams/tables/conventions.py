"""How the cells of each column are to be read: what the table itself settles, and what somebody has to say.

Day or month first, point or comma: where one value of a column fits only one reading, all of the column is read so.
Where every value fits both, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from scv.errors import UserError, did_you_mean
from streams.tables import amounts, instants
from streams.tables.cells import BadCell, empty
from streams.tables.files import TableFile
from streams.tables.mapping import Map

_KNOWN = 100_000
"""Different cells of a column that are remembered, so that each is looked at once."""


class Conventions(NamedTuple):
    """`order`: column → which of two numbers is the day. `decimal`: column → its mark. `days`: columns whose times are
    all midnight, so that they name days. `zone`: of times without offset; None where there is none.
    """

    order: dict[str, str | None]
    decimal: dict[str, str | None]
    days: frozenset[str]
    zone: ZoneInfo | None

    def said(self) -> list[str]:
        """How columns are read, where somebody might want to know."""
        marks = {",": "decimal comma", ".": "decimal point"}
        said = [f"{column}: {order}" for column, order in self.order.items() if order]
        said += [f"{column}: {marks[mark]}" for column, mark in self.decimal.items() if mark]
        return said + [f"{column}: days; what happens on one happens at noon" for column in sorted(self.days)]


class ColumnReadings:
    """What the cells of one column allow."""

    def __init__(self) -> None:
        self.readings: set[str] | None = None
        self.differ = ""
        self.timed = self.bare = False
        self._known: set[object] = set()

    def add(self, value: object, what: str) -> None:
        """Look at a cell that is to be an instant, a day or a number."""
        if value in self._known or empty(value):
            return
        if len(self._known) < _KNOWN:
            self._known.add(value)
        fits = _fits(value, what)
        if not fits:
            return  # a bad cell, counted when it is read
        if len(fits) == 1 or len(set(fits.values())) > 1:
            self.differ = self.differ or str(value)
            self.readings = set(fits) if self.readings is None else self.readings & set(fits)
        for moment in fits.values():
            if isinstance(moment, instants.Moment):
                self.bare |= moment.offset is None
                self.timed |= moment.offset is not None or (
                    not moment.day and moment.local.time().isoformat() != "00:00:00"
                )

    def settled(self) -> str | None:
        """The only reading; None where none is needed. Raises BadCell where it has to be given."""
        if self.readings is None:
            return None
        if len(self.readings) == 1:
            return next(iter(self.readings))
        raise BadCell("both" if self.readings else "neither", self.differ)


def look(tables: Iterable[TableFile], map: Map) -> Conventions:
    """Read everything once. Raises UserError for columns that there are not, and for what the map has to say."""
    wanted = list(dict.fromkeys((read.column, read.what) for read in map.read()))
    evidence = {one: ColumnReadings() for one in wanted if one[1] != "word"}
    for table in tables:
        names: set[str] = set()
        for _, row in table.rows:
            if isinstance(row, BadCell):
                continue
            names |= row.keys()
            for (column, what), seen in evidence.items():
                seen.add(row.get(column), what)
        _check_columns(names, table, map)
    return _settle(evidence, map)


def _fits(value: object, what: str) -> dict[str, Any]:
    if what != "number":
        return dict(instants.moments(value))
    return dict(amounts.Amount(value.strip()).fits()) if isinstance(value, str) else {}


def _check_columns(names: set[str], table: TableFile, map: Map) -> None:
    for read in map.read():
        if names and read.column not in names:
            near = did_you_mean(read.column, names)
            raise UserError(
                f"{table.path} has no column {read.column!r}, which the map reads for {read.field}.{near} It has: "
                f"{', '.join(sorted(names))}."
            )


def _settle(evidence: dict[tuple[str, Any], ColumnReadings], map: Map) -> Conventions:
    order: dict[str, str | None] = {}
    decimal: dict[str, str | None] = {}
    for (column, what), seen in evidence.items():
        if what in ("instant", "day"):
            order[column] = map.dates or _given(seen, column, 'dates = "day first"` or `dates = "month first"')
        elif what == "number":
            decimal[column] = map.decimal or _given(seen, column, 'decimal = "."` or `decimal = ","')
    timed = [(column, what, seen) for (column, what), seen in evidence.items() if what != "number" and seen.bare]
    bare = [column for column, what, seen in timed if what == "instant" or seen.timed]
    if bare and not map.zone:
        raise UserError(
            f"Column {bare[0]!r} has times without an offset: where did the clock stand that wrote them? Write "
            '`zone = "Europe/London"` in the map (`zone = "UTC"` where an export says so), or --set zone=….'
        )
    days = frozenset(column for column, _, seen in timed if not seen.timed)
    return Conventions(order, decimal, days, map.zone_of_times())


def _given(seen: ColumnReadings, column: str, lines: str) -> str | None:
    try:
        return seen.settled()
    except BadCell as undecided:
        many = "fits both readings" if undecided.reason == "both" else "is one of several that contradict each other"
        raise UserError(
            f"Column {column!r} can be read in two ways: {undecided.value!r} {many}. Write `{lines}` in the map, or "
            "give it with --set."
        ) from undecided
