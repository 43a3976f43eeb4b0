"""A country's "now": wall time, or the front of a replay. The only place that asks the machine for the time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from scv.errors import BadReference
from scv.events.calendar import from_us
from scv.events.country import Country

Mode = Literal["wall", "replay"]


def wall_us() -> int:
    """Microseconds since 1970, now."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Clock:
    """A country's clock as the store holds it.

    `front_us` is the newest watermark, or one microsecond after the newest applied `seen_at` if that is later;
    None before the first.
    """

    mode: Mode
    front_us: int | None

    def now_us(self) -> int | None:
        """The instant that this country lives in; None for a replay that has not begun."""
        return wall_us() if self.mode == "wall" else self.front_us

    @property
    def now(self) -> datetime | None:
        now = self.now_us()
        return None if now is None else from_us(now)


def live_at(clock: Clock, newest_row_us: int | None) -> datetime | None:
    """The instant of a live read: the clock, or just after the newest event applied to the customer."""
    after_row = None if newest_row_us is None or newest_row_us < 0 else newest_row_us + 1
    candidates = [us for us in (clock.now_us(), after_row) if us is not None]
    return from_us(max(candidates)) if candidates else None


def check_reference(at: datetime, now: datetime, country: Country) -> None:
    """Raise BadReference for a reference after a country's clock: what will be seen until then, nobody knows."""
    if at > now:
        wanted, stands = (one.astimezone(country.zone).isoformat() for one in (at, now))
        raise BadReference(
            f"The reference {wanted} lies after the clock of {country.code}, which stands at {stands}. "
            "Name an earlier one, or wait until the clock has come there (`cerebro replay` moves that of a replay)."
        )
