"""A scorer whose store is a cluster: the same scores, UNAVAILABLE while a node is away, then well again."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from rpc.client import ScorerClient, ScorerError
from scorer.live.server import Server
from scv.features.fetcher import collect
from scv.online.facts import Move
from scv.online.rowstore import RowStore
from store.client import connect
from tests.keys import kept, row_key
from tests.logs import LOGS
from tests.marking import mark
from tests.nodes import Nodes
from tests.scorer.shop import LIVELY, US, Shop
from tests.streams.shop import wait


def copied(shop: Shop, client: Any) -> None:
    """The cluster holds what the store alone does."""
    alone, store = RowStore(shop.client), RowStore(client)
    store.set_logs(LOGS)
    for key, data in kept(shop.client).items():
        if key.startswith("cerebro:row:"):
            client.restore(key, 0, data)
    mark(store, US, collect().values())
    store.set_mode("US", "replay")
    parts = [(topic, number) for topic, log in LOGS.items() for number in range(log.partitions)]
    stands = zip(parts, alone.positions(parts), store.positions(parts), strict=True)
    moves = [Move(*part, now.offset, now.turn, was.offset or 0, was.watermarks) for part, was, now in stands]
    assert all(store.advance(moves))
    store.tick({"US": alone.clock("US").front_us or 0})


def test_a_scorer_on_a_cluster(live: Shop, tmp_path: Path) -> None:
    everyone = live.customers[:40]
    alone = Server(live.settings, "127.0.0.1:0", insecure=True)
    alone.start()
    with ScorerClient(alone.address) as client:
        wanted = client.score_batch("US", everyone)
    alone.stop(1)
    with Nodes(tmp_path / "nodes", replicas=True) as nodes:
        settings = replace(live.settings, store=nodes.url)
        with connect(settings) as connected:
            copied(live, connected)
        server = Server(settings, "127.0.0.1:0", insecure=True)
        server.start()
        watch = threading.Thread(target=server.watch)
        watch.start()
        try:
            with ScorerClient(server.address, timeout_s=5) as client:
                assert client.score_batch("US", everyone) == wanted
                time.sleep(0.3)  # the replicas have it
                nodes.of(row_key("US", LIVELY)).child.stop(kill=True)
                assert _code(client) == "UNAVAILABLE"
                wait(lambda: _code(client) == "OK", 30)
                assert client.score_batch("US", everyone) == wanted
        finally:
            server.stop(1)
            watch.join()


def _code(client: ScorerClient) -> str:
    try:
        client.score("US", LIVELY)
    except ScorerError as error:
        return error.code
    return "OK"
