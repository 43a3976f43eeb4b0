"""A contacts sheet that came back: its rows against the lists that they are of, and the outcomes sent.

What lists there are the scorer's folder says; how a sheet is read and an outcome sent, that of the streams.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scorer.feedback import lists
from scv.errors import UserError
from scv.events import country as countries
from scv.events.country import Country
from scv.events.event import Outcome
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import connect
from streams import contacts
from streams.tables import contact_sheet, outcomes
from streams.tables.contact_sheet import ContactSheet
from streams.tables.outcomes import Clocks, KnownList, Lists, Moments, SheetOutcomes, digest

MOST_BYTES = 64 * 1024 * 1024
"""What a workbook may hold unpacked: a sheet of ours of 100,000 rows holds a third of it."""


def read(path: Path, name: str = "") -> ContactSheet:
    """A sheet that somebody sent, told of by `name`. Raises UserError for what is none, or unpacks to too much."""
    told = name or path.name
    try:
        if path.suffix.lower() == ".xlsx" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                if sum(one.file_size for one in packed.infolist()) > MOST_BYTES:
                    raise UserError(f"{told} unpacks to more than {MOST_BYTES:,} bytes: no sheet of ours does.")
        return contact_sheet.read(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), told)) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # whatever the parsers of a workbook raise for what only looks like one
        raise UserError(f"{told} cannot be read: it is damaged. Save it again as .xlsx or as CSV.") from error


def judged(sheet: ContactSheet, name: str, settings: Settings) -> SheetOutcomes:
    """What becomes of every row; nothing is sent. Raises Unreachable where no store says what time it is."""
    with _known(settings) as (known, clocks):
        return outcomes.outcomes(sheet, name, known, clocks)


def send(settings: Settings, taken: Sequence[Outcome]) -> None:
    """Send outcomes, and remember of each list what was taken. Raises Unreachable: the same again sends the rest."""
    contacts.send(settings, taken)
    by_list: dict[tuple[str, str], dict[str, str]] = {}
    for one in taken:
        by_list.setdefault((one.country, one.list_id or ""), {})[one.id] = digest(one)
    for (code, list_id), digests in by_list.items():
        lists.take(settings, code, list_id, digests)


@contextmanager
def _known(settings: Settings) -> Iterator[tuple[Lists, Clocks]]:
    """How lists are found by their ids, and what time it is in a country."""
    known = countries.known(settings.countries_path)

    def find(list_id: str) -> KnownList:
        one = lists.find(settings, known, list_id)
        before = lists.taken(settings, one.country.code, list_id)
        return KnownList(one.country, one.reference, one.customers, before)

    with connect(settings) as client:
        store = RowStore(client)

        def now(place: Country) -> Moments:
            clock = store.clock(place.code)
            if clock.now is None:
                raise UserError(f"The replay of {place.code} has not begun: nobody can have been contacted.")
            return Moments(clock.now, clock.mode == "replay")

        yield find, now
