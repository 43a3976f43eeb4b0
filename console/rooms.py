"""What the console asks of other rooms, as its command hands it in: values for pages, and the few things that it does.

An edge knows no other edge: what weeks, dead letters or a broker are is told here by what is asked of them. Every call
may raise CerebroError, in the command line's sentences; nothing is started or opened before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pages.page import Block
from scv.events.country import Country

Fields = dict[str, Any]
"""JSON values by name."""


class EventDoor(Protocol):
    """Takes events into their topics."""

    def take(self, records: Sequence[bytes]) -> tuple[list[Fields], list[tuple[str, str]]]:
        """Look at each, send all or none, and wait until they are safe: where each lies, in the order given, and the
        fields that nobody reads (JSON pointer, why). Raises BadEvents, Busy or Unreachable."""


class WeekBoard(Protocol):
    """The published Tuesdays of countries."""

    def weeks(self, country: Country) -> list[Fields]:
        """Every week, the newest first: date, list_id, target, counts, models, files, why_not, …"""

    def rows(self, country: Country, at: datetime) -> list[Fields]:
        """The rows of the target that a week's list is by, as the sheet has them, listed ones first. Raises UserError
        for a week that is not published, NoWeek for one that may not be used."""

    def past(self, country: Country, customer_id: str, most: int) -> list[Fields]:
        """What the newest weeks said of a customer, oldest first, a row for each target: date, probability, …"""

    def file(self, country: Country, at: datetime, name: str) -> bytes:
        """A file of a week, as it was published. Raises UserError for one that it has not."""

    def movers(self, country: Country, at: datetime) -> list[Fields]:
        """Who rose most, then who fell most, since the week before."""

    def recheck(self, country: Country, at: datetime) -> dict[str, str]:
        """Customers of a week's list who must not be contacted any more → why."""

    def withdraw(self, country: Country, at: datetime) -> Fields:
        """Take a week back."""


class LetterDesk(Protocol):
    """The dead letters."""

    def piles(self) -> list[Fields]:
        """How many wait and were sent again, by family and reason."""

    def letters(self, families: Sequence[str], reasons: Sequence[str], most: int) -> list[Fields]:
        """The newest that wait, with all that they hold."""

    def send(self, families: Sequence[str], reasons: Sequence[str], anyway: bool) -> Fields:
        """Send those again that would be taken now: `sent` and `left` by reason, and `why`."""


@dataclass(frozen=True)
class Rooms:
    """Everything that is asked of others.

    `status` tells how it stands; `worth` how right a country's past lists were, as blocks of a page; `report` is the
    same as a document of its own. `sheet` takes a contacts sheet that came back (a file, how it was called, and whether
    only to look): what became of each row. `shadows` compares a target's shadow with its champion (None: nothing to
    compare). `portrait` puts a customer's values into words, by theme and beside the customer's habit.
    `alerts` are those of the last day, newest first.
    """

    status: Callable[[], Fields]
    door: EventDoor
    board: WeekBoard
    letters: LetterDesk
    worth: Callable[[Country], Sequence[Block]]
    report: Callable[[Country], str]
    sheet: Callable[[Path, str, bool], Fields]
    shadows: Callable[[Country, str], Mapping[str, Any] | None]
    portrait: Callable[[Mapping[str, Any]], list[Fields]]
    alerts: Callable[[], list[Fields]]
