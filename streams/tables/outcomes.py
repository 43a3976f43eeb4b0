"""What people did with a list: the filled rows of a contacts sheet as events, and why the others are none.

An event's id is of its list and customer: the same sheet again gives the same events, which count once. What was taken
of a row stays: one that says something else later is refused, for events are not taken back.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, get_args

import msgspec

from scv import language
from scv.errors import UserError, did_you_mean
from scv.events.calendar import EPOCH, from_us, to_us
from scv.events.contact import NOT_REACHED, Channel, Disposition
from scv.events.country import Country
from scv.events.event import Outcome
from streams.tables.cells import BadCell, empty, identifier, text
from streams.tables.contact_sheet import FOR_PEOPLE, ContactSheet, SheetRow
from streams.tables.instants import ORDERS, Moment, instant_us, moments
from streams.tables.tally import Tally

TAKEN, BEFORE, REPEATED, UNFILLED = "taken", "taken before", "stands twice", "not filled in"
FINE = frozenset((TAKEN, BEFORE, REPEATED, UNFILLED))
"""What becomes of a row that needs nothing of anybody."""
SERIALS = (20_000, 80_000)
"""Days since 1899-12-30, as spreadsheets count them: of the years 1954 to 2119."""
FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's days have no zone


class KnownList(NamedTuple):
    """A list that was published: whose it is, when it was made, who stands on it, and what was taken of it before
    (event id → digest of what it says)."""

    country: Country
    reference: datetime
    customers: frozenset[str]
    before: Mapping[str, str]


class Moments(NamedTuple):
    """A country's now; `replayed`: is it a replay's, whose records say when they were seen?"""

    now: datetime
    replayed: bool


Lists = Callable[[str], KnownList]
"""A list by its id. Raises UserError for one that was never published, or was taken back."""
Clocks = Callable[[Country], Moments]


@dataclass
class SheetOutcomes:
    """`outcomes` are to be sent; `became`: row → a word above, or why it was refused; `tally` counts the refused."""

    outcomes: list[Outcome] = field(default_factory=list)
    became: dict[int, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    @property
    def counts(self) -> Counter[str]:
        """Rows by what became of them, refused ones by reason."""
        return Counter(self.became.values())


def outcomes(sheet: ContactSheet, name: str, lists: Lists, clocks: Clocks) -> SheetOutcomes:
    """Look at every row; `name` is the file's. Nothing is sent."""
    found, reading = SheetOutcomes(), _Reading(functools.cache(_told(lists)), functools.cache(clocks))
    order = reading.order(sheet.rows)
    said: dict[str, str] = {}
    for row in sheet.rows:
        found.tally.rows += 1
        try:
            word, event = reading.row(row, order, said)
        except BadCell as bad:
            found.became[row.number] = bad.reason
            found.tally.refuse(bad.reason, name, row.number, str(bad.value))
            continue
        found.became[row.number] = word
        if event is not None:
            found.outcomes.append(event)
    return found


def digest(one: Outcome) -> str:
    """16 hex digits of what an outcome says, whenever it was seen."""
    body = msgspec.json.encode(msgspec.structs.replace(one, seen_at=None), order="sorted")
    return hashlib.sha256(body).hexdigest()[:16]


def _told(lists: Lists) -> Callable[[str], KnownList | BadCell]:
    """A list, or why rows of it cannot be taken."""

    def told(id: str) -> KnownList | BadCell:
        try:
            return lists(id)
        except UserError as error:
            return BadCell(str(error), id)

    return told


@dataclass(frozen=True)
class _Reading:
    lists: Callable[[str], KnownList | BadCell]
    clocks: Clocks

    def order(self, rows: Sequence[SheetRow]) -> str | None:
        """Does the day come first in this sheet's dates, or the month? None where its dates fit both, or neither."""
        fitting = set(ORDERS)
        for one in rows:
            if isinstance(one.cells, BadCell) or empty(one.cells.get("contacted_at")):
                continue
            known = self.lists(text(one.cells.get("list_id")))
            if isinstance(known, KnownList) and (days := self._possible(one.cells["contacted_at"], known)):
                fitting &= set(days)
        return fitting.pop() if len(fitting) == 1 else None

    def row(self, row: SheetRow, order: str | None, said: dict[str, str]) -> tuple[str, Outcome | None]:
        """What becomes of a row. Raises BadCell."""
        cells = row.cells
        if isinstance(cells, BadCell):
            raise cells
        if all(empty(cells.get(name)) for name in FOR_PEOPLE):
            return UNFILLED, None
        known = self.lists(text(cells.get("list_id")))
        if isinstance(known, BadCell):
            raise BadCell(known.reason, known.value)
        event = self._outcome(cells, known, order)
        now, repeated = digest(event), event.id in said
        if said.setdefault(event.id, now) != now:
            raise BadCell("the customer stands twice, with different outcomes", event.customer_id)
        if known.before.get(event.id, now) != now:
            raise BadCell("another outcome was taken of this row before, and stays", event.customer_id)
        if event.id in known.before:
            return BEFORE, None
        return (REPEATED, None) if repeated else (TAKEN, event)

    def _outcome(self, cells: Mapping[str, Any], known: KnownList, order: str | None) -> Outcome:
        customer, list_id = _customer(cells.get("customer_id"), known), text(cells.get("list_id"))
        disposition = _word("disposition", cells.get("disposition"), get_args(Disposition))
        clock = self.clocks(known.country)
        try:
            return msgspec.convert(
                {
                    "kind": "outcome",
                    "id": _id(list_id, customer),
                    "country": known.country.code,
                    "customer_id": customer,
                    "occurred_at": from_us(self._when(cells.get("contacted_at"), known, order)),
                    "seen_at": clock.now if clock.replayed else None,
                    "list_id": list_id,
                    "channel": _word("channel", cells.get("channel"), get_args(Channel)),
                    "reached": disposition not in NOT_REACHED,
                    "disposition": disposition,
                    "offer_code": None if empty(cells.get("offer_code")) else text(cells.get("offer_code")),
                },
                Outcome,
            )
        except msgspec.ValidationError as error:
            raise BadCell(f"{error}", customer) from error

    def _when(self, cell: Any, known: KnownList, order: str | None) -> int:
        """When somebody was contacted (us): between the list's reference and now."""
        if empty(cell):
            raise BadCell("nobody says when: the day of contact is empty")
        possible = self._possible(cell, known)
        if not possible:
            raise BadCell(self._why_not(cell, known), cell)
        if len(set(possible.values())) > 1 and order not in possible:
            raise BadCell("day or month first? Write it as 2017-09-05", cell)
        return possible[order] if order in possible else next(iter(possible.values()))

    def _possible(self, cell: Any, known: KnownList) -> dict[str, int]:
        """Order of day and month → the instant (us) that the cell then names, of those that it can mean."""
        zone, now = known.country.zone, to_us(self.clocks(known.country).now)
        found = {order: _instant(one, known.country, now) for order, one in _read(cell).items()}
        first = to_us(known.reference.astimezone(zone))
        return {order: us for order, us in found.items() if first <= us <= now}

    def _why_not(self, cell: Any, known: KnownList) -> str:
        found = [_instant(one, known.country, to_us(self.clocks(known.country).now)) for one in _read(cell).values()]
        if not found:
            return "no day or time"
        return "before the list was made" if max(found) < to_us(known.reference) else "in the future"


def _instant(moment: Moment, country: Country, now: int) -> int:
    """A day that is today's is no later than now."""
    us, day = instant_us(moment, country.zone, False), moment.local.date()
    is_today = moment.day and day == from_us(now).astimezone(country.zone).date()
    return min(us, now) if is_today else us


def _read(cell: Any) -> dict[str, Moment]:
    """As `moments`; also a spreadsheet's own number of days, and a time that is midnight names a day."""
    serial = _serial(cell)
    found = moments(FIRST_DAY + serial if serial is not None else cell)
    midnight = {one.local.time() == EPOCH.time() and one.offset is None for one in found.values()}
    return {order: one._replace(day=True) for order, one in found.items()} if midnight == {True} else found


def _serial(cell: Any) -> timedelta | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    try:
        days = Decimal(str(cell).strip().replace(",", "."))
    except InvalidOperation:
        return None
    return timedelta(days=float(days)) if SERIALS[0] <= days < SERIALS[1] else None


def _customer(cell: Any, known: KnownList) -> str:
    """A customer of the list. Raises BadCell, with the id that a spreadsheet may have made this one of."""
    said = identifier(cell)
    for one in (said, said.removeprefix("'")):
        if one in known.customers:
            return one
    near = [one for one in known.customers if one.lstrip("0") == said.lstrip("0") and said.strip("0")]
    if near:
        raise BadCell(f"not on this list, but {near[0]!r} is: a spreadsheet took its zeros", said)
    raise BadCell("not on this list", said)


def _word(kind: str, cell: Any, words: Sequence[str]) -> str:
    if empty(cell):
        raise BadCell(f"{language.load(language.DEFAULT).columns[kind]!r} is empty")
    found = language.word_of(kind, text(cell))
    if found is None:
        near = did_you_mean(text(cell), words)
        raise BadCell(f"{language.load(language.DEFAULT).columns[kind]!r} is none of {', '.join(words)}.{near}", cell)
    return found


def _id(list_id: str, customer: str) -> str:
    """Of a list and a customer, and of nobody who could be told by it."""
    return "contact-" + hashlib.sha256(f"{list_id}\x1f{customer}".encode()).hexdigest()[:32]
