"""scv.online.reader: rows, clock, watermarks and markers of any number of customers in one round trip."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from scv.events.calendar import from_us
from scv.events.partition import partition_of
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.online.reader import Reader
from tests.feast.served import NOW, ZZ, Served
from tests.keys import position_key
from tests.logs import PARTITIONS, log, topic
from tests.marking import mark, unmark

ALL = list(collect().values())


def test_everyone_at_once(live: Served) -> None:
    views = Reader(live.client).read(ZZ, [*live.customers, "nobody"], ALL)
    assert [view.customer_id for view in views] == [*live.customers, "nobody"]
    assert [view.known for view in views] == [True] * len(live.customers) + [False]
    for view in views:
        assert (view.clock, view.at) == (NOW, NOW)
        for chosen in ALL:
            one = view.fetchers[chosen.name]
            assert one.values == live.expected(chosen, view.customer_id)
            assert (one.built, one.freshness_s, one.watermark) == (True, 0.0, NOW)
    assert set(views[-1].values().values()) == {None}


def test_freshness_is_that_of_the_customers_partition(live: Served) -> None:
    customer = live.customers[0]
    partition = partition_of(f"ZZ:{customer}".encode(), PARTITIONS)
    late = NOW - timedelta(hours=2)
    live.client.hset(position_key(topic("orders"), partition), "wm:ZZ", int(late.timestamp() * 1e6))
    (view,) = Reader(live.client).read(ZZ, [customer], ALL)
    assert view.fetchers["orders"].freshness_s == view.fetchers["rhythm"].freshness_s == 7200
    assert view.fetchers["orders"].watermark == late
    assert view.fetchers["mail"].freshness_s == 0


def test_without_watermark_freshness_is_unknown(live: Served) -> None:
    for partition in range(PARTITIONS):
        live.client.delete(position_key(topic("orders"), partition))
    (view,) = Reader(live.client).read(ZZ, live.customers[:1], ALL)
    assert view.fetchers["orders"].present
    assert view.fetchers["orders"].freshness_s is None


def test_an_empty_store_cannot_tell_who_is_known(live: Served) -> None:
    live.client.flushall()
    live.store.set_mode("ZZ", "replay")
    (view,) = Reader(live.client).read(ZZ, live.customers[:1], ALL)
    assert (view.known, view.at, view.clock) == (None, None, None)
    assert {(one.built, one.present) for one in view.fetchers.values()} == {(False, False)}


def test_rows_of_an_earlier_rebuild_are_not_read(live: Served) -> None:
    live.store.next_generation()
    (view,) = Reader(live.client).read(ZZ, live.customers[:1], ALL)
    assert not any(one.built for one in view.fetchers.values())
    mark(live.store, ZZ, ALL)
    (view,) = Reader(live.client).read(ZZ, live.customers[:1], ALL)
    assert all(one.built for one in view.fetchers.values()) and view.known is False
    mine = live.rows["orders", live.customers[0]]
    live.write(collect()["orders"], live.customers[0], mine, generation=2)
    (view,) = Reader(live.client).read(ZZ, live.customers[:1], ALL)
    assert [name for name, one in view.fetchers.items() if one.present] == ["orders"]


@pytest.mark.parametrize("unbuilt", [one.name for one in ALL])
def test_nobody_is_unknown_while_some_rows_are_not_built(live: Served, unbuilt: str) -> None:
    unmark(live.store, "ZZ", [collect()[unbuilt]])
    somebody, nobody = Reader(live.client).read(ZZ, [live.customers[0], "nobody"], ALL)
    assert (somebody.known, nobody.known) == (True, None)
    others = [one for one in ALL if one.name != unbuilt]
    assert Reader(live.client).read(ZZ, ["nobody"], others)[0].known is False


def test_topics_that_changed_are_learned_at_once(live: Served) -> None:
    """A reader that outlives its topics would measure freshness by the wrong partition."""
    reader = Reader(live.client)
    reader.read(ZZ, live.customers, ALL)
    wider = {topic("orders"): type(log("orders"))(family="orders", epoch=2, topic_id="f" * 32, partitions=7)}
    live.store.set_logs(wider)
    customer = live.customers[0]
    partition = partition_of(f"ZZ:{customer}".encode(), 7)
    live.client.delete(*(position_key(topic("orders"), p) for p in range(7)))
    live.client.hset(position_key(topic("orders"), partition), "wm:ZZ", int(NOW.timestamp() * 1e6) - 5_000_000)
    (view,) = reader.read(ZZ, [customer], ALL)
    assert view.fetchers["orders"].freshness_s == 5
    assert not view.fetchers["orders"].present  # its row is of the topic that is gone
    assert view.fetchers["mail"].present


def test_a_wall_clock_reads_at_the_wall(live: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    live.store.set_mode("ZZ", "wall")
    monkeypatch.setattr("scv.events.clock.wall_us", lambda: 1_600_000_000_000_000)
    (view,) = Reader(live.client).read(ZZ, live.customers[:1], ALL)
    assert view.at == view.clock == from_us(1_600_000_000_000_000)


def test_nothing_asked_is_nothing_read(live: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.client.Pipeline, "execute", lambda self: pytest.fail("a round trip for nothing"))
    assert Reader(live.client).read(ZZ, [], ALL) == []
    assert Reader(live.client).read(ZZ, ["c1"], []) == []
    assert layout_of(ALL[0]).field
