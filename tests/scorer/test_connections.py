"""What comes to the port beside calls: crowds that say nothing, garbage, halves, and readers who do not read."""

from __future__ import annotations

import contextlib
import resource
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from rpc.client import ScorerClient, ScorerError
from scorer.live import gate, servicer
from scorer.live.server import Capacity, Server
from tests.scorer.shop import LIVELY, Shop

CROWD = 2_000
GARBAGE = (
    b"", b"\x00" * 5_000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 9, b"*1\r\n$4\r\nPING\r\n", bytes(range(256)) * 64,
)  # fmt: skip


def place(server: Server) -> tuple[str, int]:
    host, _, port = server.address.rpartition(":")
    return host, int(port)


def took(client: ScorerClient, calls: int = 30) -> float:
    """Seconds of a call, the median."""
    times = []
    for _ in range(calls):
        began = time.monotonic()
        assert client.score("US", LIVELY).known
        times.append(time.monotonic() - began)
    return statistics.median(times)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Both ends of every connection are this process's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CROWD + 1_000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"a process may open {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_two_thousand_who_say_nothing_keep_nobody_out(many_files: None, live: Shop, server: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(socket.create_connection(place(server), 10))
        with ScorerClient(server.address, timeout_s=5) as client:
            assert took(client) < 0.5


@pytest.mark.parametrize("said", GARBAGE, ids=lambda said: repr(said[:12]))
def test_garbage_is_nobodys_trouble(said: bytes, live: Shop, server: Server, client: ScorerClient) -> None:
    for close in (True, False):
        found = socket.create_connection(place(server), 5)
        found.sendall(said)
        if close:
            found.close()
        assert client.score("US", LIVELY).known
        found.close()


def test_a_connection_that_breaks_in_the_middle_of_a_call_leaves_nothing(live: Shop, server: Server) -> None:
    for _ in range(20):
        with grpc.insecure_channel(server.address) as channel:
            stub = scorer_pb2_grpc.ScorerStub(channel)
            stub.ScoreBatch.future(pb.ScoreBatchRequest(country="US", customer_ids=live.customers[:50]))
    with ScorerClient(server.address, timeout_s=5) as client:
        assert took(client, 5) < 1
    end = time.monotonic() + 5
    while server._turns._taken:
        assert time.monotonic() < end, "a call that nobody waits for holds its place"
        time.sleep(0.02)


def test_who_does_not_read_a_stream_is_let_go(live: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """His replies are not kept: once the connection takes no more, he is told so."""
    monkeypatch.setattr(servicer, "LOOK_S", 0.0)
    monkeypatch.setattr(servicer, "gist", lambda reply: str(time.monotonic()).encode())  # everything is news
    monkeypatch.setattr(gate, "SLOWEST_S", 0.2)
    server = Server(live.settings, "127.0.0.1:0", insecure=True)
    server.start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            stub = scorer_pb2_grpc.ScorerStub(channel)
            stream = stub.Watch(pb.ScoreBatchRequest(country="US", customer_ids=live.customers[:20]))
            next(stream)
            end = time.monotonic() + 20
            while server._scorer._watchers._of.total():
                assert time.monotonic() < end
                time.sleep(0.05)
            with pytest.raises(grpc.RpcError) as found:
                for _ in stream:
                    pass
            assert found.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        server.stop(0)


def test_a_flood_of_one_caller_leaves_the_other_his_calls(live: Shop) -> None:
    """In plain text a caller is a connection."""
    server = Server(live.settings, "127.0.0.1:0", insecure=True, capacity=Capacity(2, 16))
    server.start()
    codes: list[str] = []

    def flood(client: ScorerClient) -> None:
        while not stop:
            try:
                client.score("US", LIVELY)
            except ScorerError as error:
                codes.append(error.code)

    stop: list[bool] = []
    try:
        with (
            ScorerClient(server.address, timeout_s=5) as greedy,
            ScorerClient(server.address, timeout_s=5) as polite,
            ThreadPoolExecutor(48) as pool,
        ):
            for _ in range(48):
                pool.submit(flood, greedy)
            try:
                time.sleep(0.5)
                for _ in range(40):
                    assert polite.score("US", LIVELY).known
            finally:
                stop.append(True)
        assert "RESOURCE_EXHAUSTED" in codes and set(codes) == {"RESOURCE_EXHAUSTED"}
    finally:
        server.stop(1)
