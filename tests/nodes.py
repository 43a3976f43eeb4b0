"""A cluster of three primaries on loopback, with a replica each where one is to fail."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
from redis.crc import key_slot

from local.services.process import LOOPBACK, Child, free_port
from local.services.valkey import binary

PRIMARIES = 3
ENDS = (0, 5461, 10923, 16384)
"""The slots of each primary, as cluster tools share them out."""
TIMEOUT_MS = 1000
READY_S = 30.0


class Node:
    """One process of the cluster; memory only, it keeps its name in a file."""

    def __init__(self, program: Path, folder: Path, number: int) -> None:
        self.port, bus = free_port(), free_port()
        name = f"node-{number}"
        command = [str(program), "--port", str(self.port), "--bind", LOOPBACK, "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--repl-diskless-sync-delay", "0"]
        command += ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-config-file", f"{name}.conf"]
        command += ["--cluster-node-timeout", str(TIMEOUT_MS)]
        self.bus, self.child = bus, Child(name, command, folder / f"{name}.log")

    def ask(self, *words: Any) -> Any:
        """The answer of this process itself."""
        with redis.Redis(port=self.port, socket_timeout=5) as client:
            return client.execute_command(*words)

    @property
    def id(self) -> str:
        return str(self.ask("CLUSTER MYID"), "ascii")

    @property
    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.ask("PING"))
        return False


class Nodes:
    """Runs inside the `with`."""

    def __init__(self, folder: Path, replicas: bool = False, program: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        made = [Node(program or binary(), folder, one) for one in range(PRIMARIES * (2 if replicas else 1))]
        self.all, self.primaries, self.replicas = made, made[:PRIMARIES], made[PRIMARIES:]
        self.url = "cluster://" + ",".join(f"{LOOPBACK}:{node.port}" for node in made[:2])

    def __enter__(self) -> Nodes:
        try:
            for node in self.all:
                node.child.start()
            for node in self.all:
                node.child.wait_ready(lambda node=node: node.answers, READY_S)  # type: ignore[misc]
            for place, node in enumerate(self.primaries):
                node.ask("CLUSTER SET-CONFIG-EPOCH", place + 1)
                node.ask("CLUSTER ADDSLOTSRANGE", ENDS[place], ENDS[place + 1] - 1)
            for node in self.all[1:]:
                node.ask("CLUSTER MEET", LOOPBACK, self.all[0].port, self.all[0].bus)
            self._wait(self._met)
            for primary, replica in zip(self.primaries, self.replicas, strict=False):
                replica.ask("CLUSTER REPLICATE", primary.id)
            self._wait(self._in_step)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        for node in self.all:
            node.child.stop(kill=True)

    def of(self, key: str) -> Node:
        """The primary, as they began, of a key."""
        slot = key_slot(key.encode())
        return next(node for node, end in zip(self.primaries, ENDS[1:], strict=True) if slot < end)

    def _met(self) -> bool:
        known = {int(node.ask("CLUSTER INFO")["cluster_known_nodes"]) for node in self.all}
        return known == {len(self.all)} and self._whole(self.primaries)

    def _in_step(self) -> bool:
        """Every node knows of every replica, and each replica holds what its primary does."""
        if not self._whole(self.all):
            return False
        if any(node.ask("INFO", "replication").get("master_link_status") != "up" for node in self.replicas):
            return False
        served = [len(shard[2:]) for node in self.all for shard in node.ask("CLUSTER SLOTS")]
        return set(served) == {2 if self.replicas else 1}

    def _whole(self, nodes: list[Node]) -> bool:
        return all(node.ask("CLUSTER INFO")["cluster_state"] == "ok" for node in nodes)

    def _wait(self, condition: Any) -> None:
        end = time.monotonic() + READY_S
        while not condition():
            assert time.monotonic() < end, [node.ask("CLUSTER NODES") for node in self.all]
            time.sleep(0.05)
