"""The online store and Rule R. It is handed a connected Redis or Valkey client that knows its `prefix`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from scv.errors import StoreUnusable
from scv.events.clock import Clock, Mode
from scv.online.keys import Keys
from scv.online.row import FENCE_BYTES, Place
from scv.online.scripts import ADVANCE, BACK, FENCES, MARK, TICK, WRITE


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
    each fetcher (`scv.online.marker` reads it).
    """

    generation: int
    logs: Mapping[str, Log]
    of: Mapping[str, bytes]


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


class RowStore:
    """Reads and writes rows, positions, clocks and markers; every write is one atomic script."""

    def __init__(self, client: Any) -> None:
        self.client, self.keys = client, Keys(client.prefix)
        self._write = client.register_script(WRITE)
        self._advance = client.register_script(ADVANCE)
        self._mark = client.register_script(MARK)
        self._fences = client.register_script(FENCES)
        self._tick = client.register_script(TICK)
        self._back = client.register_script(BACK)

    # -- rows ----------------------------------------------------------------------------------------------
    def fences(self, keys: Sequence[str], fields: Sequence[str]) -> list[list[bytes]]:
        """Per key the fence of each field (b'' = absent); one round trip."""
        pipe = self.client.pipeline(transaction=False)
        for key in keys:
            self._fences(keys=[key], args=[FENCE_BYTES, *fields], client=pipe)
        return cast(list[list[bytes]], pipe.execute())

    def write_rows(self, writes: Mapping[str, Sequence[RowWrite]]) -> list[str]:
        """Write each key's fields, all or none of a key; the keys that were refused. One round trip."""
        pipe = self.client.pipeline(transaction=False)
        for key, fields in writes.items():
            words = [word for write in fields for word in (write.field, write.expected, write.data)]
            self._write(keys=[key], args=[FENCE_BYTES, *words], client=pipe)
        return [key for key, written in zip(writes, pipe.execute(), strict=True) if not written]

    # -- positions -----------------------------------------------------------------------------------------
    def positions(self, topic_partitions: Iterable[tuple[str, int]]) -> list[Position]:
        pipe = self.client.pipeline(transaction=False)
        for topic, partition in topic_partitions:
            pipe.hgetall(self.keys.position(topic, partition))
        return [position_of(found) for found in pipe.execute()]

    def advance(self, moves: Sequence[Move]) -> list[bool]:
        """Move restart points, each where what was read still stands; which of them moved. One round trip."""
        pipe = self.client.pipeline(transaction=False)
        for move in moves:
            self._advance(args=move.args(), keys=[self.keys.position(move.topic, move.partition)], client=pipe)
        return list(map(bool, pipe.execute()))

    def note_lost(self, topic: str, partition: int, count: int) -> None:
        """Keep how many offsets of a partition nobody can read any more."""
        self.client.hset(self.keys.position(topic, partition), "lost", count)

    # -- clocks --------------------------------------------------------------------------------------------
    def clock(self, country: str) -> Clock:
        return clock_of(self.client.hgetall(self.keys.clock(country)))

    def clocks(self, countries: Sequence[str]) -> dict[str, Clock]:
        """The clocks of some countries; one round trip."""
        pipe = self.client.pipeline(transaction=False)
        for country in countries:
            pipe.hgetall(self.keys.clock(country))
        return {code: clock_of(found) for code, found in zip(countries, pipe.execute(), strict=True)}

    def has_clock(self, country: str) -> bool:
        return bool(self.client.hexists(self.keys.clock(country), "mode"))

    def set_mode(self, country: str, mode: Mode) -> None:
        """Put a country on wall time or on a replay.

        Where that is a change its front and watermarks begin anew; the raised turn refuses those of a consumer that
        still goes by the old clock.
        """
        changed, points = self.clock(country).mode != mode, self._points()
        pipe = self.client.pipeline(transaction=True)
        pipe.hset(self.keys.clock(country), "mode", mode)
        if changed:
            pipe.hdel(self.keys.clock(country), "front")
            for point in points:
                pipe.hdel(point, f"wm:{country}")
                pipe.hincrby(point, "turn", 1)
        pipe.execute()

    def tick(self, fronts: Mapping[str, int], live: Mapping[str, int] = {}) -> None:
        """Raise the fronts of countries' clocks (us); by what came live, unless the country is in its replay."""
        pipe = self.client.pipeline(transaction=False)
        for is_live, found in enumerate((fronts, live)):
            for country, us in found.items():
                self._tick(keys=[self.keys.clock(country)], args=[us, is_live], client=pipe)
        pipe.execute()

    def set_back(self, country: str, us: int) -> None:
        """Set a country's front and watermarks, and every tick, that are later than an instant (us) to it: the way
        back. Where a tick was, whoever follows its partition begins there anew.
        """
        pipe, points = self.client.pipeline(transaction=True), self._points()
        self._back(keys=[self.keys.clock(country)], args=["front", us], client=pipe)
        for point in points:
            self._back(keys=[point], args=[f"wm:{country}", us], client=pipe)
            self._back(keys=[point], args=["tick", us, "turn"], client=pipe)
        pipe.execute()

    # -- markers -------------------------------------------------------------------------------------------
    def logs(self) -> dict[str, Log]:
        """Topic → the log that the rows are folded from."""
        return logs_of(self.client.hgetall(self.keys.topics))

    def _points(self) -> list[str]:
        """The keys of all restart points."""
        return [self.keys.position(topic, n) for topic, log in self.logs().items() for n in range(log.partitions)]

    def set_logs(self, logs: Mapping[str, Log]) -> None:
        self.client.hset(self.keys.topics, mapping={topic: msgspec.json.encode(log) for topic, log in logs.items()})

    def generation(self) -> int:
        return int(self.client.get(self.keys.generation) or 1)

    def marks(self, countries: Sequence[str]) -> dict[str, Marks]:
        """What is said of each country's rows, all of one instant."""
        pipe = self.client.pipeline(transaction=True)
        pipe.get(self.keys.generation)
        pipe.hgetall(self.keys.topics)
        for country in countries:
            pipe.hgetall(self.keys.built(country))
        generation, topics, *found = pipe.execute()
        return {
            code: Marks(int(generation or 1), logs_of(topics), {name.decode(): mark for name, mark in marks.items()})
            for code, marks in zip(countries, found, strict=True)
        }

    def mark_built(self, built: Built) -> bool:
        """Let rows be read, and follow their topic from where they end.

        False, and nothing is done, where generation or log are no longer those that they were built for. Restart
        points never go forward.
        """
        log = built.log
        keys = [self.keys.generation, self.keys.topics, self.keys.built(built.country)]
        keys += [self.keys.position(built.topic, partition) for partition in range(log.partitions)]
        args: list[Any] = [built.generation, built.topic, log.topic_id, log.epoch, log.partitions]
        args += [*built.positions, *built.ticks]
        args += [word for pair in built.marks.items() for word in pair]
        return bool(self._mark(keys=keys, args=args))

    def folded_by(self, country: str, wanted: bytes) -> bytes:
        """By what of a country this generation's rows are folded; from now on `wanted`, if nothing was said yet."""
        self.client.hsetnx(self.keys.folded, country, wanted)
        return cast(bytes, self.client.hget(self.keys.folded, country))

    def drop_marks(self, keep: Mapping[str, Collection[str]]) -> None:
        """Nobody follows other rows than those of these countries' fetchers: no other counts as whole any more."""
        for key in self.client.scan_iter(match=self.keys.built("*"), count=1000):
            country = key.decode().rpartition(":")[2]
            gone = [name for name in self.client.hkeys(key) if name.decode() not in keep.get(country, ())]
            if gone:
                self.client.hdel(key, *gone)

    def next_generation(self) -> None:
        """Begin another generation: no row is whole until it is built again, and running consumers learn of it."""
        generation, points = self.generation(), self._points()
        pipe = self.client.pipeline(transaction=True)
        pipe.set(self.keys.generation, generation + 1)
        pipe.delete(self.keys.folded)
        for point in points:
            pipe.hincrby(point, "turn", 1)
        pipe.execute()

    def forget_logs(self) -> None:
        """Positions and markers of the topics so far count no longer. Turns go on: none comes twice."""
        for key in self.client.scan_iter(match=self.keys.of("pos", "*"), count=1000):
            turn = int(self.client.hget(key, "turn") or 0)
            pipe = self.client.pipeline(transaction=True)
            pipe.delete(key)
            pipe.hset(key, "turn", turn + 1)
            pipe.execute()
        for match in (self.keys.built("*"), self.keys.since("*")):
            for key in self.client.scan_iter(match=match, count=1000):
                self.client.delete(key)
        self.client.delete(self.keys.topics)

    def incarnation(self) -> str:
        """The store's run id: another one means that it restarted and may have lost writes."""
        return str(self.client.info("server")["run_id"])

    def refuse_eviction(self) -> None:
        """Raise StoreUnusable if the store may drop keys by itself."""
        memory = self.client.info("memory")
        policy = str(memory.get("maxmemory_policy", "noeviction"))
        if policy != "noeviction" and int(memory.get("maxmemory", 0)):
            raise StoreUnusable(f"The store's maxmemory-policy is {policy}: it drops rows. Set it to noeviction.")


def position_of(found: Mapping[bytes, bytes]) -> Position:
    """A position as HGETALL returns it."""
    texts = {name.decode(): text for name, text in found.items()}
    marks = {name[3:]: int(us) for name, us in texts.items() if name.startswith("wm:")}
    offset, (turn, lost, tick) = texts.get("offset"), (int(texts.get(name, 0)) for name in ("turn", "lost", "tick"))
    return Position(None if offset is None else int(offset), marks, turn, lost, tick)


def logs_of(topics: Mapping[bytes, bytes]) -> dict[str, Log]:
    """Topic → log, of `topics` as HGETALL returns it."""
    return {topic.decode(): msgspec.json.decode(text, type=Log) for topic, text in topics.items()}


def clock_of(found: Mapping[bytes, bytes]) -> Clock:
    """A clock as HGETALL returns it; wall time where none was set."""
    front = found.get(b"front")
    mode = found.get(b"mode", b"wall").decode()
    return Clock("replay" if mode == "replay" else "wall", None if front is None else int(front))
