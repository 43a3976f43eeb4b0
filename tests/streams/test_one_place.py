"""A reader's place in the log moves by what is there, record or not: a transaction ends with a mark that is none."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import confluent_kafka
import pytest

import cli
from scv.events import event
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.events.event import Event
from scv.features.fetcher import of_family
from scv.offline.lake import Lake
from scv.online.reader import Reader
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.log import Broker, parts
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.barrier import barrier
from streams.positions.position import positions
from tests.streams import shop
from tests.streams.conftest import BROKER
from tests.streams.test_bounded_time import order, wall_country


def transact(settings: Settings, events: Iterable[Event], commit: bool = True) -> None:
    """Events in one transaction, committed or aborted."""
    topics.ensure(settings)
    config = {"bootstrap.servers": settings.broker, "transactional.id": settings.topic_prefix, "log_level": 0}
    producer = confluent_kafka.Producer(config | {"partitioner": "murmur2_random"})
    producer.init_transactions(10)
    producer.begin_transaction()
    for one in events:
        producer.produce(topics.events(settings, shop.family_of(one)), event.encode(one), event.key_of(one))
    producer.flush(10)
    if commit:
        producer.commit_transaction(10)
    else:
        producer.abort_transaction(10)


def stand_at_the_end(settings: Settings, client: Any) -> None:
    """Both consumers, and a barrier, agree with the broker about every partition."""
    store, lake = RowStore(client), Lake(settings.lake_path)
    reached = barrier(settings, store, lake, timeout_s=8)
    broker = Broker(settings)
    ends = broker.ends(parts(store.logs()))
    broker.close()
    stands = positions(store, lake, store.logs())
    assert reached.positions == ends == stands.online == stands.lake
    assert stands.together and stands.behind(ends) == {"online": 0, "lake": 0}


def test_transactions_hold_up_nobody(live: Settings, client: Any) -> None:
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        transact(live, shop.log(1, 60))
        stand_at_the_end(live, client)
        transact(live, shop.log(2, 60))
        shop.send(live, shop.log(3, 60))
        stand_at_the_end(live, client)
    shop.compare(live, client)
    online, lake = shop.consume(live)
    assert online["taken"] == lake["taken"] == 0, "another life begins behind the mark"
    stand_at_the_end(live, client)


@pytest.mark.real
@pytest.mark.skipif(BROKER != "kafka", reason="the embedded broker hands out what was aborted")
def test_what_was_aborted_is_passed_over(live: Settings, client: Any) -> None:
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        transact(live, shop.log(1, 60), commit=False)
        stand_at_the_end(live, client)
        assert all(one.counters.taken == 0 for one in running.consumers)
        sent = shop.log(2, 60)
        transact(live, sent)
        stand_at_the_end(live, client)
        assert all(one.counters.delivered == len(sent) for one in running.consumers)
    shop.compare(live, client)


def test_rows_of_a_transactional_sender_are_fresh_on_wall_time(live: Settings, client: Any) -> None:
    country = wall_country(live)
    now = from_us(wall_us())
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        transact(live, [order("AA", now - timedelta(days=n), f"o{n}") for n in range(5)])

        def fresh() -> float | None:
            (view,) = Reader(client).read(country, ["1"], of_family("orders"))
            return view.fetchers["orders"].freshness_s

        shop.wait(lambda: fresh() is not None)
        assert fresh() is not None and fresh() < 5.0  # type: ignore[operator]


def test_a_partition_whose_end_is_a_mark_is_complete_to_the_lake_in_one_run(live: Settings, client: Any) -> None:
    """Until idle: the place behind the mark is durable before the consumer says that nothing is left."""
    transact(live, shop.log(4, 30))
    shop.consume(live)
    stand_at_the_end(live, client)


@pytest.mark.usefixtures("here")
def test_health_says_where_a_consumer_stands(live: Settings, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    every = len(event.FAMILIES) * live.partitions
    transact(live, shop.log(1, 60))
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        stand_at_the_end(live, client)
        time.sleep(1.5)  # a beat is a second apart
        for name in ("online", "lake"):
            assert cli.main(["health", name]) == 0
            assert f"at the end of {every} of its {every} partitions" in capsys.readouterr().out
