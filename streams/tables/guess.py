"""A first map of a table: what was seen in it, as comments, and what nobody but its owner knows, as questions.

Nothing that it writes is believed unread: an import refuses a map while one of its lines is still a question.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from scv.errors import UserError
from streams.tables import amounts, files, instants, mapping
from streams.tables.cells import BadCell, empty, text
from streams.tables.conventions import ColumnReadings
from streams.tables.files import Row
from streams.tables.mapping import ASKED

ROWS = 200_000
"""So many rows are looked at."""
_NAMES = {
    "customer_id": r"customer|client|user|member|e-?mail|buyer|account",
    "occurred_at": r"date|time|created|placed|(^|_)(at|ts|on)$",
    "amount_cents": r"amount|total|price|sales|revenue|paid|value|cost",
    "items": r"quantity|qty|units|items|pieces",
    "status": r"status|state$",
    "id": r"order|invoice|receipt|transaction|(^|[_ ])(id|no|number|#)$",
}
"""What a column for a field is often called, the surer field first."""
_WHAT = {"occurred_at": "times", "amount_cents": "numbers", "items": "numbers"}
_MANY = 20


class SeenColumn:
    """What stands in one column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = self.times = self.numbers = 0
        self.below_zero = False
        self.words = Counter[str]()
        self.order, self.decimal = ColumnReadings(), ColumnReadings()

    def add(self, value: object) -> None:
        if empty(value):
            return
        said = text(value)
        self.filled += 1
        self.words[said] += 1
        if self.words[said] > 1:
            return
        numbers = amounts.Amount(said).fits()
        self.times += bool(instants.moments(value))
        self.numbers += bool(numbers)
        self.below_zero |= any(number < 0 for number in numbers.values())
        self.order.add(value, "instant")
        self.decimal.add(value, "number")

    @property
    def what(self) -> str:
        """'times', 'numbers' or 'words': what nearly all of its different cells can be."""
        share = {"times": self.times, "numbers": self.numbers}
        return next((what for what, many in share.items() if many > 0.95 * len(self.words)), "words")

    def said(self) -> str:
        examples = ", ".join(json.dumps(word, ensure_ascii=False) for word, _ in self.words.most_common(3))
        return f"{self.name}: {self.filled:,} filled, {len(self.words):,} different, {self.what}, such as {examples}"


def guess(path: Path, given: Mapping[str, str]) -> str:
    """The text of a map for a table like this one, with the lines that are `given`.

    Raises UserError where it cannot be read.
    """
    (first, *_) = files.find([path])
    map = mapping.of(given)
    rows = [row for _, row in islice(files.TableFile(first, map).rows, ROWS) if not isinstance(row, BadCell)]
    if not rows:
        raise UserError(f"{first} has no rows.")
    columns = {name: SeenColumn(name) for name in dict.fromkeys(name for row in rows for name in row)}
    for row in rows:
        for name, column in columns.items():
            column.add(row.get(name))
    seen = [f"# Seen in {first.name}, {len(rows):,} rows:", *(f"#   {column.said()}" for column in columns.values())]
    told = [f"{name} = {_quoted(value)}" for name, value in given.items()]
    written = _preset(columns).splitlines() or _lines(columns, rows)
    own = [line for line in written if line.partition(" = ")[0] not in given]
    return "\n".join([*seen, "", *told, *own, ""])


def _preset(columns: Mapping[str, SeenColumn]) -> str:
    """The text of a preset all of whose columns are there; '' if none is."""
    for path in sorted(mapping.PRESETS.glob("*.toml")):
        answered = path.read_text(encoding="utf-8").replace(f'"{ASKED}"', '""')
        map = mapping.parse(answered)
        if {read.column for read in map.read()} <= set(columns):
            return f"# It looks like the preset {path.stem}:\n{path.read_text(encoding='utf-8')}"
    return ""


def _lines(columns: Mapping[str, SeenColumn], rows: Sequence[Row]) -> Iterator[str]:
    fields = _fields(columns)
    yield from _questions(fields, columns, rows)
    yield "\n[columns]"
    for field in ("id", "customer_id", "occurred_at"):
        if field in fields:
            yield f"{field} = {_quoted(fields[field])}"
        elif field != "id":
            yield f'{field} = "{ASKED}"  # which column?'
    yield "\n[events.placed]  # `cerebro schemas` lists the kinds of events and their fields"
    yield from _money(fields)
    if "status" in fields:
        yield f"\n[status]\ncolumn = {_quoted(fields['status'])}"
        yield '\n[status.words]  # what is such a row? ["placed"], ["order_cancelled"], … or [] for no event'
        for word, count in columns[fields["status"]].words.most_common(_MANY):
            yield f'{_quoted(word)} = "{ASKED}"  # in {count:,} rows'
        if columns[fields["status"]].filled < len(rows):
            yield f'"" = "{ASKED}"  # where it is empty'
    if "customer_id" in fields and columns[fields["customer_id"]].filled < len(rows):
        nobody = len(rows) - columns[fields["customer_id"]].filled
        yield f'\n[leave_out]\n{_quoted(fields["customer_id"])} = [""]  # of nobody: {nobody:,} rows'


def _fields(columns: Mapping[str, SeenColumn]) -> dict[str, str]:
    """Field → the column that most looks like it."""
    fields: dict[str, str] = {}
    for field, pattern in _NAMES.items():
        free = [column for column in columns.values() if column.name not in fields.values() and column.filled]
        named = [column for column in free if re.search(pattern, column.name.lower())]
        fit = [column for column in named if _fits(field, column)]
        if fit:
            fields[field] = min(fit, key=lambda column: _rank(field, column)).name
    return fields


def _fits(field: str, column: SeenColumn) -> bool:
    if field == "status":
        return column.what == "words" and len(column.words) <= _MANY
    return column.what == _WHAT[field] if field in _WHAT else column.what != "times" or bool(column.numbers)


def _rank(field: str, column: SeenColumn) -> tuple[int, ...]:
    """Ids before names, totals before parts, more filled before less."""
    name = column.name.lower()
    better = {
        "customer_id": r"id$",
        "id": r"order|invoice|receipt|transaction|session",
        "amount_cents": r"total|amount",
        "occurred_at": r"creat|order",
    }
    return (not re.search(better.get(field, "$."), name), -column.filled)


def _questions(fields: Mapping[str, str], columns: Mapping[str, SeenColumn], rows: Sequence[Row]) -> Iterator[str]:
    yield f'country = "{ASKED}"  # the country file that these events belong to, such as "GB"'
    at = columns.get(fields.get("occurred_at", ""))
    if at is not None and at.order.bare:
        yield f'zone = "{ASKED}"  # where the clock stood that wrote the times, such as "Europe/London" or "UTC"'
    if at is not None and _open(at.order):
        yield f'dates = "{ASKED}"  # "day first" or "month first"? {at.order.differ!r} fits both'
    for field in ("amount_cents", "items"):
        column = columns.get(fields.get(field, ""))
        if column is not None and _open(column.decimal):
            yield f'decimal = "{ASKED}"  # "." or ","? {column.decimal.differ!r} fits both'
            break
    if _repeats(fields, rows):
        yield f'rows = "{ASKED}"  # ids come again: "lines" sums the rows of an id, "events" takes each for itself'
    below = [field for field in ("amount_cents", "items") if field in fields and columns[fields[field]].below_zero]
    if below:
        yield f'negative = "{ASKED}"  # what rows below zero are: "returned", "refunded" or "order_cancelled"'


def _open(readings: ColumnReadings) -> bool:
    try:
        readings.settled()
    except BadCell:
        return True
    return False


def _repeats(fields: Mapping[str, str], rows: Iterable[Row]) -> bool:
    ids = Counter(text(row.get(fields["id"])) for row in rows) if "id" in fields else Counter[str]()
    return any(count > 1 for count in ids.values())


def _money(fields: Mapping[str, str]) -> Iterator[str]:
    amount, items = fields.get("amount_cents"), fields.get("items")
    if amount is None:
        yield f'amount_cents = "{ASKED}"  # which column? In whole currency units; minor = true for cents'
    elif items is not None and re.search("price|cost", amount.lower()):
        yield f"amount_cents = {{ column = {_quoted(amount)}, times = {_quoted(items)} }}"
    else:
        yield f"amount_cents = {_quoted(amount)}"
    if items is not None:
        yield f"items = {_quoted(items)}"


def _quoted(word: Any) -> str:
    return json.dumps(word, ensure_ascii=False)
