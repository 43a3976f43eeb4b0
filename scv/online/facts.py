"""What an online store says of its rows, as it is read and written: logs, markers, restart points, clocks.

Where a store has several shards each says it of its own rows; together they stand where all of them stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scv.events.clock import Clock
from scv.online.row import Place


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as the rows know it: `topic_id` is the broker's id of it in hex."""

    family: str
    epoch: int
    topic_id: str
    partitions: int

    def place(self, generation: int, partition: int) -> Place:
        return Place(generation, self.epoch, bytes.fromhex(self.topic_id), partition)


@dataclass(frozen=True)
class Marks:
    """What the store says of one country's rows: the generation and the logs (by topic) that stand, and the marker of
    each fetcher (`scv.online.marker` reads it). `scattered`: fetchers whose marker is not the same in every shard.
    """

    generation: int
    logs: Mapping[str, Log]
    of: Mapping[str, bytes]
    scattered: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Built:
    """Rows of a country that hold everything of a topic before `positions` (by partition; `ticks`: the newest tick
    before each, us), and for which generation and log they were built; `marks`: fetcher → marker.
    """

    country: str
    topic: str
    log: Log
    generation: int
    positions: Sequence[int]
    ticks: Sequence[int]
    marks: Mapping[str, bytes]


@dataclass(frozen=True)
class Position:
    """A partition's restart point: the next offset to apply, the newest tick before it (us; 0: none) and, per country,
    the instant before which everything seen is applied (us). `lost`: how many offsets the broker had dropped before
    anybody read them.
    """

    offset: int | None
    watermarks: Mapping[str, int] = field(default_factory=dict)
    turn: int = 0
    lost: int = 0
    tick_us: int = 0


@dataclass(frozen=True)
class Move:
    """A restart point's next offset, and the offset and turn that must still stand there; `tick_us`: a newer tick."""

    topic: str
    partition: int
    expected: int | None
    turn: int
    offset: int
    watermarks: Mapping[str, int] = field(default_factory=dict)
    tick_us: int = 0

    def args(self) -> list[Any]:
        marks = [word for country, us in self.watermarks.items() for word in (f"wm:{country}", us)]
        marks += ["tick", self.tick_us] if self.tick_us else []
        return ["" if self.expected is None else self.expected, self.turn, self.offset, *marks]


@dataclass(frozen=True)
class RowWrite:
    """New bytes of one field and the fence that must still stand there (b'' = absent)."""

    field: str
    expected: bytes
    data: bytes


def position_of(found: Mapping[bytes, bytes]) -> Position:
    """A position as HGETALL returns it."""
    texts = {name.decode(): text for name, text in found.items()}
    marks = {name[3:]: int(us) for name, us in texts.items() if name.startswith("wm:")}
    offset, (turn, lost, tick) = texts.get("offset"), (int(texts.get(name, 0)) for name in ("turn", "lost", "tick"))
    return Position(None if offset is None else int(offset), marks, turn, lost, tick)


def logs_of(topics: Mapping[bytes, bytes]) -> dict[str, Log]:
    """Topic → log, of `topics` as HGETALL returns it."""
    return {topic.decode(): msgspec.json.decode(text, type=Log) for topic, text in topics.items()}


def marks_of(generation: bytes | None, topics: Mapping[bytes, bytes], built: Mapping[bytes, bytes]) -> Marks:
    """A country's markers, of what GET and HGETALL return."""
    return Marks(int(generation or 1), logs_of(topics), {name.decode(): mark for name, mark in built.items()})


def clock_of(found: Mapping[bytes, bytes]) -> Clock:
    """A clock as HGETALL returns it; wall time where none was set."""
    front = found.get(b"front")
    mode = found.get(b"mode", b"wall").decode()
    return Clock("replay" if mode == "replay" else "wall", None if front is None else int(front))


def least(positions: Sequence[Position]) -> Position:
    """What is applied in every shard, of a restart point as each has it: all before it, and everything seen before
    its watermarks.
    """
    if len(positions) == 1:
        return positions[0]
    offsets = [one.offset for one in positions if one.offset is not None]
    everywhere = set.intersection(*(set(one.watermarks) for one in positions))
    return Position(
        min(offsets) if len(offsets) == len(positions) else None,
        {code: min(one.watermarks[code] for one in positions) for code in sorted(everywhere)},
        max(one.turn for one in positions),
        max(one.lost for one in positions),
        min(one.tick_us for one in positions),
    )


def newest(clocks: Sequence[Clock]) -> Clock:
    """A country's clock, as each shard has it: in its replay until none is any more."""
    fronts = [one.front_us for one in clocks if one.front_us is not None]
    replayed = any(one.mode == "replay" for one in clocks)
    return Clock("replay" if replayed else "wall", max(fronts, default=None))


def by_shard(found: Sequence[Any], shards: int) -> list[Any]:
    """What came of every shard, for one thing after the other."""
    return [found[start : start + shards] for start in range(0, len(found), shards)]


def agreed(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all shards say alike."""
    first, *others = facts
    return {name: said for name, said in first.items() if all(one.get(name) == said for one in others)}


def together(marks: Sequence[Marks]) -> Marks:
    """What is said of a country's rows, as each shard says it of its own."""
    if len(marks) == 1:
        return marks[0]
    whole = agreed([one.of for one in marks])
    scattered = {name for one in marks for name in one.of} - whole.keys()
    logs = agreed([one.logs for one in marks])
    return Marks(max(one.generation for one in marks), logs, whole, frozenset(scattered))
