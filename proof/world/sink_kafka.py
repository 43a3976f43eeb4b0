"""A world through Kafka: once all chunks are spooled, a replay of them in the order of sending.

A sender that was stopped goes on where every partition stands, as `cerebro replay` does; where that is not known it
sends everything again, and nothing counts twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from proof.world.folder import Made, Sent, Step, WorldFolder
from proof.world.parts import RECORDS
from proof.world.sink import Report, Sink
from proof.world.world import World
from scv.events import calendar, event
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import UNWELL, client
from streams.kafka import topics
from streams.positions import clock
from streams.positions.position import standing
from streams.replay.columns import STAGED
from streams.replay.history import History
from streams.replay.sender import replay


class Pace(NamedTuple):
    """How fast: `rate` in events per second of the whole, or `speed` in event seconds per second; neither: flat out."""

    rate: float | None = None
    speed: float | None = None


class KafkaSink(Sink):
    """Sends once all chunks are spooled. Raises Unreachable when the broker is gone."""

    def __init__(
        self, folder: WorldFolder, worlds: Sequence[World], settings: Settings, pace: Pace, say: Callable[[str], None]
    ) -> None:
        self._folder, self.form, self.to = folder, RECORDS, "kafka"
        self._worlds, self._settings, self._pace, self._say = worlds, settings, pace, say
        self._sent: Sent | None = None

    def open(self, steps: Sequence[Step]) -> None:
        """A broker must answer before anything is made, and no country may live on wall time already."""
        topics.wait(self._settings)
        clock.begin_replays(self._settings, [world.country for world in self._worlds])
        self._sent = next((step for step in reversed(steps) if isinstance(step, Sent)), None)

    def has(self, made: Made) -> bool:
        return self._folder.spool(made.country, made.chunk, RECORDS).is_file()

    def close(self, report: Report) -> None:
        memory, threads = self._settings.memory, self._settings.threads
        end = calendar.from_us(max(world.end_us for world in self._worlds))
        with Spool(self._folder.spool(), keep_bad=True, memory=memory, threads=threads) as spool:
            if count := spool.count():  # nobody may have come in so few weeks
                since = self._begin()
                first = min(span.first_us for span in spool.spans().values())
                speed, rate = self._pace.speed, self._pace.rate
                if rate:
                    speed = (calendar.to_us(end) - first) / 1e6 * rate / count
                replay(spool, self._settings, since, end, speed, report)
                for said in filter(None, (clock.stays(world.country) for world in self._worlds)):
                    self._say(said)
        shutil.rmtree(self._folder.spool())

    def _begin(self) -> datetime | None:
        """Where to go on; None for the start."""
        found = topics.ensure(self._settings)
        ids = {
            name: found[name].topic_id for name in (topics.events(self._settings, family) for family in event.FAMILIES)
        }
        stands, before = self._standing(), self._sent
        if before is None or before.topics != ids:
            self._folder.note(Sent(topics=ids, stood=stands))
        elif stands != before.stood:
            return stands
        if before is not None:
            self._say("How far the last sender came is not known: everything is sent again, and nothing counts twice.")
        return None

    def _standing(self) -> datetime | None:
        """Where every partition stands in all of the countries."""
        try:
            with client(self._settings) as store:
                stands = [standing(RowStore(store), world.country.code) for world in self._worlds]
        except UNWELL:
            return None
        known = [at for at in stands if at is not None]
        return min(known) if len(known) == len(stands) else None


class Spool(History):
    """Parts of `streams.replay.columns.STAGED`; `seen_us` is the instant of sending. What is broken stays as it is."""

    def _sources(self, country: str | None) -> list[str]:
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in self.files)
        return [f"SELECT {', '.join(STAGED.names)} FROM read_parquet([{listed}])"]
