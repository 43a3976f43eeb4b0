"""The embedded broker keeps nothing: on an empty one the next epoch begins, and rows come from the lake."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from local.services import Services
from scv.errors import BadSetting, LogChanged
from scv.events import country as countries
from scv.events.calendar import to_us
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.offline.lake import Lake
from scv.online import marker
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import connect
from streams.kafka import topics
from streams.kafka.log import Part, parts, refuse_strangers, standing
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.epoch import open_epoch, rebuild
from tests.streams import shop
from tests.streams.conftest import SESSION_MS


def quiet(_: str) -> None:
    pass


def test_a_fresh_start_is_epoch_one_and_built_at_once(live: Settings, client: Any) -> None:
    store, lake = RowStore(client), Lake(live.lake_path)
    opened = open_epoch(live, store, lake, quiet)
    assert {log.epoch for log in opened.values()} == {1}
    layouts = [layout_of(one) for one in collect().values()]
    for code, marks in store.marks(["US", "ZZ"]).items():
        assert not any(marker.unbuilt(marks, countries.load(code), layouts))
    assert open_epoch(live, store, lake, quiet) == opened, "again is the same"
    assert store.clock("US").mode == "replay", "its span has ended: wall time cannot be its clock"


def test_many_at_once_open_one(live: Settings, client: Any) -> None:
    found: list[Any] = []
    lake = Lake(live.lake_path)
    threads = [
        threading.Thread(target=lambda: found.append(open_epoch(live, RowStore(client), lake, quiet))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(one == found[0] for one in found)


def test_a_topic_that_is_another_is_refused_until_a_rebuild(live: Settings, client: Any) -> None:
    """The same store and lake, but the broker's topics are others."""
    shop.send(live, shop.log(1, 300))
    shop.consume(live)
    store, lake = RowStore(client), Lake(live.lake_path)
    other = msgspec.structs.replace(live, topic_prefix=live.topic_prefix + "x", store_prefix=live.topic_prefix)
    with pytest.raises(LogChanged, match=r"is gone.*cerebro rebuild|cerebro rebuild"):
        pretend(store, lake, live, other)
        open_epoch(other, store, lake, quiet)
    done = rebuild(other, store, {"US": shop.US})
    assert done.written > 0
    assert {log.epoch for log in store.logs().values()} == {2} and lake.epoch().epoch == 2  # type: ignore[union-attr]
    shop.send(other, shop.log(2, 300))
    shop.consume(other)
    shop.compare(other, client)


def test_fewer_partitions_make_the_lake_no_less_complete(live: Settings, client: Any) -> None:
    """Twice created anew with fewer: what was complete stays so, and the newest log says how far it goes on."""
    store, lake, connection = RowStore(client), Lake(live.lake_path), duckdb.connect()

    def complete_to() -> list[int | None]:
        families = ("orders", "app")
        return [lake.watermark_us(connection, family, "US", lake.version()) for family in families]

    shop.send(live, shop.log(1, 100))
    shop.consume(live)
    last = live
    for partitions in (2, 1):
        other = msgspec.structs.replace(last, topic_prefix=last.topic_prefix + "y", partitions=partitions)
        pretend(store, lake, last, other)
        rebuild(other, store, {"US": shop.US})
        assert complete_to() == [to_us(shop.AT)] * 2
        last = other
    epoch = lake.epoch()
    assert epoch is not None and (epoch.epoch, epoch.partitions, epoch.earlier) == (3, 1, {1: 3, 2: 2})
    later = shop.AT + timedelta(days=1)
    shop.send(last, [], later)
    shop.consume(last)
    assert complete_to() == [to_us(later)] * 2


def pretend(store: RowStore, lake: Lake, old: Settings, new: Settings) -> None:
    """Store and lake know the old topics under the new names."""

    def renamed(topic: str) -> str:
        return topic.replace(old.topic_prefix, new.topic_prefix, 1)

    logs = {renamed(topic): log for topic, log in store.logs().items()}
    store.client.delete(store.keys.topics)
    store.set_logs(logs)
    epoch = lake.epoch()
    assert epoch is not None
    topics = {renamed(topic): topic_id for topic, topic_id in epoch.topics.items()}
    (lake.path / "epoch.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(epoch, topics=topics)))


def test_yesterdays_lake_today(tmp_path: Path) -> None:
    """Broker and store are gone and come back empty: consumers that still run stop loudly."""
    with Services("tansu", "valkey", tmp_path) as services:
        settings = Settings(
            broker=services.broker_address,
            store=services.store_url,
            home=str(tmp_path),
            session_ms=SESSION_MS,
            wait_s=10,
        )
        for day in range(2):
            with connect(settings) as client:
                lake = Lake(settings.lake_path)
                opened = open_epoch(settings, RowStore(client), lake, quiet, renew=True)
                assert {log.epoch for log in opened.values()} == {day + 1}
                with shop.Running(settings, OnlineConsumer, LakeConsumer) as running:
                    shop.send(settings, shop.log(day, 300), shop.AT)
                    shop.settle(settings, client)
                    shop.compare(settings, client)
                    services.restart_broker(kill=True)
                    shop.producers.clear()  # their ids are gone with it
                    shop.wait(lambda: len(running.errors) == 2)
                    assert all(isinstance(error, LogChanged) for error in running.errors), running.errors
                    running.errors.clear()
                services.restart_store(kill=True)
        assert shop.lake_count(settings)[0] == sum(len(shop.log(day, 300)) for day in range(2))


def test_a_topic_with_more_partitions_is_another(live: Settings, client: Any) -> None:
    """A group is given partitions that the log never had, as when a broker makes a lost topic by itself."""
    logs = standing(live, 1)
    every = parts(logs)
    refuse_strangers(every, logs)
    topic = every[0].topic
    with pytest.raises(LogChanged, match=rf"{topic}/{live.partitions} is new.*cerebro rebuild"):
        refuse_strangers([Part(topic, live.partitions)], logs)
    for consumer in (OnlineConsumer, LakeConsumer):
        with pytest.raises(LogChanged, match="is new"), shop.Running(live, consumer) as running:
            shop.wait(lambda running=running: running.consumers[0].counters.placed == len(every))  # type: ignore[misc]
            running.consumers[0]._intake.unplaced.add(Part(topic, live.partitions))
            shop.wait(lambda running=running: running.errors)  # type: ignore[misc]


def test_topics_of_unequal_partitions_are_refused_with_the_way_out(
    live: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after one topic was given more: customers of one key would lie in unequal partitions."""
    found = topics.ensure(live)
    first = topics.events(live, "app")
    found[first] = found[first]._replace(partitions=live.partitions + 2)
    monkeypatch.setattr(topics, "ensure", lambda _settings: found)
    with pytest.raises(BadSetting, match=rf"{first}: 5, .*: 3.*kafka-topics --alter.*cerebro rebuild"):
        standing(live, 1)
