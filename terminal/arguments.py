"""What many commands read from their command line: countries, dates and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scv.errors import UserError
from scv.events import calendar
from scv.events import country as countries
from scv.events.clock import check_reference
from scv.events.country import Country
from scv.settings import Settings
from store.clocks import known_clock


def the_countries(codes: Sequence[str], settings: Settings) -> list[Country]:
    """The countries of those codes, without repetition; all known ones when none is named."""
    folder = settings.countries_path
    if not codes:
        return list(countries.known(folder).values())
    return [countries.load(code, folder) for code in dict.fromkeys(codes)]


def the_references(dates: Sequence[str], country: Country, settings: Settings) -> list[datetime]:
    """The instants that `-d` names, in order; the country's clock now when there is none.

    Raises BadReference for one after the clock.
    """
    if not dates:
        return [now(country, settings)]
    found = sorted({calendar.reference(text, country) for text in dates})
    check_reference(found[-1], known_clock(country, settings), country)
    return found


def now(country: Country, settings: Settings) -> datetime:
    """A country's clock: wall time, or the front of its replay. Raises UserError before a replay began."""
    from scv.online.rowstore import RowStore
    from store.client import connect

    found = RowStore(connect(settings)).clock(country.code).now
    if found is None:
        raise UserError(f"The replay of {country.code} has not begun: its clock has no instant. Name one with -d.")
    return found
