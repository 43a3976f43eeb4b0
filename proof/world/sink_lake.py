"""A world straight into the lake of HOME: history, an epoch before all offsets (correctness, sections 2 and 7).

Several chunks are one commit of each family's table, with the position in the same commit: what was committed once
is never committed again. `cerebro up` then begins epoch 1 and builds the rows.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proof.world.folder import Committed, Made, Step, WorldFolder
from proof.world.historical import EPOCH
from proof.world.parts import HISTORY, remove
from proof.world.sink import Report, Sink
from proof.world.stock import put
from proof.world.world import World
from scv import atomic as whole
from scv import stamp
from scv.errors import LakeConflict, UserError
from scv.events import event
from scv.events.arrival import Reached
from scv.offline.lake import Epoch, Lake
from scv.online.facts import Log
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.log import Part
from streams.lake.writer import Buffer, LakeWriter

GROUP = 4
"""Chunks in a commit: fewer files than chunks, and still few million rows in memory."""
TOPIC_ID = "0" * 32
"""Of the topics that no broker has: whichever comes next begins the next epoch."""
_MARKS = -1
"""The group that holds a country's last watermarks."""

Ends = dict[str, list[int]]
"""Family → the next offset of each partition."""


class LakeSink(Sink):
    """Commits chunks to `HOME/lake`. Raises UserError where that holds events of one of the countries already."""

    def __init__(self, folder: WorldFolder, worlds: Sequence[World], settings: Settings) -> None:
        self._folder, self.form, self.to, self._settings = folder, HISTORY, "lake", settings
        self._worlds = {world.country.code: world for world in worlds}
        self._lake = Lake(settings.lake_path)
        filled = self._lake.epoch()
        self.partitions = filled.partitions if filled else settings.partitions
        self._parts = {
            family: [Part(topics.events(settings, family), number) for number in range(self.partitions)]
            for family in event.FAMILIES
        }
        log = functools.partial(Log, epoch=EPOCH, topic_id=TOPIC_ID, partitions=self.partitions)
        self._writers = {family: LakeWriter(self._lake, log(family=family)) for family in event.FAMILIES}
        self._committed: set[tuple[str, int]] = set()
        self._ends: Ends = {}
        self._group: list[Made] = []

    def open(self, steps: Sequence[Step]) -> None:
        done = [step for step in steps if isinstance(step, Committed)]
        self._committed = {(step.country, step.group) for step in done}
        if done:
            self._ends = {family: list(ends) for family, ends in done[-1].ends.items()}
        else:
            self._begin()

    def has(self, made: Made) -> bool:
        return self._is_in(made) or self._folder.spool(made.country, made.chunk, HISTORY).is_dir()

    def take(self, made: Made) -> None:
        world, number = self._worlds[made.country], made.chunk // GROUP
        last = made.chunk + 1 == world.chunks
        if not self._is_in(made):
            self._group.append(made)
            if last or (made.chunk + 1) % GROUP == 0:
                self._commit(made.country, number, self._rows)
                for one in self._group:
                    remove(self._folder.spool(one.country, one.chunk, HISTORY))
                self._group = []
        if last and (made.country, _MARKS) not in self._committed:
            self._commit(made.country, _MARKS, lambda family: self._marks(family, world))

    def close(self, report: Report) -> None:
        """Few large files instead of many small ones: every reader opens all of a country's."""
        for number, family in enumerate(event.FAMILIES):
            report("Compacting the lake", number, len(event.FAMILIES))
            if (table := self._lake.table(family)) is not None:
                table.optimize.compact()
        shutil.rmtree(self._folder.spool(), ignore_errors=True)

    def _is_in(self, made: Made) -> bool:
        return (made.country, made.chunk // GROUP) in self._committed

    def _begin(self) -> None:
        """Where each partition of the history stands, for the first time."""
        for family in event.FAMILIES:
            table = self._lake.table(family)
            for code in self._worlds:
                if table is not None and table.file_uris(file_pruning_predicate=[("country", "=", code)]):
                    raise UserError(
                        f"The lake {self._lake.path} holds events of {code} already; a history beside them would count "
                        "as well. Choose another CEREBRO_HOME or country."
                    )
        if self._lake.epoch() is None:
            logs = {topics.events(self._settings, family): TOPIC_ID for family in event.FAMILIES}
            epoch = Epoch(epoch=EPOCH, topics=logs, partitions=self.partitions)
            whole.write(self._lake.path / "epoch.json", stamp.sealed(epoch))
        for family, parts in self._parts.items():
            self._writers[family].reload()
            self._ends[family] = [self._writers[family].position(part) for part in parts]
        self._note("", 0)

    def _commit(self, code: str, number: int, rows_of: Callable[[str], pa.Table]) -> None:
        """One group of every family; a family that has it already is passed over."""
        for family, parts in self._parts.items():
            rows, writer = rows_of(family), self._writers[family]
            counts = np.bincount(np.asarray(rows["partition"]), minlength=self.partitions)
            starts = dict(zip(parts, self._ends[family], strict=True))
            ends = {part: starts[part] + int(count) for part, count in zip(parts, counts, strict=True)}
            writer.reload()
            stands = {part: writer.position(part) for part in parts}
            if stands == starts and len(rows):
                writer.append(rows, starts, ends)
            elif stands != ends:
                raise LakeConflict(f"The history in {self._lake.path} grew by another hand: {family} is at {stands}.")
            self._ends[family] = list(ends.values())
        self._note(code, number)

    def _note(self, code: str, number: int) -> None:
        self._folder.note(Committed(country=code, group=number, ends=self._ends))
        self._committed.add((code, number))

    def _rows(self, family: str) -> pa.Table:
        """The group's rows of a family, with offsets from where each partition stands."""
        begins, parts = np.array(self._ends[family]), []
        for made in self._group:
            path = self._folder.spool(made.country, made.chunk, HISTORY) / f"{family}.rows"
            rows = pq.ParquetFile(path).read()
            partition = np.asarray(rows["partition"])
            offsets = np.asarray(rows["offset"]) + begins[partition]
            parts.append(put(rows, "offset", pa.array(offsets)))
            begins = begins + np.bincount(partition, minlength=self.partitions)
        return pa.concat_tables(parts)

    def _marks(self, family: str, world: World) -> pa.Table:
        """Everything seen before the world's end is here: one watermark in each partition."""
        buffer = Buffer(family, EPOCH)
        watermark = Reached(world.country.code, world.end_us)
        for part, offset in zip(self._parts[family], self._ends[family], strict=True):
            buffer.mark(part, offset, watermark)
        return buffer.table()
