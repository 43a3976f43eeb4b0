"""What is known of a country's clock, for whoever must not wait for a store."""

from __future__ import annotations

from datetime import datetime

from scv.events import calendar
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.settings import Settings


def known_clock(country: Country, settings: Settings) -> datetime:
    """What is known of a country's clock, also where no store answers or none has begun: then the lake's newest
    record says it, and of a country without records wall time.
    """
    import duckdb  # all of these here: the command line imports this file before it knows what is asked

    from scv.offline.lake import Lake
    from scv.online.rowstore import RowStore
    from store.client import UNWELL, client

    try:
        with client(settings) as connected:
            store = RowStore(connected)
            if store.has_clock(country.code) and (stands := store.clock(country.code).now) is not None:
                return stands
    except UNWELL:
        pass
    lake = Lake(settings.lake_path)
    with duckdb.connect() as connection:
        front = lake.front_us(connection, country.code, lake.version())
    return calendar.from_us(wall_us() if front is None else front)
