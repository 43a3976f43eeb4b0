"""Where rows and lake stand in the log: the one reader for whoever waits, compares or reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scv.offline.lake import Lake
from scv.online.rowstore import Log, RowStore
from streams.kafka.log import Part, parts


@dataclass(frozen=True)
class Positions:
    """The next offset of every partition that is not in the rows (`online`) and not in the tables (`lake`)."""

    online: Mapping[Part, int]
    lake: Mapping[Part, int]

    @property
    def together(self) -> bool:
        return self.online == self.lake

    def hold(self, ends: Mapping[Part, int]) -> bool:
        """Do both hold everything before these offsets?"""
        return not any(self.behind(ends).values())

    def behind(self, ends: Mapping[Part, int]) -> dict[str, int]:
        """How many offsets each consumer has to go to these ends."""
        either = {"online": self.online, "lake": self.lake}
        return {name: sum(max(end - stands[part], 0) for part, end in ends.items()) for name, stands in either.items()}


def positions(store: RowStore, lake: Lake, logs: Mapping[str, Log]) -> Positions:
    """Where the restart points of these logs stand now, and the newest version of the lake."""
    every, version = parts(logs), lake.version()
    tables = {part: lake.position(logs[part.topic].family, *part, version) for part in every}
    stands = store.positions(every)
    rows = {part: position.offset or 0 for part, position in zip(every, stands, strict=True)}
    return Positions(rows, tables)
