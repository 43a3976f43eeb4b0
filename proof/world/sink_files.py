"""Sinks that are files: a part for each chunk, and nothing else to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from proof.world.folder import Made, Step, WorldFolder
from proof.world.parts import TABLE


class Report(Protocol):
    """Hears how far the work is: what, how much of it is done, of how much."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


class Sink(Protocol):
    """Where a world goes. Chunks are made by anyone in any order, and taken one after the other, in order."""

    form: str
    """The form of its parts (`proof.world.parts`)."""
    partitions: int

    def open(self, steps: Sequence[Step]) -> None:
        """Look whether it can be: before anything is made. Raises UserError, Unreachable."""

    def has(self, made: Made) -> bool:
        """Is a chunk that was made once still there, or delivered?"""

    def take(self, made: Made) -> None:
        """Hand over a chunk whose part is on disk."""

    def close(self, report: Report) -> None:
        """All chunks are taken: hand over what is left."""


class Files:
    """Parts in OUT/COUNTRY: Parquet tables, or JSON lines."""

    partitions = 0

    def __init__(self, folder: WorldFolder, form: str = TABLE) -> None:
        self.form, self._folder = form, folder

    def open(self, steps: Sequence[Step]) -> None:
        pass

    def has(self, made: Made) -> bool:
        return self._folder.part(made.country, made.chunk, self.form).is_file()

    def take(self, made: Made) -> None:
        pass

    def close(self, report: Report) -> None:
        pass
