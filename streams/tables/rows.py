"""A row of a table becomes lines of events: fields in their units, not yet summed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from scv.errors import UnknownName
from scv.events import event, money
from scv.events.country import Country
from streams.tables import amounts, cells, instants
from streams.tables.cells import BadCell
from streams.tables.conventions import Conventions
from streams.tables.files import Row
from streams.tables.mapping import KINDS, Map, Origin

Line = dict[str, Any]
"""Fields of one event, as one row tells them. Whole numbers come as millionths, for sums to be exact; `span_us` holds
the instants of fields that are spans."""
MILLION = 1_000_000
_LARGEST = 10**12
_IDS = ("id", "customer_id", "order_id", "subscription_id")
UTC = ZoneInfo("UTC")


class LeftOut(Exception):
    """A row that is no event, as the map says; the message is the reason."""


class RowReader:
    """Reads rows by a map; `country` gives a country by its code."""

    def __init__(self, map: Map, conventions: Conventions, country: Callable[[str], Country]) -> None:
        self._map, self._conventions, self._country = map, conventions, country
        self._fields = {kind: map.fields(kind) for kind in map.kinds()}
        self._words = {word.casefold(): kinds for word, kinds in map.status.words.items()} if map.status else {}
        self._left_out = {name: {word.casefold() for word in words} for name, words in map.leave_out.items()}
        self._main = map.kinds()[0]
        self._shared = {read.column for read in map.read() if read.what != "number"} if map.rows == "lines" else set()
        self._last: Row = {}

    def lines(self, row: Row) -> list[Line]:
        """The events that a row belongs to. Raises BadCell, LeftOut."""
        row = self._filled(row)
        for column, words in self._left_out.items():
            said = "" if cells.empty(row.get(column)) else cells.text(row.get(column))
            if said.casefold() in words:
                raise LeftOut(f"{column}: {said or 'empty'}")
        lines = [line for kind in self._kinds(row) if (line := self._line(kind, row)) is not None]
        if not lines:
            raise LeftOut(f"no time of {' or '.join(self._kinds(row))}")
        return lines

    def _filled(self, row: Row) -> Row:
        """With what an order's first line says for all of them, where a further line leaves it out; no numbers."""
        where = self._fields[self._main].get("id")
        if not self._shared or where is None:
            return row
        if row.get(where.column) == self._last.get(where.column):
            row = row | {name: self._last.get(name) for name in self._shared if cells.empty(row.get(name))}
        self._last = row
        return row

    def order(self, row: Row) -> str | None:
        """The id that a row's lines have, where they are summed: without one of them the sum is wrong."""
        where = self._fields[self._main].get("id")
        if self._map.rows != "lines" or where is None or cells.empty(_cell(where, row)[1]):
            return None
        try:
            return cells.identifier(_cell(where, row)[1])
        except BadCell:
            return None

    def _kinds(self, row: Row) -> tuple[str, ...]:
        if self._map.status is None:
            return tuple(self._map.events) or (self._main,)
        column = self._map.status.column
        said = "" if cells.empty(row.get(column)) else cells.text(row.get(column))
        if said.casefold() not in self._words:
            raise BadCell(f"{column}: a word that [status] does not have", said)
        kinds = self._words[said.casefold()]
        if not kinds:
            raise LeftOut(f"{column}: {said or 'empty'}")
        return kinds

    def _line(self, kind: str, row: Row) -> Line | None:
        """None for an event with a column of its own for its time, where that is empty."""
        fields = self._fields[kind]
        if cells.empty(_cell(fields["occurred_at"], row)[1]) and "occurred_at" in self._map.events.get(kind, {}):
            return None
        line: Line = {"kind": kind}
        place = self._place(fields.get("country"), row)
        line["country"] = place.code
        paid_in = cells.text(row.get(self._map.currency)).upper() if self._map.currency else ""
        if paid_in not in ("", place.currency):
            raise BadCell(f"{self._map.currency}: not the country's currency, {place.currency}", paid_in)
        for field, where in fields.items():
            if field != "country":
                try:
                    self._put(line, field, where, row, place)
                except BadCell as bad:
                    raise BadCell(f"{field}: {bad.reason}", bad.value) from bad
        for field, name in (("id", "id"), ("customer_id", "customer_id"), ("occurred_at", "occurred_us")):
            if field in fields and line.get(name) is None:
                raise BadCell(f"{field}: empty")
        return self._signed(line)

    def _place(self, where: Origin | None, row: Row) -> Country:
        """The country of a row. Raises UnknownName for the map's own."""
        if where is None:
            return self._country(self._map.country)
        code = self._value("country", where, row, None)
        try:
            return self._country(str(code))
        except UnknownName as error:
            raise BadCell("country: unknown" if code else "country: empty", code) from error

    def _put(self, line: Line, field: str, where: Origin, row: Row, place: Country) -> None:
        if where.span:
            line["span_us"] = self._instant(where, row)
        elif field in ("occurred_at", "seen_at"):
            line[f"{field[:-3]}_us"] = self._instant(where, row)
        else:
            line[field] = self._value(field, where, row, place, line["kind"])

    def _instant(self, where: Origin, row: Row) -> int | None:
        (column, value), conventions = _cell(where, row), self._conventions
        if cells.empty(value):
            return None
        moment = instants.moment(value, conventions.order[column])
        return instants.instant_us(moment, conventions.zone or UTC, column in conventions.days)

    def _value(self, field: str, where: Origin, row: Row, place: Country | None, kind: str = "") -> Any:
        if not where.column:
            return where.value
        column, value = _cell(where, row)
        if where.words:
            return _worded(value, where.words)
        if cells.empty(value):
            return None
        if field in _IDS:
            return cells.identifier(value)
        declared = event.payload(KINDS[kind]).get(field) if kind else "str"
        if declared == "int" and place is not None:
            return self._number(field, where, row, place)
        if declared == "bool":
            return cells.truth(value)
        if declared == "date" and place is not None:
            moment, zone = instants.moment(value, self._conventions.order[column]), self._conventions.zone or UTC
            return instants.local_day(moment, zone, column in self._conventions.days, place.zone)
        return cells.text(value)

    def _number(self, field: str, where: Origin, row: Row, place: Country) -> int:
        """In millionths of the field's unit: of the smallest coin for money."""
        marks, currency = self._conventions.decimal, place.currency if field.endswith("_cents") else ""
        column, value = _cell(where, row)
        found = amounts.number(value, marks[column], currency)
        if isinstance(where.times, str):
            factor = row.get(where.times)
            found *= Decimal(0) if cells.empty(factor) else amounts.number(factor, marks[where.times])
        else:
            found *= Decimal(repr(where.times))
        if currency and not where.minor:
            found *= 10 ** money.digits(place.currency)
        millionths = found * MILLION
        if not abs(millionths) < _LARGEST * MILLION:
            raise BadCell("no number that can be meant", value)
        return int(millionths.to_integral_value())

    def _signed(self, line: Line) -> Line:
        """A row below zero is of the kind that the map has for it; what is given back has no sign."""
        below = [name for name in ("amount_cents", "items") if (line.get(name) or 0) < 0]
        if issubclass(KINDS[line["kind"]], event.AfterOrder):
            return line | {name: abs(line[name]) for name in below}
        if not below or line["kind"] != self._main:
            return line
        if not self._map.negative:
            raise BadCell(
                f'{below[0]}: below zero (a return? write `negative = "returned"` in the map)',
                Decimal(line[below[0]]) / MILLION,
            )
        takes = event.payload(KINDS[self._map.negative])
        kept = {
            name: value for name, value in line.items() if name in takes or name not in event.payload(KINDS[self._main])
        }
        return (
            kept
            | {"kind": self._map.negative}
            | {name: abs(line[name]) for name in ("amount_cents", "items") if line.get(name) is not None}
        )


def _cell(where: Origin, row: Row) -> tuple[str, Any]:
    """The column that a value comes from in a row, and what stands there."""
    column = where.otherwise if where.otherwise and cells.empty(row.get(where.column)) else where.column
    return column, row.get(column)


def _worded(value: object, words: Mapping[str, str | int | bool]) -> Any:
    """None for an empty cell that the map has no word for."""
    said = "" if cells.empty(value) else cells.text(value)
    folded = {word.casefold(): meant for word, meant in words.items()}
    if not said and "" not in folded:
        return None
    if said.casefold() not in folded:
        raise BadCell("a word that the map does not have", said)
    return folded[said.casefold()]
