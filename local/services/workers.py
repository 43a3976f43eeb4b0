"""Our own long-running parts as child processes: the two consumers and the scorer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from local.services.process import LOOPBACK, Child, free_port, is_free
from rpc.channel import channel
from scv.settings import Settings, load
from store.client import client
from store.heartbeat import members
from telemetry.metric import PROCESSES

READY_S = 60.0
LONG_S = 60.0
ROWS = 50
"""Of ports for metrics that are tried: as many homes may run on one machine."""
CLI = Path(__file__).parents[2] / "cli.py"


@dataclass(frozen=True)
class Workers:
    """The running children and the settings that lead to them."""

    children: Sequence[Child]
    environment: Mapping[str, str]


class Consumer(Child):
    """One that is started again when it ends by itself, as one that stands still does: it goes on where it stood.

    Not within a minute of its start: then there is something that another start does not mend.
    """

    _started_at = 0.0

    def start(self) -> None:
        self._started_at = time.monotonic()
        super().start()

    def check(self) -> None:
        """Start it again, or raise Unreachable."""
        if self.alive or time.monotonic() - self._started_at < LONG_S:
            super().check()
            return
        click.echo(
            f"{self.name} ended by itself (exit code {self.code}); it is started again. Log: {self.log}", err=True
        )
        self.start()


@contextmanager
def workers(folder: Path, environment: Mapping[str, str], keys: Mapping[str, str]) -> Iterator[Workers]:
    """Run both consumers and the scorer inside the `with`, which begins once all three are at work.

    `keys` are the settings that lead to those of the scorer and its callers; empty: it speaks plain text.
    """
    port = free_port()
    address = f"127.0.0.1:{port}"
    more = {"CEREBRO_SCORER": address, "CEREBRO_METRICS": metrics_address(), **keys}
    surroundings = {**environment, **more}
    children = [
        worker("online", ["consume", "online"], folder, surroundings, kind=Consumer),
        worker("lake", ["consume", "lake"], folder, surroundings, kind=Consumer),
        worker("scorer", ["serve", "--port", str(port), *([] if keys else ["--insecure"])], folder, surroundings),
    ]
    try:
        for child in children:
            child.start()
        children[-1].wait_ready(lambda: serving(address, keys.get("CEREBRO_CALLER_KEYS", "")), READY_S)
        with client(load({**os.environ, **surroundings})) as store:  # or a replay would not wait for the consumers
            for child in children[:-1]:
                child.wait_ready(lambda group=child.name: bool(members(store, group)), READY_S)  # type: ignore[misc]
        yield Workers(children, more)
    finally:
        for child in reversed(children):
            child.stop()


def metrics_address() -> str:
    """Where our processes tell their metrics: as the environment says, or the first ports in a row that nobody has."""
    told = os.environ.get("CEREBRO_METRICS")
    if told is not None:
        return told
    first = int(Settings().metrics.rpartition(":")[2])
    rows = range(first, first + ROWS * len(PROCESSES), len(PROCESSES))
    free = (port for port in rows if all(is_free(port + offset) for offset in range(len(PROCESSES))))
    return f"{LOOPBACK}:{next(free, 0)}"


def worker(
    name: str,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    outlives: bool = False,
    kind: type[Child] = Child,
) -> Child:
    """One of our commands as a child process, not started yet."""
    command = [sys.executable, str(CLI), *arguments]
    return kind(name, command, folder / f"{name}.log", environment=dict(environment), outlives=outlives)


def serving(address: str, keys: str = "") -> bool:
    """Does the scorer at that address say SERVING, to whoever shows these keys?"""
    try:
        with channel(address, keys) as asked:
            stub = health_pb2_grpc.HealthStub(asked)
            reply = stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
            return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False
