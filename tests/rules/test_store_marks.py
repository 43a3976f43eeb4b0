"""Watermarks, clocks and turns in the store: what only rises, and what begins anew. On the real scripts."""

from __future__ import annotations

import pytest

from scv.online.rowstore import Log, Move, Position, RowStore, built_key

TOPIC = "cerebro.payments"
FIELD = "payments@00000000"
LOG = Log(family="payments", epoch=0, topic_id="0" * 32, partitions=2)


def stands(store: RowStore, partition: int = 0) -> Position:
    return store.positions([(TOPIC, partition)])[0]


def move(store: RowStore, offset: int, **marks: int) -> bool:
    position = stands(store)
    return store.advance([Move(TOPIC, 0, position.offset, position.turn, offset, marks)])[0]


def test_watermarks_rise_as_numbers_and_never_fall(store: RowStore) -> None:
    found = []
    for offset, us in enumerate((900, 1000, 999, 10_000)):
        assert move(store, offset, ZZ=us)
        found.append(stands(store).watermarks["ZZ"])
    assert found == [900, 1000, 1000, 10_000]


def test_a_clocks_front_rises_as_a_number_and_never_falls(store: RowStore) -> None:
    found = []
    for us in (900, 1000, 999, 10_000):
        store.tick({"ZZ": us, "US": 5})
        found.append(store.clock("ZZ").front_us)
    assert found == [900, 1000, 1000, 10_000]
    assert store.clock("US").front_us == 5


def test_a_rebuild_sends_the_restart_point_back_never_forward(store: RowStore) -> None:
    store.follow(TOPIC, 0, 7, "ZZ", [FIELD])
    first = stands(store)
    move(store, 12)
    store.follow(TOPIC, 0, 9, "ZZ", [FIELD])
    back = stands(store)
    store.follow(TOPIC, 0, 30, "ZZ", [FIELD])
    assert [one.offset for one in (first, back, stands(store))] == [7, 9, 9]
    assert back.built == {built_key("ZZ", FIELD)}


@pytest.mark.parametrize("what", ["follow", "unfollow"])
def test_whoever_read_a_position_before_its_rows_changed_hands_may_not_move_it(store: RowStore, what: str) -> None:
    store.follow(TOPIC, 0, 3, "ZZ", [FIELD])
    read = stands(store)
    if what == "follow":
        store.follow(TOPIC, 0, 3, "ZZ", [FIELD])
    else:
        store.unfollow(TOPIC, 0, "ZZ", [FIELD])
        assert stands(store).built == frozenset()
    assert store.advance([Move(TOPIC, 0, read.offset, read.turn, 5)]) == [False]
    assert (stands(store).offset, stands(store).turn) == (3, read.turn + 1)


def test_another_clock_begins_anew_and_the_same_goes_on(store: RowStore) -> None:
    store.set_logs({TOPIC: LOG})
    store.set_mode("ZZ", "replay")
    for partition in range(LOG.partitions):
        store.advance([Move(TOPIC, partition, None, stands(store, partition).turn, 3, {"ZZ": 50, "US": 60})])
    store.tick({"ZZ": 70})
    before = stands(store)
    store.set_mode("ZZ", "replay")
    assert (stands(store), store.clock("ZZ").front_us) == (before, 70)
    store.set_mode("ZZ", "wall")
    assert (store.clock("ZZ").mode, store.clock("ZZ").front_us) == ("wall", None)
    for partition in range(LOG.partitions):
        assert stands(store, partition).watermarks == {"US": 60}, "another country's stay"
    read = Move(TOPIC, 0, before.offset, before.turn, 9, {"ZZ": 80})
    assert store.advance([read]) == [False], "a consumer that goes by the old clock is refused"
