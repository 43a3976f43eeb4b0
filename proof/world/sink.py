"""Where a world goes: by itself into files, a part for each chunk, and nothing else to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proof.world.folder import Made, Step, WorldFolder
from proof.world.parts import TABLE

Report = Callable[[str, int, int], None]
"""Hears how far the work is: what, how much of it is done, of how much."""


class Sink:
    """Parts in OUT/COUNTRY, Parquet tables or JSON lines; others send them on, or have them in another `form`.

    Chunks are made by anyone in any order, and taken one after the other, in order. `to` is what --to calls it,
    `partitions` those of each topic that it pretends.
    """

    partitions = 0

    def __init__(self, folder: WorldFolder, form: str = TABLE) -> None:
        self._folder, self.form, self.to = folder, form, form.removeprefix(".")

    def open(self, steps: Sequence[Step]) -> None:
        """Look whether it can be: before anything is made. Raises UserError, Unreachable."""

    def has(self, made: Made) -> bool:
        """Is a chunk that was made once still there, or delivered?"""
        return self._folder.part(made.country, made.chunk, self.form).is_file()

    def take(self, made: Made) -> None:
        """Hand over a chunk whose part is on disk."""

    def close(self, report: Report) -> None:
        """All chunks are taken: hand over what is left."""
