"""Which snapshots a fetch would write again, byte by byte: they are kept, and it goes on with the others."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scv.events import calendar, event
from scv.events.calendar import to_us
from scv.events.country import Country
from scv.features import fetcher
from scv.leftover import Leftover
from scv.offline import snapshot
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import SnapshotManifest, Snapshots
from scv.settings import Settings
from scv.stamp import NEVER


def kept(
    settings: Settings, country: Country, references: Sequence[datetime], version: LakeVersion
) -> dict[datetime, SnapshotManifest]:
    """Reference → the snapshot that stands and is what this version of the lake would give.

    It may be used, its files are what was written, and either it is of this very version or nothing could come to it
    since: the log was complete to its reference, and none of its customers has been erased.
    """
    snapshots = Snapshots(settings, country, version)
    made = {at: snapshot.manifest(settings.snapshots_path, country, at) for at in references}
    usable = {at: one for at, one in made.items() if one is not None and not snapshots.why_not(at)}
    same = {at: one for at, one in usable.items() if one.stamp.lake == version.families}
    whole = {at: one for at, one in usable.items() if at not in same and _whole(one, version)}
    outlived = _outlived(settings, country, whole, version) if whole else set()
    return same | {at: one for at, one in whole.items() if at not in outlived}


def _whole(made: SnapshotManifest, version: LakeVersion) -> bool:
    """Was everything there that was seen before its reference?"""
    return all(made.stamp.complete_to.get(family, NEVER) >= made.at for family in version.families)


def _outlived(
    settings: Settings, country: Country, made: dict[datetime, SnapshotManifest], version: LakeVersion
) -> set[datetime]:
    """The references of snapshots with a customer who was erased afterwards."""
    lake, outlived = Lake(settings.lake_path), set[datetime]()
    for family in event.FAMILIES:
        erased = erasures(lake, version, family, country)
        names = [one.name for one in fetcher.collect().values() if one.family == family]
        for at, one in made.items():
            gone = [customer for customer, us in erased if us >= to_us(at)]
            paths = [one.path(settings.snapshots_path, name) for name in names] if gone else []
            if any(holds(path, gone) for path in paths):
                outlived.add(at)
    return outlived


def forgetting(settings: Settings, country: Country, gone: Mapping[str, int]) -> Iterator[Leftover]:
    """The snapshots with somebody who was erased since (`gone`: customer → us): they are fetched anew without them."""
    root = settings.snapshots_path
    for paper in snapshot.manifests(root, country.code) if gone else []:
        at = calendar.of_label(paper.stem, country)
        since = [customer for customer, us in gone.items() if at is not None and us >= to_us(at)]
        paths = sorted(root.glob(f"*/{country.code}/{paper.stem}.parquet"))
        if at is not None and since and any(holds(path, since) for path in paths):
            size = sum(path.stat().st_size for path in (paper, *paths))
            remove = functools.partial(snapshot.drop, root, country, at)
            yield Leftover("snapshots", country.code, str(paper), 1 + len(paths), size, remove)


def erasures(lake: Lake, version: LakeVersion, family: str, country: Country) -> list[tuple[str, int]]:
    """The customers of a country whom a family knows as erased, and when that was last seen (us)."""
    newest = "SELECT customer_id, max(seen_us) FROM ({}) WHERE kind = 'erased' GROUP BY 1"
    with duckdb.connect() as connection:
        return connection.execute(newest.format(lake.query(family, country, version))).fetchall()


def holds(path: Path, customers: Sequence[str]) -> bool:
    """Has a table a row of one of these customers?"""
    there = pq.read_table(path, columns=["customer_id"], partitioning=None)["customer_id"]
    return bool(pc.any(pc.is_in(there, value_set=pa.array(customers, pa.string()))).as_py())
