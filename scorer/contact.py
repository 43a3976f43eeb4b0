"""Whether a customer may be contacted on our own initiative: one rule for the live reply and for the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from scorer.hold_out import held_out
from scv.events.calendar import day_of, to_date, to_us
from scv.events.country import Country
from scv.fetchers import roles
from scv.targets import box

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
    channels = channels_of(values, country)
    reason = _suppressed(values, country, channels)
    if reason:
        return Contact("SUPPRESSED", reason, channels)
    if held_out(salt, country, customer_id, at):
        return Contact("HELD_OUT", "held out this season to measure the effect of contact", channels)
    return Contact("OK", "", channels)


def channels_of(values: Mapping[str, Any], country: Country) -> tuple[str, ...]:
    """Channels whose newest consent is given."""
    if country.consent == "not recorded":
        return ("not recorded",)
    return tuple(channel for channel, name in sorted(roles.CONSENT.items()) if values.get(name) == 1)


def _suppressed(values: Mapping[str, Any], country: Country, channels: tuple[str, ...]) -> str:
    if values.get(roles.STATE) == "cancelled":
        return "already cancelled"
    if not channels:
        return "no consent on any channel"
    since = values.get(roles.CONTACTED_AGO)
    if since is not None and since < country.quiet_days:
        return f"contacted {since} days ago; quiet for {country.quiet_days} days"
    if (values.get(roles.COMPLAINTS) or 0) > (values.get(roles.CLOSED) or 0):
        return "open complaint"
    return ""


def last_contact(values: Mapping[str, Any], country: Country, at: datetime) -> date | None:
    """The local day of the newest contact; None if never contacted."""
    since = values.get(roles.CONTACTED_AGO)
    return None if since is None else to_date(day_of(to_us(at), country.zone) - since)


def cut_off(country: Country, at: datetime, weekday: int | None) -> datetime | None:
    """Local midnight until which the customer's open box can be changed; None where no delivery day is known."""
    if weekday is None:
        return None
    return box.cut_off(box.open_at(at, weekday, country), country).astimezone(country.zone)
