"""The batch view: one SQL query folds a family's arrivals for a fetcher at any number of references.

KNOWN_THEN: at a reference only admitted events count that were seen before it. Each family is scanned once
for all references: events become tiles of (customer, local day, first reference that knows them), and every
reference merges the tiles it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from scv.events import admission
from scv.events.calendar import day_of, to_us
from scv.events.country import Country
from scv.features.layout import Layout

ARROW = {"int": pa.int64(), "float": pa.float64(), "str": pa.string()}
KEYS = (
    pa.field("country", pa.string()),
    pa.field("customer_id", pa.string()),
    pa.field("event_timestamp", pa.timestamp("us", tz="UTC")),
)
"""The columns every table of features begins with."""


def schema(layout: Layout) -> pa.Schema:
    """Columns of a fetcher's table: the keys, then its features under their plain names."""
    return pa.schema([*KEYS, *(pa.field(s.feature.name, ARROW[s.feature.dtype]) for s in layout.slots)])


def admit(connection: duckdb.DuckDBPyConnection, arrivals: str, country: Country, table: str) -> None:
    """Create the temporary table of one family's admitted events of a country, judged in log order."""
    judged = admission.sql(arrivals, country.lateness_days)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * EXCLUDE (verdict) FROM ({judged}) WHERE verdict = 'admitted'"
    )


def fold(
    connection: duckdb.DuckDBPyConnection, events: str, layout: Layout, country: Country, references: Sequence[datetime]
) -> pa.Table:
    """The fetcher's table: one row per reference and customer with an admitted event seen before it.

    `events` names a table of admitted events, as `admit` makes one. Rows are ordered by reference, then customer.
    """
    at_us = pa.array(sorted(map(to_us, set(references))), pa.int64())
    at_day = pa.array([day_of(us, country.zone) for us in at_us.to_pylist()], pa.int32())
    connection.register("refs", pa.table({"at_us": at_us, "at_day": at_day}))
    query = f"""
        WITH tiles AS ({_tiles(events, layout)}), merged AS ({_merged(layout)}), settled AS ({_settled(layout)})
        SELECT '{country.code}' AS country, customer_id, at_us AS event_timestamp, {_reads(layout, country)}
        FROM settled ORDER BY 3, 2"""
    return connection.sql(query).to_arrow_table().cast(schema(layout)).combine_chunks()


def _tiles(events: str, layout: Layout) -> str:
    names = [f"t{i}" for i in range(len(layout.tiles))] + [f"l{i}" for i in range(len(layout.lives))]
    folds = (*layout.tiles, *layout.lives)
    filters = [fold.sql_filter() for fold in folds]
    columns = zip(names, folds, filters, strict=True)
    states = [f"{fold.sql_enter(entering)} AS {name}" for name, fold, entering in columns]
    return f"""
        SELECT e.customer_id, e.day, r.at_us AS known_us, {", ".join(states)}
        FROM {events} e ASOF JOIN refs r ON e.seen_us < r.at_us
        GROUP BY ALL"""


def _merged(layout: Layout) -> str:
    tiled = {i: slot for i, slot in enumerate(layout.slots) if slot[0].tiled}
    merges = [feature.fold.sql_merge(f"t{place}") for feature, place in tiled.values()]
    windows = [feature.window.sql() for feature, _ in tiled.values() if feature.window]
    columns = [f"{one} FILTER ({window}) AS m{i}" for i, one, window in zip(tiled, merges, windows, strict=True)]
    columns += [f"{fold.sql_merge(f'l{i}')} AS s{i}" for i, fold in enumerate(layout.lives)]
    return f"""
        SELECT r.at_us, r.at_day, t.customer_id, {", ".join(columns)}
        FROM refs r JOIN tiles t ON t.known_us <= r.at_us
        GROUP BY r.at_us, r.at_day, t.customer_id"""


def _settled(layout: Layout) -> str:
    states = [f"{fold.sql_settle(f's{i}')} AS s{i}" for i, fold in enumerate(layout.lives)]
    return f"SELECT * REPLACE ({', '.join(states)}) FROM merged" if states else "FROM merged"


def _reads(layout: Layout, country: Country) -> str:
    reads = []
    for i, (feature, place) in enumerate(layout.slots):
        state, window = f"m{i}", feature.window
        if not feature.tiled:
            state, window = f"s{place}", feature.fold.cut(feature.window, country)
        reads.append(f'{feature.fold.sql_read(state, window)} AS "{feature.name}"')
    return ", ".join(reads)
