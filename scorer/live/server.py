"""The live server: binds, tells its health, and stops without losing a call."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from access.auth import CallerAuth
from rpc import scorer_pb2, scorer_pb2_grpc
from scorer.live.answers import Answers
from scorer.live.certificates import Credentials
from scorer.live.condition import Condition
from scorer.live.gate import Gate
from scorer.live.loop import Loop
from scorer.live.meter import Meter
from scorer.live.pulse import Pulse
from scorer.live.servicer import Scorer
from scorer.live.turns import Turns
from scv.errors import Unreachable, UserError
from scv.settings import Settings
from store.client import ADVICE, UNWELL, Patience, client, shown
from store.heartbeat import Heartbeat
from telemetry.sample import Sample

SERVICE = scorer_pb2.DESCRIPTOR.services_by_name["Scorer"].full_name
BRISK = Patience(answer_s=0.05, connect_s=0.05)
"""A store that is silent for longer is down: callers are told so within a tenth of a second."""
GRACE_S = 10.0
DRAIN_S = 1.0
"""How long a stopping server still answers, so that whoever asks its health can go elsewhere first."""
OTHERS = 3
"""Threads beside the workers that ask the store: pulse, heartbeat and metrics."""


class Capacity(NamedTuple):
    """Threads that score, and calls that are under way or wait for one: of more, somebody is refused at once with
    RESOURCE_EXHAUSTED."""

    workers: int
    most_at_once: int


class Closure(NamedTuple):
    """What closes the server to strangers: how it shows itself, and whom it knows."""

    credentials: Credentials
    auth: CallerAuth


CAPACITY = Capacity(4, 64)
OPTIONS = [
    ("grpc.max_receive_message_length", 1 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.max_connection_age_ms", 3_600_000),  # so that balancers spread, and a certificate that ran out goes
    ("grpc.max_connection_age_grace_ms", 10_000),
    ("grpc.max_concurrent_streams", CAPACITY.most_at_once),  # of one connection: more wait at the caller's, not here
    ("grpc.server_handshake_timeout_ms", 5_000),
]
log = logging.getLogger("cerebro.scorer")


class Server:
    """One scorer on one port. `start`, then `watch` until somebody sets `stopping`, then `stop`; from one thread, while
    calls are taken in by an event loop on a thread of its own.

    Closed to strangers by the files of `settings.scorer_keys`; without them it speaks plain text to this machine alone,
    if it is told to be `insecure`. Others may listen beside it if it `shares_port`: the kernel spreads connections, so
    such a scorer takes none before it can answer.
    """

    def __init__(
        self,
        settings: Settings,
        address: str,
        insecure: bool = False,
        shares_port: bool = False,
        capacity: Capacity = CAPACITY,
    ) -> None:
        host, port = _place(address)
        self._door = _door(settings, host, insecure)
        self._settings, self._at_once = settings, capacity.workers + OTHERS
        self._shares_port, self.address = shares_port, f"{host}:{port}"
        self.stopping = threading.Event()
        self.client = client(settings, BRISK, reads_only=True)
        self.answers = Answers(settings, self.client)
        self._pulse = Pulse(self.client, self._serving)
        self._heartbeat = Heartbeat(self.client, "scorer")
        self._meter = Meter()
        self.condition = Condition(settings, self.client, self._meter)
        self._turns = Turns(*capacity)
        self._loop = Loop()
        try:
            self._loop.run(self._made())
            if not shares_port:
                self._loop.run(self._bind())
        except BaseException:
            self._loop.close()
            raise

    async def _made(self) -> None:
        """Make the server on its loop."""
        self._health = health.aio.HealthServicer()
        options = [*OPTIONS, ("grpc.so_reuseport", int(self._shares_port))]
        gate = Gate(self._door and self._door.auth, self._pulse, self._meter)
        self._server = grpc.aio.server(interceptors=[gate], options=options)
        self._scorer = Scorer(self.answers, self._pulse, self._meter, self._turns)
        scorer_pb2_grpc.add_ScorerServicer_to_server(self._scorer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        await self._told(False)

    async def _bind(self) -> None:
        """From now on the kernel takes connections for us. Raises UserError."""
        port = _bind(self._server, self.address, self._door and self._door.credentials)
        self.address = f"{self.address.rpartition(':')[0]}:{port}"

    def start(self, say: Callable[[str], None] = log.info) -> None:
        """Listen at once, or last where others share the port: they answer meanwhile. Be healthy when the models are
        loaded and the store answers.

        Raises Unreachable after `settings.wait_s`, and UserError for a port that nobody shares with us.
        """
        if not self._shares_port:
            self._listen(say)
        self.answers.warm()
        if not self._store_answers(say):
            return
        with contextlib.suppress(*UNWELL):  # it answered a moment ago; whoever asks next says so if it does not
            self.client.open(self._at_once)
        if self._shares_port:
            self._loop.run(self._bind())
            self._listen(say)

    def _listen(self, say: Callable[[str], None]) -> None:
        self._loop.run(self._server.start())
        say(f"Listening on {self.address}")

    def _store_answers(self, say: Callable[[str], None]) -> bool:
        """Wait until it does; False: we are told to stop. Raises Unreachable."""
        deadline, said = time.monotonic() + self._settings.wait_s, False
        while not self._pulse.ask():
            if time.monotonic() >= deadline:
                self.stop(0)
                raise Unreachable(f"The store {shown(self._settings)} does not answer. {ADVICE}")
            if not said:
                say(f"Waiting up to {self._settings.wait_s} s for the store {shown(self._settings)} …")
                said = True
            if self.stopping.wait(0.2):
                break
        return not self.stopping.is_set()

    def watch(self) -> None:
        """Keep the health true; returns when `stopping` is set."""
        self._pulse.watch(self.stopping, self._heartbeat.beat)

    def stop(self, grace_s: float = GRACE_S, drain_s: float = 0.0) -> None:
        """NOT_SERVING first and time for balancers to see it, then no new call, then wait for those under way."""
        self.stopping.set()
        self._loop.run(self._health.enter_graceful_shutdown())
        time.sleep(drain_s)
        self._loop.run(self._scorer.end())
        self._loop.run(self._server.stop(grace_s))
        self._turns.close()
        self._loop.close()
        self.answers.vectors.close()
        self._heartbeat.stop()
        self.client.close()

    def samples(self) -> Iterator[Sample]:
        """What it counted; from any thread."""
        yield from self._meter.samples()
        yield Sample("cerebro_store_round_trips_total", (), self.client.round_trips)

    def stop_on_signals(self) -> None:
        """SIGTERM and Ctrl-C end `watch`; call from the main thread."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda number, frame: self.stopping.set())

    def _serving(self, yes: bool) -> None:
        """Tell health; from any thread."""
        self._loop.run(self._told(yes))

    async def _told(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", SERVICE):
            await self._health.set(name, status)


def _place(address: str) -> tuple[str, str]:
    """Host and port. Raises UserError."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise UserError(f"{address!r} is no host:port. Set CEREBRO_SCORER, for example to 127.0.0.1:50051.")
    return host, port


def _door(settings: Settings, host: str, insecure: bool) -> Closure | None:
    """Who watches the door; None: plain text, for this machine. Raises UserError where that was not asked for, or for
    files that cannot be used."""
    if settings.scorer_keys and not insecure:
        folder = Path(settings.scorer_keys).expanduser()
        return Closure(Credentials(folder), CallerAuth(folder))
    if not _loopback(host):
        raise UserError(
            f"{host} is not loopback, and without keys the scorer speaks plain text to whoever comes. "
            "`cerebro keys new` makes some; CEREBRO_SCORER_KEYS names the folder of yours."
        )
    if not insecure:
        raise UserError(
            "The scorer has no keys. `cerebro keys new` makes some for development, CEREBRO_SCORER_KEYS names the "
            "folder of yours; or accept plain text from this machine with --insecure."
        )
    return None


def _bind(server: grpc.aio.Server, address: str, credentials: Credentials | None) -> int:
    """The port. Raises UserError."""
    try:
        if credentials is None:
            return int(server.add_insecure_port(address))
        return int(server.add_secure_port(address, credentials.of_server()))
    except RuntimeError as error:
        raise UserError(
            f"{address} cannot be bound: it is taken, or not of this machine. Choose another --port."
        ) from error


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
