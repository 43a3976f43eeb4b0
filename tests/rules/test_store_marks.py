"""Watermarks, clocks and turns in the store: what only rises, and what begins anew. On the real scripts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from proof.naive import world
from scv import stamp
from scv.events.country import Country
from scv.features.fetcher import get
from scv.features.layout import Layout, layout_of
from scv.online import marker
from scv.online.facts import Built, Log, Move, Position
from scv.online.rowstore import RowStore
from tests.keys import built_key, row_key

TOPIC = "cerebro.payments"
ZZ = world.country("Europe/Berlin")
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


def test_what_comes_live_moves_the_clock_of_a_live_country_and_of_no_replay(store: RowStore) -> None:
    store.set_mode("ZZ", "replay")
    store.tick({"ZZ": 900, "US": 900}, {"ZZ": 10_000, "US": 10_000})
    assert (store.clock("ZZ").front_us, store.clock("US").front_us) == (900, 10_000)
    store.tick({"ZZ": 950})
    assert store.clock("ZZ").front_us == 950


def test_what_is_later_than_an_instant_is_set_back_to_it_and_nothing_else(store: RowStore) -> None:
    store.set_logs({TOPIC: LOG})
    for partition, us in ((0, 10_000), (1, 900)):
        store.advance([Move(TOPIC, partition, None, 0, 7, {"ZZ": us, "US": us})])
    store.tick({"ZZ": 10_001, "US": 10_001})
    store.set_back("ZZ", 9_999)
    assert stands(store, 0) == Position(7, {"ZZ": 9_999, "US": 10_000})
    assert stands(store, 1) == Position(7, {"ZZ": 900, "US": 900})
    assert (store.clock("ZZ").front_us, store.clock("US").front_us) == (9_999, 10_001)
    store.set_back("AA", 1)
    assert store.clock("AA").front_us is None, "what nobody told is not told now"


def built(store: RowStore, country: Country = ZZ, layout: Layout = LAYOUT) -> bool:
    return marker.unbuilt(store.marks(["ZZ"])["ZZ"], country, [layout]) == [""]


def mark(store: RowStore, *positions: int, generation: int = 1, log: Log = LOG) -> bool:
    marks = {LAYOUT.fetcher: marker.encode(marker.of_rows(ZZ, LAYOUT, log, generation))}
    return store.mark_built(Built("ZZ", TOPIC, log, generation, positions, [0] * len(positions), marks))


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
    opened.client.delete(built_key("ZZ"))
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
        opened.client.delete(opened.keys.topics)
    elif change == "an older form":
        opened.client.hset(built_key("ZZ"), LAYOUT.fetcher, b"1")
    else:
        other = {"epoch": 4} if change == "epoch" else {"topic_id": "f" * 32}
        opened.set_logs({TOPIC: replace(LOG, **other)})
    assert not built(opened)


OTHER: dict[str, Any] = {"time_zone": "Asia/Tokyo", "lateness_days": 14, "memory_days": 1460}


@pytest.mark.parametrize("setting", stamp.ROWS)
def test_rows_of_other_settings_are_not_whole_and_not_folded_on(opened: RowStore, setting: str) -> None:
    """Each setting of a country that enters its rows: a new one has to say here what another value of it is."""
    other = replace(ZZ, **{setting: OTHER[setting]})
    assert marker.folded_otherwise(opened, ZZ) == ""
    mark(opened, 5, 5)
    assert built(opened) and not built(opened, other)
    assert setting in marker.folded_otherwise(opened, other)
    assert setting in marker.kept_otherwise(opened.marks(["ZZ"])["ZZ"], other, "payments", [LAYOUT])
    assert marker.folded_otherwise(opened, ZZ) == "", "whoever began decides"
    opened.next_generation()
    assert marker.folded_otherwise(opened, other) == "", "another generation is another beginning"
    assert setting in marker.folded_otherwise(opened, ZZ)


def test_rows_of_other_time_zone_rules_are_not_whole(opened: RowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    marker.folded_otherwise(opened, ZZ)
    mark(opened, 5, 5)
    monkeypatch.setattr(stamp, "tz", lambda zone: "2099a/00000000")
    assert not built(opened)
    assert "2099a" in marker.folded_otherwise(opened, ZZ)
    assert "2099a" in marker.kept_otherwise(opened.marks(["ZZ"])["ZZ"], ZZ, "payments", [LAYOUT])


def test_rows_of_another_definition_are_not_whole(opened: RowStore) -> None:
    mark(opened, 5, 5)
    other = dataclasses.replace(LAYOUT, fingerprint="00000000")
    assert not built(opened, layout=other)
    marks = opened.marks(["ZZ"])["ZZ"]
    assert "definition of payments" in marker.kept_otherwise(marks, ZZ, "payments", [other])
    assert "no such fetcher" in marker.kept_otherwise(marks, ZZ, "payments", [])
    assert marker.kept_otherwise(marks, ZZ, "payments", [LAYOUT]) == ""
    assert marker.folded_otherwise(opened, ZZ) == "", "they lie in a field of their own"


def test_what_is_over_binds_nobody(opened: RowStore) -> None:
    """Markers of an earlier generation are of rows that nobody keeps."""
    mark(opened, 5, 5)
    opened.next_generation()
    assert marker.kept_otherwise(opened.marks(["ZZ"])["ZZ"], ZZ, "payments", []) == ""


def test_what_nobody_follows_any_more_is_not_whole(opened: RowStore) -> None:
    mark(opened, 5, 5)
    opened.client.hset(built_key("YY"), "payments", b"{}")
    opened.drop_marks({"ZZ": ["payments", "orders"]})
    assert built(opened) and not opened.client.exists(built_key("YY"))
    opened.drop_marks({"ZZ": ["orders"], "YY": ["payments"]})
    assert not built(opened)


def test_a_log_that_is_forgotten_leaves_turns_that_go_on(opened: RowStore) -> None:
    """Whoever still follows it holds a turn that never stands again, whatever offsets the next log has."""
    mark(opened, 5, 5)
    opened.client.hset(row_key("ZZ", "c1"), LAYOUT.field, b"row")
    before = stands(opened)
    opened.forget_logs()
    assert opened.logs() == {} and opened.client.keys("*:built:*") == [] and opened.client.keys("*:row:*") != []
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
