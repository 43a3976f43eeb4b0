"""A country's clock as store and lake have it, and the way back where a record moved it too far ahead.

Only watermarks and the front are set back: they touch no row. A clock never stands before an event that counts, so
where an event is what moved it, that customer is erased and sent again first (docs/wrong-times.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb
import msgspec

from scv.errors import CerebroError, UserError
from scv.events import event
from scv.events.calendar import to_us
from scv.events.clock import Mode
from scv.events.country import Country
from scv.offline import snapshot
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import UNWELL, client
from store.flush import request_flush
from store.lock import locked
from streams.lake import writer
from streams.positions import epoch as epochs
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
        epochs.set_back(lake, to_us(at))
        store.set_back(country.code, to_us(at))
        snapshots = snapshot.drop_after(settings.snapshots_path, country, at)
    return SetBack(watermarks=watermarks, snapshots=snapshots)


def go_live(store: RowStore, country: Country) -> None:
    """Put a country on wall time: the lake consumer says up to when it is complete from then on.

    Raises UserError for one whose span does not hold now.
    """
    refuse_past(country)
    store.go_live(country.code)
    request_flush(store.client)


def refuse_past(country: Country) -> None:
    """Raise UserError for a country that cannot live on wall time."""
    if not epochs.may_live(country):
        span = f"its span, {country.starts_on} to {country.ends_on}, does not hold today"
        raise UserError(f"{country.code} cannot live on wall time: {span}. Widen it in {country.code}.toml.")


def begin_replays(settings: Settings, countries: Iterable[Country]) -> None:
    """`begin_replay` of each, where a store answers; raises UserError."""
    try:
        with client(settings) as connection:
            store = RowStore(connection)
            for country in countries:
                begin_replay(store, country)
    except UNWELL:
        return


def stays(country: Country) -> str:
    """What is to be said of a country whose history was sent; "" for one that cannot live on wall time."""
    code = country.code
    return f"{code} stays in its replay: `cerebro clock {code} --live` ends it." if epochs.may_live(country) else ""


def refuse_live(lake: Lake, country: Country, until: datetime) -> None:
    """Raise CerebroError where live events lie among a history that was sent up to this instant and is taken in."""
    version = lake.version()
    sent = max([until, *lake.complete_to(country.code, version).values()])  # a correction ends before its history
    ahead = _seen_from(lake, country.code, version, sent)
    if ahead:
        raise CerebroError(
            f"Live events of {_customers(ahead)} came before the history was whole: what of theirs came behind and is "
            f"much older counts as too late (`cerebro refused {country.code}` lists it). docs/wrong-times.md says how "
            f"they are sent again. Let live senders begin once the replay is over. {stays(country)}"
        )


def begin_replay(store: RowStore, country: Country) -> None:
    """Before a history is sent: a country that has nothing yet lives in its replay first.

    Raises UserError where it lives on wall time already.
    """
    if not epochs.may_live(country) or (store.has_clock(country.code) and store.clock(country.code).mode == "replay"):
        return
    if store.clock(country.code).front_us is not None:
        raise UserError(
            f"{country.code} lives on wall time and has events already: of a history that is sent now much would come "
            "too late, and what earlier snapshots say would no longer be true. Nothing was sent. Send the history "
            "first, into an empty CEREBRO_HOME, and begin live events then; what is sent again to correct events, send "
            "with --from (docs/wrong-times.md)."
        )
    store.set_mode(country.code, "replay")


def _refuse(store: RowStore, lake: Lake, country: Country, at: datetime) -> None:
    clock, code = store.clock(country.code), country.code
    if clock.now is None or at > clock.now:
        stands = "has no instant yet" if clock.now is None else f"stands at {clock.now.isoformat()}"
        raise UserError(f"The clock of {code} {stands}: it is only set back. Records move it on.")
    if clock.mode == "wall":
        return
    ahead = _seen_from(lake, code, lake.version(), at)
    if ahead:
        raise UserError(
            f"Events of {code} were seen at {at.isoformat()} or later: of {_customers(ahead)}. Choose a later instant;"
            " where those events are the mistake, erase these customers and send them again first "
            "(docs/wrong-times.md)."
        )


def _seen_from(lake: Lake, code: str, version: LakeVersion, at: datetime) -> list[str]:
    with duckdb.connect() as connection:
        return lake.customers_seen_from(connection, code, version, to_us(at))


def _customers(ids: Sequence[str]) -> str:
    """How many, and the first of them by name."""
    named = ", ".join(ids[:NAMED]) + (" …" if len(ids) > NAMED else "")
    return f"{len(ids)} customer{'s' * (len(ids) != 1)} ({named})"
