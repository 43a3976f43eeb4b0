"""What stands of a country's snapshots: their references, one of them as a table of chosen columns, and one customer's
values over many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scv.errors import NoSnapshot, UnknownName
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.offline import snapshot
from scv.offline.snapshot import Snapshots
from scv.settings import Settings


def references(snapshots: Snapshots) -> list[datetime]:
    """The references of the snapshots that stand, oldest first, whether they may be used or not."""
    country = snapshots.country
    papers = snapshot.manifests(snapshots.root, country.code)
    known = (calendar.of_label(path.stem, country) for path in papers)
    return sorted(at for at in known if at is not None)


def newest(settings: Settings, country: Country) -> datetime:
    """The newest reference whose snapshot may be used. Raises NoSnapshot where there is none."""
    snapshots = Snapshots(settings, country)
    why = ""
    for at in reversed(references(snapshots)):
        try:
            snapshots.usable(at)
            return at
        except NoSnapshot as error:
            why = why or str(error)
    raise NoSnapshot(why or f"No snapshot of {country.code} yet. Run `cerebro fetch {country.code}`.")


def columns(words: Sequence[str]) -> list[str]:
    """Full names of features, in our order: of each word the feature of that name, or all of the fetcher of that name;
    all where no word is given. Raises UnknownName."""
    known = list(fetcher.all_features())
    chosen = set[str]()
    for word in words:
        found = {name for name in known if name == word or name.partition("__")[0] == word}
        if not found:
            raise UnknownName("column", word, [*fetcher.collect(), *known])
        chosen |= found
    return [name for name in known if not words or name in chosen]


def table(
    settings: Settings, country: Country, at: datetime, wanted: Sequence[str], customers: Collection[str] = ()
) -> pa.Table:
    """Everyone in a snapshot (or these customers), ordered by id: customer_id and columns by full name.

    Raises NoSnapshot where it may not be used.
    """
    tables = Snapshots(settings, country).read(at)
    some = pa.array(sorted(customers), pa.string())
    kept = {}
    for name, one in tables.items():
        plain = [full.partition("__")[2] for full in wanted if full.partition("__")[0] == name]
        chosen = one.select([*one.column_names[:3], *plain])
        kept[name] = chosen.filter(pc.is_in(chosen["customer_id"], value_set=some)) if customers else chosen
    return snapshot.join(kept).select(["customer_id", *wanted])


def over_time(
    snapshots: Snapshots, customer_id: str, names: Sequence[str], most: int
) -> dict[datetime, Mapping[str, Any]]:
    """A customer's values of some features in the newest snapshots that may be used, oldest first; a snapshot without
    the customer has None for each.

    Files' content is not compared with their hashes here: nobody decides by a picture.
    """
    found = dict[datetime, Mapping[str, Any]]()
    for at in reversed(references(snapshots)):
        if len(found) == most:
            break
        try:
            made = snapshots.usable(at)
        except NoSnapshot:
            continue
        found[at] = _values(snapshots.root, made, customer_id, names)
    return dict(sorted(found.items()))


def _values(root: Path, made: snapshot.SnapshotManifest, customer_id: str, names: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(names)
    for fetching in dict.fromkeys(name.partition("__")[0] for name in names):
        path = made.path(root, fetching)
        mine = [name for name in names if name.partition("__")[0] == fetching]
        try:
            one = pq.read_table(
                path,
                columns=[name.partition("__")[2] for name in mine],
                filters=[("customer_id", "=", customer_id)],
                partitioning=None,
            )
        except FileNotFoundError:  # a newer fetch puts another in its place
            continue
        if len(one):
            values |= {name: one[name.partition("__")[2]][0].as_py() for name in mine}
    return values
