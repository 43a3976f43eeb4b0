"""How fast it was, measured in the demo itself."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from local.demo.findings import Findings
from local.demo.shop import LAST, Shop
from local.demo.stage import Stage
from rpc.client import ScorerClient
from scv import figures
from scv.figures import Figure
from scv.offline import snapshot

CALLS = 500
BATCH = 100


def tell(stage: Stage, shop: Shop, found: Findings) -> None:
    """Replay rate from sending to both consumers standing there, and live scores one by one and in batches."""
    orders = snapshot.read(stage.settings, shop.country, shop.at(LAST))["orders"]
    ids = orders["customer_id"].to_pylist()
    with ScorerClient(stage.settings.scorer, timeout_s=10) as scorer:
        single = _milliseconds(lambda i: scorer.score(shop.country.code, ids[i % len(ids)]), CALLS)
        batch = _milliseconds(lambda i: scorer.score_batch(shop.country.code, ids[i : i + BATCH]), 20)
    rows = [
        Figure(
            name="events through Kafka into rows and lake, to the barrier",
            ours=round(stage.replayed / stage.replay_s),
            unit="events/s",
        ),
        Figure(name="live score over gRPC, p50", ours=round(statistics.median(single), 2), unit="ms"),
        Figure(name="live score over gRPC, p99", ours=round(statistics.quantiles(single, n=100)[98], 2), unit="ms"),
        Figure(name=f"batch of {BATCH} live scores, p50", ours=round(statistics.median(batch), 1), unit="ms"),
        Figure(name="the whole demo so far", ours=round(found.seconds), unit="s", bar="360 s", ok=found.seconds <= 360),
    ]
    figures.write("demo_speeds", rows)
    lines = [f"  {row.name}: {row.ours:,} {row.unit}" for row in rows]
    found.show("Speeds", "On this machine, one client, one call at a time:\n" + "\n".join(lines))


def _milliseconds(call: Callable[[int], Any], count: int) -> list[float]:
    times = []
    for i in range(count):
        begun = time.perf_counter()
        call(i)
        times.append(1000 * (time.perf_counter() - begun))
    return times
