"""The newest tick of a partition is kept with its position, in store and lake, and goes back with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scv.errors import LakeConflict
from scv.events.arrival import Reached
from scv.events.calendar import from_us
from scv.offline.lake import Epoch, Lake
from scv.offline.transaction import tick_id
from scv.online.facts import Built, Log, Move
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka.log import Part
from streams.lake import writer
from streams.lake.writer import Buffer, LakeWriter
from streams.online.consumer import OnlineConsumer
from streams.positions import epoch as epochs

TOPIC = "t.orders"
LOG = Log(family="orders", epoch=1, topic_id="a" * 32, partitions=2)
NEXT = Log(family="orders", epoch=2, topic_id="b" * 32, partitions=2)
PARTS = [Part(TOPIC, 0), Part(TOPIC, 1)]
NOON = 1_795_000_000_000_000
HOUR = 3_600_000_000


def advance(store: RowStore, part: Part, offset: int, tick_us: int) -> None:
    stands = store.positions([part])[0]
    assert store.advance([Move(*part, stands.offset, stands.turn, offset, {"AA": tick_us}, tick_us)]) == [True]


def test_a_restart_point_that_goes_back_takes_the_tick_before_it(store: RowStore) -> None:
    store.set_logs({TOPIC: LOG})
    for part in PARTS:
        advance(store, part, 9, NOON + HOUR)
    assert [one.tick_us for one in store.positions(PARTS)] == [NOON + HOUR] * 2
    assert store.mark_built(Built("AA", TOPIC, LOG, 1, [4, 9], [NOON, NOON + HOUR], {}))
    assert [(one.offset, one.tick_us) for one in store.positions(PARTS)] == [(4, NOON), (9, NOON + HOUR)]


def test_a_clock_that_is_set_back_takes_ticks_along(store: RowStore) -> None:
    store.set_logs({TOPIC: LOG})
    advance(store, PARTS[0], 9, NOON + HOUR)
    advance(store, PARTS[1], 9, NOON - HOUR)
    before = [one.turn for one in store.positions(PARTS)]
    store.set_back("AA", NOON)
    assert [one.tick_us for one in store.positions(PARTS)] == [NOON, NOON - HOUR]
    moved = [one.turn - turn for one, turn in zip(store.positions(PARTS), before, strict=True)]
    assert moved == [1, 0], "who holds the later one begins anew"


def commit(lake: Lake, part: Part, start: int, *ticks: int) -> None:
    table, buffer = LakeWriter(lake, LOG), Buffer("orders", 1)
    for offset, us in enumerate(ticks, start):
        buffer.mark(part, offset, Reached("AA", us, True))
    table.append(buffer.table(), {part: start}, {part: start + len(ticks)}, buffer.ticks)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake")
    epochs._write_epoch(made, {TOPIC: LOG}, None)
    commit(made, PARTS[0], 0, NOON - HOUR, NOON + HOUR)
    commit(made, PARTS[1], 0, NOON - HOUR)
    return made


def ticks(lake: Lake) -> list[int]:
    return [lake.tick_us("orders", *part, lake.version()) for part in PARTS]


def test_a_commit_holds_the_newest_tick_and_the_way_back_takes_it_along(lake: Lake) -> None:
    assert ticks(lake) == [NOON + HOUR, NOON - HOUR]
    held = LakeWriter(lake, LOG)
    held.reload()
    assert held.tick_us(PARTS[0]) == NOON + HOUR
    assert writer.set_back(lake, "orders", "AA", from_us(NOON)) == 1
    assert ticks(lake) == [NOON, NOON - HOUR]
    with pytest.raises(LakeConflict):  # it goes by the later one
        held.append(Buffer("orders", 1).table(), {PARTS[0]: 2}, {PARTS[0]: 3})
    held.reload()
    assert (held.tick_us(PARTS[0]), held.position(PARTS[0])) == (NOON, 2)


def test_what_was_complete_in_an_earlier_epoch_stays_so(lake: Lake, tmp_path: Path) -> None:
    epochs._write_epoch(lake, {TOPIC: NEXT}, lake.epoch())
    stands = lake.epoch()
    assert isinstance(stands, Epoch) and (stands.epoch, stands.tick_us) == (2, NOON + HOUR)
    assert tick_id(NEXT.topic_id, 0) and ticks(lake) == [0, 0]
    online = OnlineConsumer(Settings(home=str(tmp_path)))
    online._lake = lake
    online._begin_ticks({PARTS[0]: 0, PARTS[1]: NOON + 2 * HOUR})
    assert online._ticks == {PARTS[0]: NOON + HOUR, PARTS[1]: NOON + 2 * HOUR}
    epochs.set_back(lake, NOON)
    online._begin_ticks({PARTS[0]: 0})
    assert online._ticks[PARTS[0]] == NOON
    epochs._write_epoch(lake, {TOPIC: NEXT}, lake.epoch())
    assert lake.epoch() == Epoch(epoch=2, topics={TOPIC: NEXT.topic_id}, partitions=2, earlier={1: 2}, tick_us=NOON)
