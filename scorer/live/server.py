"""The live server: binds, tells its health, sheds load, and stops without losing a call.

Loopback only unless `insecure` is asked for: it speaks plain text and knows no tokens.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from rpc import scorer_pb2, scorer_pb2_grpc
from scorer.live.answers import Answers
from scorer.live.condition import Condition
from scorer.live.meter import Meter
from scorer.live.pulse import Pulse
from scorer.live.servicer import Scorer
from scv.errors import Unreachable, UserError
from scv.settings import Settings
from store.client import ADVICE, UNWELL, Patience, client, shown
from store.heartbeat import Heartbeat
from telemetry.sample import Sample

SERVICE = scorer_pb2.DESCRIPTOR.services_by_name["Scorer"].full_name
BRISK = Patience(answer_s=0.1, connect_s=0.1)
"""A caller waits two seconds at most, and four of them wait in turn: a store that is silent for longer is down."""
GRACE_S = 10.0
DRAIN_S = 1.0
"""How long a stopping server still answers, so that whoever asks its health can go elsewhere first."""
WORKERS = 4
OTHERS = 3
"""Threads beside the workers that ask the store: pulse, heartbeat and metrics."""
MOST_AT_ONCE = 64
"""Calls under way or waiting for a worker; the next one is refused at once with RESOURCE_EXHAUSTED."""
OPTIONS = [
    ("grpc.max_receive_message_length", 1 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.so_reuseport", 0),  # two scorers on one port would share the calls, and nobody would notice
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.server_handshake_timeout_ms", 5_000),
]
log = logging.getLogger("cerebro.scorer")


class Server:
    """One scorer on one port. `start`, then `watch` until somebody sets `stopping`, then `stop`.

    It takes on as much as `workers` and `most_at_once` say.
    """

    def __init__(
        self,
        settings: Settings,
        address: str,
        insecure: bool = False,
        workers: int = WORKERS,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._settings, self._at_once = settings, workers + OTHERS
        self.stopping = threading.Event()
        self.client = client(settings, BRISK, reads_only=True)
        self.answers = Answers(settings, self.client)
        self._pulse = Pulse(self.client, self._serving)
        self._heartbeat = Heartbeat(self.client, "scorer")
        self._meter = Meter()
        self.condition = Condition(settings, self.client, self._meter)
        self._health = health.HealthServicer(
            experimental_non_blocking=True, experimental_thread_pool=ThreadPoolExecutor(max_workers=1)
        )
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=workers, thread_name_prefix="scorer"),
            maximum_concurrent_rpcs=most_at_once,
            options=OPTIONS,
        )
        scorer_pb2_grpc.add_ScorerServicer_to_server(Scorer(self.answers, self._pulse, self._meter), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self._serving(False)
        self.address = _bind(self._server, address, insecure)

    def start(self, say: Callable[[str], None] = log.info) -> None:
        """Listen at once; be healthy when the models are loaded and the store answers.

        Raises Unreachable after `settings.wait_s`.
        """
        self._server.start()
        self.answers.warm()
        deadline, said = time.monotonic() + self._settings.wait_s, False
        while not self._pulse.ask():
            if time.monotonic() >= deadline:
                self.stop(0)
                raise Unreachable(f"The store {shown(self._settings)} does not answer. {ADVICE}")
            if not said:
                say(f"Waiting up to {self._settings.wait_s} s for the store {shown(self._settings)} …")
                said = True
            if self.stopping.wait(0.2):
                return
        with contextlib.suppress(*UNWELL):  # it answered a moment ago; whoever asks next says so if it does not
            self.client.open(self._at_once)

    def watch(self) -> None:
        """Keep the health true; returns when `stopping` is set."""
        self._pulse.watch(self.stopping, self._heartbeat.beat)

    def stop(self, grace_s: float = GRACE_S, drain_s: float = 0.0) -> None:
        """NOT_SERVING first and time for balancers to see it, then no new call, then wait for those under way."""
        self.stopping.set()
        self._health.enter_graceful_shutdown()
        time.sleep(drain_s)
        self._server.stop(grace_s).wait()
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
        status = health_pb2.HealthCheckResponse.SERVING if yes else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", SERVICE):
            self._health.set(name, status)


def _bind(server: grpc.Server, address: str, insecure: bool) -> str:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise UserError(f"{address!r} is no host:port. Set CEREBRO_SCORER, for example to 127.0.0.1:50051.")
    if not insecure and not _loopback(host):
        raise UserError(
            f"{host} is not loopback, and the scorer speaks plain text without tokens. "
            "Bind 127.0.0.1 and put a proxy in front, or accept it with --insecure."
        )
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(
            f"{address} cannot be bound: it is taken, or not of this machine. Choose another --port."
        ) from error
    return f"{host}:{bound}"


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
