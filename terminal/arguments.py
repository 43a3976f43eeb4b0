"""What many commands read from their command line: countries, dates and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scv.errors import UserError
from scv.events import calendar
from scv.events import country as countries
from scv.events.country import Country
from scv.settings import Settings


def the_countries(codes: Sequence[str], settings: Settings) -> list[Country]:
    """The countries of those codes, without repetition; all known ones when none is named."""
    folder = settings.countries_path
    if not codes:
        return list(countries.known(folder).values())
    return [countries.load(code, folder) for code in dict.fromkeys(codes)]


def the_references(dates: Sequence[str], country: Country, settings: Settings) -> list[datetime]:
    """The instants that `-d` names, in order; the country's clock now when there is none."""
    if dates:
        return sorted({calendar.reference(text, country) for text in dates})
    return [now(country, settings)]


def now(country: Country, settings: Settings) -> datetime:
    """A country's clock: wall time, or the front of its replay. Raises UserError before a replay began."""
    from scv.online.rowstore import RowStore
    from streams.connection import connect_store

    found = RowStore(connect_store(settings)).clock(country.code).now
    if found is None:
        raise UserError(f"The replay of {country.code} has not begun: its clock has no instant. Name one with -d.")
    return found
