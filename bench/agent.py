"""The peer of the stream: a Faust agent that keeps totals per customer in a dict and pushes them to Feast.

It computes 4 features where our rows hold those of every fetcher of the family, keeps its state in memory only and
skips nothing that comes twice: less work than ours, and less safe.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import faust
import pandas as pd
from feast import FeatureStore

from bench import peer
from bench.contender import Task, Took
from streams.kafka import topics
from streams.reactor import application

WAIT_S = 2.0
CHECKED = 100


class Totals:
    """Per customer so far: how many orders, their value, discount and items."""

    def __init__(self) -> None:
        self.known: dict[str, list[int]] = {}
        self.taken = 0

    def take(self, event: dict[str, Any]) -> dict[str, Any]:
        """The customer's features after this event, as a row to push."""
        totals = self.known.setdefault(event["customer_id"], [0, 0, 0, 0])
        if event["kind"] == "placed":
            totals[0] += 1
            totals[1] += event["amount_cents"]
            totals[2] += event.get("discount_cents") or 0
            totals[3] += event.get("items") or 0
        self.taken += 1
        at = datetime.now(UTC) + timedelta(microseconds=self.taken)  # Feast drops a row that is not newer
        keys = {"country": event["country"], "customer_id": event["customer_id"], "event_timestamp": at}
        return keys | dict(zip(peer.PUSHED, totals, strict=True))


class Agent:
    """Takes `task.events` events, `task.batch` at a time, and tells how long that took."""

    def __init__(self, task: Task, tell: Callable[[Took], None]) -> None:
        self._task, self._tell = task, tell
        self._store = peer.to_push(Path(task.folder), task.store)
        self._totals = Totals()
        self._began: tuple[float, float] | None = None

    async def each(self, stream: Any) -> None:
        async for event in stream:
            self._push([event])

    async def together(self, stream: Any) -> None:
        async for events in stream.take(self._task.batch, within=WAIT_S):
            self._push(events)

    def _push(self, events: list[dict[str, Any]]) -> None:
        self._began = self._began or (time.perf_counter(), time.process_time())
        rows = [self._totals.take(event) for event in events if event["kind"] != "watermark"]
        if rows:
            self._store.push(peer.PUSH_SOURCE, pd.DataFrame(rows))
        if self._totals.taken >= self._task.events:
            self._end(self._began)

    def _end(self, began: tuple[float, float]) -> None:
        wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        checked = _check(self._store, self._totals)
        self._tell(Took(events=self._totals.taken, seconds=wall, cpu_s=cpu, checked=checked))
        os._exit(0)  # a Faust worker takes seconds to stop, and there is nothing left to say


def run(task: Task, tell: Callable[[Took], None]) -> None:
    """Runs the agent; the process ends with it."""
    agent = Agent(task, tell)
    app = application(task.settings, task.group, "earliest")
    topic = app.topic(
        topics.events(task.settings, "orders"), key_type=bytes, key_serializer="raw", value_serializer="json"
    )
    app.agent(topic, concurrency=1, name="push")(agent.each if task.batch == 1 else agent.together)
    faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()


def _check(store: FeatureStore, totals: Totals) -> int:
    """What Feast gives back is what was counted; how many values."""
    some = list(totals.known)[:CHECKED]
    rows = [{"country": "US", "customer_id": one} for one in some]
    found = store.get_online_features([f"pushed:{name}" for name in peer.PUSHED], rows).to_dict()
    for number, one in enumerate(some):
        assert [found[name][number] for name in peer.PUSHED] == totals.known[one], one
    return len(some) * len(peer.PUSHED)
