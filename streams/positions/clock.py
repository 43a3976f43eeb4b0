"""A country's clock as store and lake have it, and the way back where a record moved it too far ahead.

Only watermarks and the front are set back: they touch no row. A clock never stands before an event that counts, so
where an event is what moved it, that customer is erased and sent again first (docs/wrong-times.md).
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import msgspec

from scv.errors import UserError
from scv.events import event
from scv.events.calendar import to_us
from scv.events.clock import Mode
from scv.events.country import Country
from scv.offline import snapshot
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.lock import locked
from streams.lake import writer
from streams.positions.position import applied_to

NAMED = 3
"""Customers in an error."""


class Complete(msgspec.Struct, frozen=True, kw_only=True):
    """The instants before which rows and lake hold everything of a family; None: not known."""

    rows: datetime | None
    lake: datetime | None


class CountryClock(msgspec.Struct, frozen=True, kw_only=True):
    """A country's clock (None for a replay that has not begun), and what is complete by family."""

    country: str
    mode: Mode
    now: datetime | None
    families: dict[str, Complete]


class SetBack(msgspec.Struct, frozen=True, kw_only=True):
    """What was set back: watermarks of the lake; and how many snapshots of later references are gone."""

    watermarks: int
    snapshots: int


def read(store: RowStore, lake: Lake, country: Country) -> CountryClock:
    """The clock as it stands now."""
    clock, code = store.clock(country.code), country.code
    tables, rows = lake.complete_to(code, lake.version()), applied_to(store, code)
    families = {name: Complete(rows=rows.get(name), lake=tables.get(name)) for name in event.FAMILIES}
    return CountryClock(country=code, mode=clock.mode, now=clock.now, families=families)


def set_back(settings: Settings, store: RowStore, country: Country, at: datetime) -> SetBack:
    """Let nothing that a country's clock goes by say more than `at`, in lake and store; later snapshots go.

    Raises UserError for an instant after the clock, and in a replay for one that an event of the lake is not before.
    """
    lake = Lake(settings.lake_path)
    with locked(store.client, "epoch"):  # a rebuild would bring back what it has read already
        _refuse(store, lake, country, at)
        watermarks = sum(writer.set_back(lake, family, country.code, at) for family in event.FAMILIES)
        store.set_back(country.code, to_us(at))
        snapshots = snapshot.drop_after(settings.snapshots_path, country, at)
    return SetBack(watermarks=watermarks, snapshots=snapshots)


def _refuse(store: RowStore, lake: Lake, country: Country, at: datetime) -> None:
    clock, code = store.clock(country.code), country.code
    if clock.now is None or at > clock.now:
        stands = "has no instant yet" if clock.now is None else f"stands at {clock.now.isoformat()}"
        raise UserError(f"The clock of {code} {stands}: it is only set back. Records move it on.")
    if clock.mode == "wall":
        return
    with duckdb.connect() as connection:
        ahead = lake.customers_seen_from(connection, code, lake.version(), to_us(at))
    if ahead:
        named = ", ".join(ahead[:NAMED]) + (" …" if len(ahead) > NAMED else "")
        raise UserError(
            f"Events of {code} were seen at {at.isoformat()} or later: of {len(ahead)} customers ({named}). Choose a "
            "later instant; where those events are the mistake, erase these customers and send them again first "
            "(docs/wrong-times.md)."
        )
