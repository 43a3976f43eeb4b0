"""What a stream's contender is told, and what it answers."""

from __future__ import annotations

import msgspec

from scv.settings import Settings


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`batch` 0: our consumer. Otherwise a Faust agent that pushes so many events at once, `events` in all."""

    settings: Settings
    batch: int = 0
    events: int = 0
    store: str = ""
    folder: str = ""
    group: str = ""


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """How long events took, from the first one at hand to the last one written; `checked` values were equal."""

    events: int
    seconds: float
    cpu_s: float
    checked: int = 0

    @property
    def rate(self) -> float:
        return self.events / self.seconds
