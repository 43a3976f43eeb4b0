"""Records on their way to Kafka: the parts of all chunks as one history in the order of sending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from proof.world.lateness import HOUR_US
from scv.settings import Settings
from streams.replay.history import Batch, History, Span
from streams.replay.json_lines import STAGED

_AT_ONCE = 2_000


class Turns(Protocol):
    """Who says when it is somebody's turn."""

    def wait(self, records: int) -> None:
        """Return when it is the turn of so many records that come next."""

    def over(self) -> None:
        """All records of a slice were handed out."""


class Spool(History):
    """Parts of `streams.replay.json_lines.STAGED`; what is broken goes as it is.

    `seen_us` is the instant of sending. `turns` are asked before every few records.
    """

    def __init__(self, path: Path, settings: Settings, turns: Turns) -> None:
        self._turns = turns
        self._known: dict[str, dict[str, Span]] = {}
        super().__init__(path, keep_bad=True, memory=settings.memory, threads=settings.threads)

    def __enter__(self) -> Spool:
        return self

    def spans(self, within: Mapping[str, tuple[int, int]] | None = None) -> dict[str, Span]:
        """As a history's; asked once, for the parts no longer change."""
        asked = repr(within)
        if asked not in self._known:
            self._known[asked] = super().spans(within)
        return self._known[asked]

    def batches(self, since_us: int | None = None, until_us: int | None = None) -> Iterator[Batch]:
        for batch in super().batches(since_us, until_us):
            for start in range(0, len(batch.family), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                self._turns.wait(len(batch.family[some]))
                yield Batch(batch.family[some], batch.key[some], batch.value[some], batch.seen_us[some])
        self._turns.over()

    def hours(self) -> list[tuple[int, int]]:
        """(hour since 1970, records sent in it), in order."""
        sql = f"SELECT seen_us // {HOUR_US}, count(*) FROM records GROUP BY 1 ORDER BY 1"
        return [(int(hour), int(count)) for hour, count in self._con.execute(sql).fetchall()]

    def _sources(self, country: str | None) -> list[str]:
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in self._files)
        return [f"SELECT {', '.join(STAGED.names)} FROM read_parquet([{listed}])"]
