"""Watermarks, clocks and turns in the store: what only rises, and what begins anew. On the real scripts."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.online.rowstore import Log, Marker, Move, Position, RowStore, built_key, row_key

TOPIC = "cerebro.payments"
LAYOUT = layout_of(get("payments"))
LOG = Log(family="payments", epoch=3, topic_id="0" * 32, partitions=2)


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


def built(store: RowStore) -> bool:
    return store.built("ZZ", [LAYOUT])[0]


def mark(store: RowStore, *positions: int, generation: int = 1, log: Log = LOG) -> bool:
    marker = Marker(generation=generation, log=log)
    return store.mark_built("ZZ", [LAYOUT.field], TOPIC, marker, positions)


@pytest.fixture
def opened(store: RowStore) -> RowStore:
    """The topic is known; nothing is built."""
    store.set_logs({TOPIC: LOG})
    return store


def test_a_rebuild_sends_restart_points_back_never_forward(opened: RowStore) -> None:
    found = []
    for positions in ((7, 1), (9, 0), (30, 30)):
        assert mark(opened, *positions) and built(opened)
        found.append([stands(opened, partition).offset for partition in range(2)])
        move(opened, 12)
    assert found == [[7, 1], [9, 0], [12, 0]]


@pytest.mark.parametrize("what", ["built again", "begun anew"])
def test_whoever_read_a_position_before_its_rows_changed_hands_may_not_move_it(opened: RowStore, what: str) -> None:
    mark(opened, 3, 3)
    for partition in range(2):
        read = stands(opened, partition)
        if what == "built again":
            mark(opened, 3, 3)
        else:
            opened.next_generation()
        assert opened.advance([Move(TOPIC, partition, read.offset, read.turn, 5)]) == [False]
        assert stands(opened, partition).offset == 3 and stands(opened, partition).turn > read.turn


@pytest.mark.parametrize(
    "other",
    [
        {"generation": 2},
        {"generation": 0},
        {"log": replace(LOG, epoch=2)},
        {"log": replace(LOG, epoch=4)},
        {"log": replace(LOG, topic_id="f" * 32)},
    ],
    ids=str,
)
def test_rows_of_another_generation_or_log_are_not_marked(opened: RowStore, other: dict[str, Any]) -> None:
    mark(opened, 5, 5)
    before = [stands(opened, partition) for partition in range(2)]
    opened.client.delete(built_key("ZZ", LAYOUT.field))
    assert not mark(opened, 2, 2, **other)
    assert not built(opened)
    assert [stands(opened, partition) for partition in range(2)] == before, "nor do consumers go back"


@pytest.mark.parametrize("change", ["generation", "epoch", "topic", "topics lost", "an older form"])
def test_a_marker_is_true_of_its_generation_and_log_only(opened: RowStore, change: str) -> None:
    mark(opened, 5, 5)
    assert built(opened)
    if change == "generation":
        opened.next_generation()
    elif change == "topics lost":
        opened.client.delete("topics")
    elif change == "an older form":
        opened.client.set(built_key("ZZ", LAYOUT.field), b"1")
    else:
        other = {"epoch": 4} if change == "epoch" else {"topic_id": "f" * 32}
        opened.set_logs({TOPIC: replace(LOG, **other)})
    assert not built(opened)


def test_a_log_that_is_forgotten_leaves_turns_that_go_on(opened: RowStore) -> None:
    """Whoever still follows it holds a turn that never stands again, whatever offsets the next log has."""
    mark(opened, 5, 5)
    opened.client.hset(row_key("ZZ", "c1"), LAYOUT.field, b"row")
    before = stands(opened)
    opened.forget_logs()
    assert opened.logs() == {} and opened.client.keys("built:*") == [] and opened.client.keys("row:*") != []
    assert stands(opened) == Position(None, turn=before.turn + 1)
    opened.set_logs({TOPIC: replace(LOG, epoch=4)})
    mark(opened, 5, 5, log=replace(LOG, epoch=4))
    assert stands(opened).offset == before.offset and stands(opened).turn > before.turn


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
