"""One customer forgotten everywhere: said in the log, taken in by both consumers, and gone from whatever is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from operation.tidy import Tidied, tidy
from operation.trace import traces
from scv.events.country import Country
from scv.events.event import FAMILIES
from scv.offline.lake import Lake
from scv.online.keys import Keys
from scv.settings import Settings

ITSELF = "the erasure itself, so that nothing brings them back"


@dataclass
class Touched:
    """A place that was looked at: what was done there, and what remains until when ("": nothing does)."""

    place: str
    done: str
    remains: str = ""


@dataclass
class Receipt:
    """What an erasure came to. It names nobody."""

    country: str
    at: datetime
    places: list[Touched] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What could not be done, and why: run it again."""


def forgotten(settings: Settings, country: Country, customer_id: str, at: datetime, client: Any) -> Receipt:
    """Take away what is kept of a customer whose erasure both consumers hold, and look for what remains.

    Raises the store client's error.
    """
    receipt = Receipt(country.code, at)
    done: Tidied = tidy(settings, [country])
    receipt.left += done.left
    kept = client.exists(Keys(settings.key_prefix).row(country.code, customer_id))
    itself = f"{ITSELF}: {_until(settings.event_days, at, 1)}"
    receipt.places.append(Touched("store", "row emptied", itself if kept else ""))
    found = traces(settings.home_path, customer_id)
    tombs = found.pop("lake", 0)
    receipt.places.append(Touched("lake", f"{done.erased_rows:,} rows deleted", itself if tombs else ""))
    gone = Counter[str]()
    for one in done.gone:
        gone[one.kind] += one.files
    for kind in ("snapshots", "training", "exports", "vectors", "console"):
        files = found.pop(kind, 0)
        receipt.places.append(Touched(kind, f"{gone[kind]} files removed or written anew", _files(files)))
    receipt.places += [Touched(kind, "searched", _files(files)) for kind, files in sorted(found.items())]
    receipt.places.append(Touched("topics of events", "erasure sent", _until(settings.event_days, at)))
    receipt.places.append(Touched("topics of dead letters", "", _until(settings.dead_letter_days, at)))
    return receipt


def _files(count: int) -> str:
    return f"{count} files name them" if count else ""


def _until(days: int, at: datetime, more: int = 0) -> str:
    return (
        f"until {at + timedelta(days=days + more):%Y-%m-%d}"
        if days
        else "for ever: see CEREBRO_EVENT_DAYS and CEREBRO_DEAD_LETTER_DAYS"
    )


def wanted(lake: Lake, country: Country, customer_id: str) -> bool:
    """Does the lake hold anything of a customer?"""
    import duckdb

    version = lake.version()
    with duckdb.connect() as connection:
        for family in FAMILIES:
            query = f"SELECT 1 FROM ({lake.query(family, country, version)}) WHERE customer_id = ? LIMIT 1"
            if connection.execute(query, [customer_id]).fetchall():
                return True
    return False
