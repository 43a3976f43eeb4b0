"""A barrier: both consumers stand at the same place, at or after the ends that the log had when it was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scv.errors import Unreachable
from scv.offline.lake import Lake
from scv.online.facts import Log
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.flush import request_flush
from streams.kafka.log import Broker, Part, parts
from streams.positions.position import positions

POLL_S = 0.1
ASK_EVERY_S = 1.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Barrier:
    """The next offset of every partition, in the rows and in the lake alike, and how long it took."""

    positions: Mapping[Part, int]
    seconds: float


def barrier(
    settings: Settings,
    store: RowStore,
    lake: Lake | None = None,
    timeout_s: float = 300.0,
    progress: Progress | None = None,
) -> Barrier:
    """Wait until rows and lake hold everything that the broker holds now, and stand at equal positions.

    `progress` hears (records taken by the slower consumer, of all). Raises Unreachable after `timeout_s` without any
    progress: is `cerebro consume` running?
    """
    lake, started = lake or Lake(settings.lake_path), time.monotonic()
    logs = _opened(store, started + timeout_s)
    broker = Broker(settings)
    try:
        ends = broker.ends(parts(logs))
    finally:
        broker.close()
    seen, moved_at, asked_at, total = -1, started, 0.0, sum(ends.values())
    while True:
        stands = positions(store, lake, logs)
        if stands.together and stands.hold(ends):
            return Barrier(stands.online, time.monotonic() - started)
        now = time.monotonic()
        taken = min(sum(stands.online.values()), sum(stands.lake.values()))
        if taken != seen:
            seen, moved_at = taken, now
            if progress:
                progress(min(taken, total), total)
        if now - moved_at > timeout_s:
            raise Unreachable(f"{_said(stands.behind(ends))} for {timeout_s:.0f} s. Is `cerebro consume` running?")
        if now - asked_at > ASK_EVERY_S:
            request_flush(store.client)
            asked_at = now
        time.sleep(POLL_S)


def _opened(store: RowStore, deadline: float) -> dict[str, Log]:
    """The logs that consumers follow; they open them when they start."""
    while not (logs := store.logs()):
        if time.monotonic() > deadline:
            raise Unreachable("No consumer has opened the log yet. Is `cerebro consume` running?")
        time.sleep(POLL_S)
    return logs


def _said(behind: Mapping[str, int]) -> str:
    texts = [f"the {name} consumer is {count:,} offsets behind" for name, count in behind.items()]
    return " and ".join(texts).capitalize()
