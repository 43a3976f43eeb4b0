"""The server's life: too many calls, deadlines, a store that hangs or dies, and a stop that loses no call."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from local.services.store import Store
from rpc.client import ScorerClient, ScorerError
from scorer.live import servicer
from scorer.live.server import BRISK, Capacity, Server
from scv.errors import Unreachable
from tests.scorer.shop import LIVELY, Shop

ROOT = Path(__file__).parents[2]


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except ScorerError as error:
        return error.code
    return "OK"


def health_of(address: str) -> str:
    with grpc.insecure_channel(address) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError as error:
            return str(error.code().name)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)


def waits(address: str, calls: int) -> list[float]:
    """How long calls of four callers at a time take, which find no store; plain ones, that are not tried again."""

    def one(stub: servicer.scorer_pb2_grpc.ScorerStub) -> float:
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as found:
            stub.Score(servicer.pb.ScoreRequest(country="US", customer_id=LIVELY), timeout=5)
        assert found.value.code() == grpc.StatusCode.UNAVAILABLE
        return time.monotonic() - began

    with grpc.insecure_channel(address) as channel, ThreadPoolExecutor(4) as pool:
        stub = servicer.scorer_pb2_grpc.ScorerStub(channel)
        one(stub)  # the channel connects
        return list(pool.map(lambda _: one(stub), range(calls)))


def found_hanging(client: ScorerClient, store: Store) -> float:
    """How long a call takes to find that the store has just stopped to answer; it answers again afterwards."""
    eventually(lambda: code_of(lambda: client.score("US", LIVELY)) == "OK")
    os.kill(store.child.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert code_of(lambda: client.score("US", LIVELY)) == "UNAVAILABLE"
        return time.monotonic() - began
    finally:
        os.kill(store.child.pid, signal.SIGCONT)


def eventually(holds: Callable[[], bool], within_s: float = 5) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_too_many_calls_at_once_are_shed_at_once(live: Shop) -> None:
    server = Server(live.settings, "127.0.0.1:0", insecure=True, capacity=Capacity(1, 3))
    answer, go = server.answers.answer, threading.Event()

    def slow(*args, **named):  # type: ignore[no-untyped-def]
        go.wait(30)
        return answer(*args, **named)

    server.answers.answer = slow  # type: ignore[method-assign]
    server.start()
    try:
        with ScorerClient(server.address, timeout_s=10) as client, ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(code_of, lambda: client.score("US", LIVELY)) for _ in range(12)]
            eventually(lambda: sum(call.done() for call in calls) >= 9)  # long before the first of the others
            go.set()
            codes = [call.result() for call in calls]
        assert codes.count("RESOURCE_EXHAUSTED") == 9 and codes.count("OK") == 3
    finally:
        server.stop(1)


def test_no_call_works_beyond_its_deadline_or_two_seconds(live: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "LONGEST_S", 0.3)
    server = Server(live.settings, "127.0.0.1:0", insecure=True)
    ended: list[str] = []

    def endless(*args, **named):  # type: ignore[no-untyped-def]
        alive = args[2]
        try:
            while True:
                time.sleep(0.02)
                alive()
        finally:
            ended.append("so it was not")

    server.answers.answer = endless  # type: ignore[method-assign]
    server.start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            stub = servicer.scorer_pb2_grpc.ScorerStub(channel)
            with pytest.raises(grpc.RpcError) as found:  # no deadline at all: it would wait for ever
                stub.Score(servicer.pb.ScoreRequest(country="US", customer_id="1"))
            assert found.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            monkeypatch.setattr(servicer, "LONGEST_S", 60)
            with pytest.raises(grpc.RpcError):
                stub.Score(servicer.pb.ScoreRequest(country="US", customer_id="1"), timeout=0.1)
            eventually(lambda: len(ended) == 2)  # the server stopped too, at the caller's deadline
    finally:
        server.stop(1)


def test_a_store_that_hangs_or_dies_is_unavailable_soon(
    live: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorer.live.server.BRISK", BRISK)
    server = Server(live.settings, "127.0.0.1:0", insecure=True)
    server.start()
    watch = threading.Thread(target=server.watch)
    watch.start()
    try:
        with ScorerClient(server.address, timeout_s=5) as client:
            # the least of three: on a busy machine one of them may wait for a core
            assert min(found_hanging(client, store) for _ in range(3)) < 1  # thrice: the client tries again
            os.kill(store.child.pid, signal.SIGSTOP)
            try:
                eventually(lambda: health_of(server.address) == "NOT_SERVING")
                with monkeypatch.context() as patch:
                    patch.setattr(server.answers, "answer", None)  # nobody is sent to a store that is known to hang
                    assert statistics.median(waits(server.address, 40)) < 0.1, "nobody waits for what is known"
            finally:
                os.kill(store.child.pid, signal.SIGCONT)
            eventually(lambda: code_of(lambda: client.score("US", LIVELY)) == "OK")
            store.stop(kill=True)
            with pytest.raises(ScorerError, match="The store does not answer"):
                client.score("US", LIVELY)
            store.start()
            live.rewind()
            eventually(lambda: code_of(lambda: client.score("US", LIVELY)) == "OK")
            eventually(lambda: health_of(server.address) == "SERVING")
    finally:
        server.stop(1)
        watch.join()


def test_without_a_store_a_start_says_so(live: Shop) -> None:
    settings = msgspec.structs.replace(live.settings, store="redis://:secret@127.0.0.1:1/0", wait_s=1)
    said: list[str] = []
    with pytest.raises(Unreachable, match="cerebro up") as found:
        Server(settings, "127.0.0.1:0", insecure=True).start(said.append)
    assert ["Waiting" in one for one in said] == [False, True], "it listens, then it waits"
    assert "secret" not in said[1] + str(found.value)


def test_sigterm_finishes_calls_and_exits_zero(live: Shop) -> None:
    """The command itself: health, answers under load, SIGTERM, no failed call, exit 0."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CEREBRO_")}
    environment |= {"CEREBRO_HOME": live.settings.home, "CEREBRO_STORE": live.settings.store}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "serve", "--port", "0", "--insecure"],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        address = next(line for line in process.stderr if line.startswith("Listening")).strip().rpartition(" ")[2]
        eventually(lambda: health_of(address) == "SERVING", 30)
        codes: list[str] = []
        with ScorerClient(address, timeout_s=5) as client, grpc.insecure_channel(address) as channel:
            client.score("US", LIVELY)
            told = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert next(told).status == health_pb2.HealthCheckResponse.SERVING
            callers = [threading.Thread(target=lambda: codes.append(_until_refused(client))) for _ in range(3)]
            for one in callers:
                one.start()
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert next(told).status == health_pb2.HealthCheckResponse.NOT_SERVING
            for one in callers:
                one.join()
        assert process.wait(10) == 0
        assert set(codes) == {"UNAVAILABLE"}  # told that it is gone: no call was lost before
    finally:
        process.kill()
        process.communicate()


def _until_refused(client: ScorerClient) -> str:
    while True:
        code = code_of(lambda: client.score("US", LIVELY))
        if code != "OK":
            return code
