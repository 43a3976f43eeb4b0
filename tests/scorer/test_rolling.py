"""Several scorers on one port, each started again in turn while callers go on: no call is lost."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.services.process import Child, free_port
from rpc.client import ScorerClient, ScorerError
from scorer.live.server import Server
from scv.errors import UserError
from tests.scorer.shop import LIVELY, Shop

ROOT = Path(__file__).parents[2]
PAUSE_S = 0.08
TIMEOUT_S = 10.0
"""Of a call, and longer than any on a busy machine: what is looked for is calls that fail."""


def score(client: ScorerClient) -> str:
    try:
        return "OK" if client.score("US", LIVELY).known else "unknown"
    except ScorerError as error:
        return f"{error.code}: {error}"


@contextlib.contextmanager
def asked(address: str) -> Iterator[list[str]]:
    """Callers beside the block, some 50 calls a second; how each call ended.

    Three keep their client, as a tool does, and one makes one for every call: he always meets whoever listens.
    """
    ended, over = list[str](), threading.Event()

    def keeps() -> None:
        with ScorerClient(address, TIMEOUT_S) as client:
            while not over.wait(PAUSE_S):
                ended.append(score(client))

    def comes_anew() -> None:
        while not over.wait(PAUSE_S):
            with ScorerClient(address, TIMEOUT_S) as client:
                ended.append(score(client))

    callers = [threading.Thread(target=one) for one in (keeps, keeps, keeps, comes_anew)]
    for one in callers:
        one.start()
    try:
        yield ended
    finally:
        over.set()
        for one in callers:
            one.join()


def more(ended: list[str], calls: int = 20) -> None:
    """Wait until so many calls more have ended."""
    end, waited = len(ended) + calls, threading.Event()
    for _ in range(1200):
        if len(ended) >= end:
            return
        waited.wait(0.05)
    raise AssertionError(f"callers hang: {len(ended)} of {end} calls ended")


@pytest.fixture
def sharing(live: Shop) -> Iterator[Callable[[int], Server]]:
    """Starts scorers on a port that they share; what still runs is stopped."""
    begun = list[Server]()

    def start(port: int) -> Server:
        server = Server(live.settings, f"127.0.0.1:{port}", insecure=True, shares_port=True)
        begun.append(server)
        server.start()
        return server

    yield start
    for server in begun:
        if not server.stopping.is_set():
            server.stop(1)


def test_scorers_are_started_again_in_turn_and_no_call_is_lost(sharing: Callable[[int], Server]) -> None:
    port = free_port()
    pair = [sharing(port), sharing(port)]
    with asked(pair[0].address) as ended:
        more(ended)
        for round in range(6):
            pair[round % 2].stop(drain_s=0.1)
            more(ended, 8)
            pair[round % 2] = sharing(port)
            more(ended, 8)
    assert set(ended) == {"OK"}


def test_who_shares_a_port_takes_no_call_before_it_can_answer(live: Shop, sharing: Callable[[int], Server]) -> None:
    port, go = free_port(), threading.Event()
    first, loads = sharing(port), Server(live.settings, f"127.0.0.1:{port}", insecure=True, shares_port=True)
    loads.answers.warm, loads.answers.answer = lambda: go.wait(30), None  # type: ignore[assignment, method-assign]
    loading = threading.Thread(target=loads.start)
    loading.start()
    try:
        for _ in range(30):  # each a connection: were there two who listen, the kernel would give the other some
            with ScorerClient(first.address, TIMEOUT_S) as client:
                assert score(client) == "OK"
    finally:
        go.set()
        loading.join()
        loads.stop(1)


def test_a_port_that_nobody_shares_is_told(server: Server, sharing: Callable[[int], Server]) -> None:
    with pytest.raises(UserError, match="it is taken"):
        sharing(int(server.address.rpartition(":")[2]))


@pytest.mark.slow
def test_a_process_is_started_again_while_another_one_serves(
    live: Shop, sharing: Callable[[int], Server], tmp_path: Path
) -> None:
    """The command itself, by SIGTERM."""
    port = free_port()
    other = sharing(port)
    environment = {"CEREBRO_HOME": live.settings.home, "CEREBRO_STORE": live.settings.store, "CEREBRO_METRICS": "0"}
    command = [sys.executable, str(ROOT / "cli.py"), "serve", "--port", str(port), "--insecure", "--share-port"]
    with asked(other.address) as ended:
        for round in range(3):
            log = tmp_path / f"{round}.log"
            child = Child("scorer", command, log, environment=environment)
            child.start()
            try:
                child.wait_ready(lambda log=log: "Listening on" in log.read_text(), 60)  # type: ignore[misc]
                more(ended)
            finally:
                child.stop(patience_s=30)
            assert "calls under way are finished" in log.read_text()
            more(ended)
    assert set(ended) == {"OK"}
