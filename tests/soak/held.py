"""What the lake holds of all that was sent: a million ids, and no event in memory."""

from __future__ import annotations

from collections.abc import Iterable

from deltalake import DeltaTable

from scv.events import event
from scv.offline.lake import Lake
from scv.settings import Settings

PLACE = ["epoch", "partition", "offset"]


def lost(settings: Settings, ids: Iterable[str]) -> tuple[set[str], int]:
    """The ids that the lake does not hold, and how many places of the log it holds twice."""
    missing, twice = set(ids), 0
    for family in event.FAMILIES:
        table = DeltaTable(str(Lake(settings.lake_path).table_path(family))).to_pyarrow_table(columns=["id", *PLACE])
        missing.difference_update(table["id"].to_pylist())
        twice += table.num_rows - table.group_by(PLACE).aggregate([]).num_rows
    return missing, twice
