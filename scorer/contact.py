"""Whether a customer may be contacted on our own initiative: one rule for the live reply and for the list.

Some are held out, never contacted, so that the effect of contact can be measured: a keyed hash of (season, country,
customer) below the country's share. It is drawn before any ranking, needs no state, stays the same for a season of 13
weeks and is drawn anew for the next.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from scv.events.calendar import day_of, to_us
from scv.events.contact import ASKED_NOT
from scv.events.country import Country
from scv.fetchers import roles
from scv.targets.population import GONE

WEEKS = 13
NEEDS = (
    *roles.CONSENT.values(), roles.STATE, roles.CONTACTED_AGO, roles.ASKED_NOT_AGO, roles.CONSENTED_AGO,
    roles.COMPLAINTS, roles.CLOSED,
)  # fmt: skip
"""Features that the rule reads."""

Policy = Literal["OK", "HELD_OUT", "SUPPRESSED"]


@dataclass(frozen=True)
class Contact:
    """The policy, why (empty if OK), and the channels with consent ("not recorded" where a country keeps none)."""

    policy: Policy
    reason: str
    channels: tuple[str, ...]


def contact_of(customer_id: str, values: Mapping[str, Any], country: Country, at: datetime, salt: str) -> Contact:
    """The contact policy of a customer whose values at `at` are given by full name.

    An erased customer has no values and is never asked about. Held out is drawn last, among the eligible.
    """
    if country.consent == "not recorded":
        channels: tuple[str, ...] = ("not recorded",)
    else:  # whose newest consent is given
        channels = tuple(channel for channel, name in sorted(roles.CONSENT.items()) if values.get(name) == 1)
    reason = _suppressed(values, country, channels)
    if reason:
        return Contact("SUPPRESSED", reason, channels)
    if held_out(salt, country, customer_id, at):
        return Contact("HELD_OUT", "held out this season to measure the effect of contact", channels)
    return Contact("OK", "", channels)


def _suppressed(values: Mapping[str, Any], country: Country, channels: tuple[str, ...]) -> str:
    if values.get(roles.STATE) in GONE:
        return GONE[values[roles.STATE]]
    if _asked_not(values):
        return ASKED_NOT
    if not channels:
        return "no consent on any channel"
    since = values.get(roles.CONTACTED_AGO)
    if since is not None and since < country.quiet_days:
        return f"contacted {since} days ago; quiet for {country.quiet_days} days"
    if (values.get(roles.COMPLAINTS) or 0) > (values.get(roles.CLOSED) or 0):
        return "open complaint"
    return ""


def _asked_not(values: Mapping[str, Any]) -> bool:
    """Did they ask not to be contacted, and give no consent on a later day?"""
    asked, consented = values.get(roles.ASKED_NOT_AGO), values.get(roles.CONSENTED_AGO)
    return asked is not None and (consented is None or consented >= asked)


@functools.lru_cache(maxsize=64)
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
