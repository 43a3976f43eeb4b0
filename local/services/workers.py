"""Our own long-running parts as child processes: the two consumers and the scorer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from local.services.process import Child, free_port
from scv.settings import load
from store.client import client
from store.heartbeat import read

READY_S = 60.0
CLI = Path(__file__).parents[2] / "cli.py"


@dataclass(frozen=True)
class Workers:
    """The running children and the settings that lead to them."""

    children: Sequence[Child]
    environment: Mapping[str, str]


@contextmanager
def workers(folder: Path, environment: Mapping[str, str]) -> Iterator[Workers]:
    """Run both consumers and the scorer inside the `with`, which begins once all three are at work."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    surroundings = {**environment, "CEREBRO_SCORER": address}
    children = [
        worker("online", ["consume", "online"], folder, surroundings),
        worker("lake", ["consume", "lake"], folder, surroundings),
        worker("scorer", ["serve", "--port", str(port)], folder, surroundings),
    ]
    try:
        for child in children:
            child.start()
        children[-1].wait_ready(lambda: serving(address), READY_S)
        with client(load({**os.environ, **surroundings})) as store:  # or a replay would not wait for the consumers
            for child in children[:-1]:
                child.wait_ready(lambda name=child.name: read(store, name) is not None, READY_S)  # type: ignore[misc]
        yield Workers(children, {"CEREBRO_SCORER": address})
    finally:
        for child in reversed(children):
            child.stop()


def worker(
    name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], outlives: bool = False
) -> Child:
    """One of our commands as a child process, not started yet."""
    command = [sys.executable, str(CLI), *arguments]
    return Child(name, command, folder / f"{name}.log", environment=dict(environment), outlives=outlives)


def serving(address: str) -> bool:
    """Does the scorer at that address say SERVING?"""
    try:
        with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            reply = stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
            return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False
