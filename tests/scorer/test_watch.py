"""Watching customers: a reply each, then one when something is said otherwise; bounded in number and in patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import pytest

from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from rpc.client import ScorerClient, ScorerError
from scorer.live import servicer
from scorer.live.server import Server
from tests.scorer.shop import AT, LIVELY, Shop, order


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "LOOK_S", 0.05)


def test_who_is_watched_is_told_when_events_move_them(live: Shop, client: ScorerClient) -> None:
    stream = client.watch("US", [LIVELY, "nobody"], ["lapse"])
    first, nobody = next(stream), next(stream)
    assert first.customer_id == LIVELY and nobody.known is False
    live.write(live.apply(order(LIVELY, AT + timedelta(hours=1), 123_00)))
    live.mark(AT + timedelta(hours=2))
    moved = next(stream)
    assert moved.customer_id == LIVELY, "nobody's reply did not change"
    assert moved.targets[0].probability != first.targets[0].probability
    assert moved.targets[0].probability == client.score("US", LIVELY, ["lapse"]).targets[0].probability
    stream.close()


def test_time_alone_is_no_news(live: Shop, client: ScorerClient) -> None:
    stream = client.watch("US", [LIVELY], ["lapse"])
    next(stream)
    came = list[pb.ScoreReply]()
    reading = threading.Thread(target=lambda: came.extend(_until_it_ends(stream)), daemon=True)
    reading.start()
    live.mark(AT + timedelta(minutes=1))
    time.sleep(0.5)
    assert came == []


def _until_it_ends(stream: Iterator[pb.ScoreReply]) -> Iterator[pb.ScoreReply]:
    try:
        yield from stream
    except ScorerError:
        return


@pytest.mark.parametrize("ids", [[], [str(number) for number in range(21)], ["a" * 1000]])
def test_a_question_that_cannot_be_is_refused(client: ScorerClient, ids: list[str]) -> None:
    with pytest.raises(ScorerError) as found:
        next(client.watch("US", ids))
    assert found.value.code == "INVALID_ARGUMENT"


def test_places_are_bounded_and_free_again(live: Shop, server: Server) -> None:
    with ScorerClient(server.address) as client:
        streams = [client.watch("US", [LIVELY]) for _ in range(servicer.MOST_OF_ONE)]
        for stream in streams:
            next(stream)
        with pytest.raises(ScorerError) as found:
            next(client.watch("US", [LIVELY]))
        assert found.value.code == "RESOURCE_EXHAUSTED"
        streams[0].close()
        end = time.monotonic() + 5
        while True:
            try:
                next(client.watch("US", [LIVELY]))
                break
            except ScorerError:
                assert time.monotonic() < end
                time.sleep(0.05)
        for stream in streams:
            stream.close()


def test_a_stop_ends_every_stream_at_once(live: Shop) -> None:
    server = Server(live.settings, "127.0.0.1:0", insecure=True)
    server.start()
    with grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor(1) as pool:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        stream = stub.Watch(pb.ScoreBatchRequest(country="US", customer_ids=[LIVELY]))
        next(stream)
        began = time.monotonic()
        pool.submit(server.stop, 10)
        with pytest.raises(grpc.RpcError) as found:
            for _ in stream:
                pass
        assert found.value.code() == grpc.StatusCode.UNAVAILABLE
    assert time.monotonic() - began < 5
