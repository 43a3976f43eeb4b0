"""A cluster's primary is killed in mid-stream, and the replica that takes over lacks what was written last: nothing is
lost, counted twice or wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from local.services import redis as debian
from scv.features.fetcher import collect
from scv.online.reader import Reader
from scv.settings import Settings
from store.client import UNWELL, connect
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from tests.nodes import Node, Nodes
from tests.streams import shop

EVENTS = 3_000
STOPPED_S = 0.6
"""Shorter than what the others wait for before they count a node out."""


@pytest.fixture
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Nodes]:
    program = debian.binary() if getattr(request, "param", "") == "redis" else None
    with Nodes(tmp_path / "nodes", replicas=True, program=program) as found:
        yield found


@pytest.fixture
def spread(live: Settings, nodes: Nodes) -> Settings:
    return replace(live, store=nodes.url)


def fail_over(nodes: Nodes, number: int, meanwhile: Any) -> None:
    """Kill a primary that has taken more than its replica, which takes over; then start it again, as a replica."""
    primary, replica = _pair(nodes, number)
    os.kill(replica.child.pid, signal.SIGSTOP)
    try:
        primary.ask("CLIENT KILL", "TYPE", "replica")  # or what comes now would wait in the socket of who stands still
        meanwhile()
        time.sleep(STOPPED_S)
        primary.child.stop(kill=True)
    finally:
        os.kill(replica.child.pid, signal.SIGCONT)
    shop.wait(lambda: replica.ask("ROLE")[0] in (b"master", "master"), 30)
    primary.child.start()
    shop.wait(lambda: primary.answers and primary.ask("INFO", "replication").get("master_link_status") == "up", 30)


def _pair(nodes: Nodes, number: int) -> tuple[Node, Node]:
    """A shard's primary and replica, as they are now."""
    pair = [nodes.primaries[number], nodes.replicas[number]]
    return (pair[0], pair[1]) if pair[0].ask("INFO", "replication")["role"] == "master" else (pair[1], pair[0])


ROUNDS = [
    pytest.param([1], "valkey", id="once"),
    pytest.param([0, 1, 2, 1, 0, 2], "valkey", id="each", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    pytest.param([0, 1, 2], "redis", id="redis", marks=[pytest.mark.real, pytest.mark.timeout(600)]),
]


@pytest.mark.parametrize(("rounds", "nodes"), ROUNDS, indirect=["nodes"])
def test_a_primary_that_dies_in_mid_stream_changes_nothing(
    spread: Settings, nodes: Nodes, rounds: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    events = shop.log(31, EVENTS, customers=300)
    share = len(events) // (2 * len(rounds) + 1)
    with shop.Running(spread, OnlineConsumer, LakeConsumer) as running:
        online, sent = running.consumers[0], 0

        def more() -> None:
            nonlocal sent
            shop.send(spread, events[sent : sent + share], None)
            sent += share
            before = online.counters.rows
            shop.wait(lambda: online.counters.rows > before)

        for number in rounds:
            more()
            fail_over(nodes, number, more)
        shop.send(spread, events[sent:])
        settle(spread)
        counted = online.counters.facts()
        assert counted["re_read"] > 0 < counted["fenced"], running.said
    with connect(spread) as client:
        compared = shop.compare(spread, client)
        total, places = shop.lake_count(spread)
        assert total == places == len(events)
        views = Reader(client).read(shop.US, sorted({one.customer_id for one in events}), list(collect().values()))
        assert all(reading.built for view in views for reading in view.fetchers.values())
        assert len({view.clock for view in views}) == 1
    with capsys.disabled():
        print(
            f"\n{len(rounds)} primaries killed: {counted['re_read']} events read again, {counted['fenced']} updates "
            f"fenced; {sum(compared.values())} values equal the batch view of {total} arrivals."
        )


def settle(settings: Settings) -> None:
    """Until both consumers have everything; whoever waits meanwhile is told once that a node is another."""
    for _ in range(20):
        try:
            with connect(settings) as client:
                shop.settle(settings, client)
            return
        except UNWELL:
            time.sleep(0.5)
    raise AssertionError("the store does not answer")


def test_a_cluster_is_built_and_followed_like_a_store_alone(live: Settings, tmp_path: Path) -> None:
    """Consumers, a rebuild beside them, and another generation."""
    with Nodes(tmp_path / "nodes") as nodes:
        settings = replace(live, store=nodes.url)
        shop.send(settings, shop.log(32, 800))
        shop.consume(settings)
        with connect(settings) as client:
            first = shop.compare(settings, client)
            assert sum(first.values()) > 1000
            client.flushdb()
        shop.send(settings, shop.log(33, 200))
        shop.consume(settings)
        with connect(settings) as client:
            assert sum(shop.compare(settings, client).values()) > sum(first.values())
            assert {view.known for view in Reader(client).read(shop.US, ["1", "2"], list(collect().values()))} == {True}
