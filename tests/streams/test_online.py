"""The online consumer: rows equal the batch view, whatever happens to the store, the group or the log."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from scv.errors import LogChanged, StoreUnusable
from scv.events import event
from scv.events.calendar import to_us
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.online.facts import Move
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import Patience
from streams.kafka import topics
from streams.kafka.intake import Intake
from streams.kafka.log import parts
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from tests.streams import shop
from tests.streams.conftest import BROKER
from tests.streams.topic_reading import described, read


def test_rows_equal_the_batch_and_the_clock_is_the_watermark(live: Settings, client: Any) -> None:
    sent = shop.send(live, shop.log(1, 1500))
    online, lake = shop.consume(live)
    assert online["delivered"] == lake["delivered"] == sent
    judged = [online[name] for name in ("admitted", "repeated", "too_late")]
    assert min(judged) > 0 and sum(judged) == sent
    assert online["fenced"] == online["refused"] == online["unbuilt"] == 0
    assert sum(shop.compare(live, client).values()) > 3000
    store = RowStore(client)
    assert store.clock("US").now_us() == to_us(shop.AT)
    marks = [p.watermarks["US"] for p in store.positions([(topics.events(live, "app"), n) for n in range(3)])]
    assert marks == [to_us(shop.AT)] * 3


def test_an_erasure_leaves_a_tombstone(live: Settings, client: Any) -> None:
    """In the row; and without a value the compacted topic of changed customers forgets them."""
    shop.send(live, shop.log(2, 300, customers=3), None)
    gone = event.Erased(id="e", country="US", customer_id="1", occurred_at=shop.AT, seen_at=shop.AT)
    with shop.producing(live) as producer:
        for family in event.FAMILIES:
            producer.send(topics.events(live, family), event.encode(gone), event.key_of(gone))
    online, _ = shop.consume(live)
    assert online["erased"] == len(event.FAMILIES)
    compared = shop.compare(live, client, shop.AT + timedelta(days=1))
    assert compared["orders"] > 0
    data = shop.rows(RowStore(client), layout_of(collect()["orders"]).field)["1"]
    assert len(data) < 100, "what is left is the fence and an empty body"
    assert last_told(live) == {"US:0": True, "US:1": False, "US:2": True}


def test_a_store_that_goes_back_is_followed(live: Settings, client: Any) -> None:
    """The rows and the restart point of an earlier instant return under a running consumer."""
    sent = shop.send(live, shop.log(3, 400), None)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        wait_taken(client, sent)
        saved = {key: client.dump(key) for key in client.scan_iter() if b":row:" in key or b":pos:" in key}
        sent += shop.send(live, shop.log(4, 400), None)
        wait_taken(client, sent)
        pipe = client.pipeline(transaction=not client.spread)
        for key in list(client.scan_iter(match="*:row:*")):
            pipe.delete(key)
        for key, data in saved.items():
            pipe.restore(key, 0, data, replace=True)
        pipe.execute()
        shop.send(live, shop.log(5, 200))
        shop.settle(live, client)
    assert any("going back" in line for line in running.said)
    shop.compare(live, client)


def test_rows_taken_away_under_a_warm_cache_come_back(live: Settings, client: Any) -> None:
    sent = shop.send(live, shop.log(6, 300, customers=5), None)
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        wait_taken(client, sent)
        store = RowStore(client)
        for key in list(client.scan_iter(match="*:row:*")):
            client.delete(key)
        for topic, one in store.logs().items():
            for partition in range(one.partitions):
                (position,) = store.positions([(topic, partition)])
                store.advance([Move(topic, partition, position.offset, position.turn, 0)])
        shop.send(live, shop.log(7, 300, customers=5))
        shop.settle(live, client)
    shop.compare(live, client)


def test_two_members_share_the_log(live: Settings, client: Any) -> None:
    with shop.Running(live, OnlineConsumer, OnlineConsumer, LakeConsumer) as running:
        first, second, _ = running.consumers
        shop.wait(lambda: first.counters.placed and second.counters.placed)
        for seed in range(5):
            shop.send(live, shop.log(20 + seed, 300))
        shop.settle(live, client)
    assert min(first.counters.delivered, second.counters.delivered) > 0
    shop.compare(live, client)


@pytest.mark.skipif(BROKER == "tansu", reason="librdkafka 2.16 dies of Tansu's answer about a topic that is gone")
def test_a_topic_created_anew_stops_it(live: Settings, client: Any) -> None:
    shop.send(live, shop.log(8, 100), None)
    with pytest.raises(LogChanged, match="cerebro rebuild"), shop.Running(live, OnlineConsumer) as running:
        wait_taken(client, 100)
        admin = AdminClient({"bootstrap.servers": live.broker})
        for future in admin.delete_topics([topics.events(live, "orders")]).values():
            future.result()
        shop.wait(lambda: running.errors, 15)


def test_an_emptied_store_stops_it(live: Settings, client: Any) -> None:
    shop.send(live, shop.log(9, 100), None)
    with pytest.raises(StoreUnusable, match="cerebro rebuild"), shop.Running(live, OnlineConsumer) as running:
        wait_taken(client, 100)
        client.flushdb()
        shop.send(live, shop.log(10, 10))
        shop.wait(lambda: running.errors, 15)


def test_one_to_whom_nothing_was_given_notices_an_emptied_store(
    live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that came back empty between the start and the first partition; and then it counts as away no longer."""
    shop.send(live, shop.log(9, 100), None)
    shop.consume(live)
    monkeypatch.setattr(Intake, "_assign", lambda _, consumer, given: consumer.incremental_assign([]))
    with pytest.raises(StoreUnusable, match="came back empty"), shop.Running(live, OnlineConsumer) as running:
        (one,) = running.consumers
        shop.wait(lambda: hasattr(one, "_intake"))
        one._down = True
        shop.wait(lambda: not one._waits)
        client.flushdb()
        monkeypatch.setattr(RowStore, "incarnation", lambda _: "another")
        shop.wait(lambda: running.errors)


def test_a_store_that_evicts_is_refused(live: Settings, client: Any) -> None:
    client.config_set("maxmemory", "1gb")
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(StoreUnusable, match="noeviction"):
            shop.consume(live, OnlineConsumer)
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "0")


def test_a_store_that_is_away_is_waited_for(live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped for a while (SIGSTOP looks like a dead network), the consumer pauses, then goes on."""
    monkeypatch.setattr("store.client.STEADY", Patience(answer_s=0.3))
    sent = shop.send(live, shop.log(11, 200), None)
    pid = int(client.info("server")["process_id"])
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        wait_taken(client, sent)
        os.kill(pid, signal.SIGSTOP)
        try:
            shop.send(live, shop.log(12, 200))
            shop.wait(lambda: any("paused" in line for line in running.said), 15)
        finally:
            os.kill(pid, signal.SIGCONT)
        shop.settle(live, client)
    shop.compare(live, client)


def test_a_full_store_is_waited_for_and_no_customer_is_named(live: Settings, client: Any) -> None:
    """The client's own words show the command that failed, and so whose row it was to write."""
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        wait_taken(client, shop.send(live, shop.log(14, 200), None))
        client.config_set("maxmemory", 1)
        try:
            shop.send(live, shop.log(15, 200, customers=7))
            shop.wait(lambda: any("is full" in line for line in running.said), 15)
        finally:
            client.config_set("maxmemory", 0)
        shop.settle(live, client)
    assert not [line for line in running.said if "US:" in line or "row:" in line or "{" in line]
    shop.compare(live, client)


def test_on_wall_time_an_end_is_complete_to_now(live: Settings, client: Any) -> None:
    with shop.Running(live, OnlineConsumer) as running:
        store, topic = RowStore(client), topics.events(live, "app")
        shop.wait(lambda: running.consumers[0].counters.placed)
        store.set_mode("US", "wall")
        shop.wait(lambda: store.positions([(topic, 0)])[0].watermarks.get("US"))
        first = store.positions([(topic, 0)])[0].watermarks["US"]
        shop.wait(lambda: store.positions([(topic, 0)])[0].watermarks["US"] > first)
        assert store.clock("US").now_us() >= first  # type: ignore[operator]
        store.set_mode("US", "replay")
        shop.wait(lambda: running.consumers[0].counters.placed > len(event.FAMILIES) * 3)
        assert client.hget(store.keys.position(topic, 0), "wm:US") is None


def test_changed_customers_are_told(live: Settings, client: Any) -> None:
    shop.send(live, shop.log(13, 50, customers=4))
    shop.consume(live, OnlineConsumer)
    told = last_told(live)
    assert told.keys() == {f"US:{n}" for n in range(4)} and all(told.values())


def last_told(live: Settings) -> dict[str, bool]:
    """Whom the topic of changed customers names, and whether their last record has a value."""
    found = read(live, described(live)[topics.scv_changed(live)])
    return {(record.key or b"").decode(): record.value is not None for record in found}


def test_stop_is_prompt(live: Settings, client: Any) -> None:
    stop = threading.Event()
    stop.set()
    assert OnlineConsumer(live, lambda _: None).run(stop).taken == 0


def stands(client: Any) -> int:
    """How many records the restart points have behind them."""
    store = RowStore(client)
    return sum(position.offset or 0 for position in store.positions(parts(store.logs())))


def wait_taken(client: Any, least: int) -> None:
    shop.wait(lambda: stands(client) >= least, 30)
