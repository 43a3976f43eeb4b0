"""Rows read live: only whole ones, only of the log that stands, aged to the local day."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from proof.naive.world import HOUR, TICK
from scv.events.calendar import midnight
from scv.events.mark import Mark
from scv.features.fetcher import collect
from scv.online.reader import Reader, View
from tests.feast.served import NOW, ZZ, Served
from tests.keys import built_key, position_key
from tests.logs import EPOCH, PARTITIONS, log, topic
from tests.marking import mark

ALL = list(collect().values())
ORDERS = collect()["orders"]
NIGHT = midnight(NOW.date() + timedelta(days=3), ZZ.zone)


@pytest.fixture
def live(shop: Served) -> Served:
    shop.serve()
    return shop


def read(live: Served) -> dict[str, View]:
    return {view.customer_id: view for view in Reader(live.client).read(ZZ, live.customers, ALL)}


@pytest.mark.parametrize("at", [NIGHT - TICK, NIGHT, NIGHT + HOUR], ids=["before", "at", "after"])
def test_a_row_is_as_old_as_the_local_day(live: Served, at: datetime) -> None:
    """East of Greenwich the day turns while it is still yesterday in UTC."""
    assert NIGHT.date() < NIGHT.astimezone(ZZ.zone).date()
    live.move(at)
    for customer, view in read(live).items():
        assert view.at == at
        for chosen in ALL:
            assert view.fetchers[chosen.name].values == live.expected(chosen, customer, at)


def test_rows_that_are_not_whole_are_not_served(live: Served) -> None:
    live.client.hdel(built_key("ZZ"), "orders")
    for view in read(live).values():
        one = view.fetchers["orders"]
        assert (one.built, one.present, set(one.values.values())) == (False, False, {None})
        assert one.unbuilt == "it was never built"
    assert any(view.fetchers["rhythm"].present for view in read(live).values()), "the other fetcher of the family is"


@pytest.mark.parametrize("change", [{"epoch": 2}, {"epoch": 0}, {"topic_id": "f" * 32}], ids=str)
@pytest.mark.parametrize("built", [False, True], ids=["unbuilt", "built"])
def test_rows_of_another_log_are_not_served(live: Served, change: dict[str, object], built: bool) -> None:
    """Not even where all others were built for the log that stands now: each row says what it is of."""
    live.store.set_logs({topic("orders"): replace(log("orders"), **change)})
    if built:
        mark(live.store, ZZ, ALL)
    assert {view.fetchers["orders"].built for view in read(live).values()} == {built}
    for view in read(live).values():
        assert not view.fetchers["orders"].present
    assert any(view.fetchers["mail"].present for view in read(live).values())


def test_freshness_is_that_of_the_customers_own_partition(live: Served) -> None:
    for partition in range(PARTITIONS):
        mark = NOW - timedelta(seconds=10 * (partition + 1))
        live.client.hset(position_key(topic("orders"), partition), "wm:ZZ", round(mark.timestamp() * 1e6))
    homes = {record.event.customer_id: record.partition for record in live.records["orders"]}
    assert len(set(homes.values())) == PARTITIONS
    found = {name: view.fetchers["orders"].freshness_s for name, view in read(live).items() if name in homes}
    assert found == {name: 10.0 * (partition + 1) for name, partition in homes.items()}


def test_a_reading_says_up_to_where_its_row_holds_the_log_and_where_the_consumer_stood(live: Served) -> None:
    """The mark of the very bytes that were read; nobody's row that does not exist, nor one that is not read."""
    homes = {record.event.customer_id: record.partition for record in live.records["orders"]}
    for partition in range(PARTITIONS):
        live.client.hset(position_key(topic("orders"), partition), "offset", 700 + partition)
    held = Mark(epoch=EPOCH, partition=0, next=10**6 + 1)
    for name, partition in homes.items():
        (view,) = Reader(live.client).read(ZZ, [name], [ORDERS])
        one = view.fetchers["orders"]
        assert one.position == Mark(epoch=EPOCH, partition=partition, next=700 + partition)
        assert one.held == (replace(held, partition=partition) if ("orders", name) in live.rows else None)
    (stranger,) = Reader(live.client).read(ZZ, ["nobody"], [ORDERS])
    assert stranger.fetchers["orders"].held is None and stranger.fetchers["orders"].position is not None
    live.client.hdel(built_key("ZZ"), "orders")
    assert {view.fetchers["orders"].held for view in read(live).values()} == {None}
