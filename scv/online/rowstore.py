"""The online store and Rule R. It is handed a connected Redis or Valkey client that knows its `prefix`.

A cluster is several stores side by side: each of these shards is told what is said of rows, after the rows themselves,
and proves its own; what all of them say stands. `docs/decisions/023-cluster.md` says why.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from scv.errors import StoreUnusable
from scv.events.clock import Clock, Mode
from scv.online.facts import (
    Built,
    Log,
    Marks,
    Move,
    Position,
    RowWrite,
    agreed,
    by_shard,
    clock_of,
    least,
    logs_of,
    marks_of,
    newest,
    position_of,
    together,
)
from scv.online.keys import Keys
from scv.online.row import FENCE_BYTES
from scv.online.scripts import ADVANCE, BACK, FENCES, LIFT, MARK, TICK, WRITE

_SETTLE_S = (0.1, 0.1, 0.1, 0.1, 0.0)
"""How long markers are waited for that another process is writing to one shard after the other."""


class RowStore:
    """Reads and writes rows, positions, clocks and markers; every write is one atomic script."""

    def __init__(self, client: Any) -> None:
        self.client, self.keys = client, Keys(client.prefix)
        self._names: Sequence[str] = ()
        self._shards: Sequence[Keys] = ()
        self._write = client.register_script(WRITE)
        self._advance = client.register_script(ADVANCE)
        self._mark = client.register_script(MARK)
        self._fences = client.register_script(FENCES)
        self._tick = client.register_script(TICK)
        self._back = client.register_script(BACK)
        self._lift = client.register_script(LIFT)

    @property
    def shards(self) -> Sequence[Keys]:
        """The keys of each part of the store that stands or falls by itself."""
        names = self.client.shards()
        if names is not self._names:
            self._shards, self._names = [Keys(self.client.prefix, name) for name in names], names
        return self._shards

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
        return list(map(least, self._positions(list(topic_partitions), self.shards)))

    def _positions(self, parts: Sequence[tuple[str, int]], shards: Sequence[Keys]) -> list[list[Position]]:
        """Of each partition, as every shard has it."""
        pipe = self.client.pipeline(transaction=False)
        for part in parts:
            for keys in shards:
                pipe.hgetall(keys.position(*part))
        return by_shard(list(map(position_of, pipe.execute())), len(shards))

    def level(self, parts: Sequence[tuple[str, int]]) -> list[Position]:
        """`positions`, after those have gone back that other shards do not reach: one lost what it held, or whoever
        moved them ended meanwhile. A higher turn refuses whoever goes by what was.
        """
        pipe, shards = self.client.pipeline(transaction=False), self.shards
        for part, found in zip(parts, self._positions(parts, shards), strict=True):
            low, turn = least(found).offset, max(one.turn for one in found) + 1
            if low is not None and len({(one.offset, one.turn) for one in found}) > 1:
                for keys, one in zip(shards, found, strict=True):
                    move = Move(*part, one.offset, one.turn, low)
                    self._advance(args=[*move.args(), "turn", turn], keys=[keys.position(*part)], client=pipe)
        pipe.execute()
        return self.positions(parts)

    def advance(self, moves: Sequence[Move]) -> list[bool]:
        """Move restart points, each where what was read still stands; which of them moved. One round trip."""
        pipe, shards = self.client.pipeline(transaction=False), self.shards
        for move in moves:
            for keys in shards:
                self._advance(args=move.args(), keys=[keys.position(move.topic, move.partition)], client=pipe)
        return list(map(all, by_shard(pipe.execute(), len(shards))))

    def note_lost(self, topic: str, partition: int, count: int) -> None:
        """Keep how many offsets of a partition nobody can read any more."""
        for keys in self.shards:
            self.client.hset(keys.position(topic, partition), "lost", count)

    # -- clocks --------------------------------------------------------------------------------------------
    def clock(self, country: str) -> Clock:
        return self.clocks([country])[country]

    def clocks(self, countries: Sequence[str]) -> dict[str, Clock]:
        """The clocks of some countries; one round trip."""
        found = self._clocks(countries, self.shards)
        return {code: newest(each) for code, each in zip(countries, found, strict=True)}

    def _clocks(self, countries: Sequence[str], shards: Sequence[Keys]) -> list[list[Clock]]:
        """Of each country, as every shard has it."""
        pipe = self.client.pipeline(transaction=False)
        for country in countries:
            for keys in shards:
                pipe.hgetall(keys.clock(country))
        return by_shard(list(map(clock_of, pipe.execute())), len(shards))

    def has_clock(self, country: str) -> bool:
        return any(self.client.hexists(keys.clock(country), "mode") for keys in self.shards)

    def level_clock(self, country: str) -> None:
        """Shards that have lost a country's clock, or begin, take that of the others."""
        clock = self.clock(country)
        for keys in self.shards:
            if self.client.hsetnx(keys.clock(country), "mode", clock.mode) and clock.front_us is not None:
                self._tick(keys=[keys.clock(country)], args=[clock.front_us, 0])

    def set_mode(self, country: str, mode: Mode) -> None:
        """Put a country on wall time or on a replay.

        Where that is a change its front and watermarks begin anew; the raised turn refuses those of a consumer that
        still goes by the old clock.
        """
        shards, topics = self.shards, self._topics()
        for keys, clock in zip(shards, self._clocks([country], shards)[0], strict=True):
            pipe = self.client.pipeline(transaction=True)
            pipe.hset(keys.clock(country), "mode", mode)
            if clock.mode != mode:
                pipe.hdel(keys.clock(country), "front")
                for point in keys.points(topics):
                    pipe.hdel(point, f"wm:{country}")
                    pipe.hincrby(point, "turn", 1)
            pipe.execute()

    def go_live(self, country: str) -> None:
        """Put a country on wall time where it stands: front and watermarks go on from there."""
        for keys in self.shards:
            self.client.hset(keys.clock(country), "mode", "wall")

    def tick(self, fronts: Mapping[str, int], live: Mapping[str, int] = {}) -> None:
        """Raise the fronts of countries' clocks (us); by what came live, unless the country is in its replay."""
        pipe, shards = self.client.pipeline(transaction=False), self.shards
        for is_live, found in enumerate((fronts, live)):
            for country, us in found.items():
                for keys in shards:
                    self._tick(keys=[keys.clock(country)], args=[us, is_live], client=pipe)
        pipe.execute()

    def set_back(self, country: str, us: int) -> None:
        """Set a country's front and watermarks, and every tick, that are later than an instant (us) to it: the way
        back. Where a tick was, whoever follows its partition begins there anew.
        """
        topics = self._topics()
        for keys in self.shards:
            pipe = self.client.pipeline(transaction=True)
            self._back(keys=[keys.clock(country)], args=["front", us], client=pipe)
            for point in keys.points(topics):
                self._back(keys=[point], args=[f"wm:{country}", us], client=pipe)
                self._back(keys=[point], args=["tick", us, "turn"], client=pipe)
            pipe.execute()

    # -- markers -------------------------------------------------------------------------------------------
    def logs(self) -> dict[str, Log]:
        """Topic → the log that the rows are folded from."""
        return agreed([logs_of(self.client.hgetall(keys.topics)) for keys in self.shards])

    def _topics(self) -> dict[str, int]:
        """How many partitions each topic has."""
        return {topic: log.partitions for topic, log in self.logs().items()}

    def set_logs(self, logs: Mapping[str, Log]) -> None:
        texts = {topic: msgspec.json.encode(log) for topic, log in logs.items()}
        for keys in self.shards:
            self.client.hset(keys.topics, mapping=texts)

    def generation(self) -> int:
        """The newest. Also kept where no shard is: so it goes on when slots move and shards begin anew."""
        everywhere = {keys.generation for keys in [self.keys, *self.shards]}
        return max(int(self.client.get(key) or 1) for key in sorted(everywhere))

    def marks(self, countries: Sequence[str]) -> dict[str, Marks]:
        """What is said of each country's rows, all of one instant in each shard."""
        for wait_s in _SETTLE_S:
            each = [self._marks(keys, countries) for keys in self.shards]
            found = {code: together([one[code] for one in each]) for code in countries}
            if not any(marks.scattered for marks in found.values()):
                break
            time.sleep(wait_s)
        return found

    def _marks(self, keys: Keys, countries: Sequence[str]) -> dict[str, Marks]:
        pipe = self.client.pipeline(transaction=True)
        pipe.get(keys.generation)
        pipe.hgetall(keys.topics)
        for country in countries:
            pipe.hgetall(keys.built(country))
        generation, topics, *found = pipe.execute()
        return {code: marks_of(generation, topics, one) for code, one in zip(countries, found, strict=True)}

    def mark_built(self, built: Built) -> bool:
        """Let rows be read, and follow their topic from where they end.

        False, and nothing is done, where generation or log are no longer those that they were built for. Restart
        points never go forward.
        """
        log, shards = built.log, self.shards
        args: list[Any] = [built.generation, built.topic, log.topic_id, log.epoch, log.partitions]
        args += [*built.positions, *built.ticks]
        args += [word for pair in built.marks.items() for word in pair]
        marked = []
        for keys in shards:
            names = [keys.generation, keys.topics, keys.built(built.country)]
            names += [keys.position(built.topic, partition) for partition in range(log.partitions)]
            if len(shards) > 1:
                self._lift(keys=[keys.generation], args=[built.generation])
            marked.append(bool(self._mark(keys=names, args=args)))
        return all(marked)

    def folded_by(self, country: str, wanted: bytes) -> bytes:
        """By what of a country this generation's rows are folded; from now on `wanted`, if nothing was said yet."""
        said = self.shards[0].folded
        self.client.hsetnx(said, country, wanted)
        return cast(bytes, self.client.hget(said, country))

    def drop_marks(self, keep: Mapping[str, Collection[str]]) -> None:
        """Nobody follows other rows than those of these countries' fetchers: no other counts as whole any more."""
        for keys in self.shards:
            for key in self.client.scan_iter(match=keys.built("*"), count=1000):
                country = key.decode().rpartition(":")[2]
                gone = [name for name in self.client.hkeys(key) if name.decode() not in keep.get(country, ())]
                if gone:
                    self.client.hdel(key, *gone)

    def next_generation(self) -> None:
        """Begin another generation: no row is whole until it is built again, and running consumers learn of it."""
        generation, topics, shards = self.generation(), self._topics(), self.shards
        if len(shards) > 1:
            self.client.set(self.keys.generation, generation + 1)
        for keys in shards:
            pipe = self.client.pipeline(transaction=True)
            pipe.set(keys.generation, generation + 1)
            pipe.delete(keys.folded)
            for point in keys.points(topics):
                pipe.hincrby(point, "turn", 1)
            pipe.execute()

    def forget_logs(self) -> None:
        """Positions and markers of the topics so far count no longer. Turns go on: none comes twice."""
        for keys in self.shards:
            for key in self.client.scan_iter(match=keys.of("pos", "*"), count=1000):
                turn = int(self.client.hget(key, "turn") or 0)
                pipe = self.client.pipeline(transaction=True)
                pipe.delete(key)
                pipe.hset(key, "turn", turn + 1)
                pipe.execute()
            for match in (keys.built("*"), keys.since("*")):
                for key in self.client.scan_iter(match=match, count=1000):
                    self.client.delete(key)
            self.client.delete(keys.topics)

    def incarnation(self) -> str:
        """The run ids of the store's shards: another one means that it restarted and may have lost writes."""
        return ",".join(str(one["run_id"]) for one in self.client.infos("server"))

    def refuse_eviction(self) -> None:
        """Raise StoreUnusable if the store may drop keys by itself."""
        for memory in self.client.infos("memory"):
            policy = str(memory.get("maxmemory_policy", "noeviction"))
            if policy != "noeviction" and int(memory.get("maxmemory", 0)):
                raise StoreUnusable(f"The store's maxmemory-policy is {policy}: it drops rows. Set it to noeviction.")
