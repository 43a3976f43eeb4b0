"""The demo's two countries, where their events are and the Tuesdays at which it stops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from scv.events import calendar
from scv.events.country import Country

FROZEN = date(2017, 9, 5)
"""The Tuesday of the list: the champion is what was known then."""
LAST = date(2017, 10, 31)
"""The last Tuesday whose 56-day label is final before the data ends."""
END = date(2017, 12, 28)
"""All of those labels are mature: 56 days after LAST, and the late allowance."""


@dataclass(frozen=True)
class Shop:
    """A country and its event file."""

    country: Country
    path: Path

    def at(self, day: date) -> datetime:
        """Local midnight that starts a day."""
        return calendar.midnight(day, self.country.zone)

    def tuesdays(self, first: date, last: date) -> list[datetime]:
        return [self.at(day) for day in calendar.tuesdays(first, last)]
