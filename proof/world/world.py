"""A world: one country, so many customers, so many weeks, one seed. Everything else follows from it.

Customers live in chunks of `CHUNK`, each with random numbers of its own: any number of workers makes the same world,
and memory holds one chunk at a time. Weeks begin on Tuesdays at local midnight, the references of the weekly lists,
so that "the next week" of a hazard is the week after a reference, to the microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from scv.errors import UserError
from scv.events import calendar
from scv.events.country import Country

ENDS = date(2017, 10, 31)
"""A Tuesday; worlds end here, or later where the country's span leaves no room for their weeks before it."""
CHUNK = 5_000
"""Customers; part of what a seed means."""
EVERYONE = 2**32 - 1
"""In the place of a chunk: what all chunks share."""


@dataclass(frozen=True)
class World:
    """Raises UserError when the weeks do not fit into the country's span or a number makes no sense."""

    country: Country
    customers: int = 200
    weeks: int = 30
    seed: int = 7
    until: date | None = None
    """It ends on the newest Tuesday up to this local day; None: on `ENDS`."""

    def __post_init__(self) -> None:
        if self.customers < 1 or self.weeks < 2 or self.seed < 0:
            raise UserError("A simulation needs --customers >= 1, --weeks >= 2 and --seed >= 0.")
        room = (self.country.ends_on - self.country.starts_on).days // 7 - 2
        if self.weeks > room:
            code = self.country.code
            raise UserError(f"--weeks {self.weeks} does not fit into the span of {code}: at most {room} weeks do.")
        if self.until and not self._earliest <= self.ends_on <= self.country.ends_on:
            span = f"{self.country.starts_on} to {self.country.ends_on}"
            raise UserError(
                f"{self.weeks} weeks up to {self.ends_on} do not lie within the span of {self.country.code}, {span}: "
                "choose another --until, fewer --weeks, or mend the country's file."
            )

    @property
    def _earliest(self) -> date:
        return self.country.starts_on + timedelta(days=1, weeks=self.weeks)

    @property
    def ends_on(self) -> date:
        """The Tuesday on whose local midnight the world ends; every event is seen before it."""
        if self.until:
            return self.until - timedelta(days=(self.until - ENDS).days % 7)
        late = max(0, -(-(self._earliest - ENDS).days // 7))
        return ENDS + timedelta(weeks=late)

    @property
    def first_day(self) -> int:
        """The local day (since 1970) on which the first week begins."""
        return calendar.to_day(self.ends_on) - 7 * self.weeks

    def reference(self, week: int) -> datetime:
        """The instant at which a week (from 0) begins; that of `weeks` is the end of the world."""
        return calendar.midnight(calendar.to_date(self.first_day + 7 * week), self.country.zone)

    @property
    def end_us(self) -> int:
        return calendar.to_us(self.reference(self.weeks))

    @property
    def chunks(self) -> int:
        return -(-self.customers // CHUNK)

    def members(self, chunk: int) -> range:
        """The numbers of the customers of a chunk. Raises IndexError for a chunk that is not there."""
        if not 0 <= chunk < self.chunks:
            raise IndexError(f"chunk {chunk} of {self.chunks}")
        return range(chunk * CHUNK, min((chunk + 1) * CHUNK, self.customers))

    def random(self, chunk: int, purpose: str) -> np.random.Generator:
        """Random numbers of their own for each chunk and purpose; those of the chunk `EVERYONE` all chunks share."""
        key = (self.seed, *self.country.code.encode(), chunk, *purpose.encode())
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
