"""Who is held out: never contacted on our own initiative, so that the effect of contact can be measured.

A keyed hash of (season, country, customer) below the country's share. It is drawn before any ranking, needs no
state, stays the same for a season of 13 weeks and is drawn anew for the next.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from scv.events.calendar import day_of, to_us
from scv.events.country import Country

WEEKS = 13


def season(at: datetime, country: Country) -> int:
    """The number of the 13-week season in which a local day lies; seasons and their weeks begin on Tuesdays.

    >>> from datetime import UTC
    >>> from scv.events import country
    >>> ending, beginning = (season(datetime(2017, 8, day, 12, tzinfo=UTC), country.load("US")) for day in (28, 29))
    >>> ending == beginning
    True
    """
    week = (day_of(to_us(at), country.zone) + 2) // 7  # day 5 (1970-01-06) was a Tuesday
    return week // WEEKS


def held_out(salt: str, country: Country, customer_id: str, at: datetime) -> bool:
    """Is this customer held out in the season of `at`? `salt` is the company's secret of the draw."""
    message = f"{season(at, country)}\x1f{country.code}\x1f{customer_id}".encode()
    drawn = int.from_bytes(hmac.new(salt.encode(), message, hashlib.sha256).digest()[:8], "big")
    return drawn < country.held_out_share * 2**64
