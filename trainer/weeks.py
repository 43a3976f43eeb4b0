"""The past week by week, as trainings read it: what an earlier one kept is read, the rest is made anew and kept.

Whichever of the two a week is, it is the same to the last bit: the next training makes only what is new or is of
something else by now. Features may be kept as soon as the snapshot may be used, outcomes once nothing that would still
be admitted can change them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scv import stamp
from scv.events.calendar import from_us, to_us
from scv.features.array import Features
from scv.model import bundle, week_file
from scv.model.week_file import ROWS
from scv.offline.snapshot import SnapshotManifest, Snapshots
from scv.settings import Settings
from scv.stamp import Stamp
from scv.targets import box, labels, population, standing
from scv.targets.labels import NOTHING, Labels, Outcomes
from scv.targets.target import Target, final

BLOCK_ROWS = 50_000
"""Rows that are joined at once: what bounds the memory of a first training."""
Keys = Callable[[datetime], pa.Table]
"""Of whom a reference asks: keys or whole rows."""


@dataclass(frozen=True)
class Weeks:
    """`asked` gives the keys of everybody whom one of `targets` asks about at a reference, `joined` their features."""

    settings: Settings
    snapshots: Snapshots
    targets: Sequence[Target]
    asked: Keys
    joined: Callable[[pa.Table], pa.Table]
    block_rows: int = BLOCK_ROWS

    def read(self, references: Sequence[datetime]) -> Iterator[tuple[datetime, pa.Table]]:
        """(reference, keys and every feature of everybody asked about), in no order that means something."""
        country, block, size = self.snapshots.country, dict[datetime, pa.Table](), 0
        for at in references:
            kept = week_file.read(self.settings, country, ROWS, at, self.of(at))
            if kept is not None:
                yield at, kept
                continue
            block[at] = self.asked(at)
            size += len(block[at])
            if size >= self.block_rows:
                yield from self._made(block)
                block, size = {}, 0
        yield from self._made(block)

    def _made(self, block: dict[datetime, pa.Table]) -> Iterator[tuple[datetime, pa.Table]]:
        if not block:
            return
        whole = self.joined(pa.concat_tables(block.values()))
        us = whole["event_timestamp"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        for at in block:
            rows = whole.filter(pc.equal(us, to_us(at))).sort_by("customer_id").combine_chunks()
            week_file.write(self.settings, self.snapshots.country, ROWS, at, rows, self.of(at))
            yield at, rows

    def of(self, at: datetime) -> Stamp:
        """What a kept week must be of: this snapshot, and these questions."""
        made = self.snapshots.usable(at)
        names = {*stamp.QUESTION, *(name for one in self.targets for name in one.settings)}
        asked = {f"target {one.name}": one.fingerprint for one in self.targets}
        return stamp.of(self.snapshots.country, names, definitions=_told_by(made) | asked)


@dataclass(frozen=True)
class KeptOutcomes(Outcomes):
    """Outcomes of which the final ones are kept. `until` is the instant up to which they were read."""

    settings: Settings
    snapshots: Snapshots
    until: datetime

    def labels(self, target: Target, at_us: np.ndarray, customers: Sequence[str], known: Features = NOTHING) -> Labels:
        ids, count = pa.array(customers, pa.string()), len(customers)
        told = Labels(np.zeros(count), np.full(count, "", object), np.full(count, "", object))
        weeks = {int(us): np.flatnonzero(at_us == us) for us in np.unique(at_us)}
        ripe = {us: rows for us, rows in weeks.items() if final(target, from_us(us), self.country, self.until)}
        kept = {us: self._kept(target, us, ids.take(pa.array(rows))) for us, rows in ripe.items()}
        asked = [rows for us, rows in weeks.items() if kept.get(us) is None]
        for us, table in kept.items():
            if table is not None:
                _fill(told, ripe[us], *(table[name].to_numpy(False) for name in ("y", "removed", "outcome")))
        if asked:
            rest = np.sort(np.concatenate(asked))
            given = {name: pa.table({name: values}).take(pa.array(rest))[name] for name, values in known.items()}
            found = super().labels(target, at_us[rest], ids.take(pa.array(rest)).to_pylist(), given)
            _fill(told, rest, found.y, found.removed, found.outcome)
        for us in (us for us, table in kept.items() if table is None):
            self._keep(target, us, ids, ripe[us], told)
        return Labels(told.y, self._erased(ids, at_us, told.removed), told.outcome)

    def _kept(self, target: Target, us: int, ids: pa.Array) -> pa.Table | None:
        """What is kept of a week, in the order of `ids`; None where it is not about all of them."""
        kept = week_file.read(self.settings, self.country, target.name, from_us(us), self._of(target, us))
        if kept is None:
            return None
        place = pc.index_in(ids, kept["customer_id"])
        return None if place.null_count else kept.take(place)

    def _keep(self, target: Target, us: int, ids: pa.Array, rows: np.ndarray, told: Labels) -> None:
        columns = [told.y[rows], told.removed[rows], told.outcome[rows]]
        table = pa.table([ids.take(pa.array(rows)), *columns], names=["customer_id", "y", "removed", "outcome"])
        week_file.write(self.settings, self.country, target.name, from_us(us), table, self._of(target, us))

    def _erased(self, ids: pa.Array, at_us: np.ndarray, removed: np.ndarray) -> np.ndarray:
        """Why rows are removed: an erasure goes before all else, and may have come since."""
        gone = self.connection.sql("SELECT customer_id, us FROM label_erased").to_arrow_table()
        place = pc.index_in(ids, gone["customer_id"])
        us = gone["us"].take(place).fill_null(-1).to_numpy()
        return np.where(us >= at_us, "erased", removed)

    def _of(self, target: Target, us: int) -> Stamp:
        made = bundle.made_of(self.country, target.name, log=self.snapshots.version.ids)
        asked = {**made.definitions, **_told_by(self.snapshots.usable(from_us(us)))}
        return msgspec.structs.replace(made, definitions=asked)


def _fill(told: Labels, rows: np.ndarray, y: np.ndarray, removed: np.ndarray, outcome: np.ndarray) -> None:
    told.y[rows], told.removed[rows], told.outcome[rows] = y, removed, outcome


def _told_by(made: SnapshotManifest) -> dict[str, str]:
    return {"snapshot": stamp.print_of(dict(made.stamp.files)), "questions": _code()}


@functools.cache
def _code() -> str:
    """What says whom a target asks about and what then happened: rules are code, which no fingerprint is of."""
    bodies = [Path(str(one.__file__)).read_bytes() for one in (box, labels, population, standing)]
    return stamp.sha256_of(b"".join(bodies))[:8]
