"""The online store: keys, the two scripts and Rule R. It is handed a connected Redis or Valkey client.

    row:{country:customer}                hash, one field per fetcher@fingerprint: packed rows
    pos:topic:partition                   hash: log, offset (next to apply), wm:COUNTRY (newest watermark, us)
    clock:country                         hash: mode, front (us)
    built:country:fetcher@fingerprint     the rows of that fetcher are whole
    topics                                hash: topic → log description (epoch, topic id, partitions)
    generation                            the rebuild that rows must belong to
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from scv.clock import Clock, Mode
from scv.errors import StoreUnusable
from scv.row import FENCE_BYTES, Place

# A write succeeds only if every field's stored fence equals the fence that the writer read ('' = absent).
WRITE = """
local n = tonumber(ARGV[1])
for i = 2, #ARGV, 3 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i])
  local fence = stored and string.sub(stored, 1, n) or ''
  if fence ~= ARGV[i + 1] then return 0 end
end
for i = 2, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
return 1
"""

# Moves a partition's restart point from the expected value; watermarks only ever rise.
# Returns the stored offset, or -1 when there is none; the caller compares it with what it wanted.
ADVANCE = """
local stored = redis.call('HGET', KEYS[1], 'offset') or ''
if stored ~= ARGV[1] then return stored == '' and -1 or tonumber(stored) end
redis.call('HSET', KEYS[1], 'offset', ARGV[2])
for i = 3, #ARGV, 2 do
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  if not old or tonumber(ARGV[i + 1]) > tonumber(old) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return tonumber(ARGV[2])
"""

# A clock's front only ever rises.
TICK = """
local old = redis.call('HGET', KEYS[1], 'front')
if not old or tonumber(ARGV[1]) > tonumber(old) then redis.call('HSET', KEYS[1], 'front', ARGV[1]) end
return redis.call('HGET', KEYS[1], 'front')
"""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as the rows know it: `topic_id` is the broker's id of it in hex."""

    family: str
    epoch: int
    topic_id: str
    partitions: int

    def place(self, generation: int, partition: int) -> Place:
        return Place(generation, self.epoch, bytes.fromhex(self.topic_id), partition)


@dataclass(frozen=True)
class Position:
    """A partition's restart point: the next offset to apply and the newest watermark per country (us)."""

    offset: int | None
    watermarks: Mapping[str, int]


def row_key(country: str, customer_id: str) -> str:
    return f"row:{{{country}:{customer_id}}}"


def position_key(topic: str, partition: int) -> str:
    return f"pos:{topic}:{partition}"


def clock_key(country: str) -> str:
    return f"clock:{country}"


def built_key(country: str, field: str) -> str:
    return f"built:{country}:{field}"


@dataclass(frozen=True)
class RowWrite:
    """New bytes of one field and the fence that must still stand there (b'' = absent)."""

    field: str
    expected: bytes
    data: bytes


class RowStore:
    """Reads and writes rows, positions, clocks and markers; every write is one atomic script."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._write = client.register_script(WRITE)
        self._advance = client.register_script(ADVANCE)
        self._tick = client.register_script(TICK)

    # -- rows ----------------------------------------------------------------------------------------------
    def read_rows(self, keys: Sequence[str], fields: Sequence[str]) -> list[list[bytes | None]]:
        """Per key the bytes of each field; one round trip."""
        if not keys or not fields:
            return [[] for _ in keys]
        pipe = self.client.pipeline(transaction=False)
        for key in keys:
            pipe.hmget(key, list(fields))
        return cast(list[list[bytes | None]], pipe.execute())

    def write_rows(self, writes: Mapping[str, Sequence[RowWrite]]) -> list[str]:
        """Write each key's fields, all or none of a key; the keys that were refused. One round trip."""
        pipe = self.client.pipeline(transaction=False)
        for key, fields in writes.items():
            args: list[Any] = [FENCE_BYTES]
            for write in fields:
                args += [write.field, write.expected, write.data]
            self._write(keys=[key], args=args, client=pipe)
        done = pipe.execute() if writes else []
        return [key for key, written in zip(writes, done, strict=True) if not written]

    # -- positions -----------------------------------------------------------------------------------------
    def positions(self, topic_partitions: Iterable[tuple[str, int]]) -> list[Position]:
        pipe = self.client.pipeline(transaction=False)
        wanted = list(topic_partitions)
        for topic, partition in wanted:
            pipe.hgetall(position_key(topic, partition))
        return [position_of(found) for found in (pipe.execute() if wanted else [])]

    def advance(
        self, topic: str, partition: int, expected: int | None, offset: int, watermarks: Mapping[str, int]
    ) -> int | None:
        """Move a restart point from `expected`; the offset that stands afterwards (None: none)."""
        args: list[Any] = ["" if expected is None else expected, offset]
        for country, us in watermarks.items():
            args += [f"wm:{country}", us]
        stored = int(self._advance(keys=[position_key(topic, partition)], args=args))
        return None if stored < 0 else stored

    # -- clocks --------------------------------------------------------------------------------------------
    def clock(self, country: str) -> Clock:
        return clock_of(self.client.hgetall(clock_key(country)))

    def set_mode(self, country: str, mode: Mode) -> None:
        self.client.hset(clock_key(country), "mode", mode)

    def tick(self, country: str, us: int) -> None:
        """Raise the front of a country's clock."""
        self._tick(keys=[clock_key(country)], args=[us])

    # -- markers -------------------------------------------------------------------------------------------
    def logs(self) -> dict[str, Log]:
        """Topic → the log that the rows are folded from."""
        found = self.client.hgetall("topics")
        return {topic.decode(): msgspec.json.decode(text, type=Log) for topic, text in found.items()}

    def set_logs(self, logs: Mapping[str, Log]) -> None:
        self.client.hset("topics", mapping={topic: msgspec.json.encode(log) for topic, log in logs.items()})

    def generation(self) -> int:
        return int(self.client.get("generation") or 1)

    def built(self, country: str, fields: Sequence[str]) -> list[bool]:
        """Which fetchers (by row field) of a country are whole."""
        return [mark is not None for mark in self.client.mget([built_key(country, f) for f in fields])]

    def mark_built(self, country: str, field: str) -> None:
        self.client.set(built_key(country, field), b"1")

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
    offset = found.get(b"offset")
    marks = {name[3:].decode(): int(us) for name, us in found.items() if name.startswith(b"wm:")}
    return Position(None if offset is None else int(offset), marks)


def clock_of(found: Mapping[bytes, bytes]) -> Clock:
    """A clock as HGETALL returns it; wall time where none was set."""
    front = found.get(b"front")
    mode = found.get(b"mode", b"wall").decode()
    return Clock("replay" if mode == "replay" else "wall", None if front is None else int(front))
