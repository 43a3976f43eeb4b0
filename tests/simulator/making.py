"""Worlds made as `cerebro simulate --to …` makes them, small ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from proof.world.folder import WorldFolder
from proof.world.parts import LINES, TABLE
from proof.world.production import Production
from proof.world.rates import CLEAN, USUAL, Dirt
from proof.world.sink import Sink
from proof.world.sink_kafka import KafkaSink, Pace
from proof.world.sink_lake import LakeSink
from proof.world.world import World
from scv.events import country
from scv.settings import Settings

AGAIN = "cerebro simulate … --resume"
DIRTY = replace(USUAL, late=0.1, too_late=0.02, twice=0.03, changed=0.03, swapped=0.1, skewed=0.03, erased=0.05,
                additions=0.1, ahead=0.02, unknown_country=0.02, corrupt=0.05)  # fmt: skip
"""Much of everything."""

Report = Callable[[str, int, int], None]


def quiet(what: str, done: int, total: int) -> None:
    pass


@dataclass
class Making:
    """One world, on its way to one sink; `make` may be called again to go on."""

    folder: Path
    to: str
    settings: Settings = field(default_factory=Settings)
    codes: Sequence[str] = ("ZZ",)
    customers: int = 40
    weeks: int = 10
    seed: int = 7
    dirt: Dirt = CLEAN
    pace: Pace = field(default_factory=Pace)
    said: list[str] = field(default_factory=list)

    @property
    def worlds(self) -> list[World]:
        return [World(country.load(code), self.customers, self.weeks, self.seed) for code in self.codes]

    def make(self, resume: bool = False, workers: int = 1, report: Report = quiet) -> Mapping[str, Any]:
        sink = self._sink()
        production = Production(self.worlds, self.dirt, WorldFolder(self.folder), sink, country.known())
        return production.run(resume, workers, report, AGAIN)

    def _sink(self) -> Sink:
        folder = WorldFolder(self.folder)
        if self.to == "lake":
            return LakeSink(folder, self.worlds, self.settings)
        if self.to == "kafka":
            return KafkaSink(folder, self.worlds, self.settings, self.pace, self.said.append)
        return Sink(folder, {"jsonl": LINES, "parquet": TABLE}[self.to])


def leaving(events: pd.DataFrame) -> pd.DataFrame:
    """The cancellations that end more than the first of two subscriptions."""
    second = events[(events.kind == "started") & (events.subscription_id == "second")]
    since = events.customer_id.map(second.groupby("customer_id").occurred_at.min())
    exchanged = (events.subscription_id == "first") & (events.occurred_at >= since)
    return events[(events.kind == "cancelled") & ~exchanged]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a world by its path, but for the order in which steps were noted."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.endswith(".progress")}
