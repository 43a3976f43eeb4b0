"""Erased customers leave the lake: what the log holds of them before their `erased` counts nowhere any more, and its
rows are deleted. The `erased` records themselves stay: rows, batch and whoever builds anew ask them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from scv import machine
from scv.errors import LakeConflict
from scv.events.calendar import from_us
from scv.events.country import Country
from scv.events.event import FAMILIES
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from streams.lake.compaction import RESERVE_BYTES

AT_ONCE = 100
"""Customers of one predicate."""
_ATTEMPTS = 20
Erased = tuple[str, dict[str, int], int, int]
"""A customer, the place of the newest `erased` in the log, when it occurred (us), and how many rows lie before it."""


def erased(lake: Lake, family: str, country: Country, version: LakeVersion) -> list[Erased]:
    """The erased customers of a country of whom a family's table still holds rows, as of a version."""
    rows, place = f"({lake.query(family, country, version)})", 'struct_pack(epoch, "partition", "offset")'
    query = f"""
        WITH gone AS (SELECT customer_id, max({place}) AS place, max(occurred_us) AS us FROM {rows}
                      WHERE kind = 'erased' GROUP BY customer_id)
        SELECT customer_id, place, us, count(*) FROM {rows} JOIN gone USING (customer_id)
        WHERE kind <> 'erased' AND ({place} < place OR occurred_us < us) GROUP BY ALL ORDER BY customer_id"""
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def erasures(lake: Lake, country: Country, version: LakeVersion) -> dict[str, int]:
    """Everyone of a country who was ever erased → when last (us)."""
    families = (f"SELECT customer_id, kind, occurred_us FROM ({lake.query(one, country, version)})" for one in FAMILIES)
    query = f"""SELECT customer_id, max(occurred_us) FROM ({" UNION ALL ".join(families)})
                WHERE kind = 'erased' GROUP BY customer_id"""
    with duckdb.connect() as connection:
        return dict(connection.execute(query).fetchall())


def erase(lake: Lake, family: str, country: Country) -> int:
    """Delete those rows; how many. Their files go with the next vacuum.

    Raises LakeConflict where other writers are faster all the time, NoRoom where there is none to write files anew.
    """
    done = 0
    for _ in range(_ATTEMPTS):
        version = lake.version()  # in hand: what the deletion reads stays
        left = erased(lake, family, country, version)
        if not left:
            return done
        table, path = version.tables[family], lake.table_path(family)
        files = lake.files(family, country.code, version)
        machine.refuse_full(path, RESERVE_BYTES + sum(Path(file).stat().st_size for file in files))
        try:
            with machine.at(path):
                for start in range(0, len(left), AT_ONCE):
                    done += _delete(table, country, left[start : start + AT_ONCE])
        except CommitFailedError:
            continue
    raise LakeConflict(f"{lake.table_path(family)} is written to all the time. Run `cerebro tidy` again.")


def let_go(lake: Lake, family: str, country: Country, erasures: Mapping[str, int]) -> int:
    """Delete the `erased` records themselves of these customers, up to those instants (us); how many.

    Raises LakeConflict and NoRoom as `erase` does.
    """
    names = sorted(erasures)
    for _ in range(_ATTEMPTS):
        table, path, done = lake.version().tables.get(family), lake.table_path(family), 0
        if table is None:
            return 0
        try:
            with machine.at(path):
                for start in range(0, len(names), AT_ONCE):
                    which = " OR ".join(_gone(one, erasures[one]) for one in names[start : start + AT_ONCE])
                    told = table.delete(f"country = '{country.code}' AND kind = 'erased' AND ({which})")
                    done += int(told["num_deleted_rows"])
            return done
        except CommitFailedError:
            continue
    raise LakeConflict(f"{lake.table_path(family)} is written to all the time. Run `cerebro tidy` again.")


def _gone(customer_id: str, us: int) -> str:
    text = customer_id.replace("'", "''")
    return f"(customer_id = '{text}' AND occurred_at <= '{from_us(us).isoformat()}')"


def _delete(table: DeltaTable, country: Country, chunk: Sequence[Erased]) -> int:
    any_of = " OR ".join(f"({_before(*one[:3])})" for one in chunk)
    done = table.delete(f"country = '{country.code}' AND kind <> 'erased' AND ({any_of})")
    return int(done["num_deleted_rows"])


def _before(customer_id: str, place: dict[str, int], us: int) -> str:
    text, (epoch, partition, offset) = customer_id.replace("'", "''"), place.values()
    later = f'"partition" = {partition} AND "offset" < {offset}'
    earlier = f'epoch < {epoch} OR (epoch = {epoch} AND ("partition" < {partition} OR ({later})))'
    return f"customer_id = '{text}' AND ({earlier} OR occurred_at < '{from_us(us).isoformat()}')"
