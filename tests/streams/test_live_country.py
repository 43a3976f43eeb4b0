"""A country on wall time, on a running broker: the lake says up to when it is complete, and that holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from scv.events import event
from scv.events.calendar import from_us, to_us
from scv.events.clock import wall_us
from scv.offline.lake import Lake, whole_to
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.flush import request_flush
from streams.kafka import topics
from streams.kafka.log import Part
from streams.lake import ticker
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from tests.streams import shop
from tests.streams.test_bounded_time import wall_country

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SLACK = timedelta(seconds=5)
"""Between this machine's clock and its broker's."""


def orders(count: int, first: datetime, seen: datetime | None, name: str = "o") -> list[event.Event]:
    """Of twenty customers, an hour apart."""
    common: dict[str, Any] = {"country": "AA", "amount_cents": 500}
    return [
        event.Placed(
            id=f"{name}{n}",
            customer_id=str(n % 20),
            occurred_at=first + n * timedelta(seconds=1),
            seen_at=seen,
            **common,
        )
        for n in range(count)
    ]


def complete_to(settings: Settings) -> datetime | None:
    lake = Lake(settings.lake_path)
    return whole_to(lake.complete_to("AA", lake.version()))


def complete(settings: Settings, client: Any, after: datetime) -> datetime:
    """Where it is complete to, once that is later: whoever waits for it asks."""

    def is_later() -> bool:
        request_flush(client)
        return (complete_to(settings) or after) > after

    shop.wait(is_later)
    found = complete_to(settings)
    assert found is not None
    return found


def seen(settings: Settings, name: str) -> list[datetime]:
    """When the lake says that the orders with such ids were seen."""
    lake = Lake(settings.lake_path)
    country = wall_country(settings)
    query = lake.query("orders", country, lake.version())
    with shop.DATABASE.cursor() as connection:
        found = connection.execute(f"SELECT seen_us FROM ({query}) WHERE starts_with(id, '{name}')").fetchall()
    return [from_us(us) for (us,) in found]


def test_what_is_complete_stays_so_for_late_senders_and_after_a_restart(live: Settings, client: Any) -> None:
    wall_country(live)
    now = from_us(wall_us())
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.wait(lambda: all(one.counters.placed for one in running.consumers))
        shop.send(live, orders(60, now - HOUR, None, "first"), None)
        shop.settle(live, client)
        first = complete(live, client, now - SLACK)
        assert first < from_us(wall_us()) + SLACK
        assert all(now - SLACK < at < first for at in seen(live, "first"))
    late = now - 3 * HOUR
    shop.send(live, orders(60, late, late, "late"), None)
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        shop.settle(live, client)
        second = complete(live, client, first)
        shop.settle(live, client)
    assert len(seen(live, "late")) == 60 and min(seen(live, "late")) >= first
    lake, store = Lake(live.lake_path), RowStore(client)
    version, name = lake.version(), topics.events(live, "orders")
    for part in (Part(name, number) for number in range(live.partitions)):
        tick_us = lake.tick_us("orders", *part, version)
        # One of them may have stopped before a last tick came.
        assert min(tick_us, store.positions([part])[0].tick_us) >= to_us(second)


def test_a_country_that_has_nothing_or_is_replayed_is_not_said_to_be_complete(live: Settings, client: Any) -> None:
    wall_country(live)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.wait(lambda: all(one.counters.placed for one in running.consumers))
        for mode in ("wall", "replay"):
            RowStore(client).set_mode("AA", mode)  # type: ignore[arg-type]
            if mode == "replay":
                shop.send(live, orders(20, from_us(wall_us()) - HOUR, None), None)
            shop.settle(live, client)
        assert not any(one.counters.watermarks for one in running.consumers)
    assert complete_to(live) is None


def test_each_member_ticks_its_own_partitions(live: Settings, client: Any, monkeypatch: Any) -> None:
    """By itself, too, when nobody asks."""
    monkeypatch.setattr(ticker, "EVERY_S", 0.5)
    wall_country(live)
    shop.send(live, orders(20, from_us(wall_us()) - HOUR, None), None)
    shop.consume(live, OnlineConsumer)
    with shop.Running(live, LakeConsumer, LakeConsumer) as running:
        shop.wait(lambda: all(one.counters.watermarks for one in running.consumers))
        shop.wait(lambda: complete_to(live))
        before = complete_to(live)
        shop.wait(lambda: (complete_to(live) or before) > before)  # type: ignore[operator]
