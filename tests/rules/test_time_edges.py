"""What time is, to the day and to the microsecond: windows by week, the instant of a live read, watermarks, Tuesdays;
and which partition a key is of, by hashes that are not ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from proof.naive import world
from proof.naive.sides import TableLake
from scv.events.calendar import from_us, to_us, tuesdays
from scv.events.clock import Clock, live_at
from scv.events.partition import murmur2, partition_of
from scv.folds import Count
from scv.offline import lake
from scv.offline.lake import Epoch, Lake, whole_to
from scv.offline.lake_version import LakeVersion
from scv.targets import target

ZZ = world.country("Europe/Berlin")
AT = datetime(2017, 3, 1, 12, tzinfo=UTC)
EMPTY = LakeVersion({})


def test_the_first_and_the_last_tuesday_are_among_them() -> None:
    found = list(tuesdays(date(2017, 9, 5), date(2017, 9, 19)))
    assert found == [date(2017, 9, day) for day in (5, 12, 19)]
    assert list(tuesdays(date(2017, 9, 6), date(2017, 9, 11))) == []


def test_weeks_back_are_seven_days_each_and_the_first_has_today_too() -> None:
    windows = Count().each_week(3).windows
    covered = {name: [ago for ago in range(-1, 30) if -ago in one.days(0)] for name, one in windows.items()}
    assert covered["_w1"][1:] == list(range(8)), "today so far and the seven days before"
    assert (covered["_w2"], covered["_w3"]) == (list(range(8, 15)), list(range(15, 22)))


@pytest.mark.parametrize(
    ("front", "row", "expected"),
    [(10, 5, 10), (10, 9, 10), (10, 10, 11), (10, 20, 21), (10, None, 10), (None, 7, 8), (10, -1, 10)],
)
def test_a_live_read_is_at_the_clock_or_just_after_the_newest_event(
    front: int | None, row: int | None, expected: int
) -> None:
    """A row's clock is -1 before its first arrival."""
    assert live_at(Clock("replay", front), row) == from_us(expected)


def test_before_a_replay_begins_there_is_no_now() -> None:
    assert live_at(Clock("replay", None), -1) is None


# -- watermarks --------------------------------------------------------------------------------------------------


class Marked(TableLake):
    """A lake in memory that knows how many partitions there are, and were in earlier epochs."""

    def __init__(self, *partitions: int) -> None:
        super().__init__()
        *earlier, now = partitions
        self.now = Epoch(epoch=len(earlier), topics={}, partitions=now, earlier=dict(enumerate(earlier)))

    def epoch(self) -> Epoch:
        return self.now


def marks(family: str, given: Sequence[tuple[int, datetime]], epoch: int = 0) -> pa.Table:
    """Watermarks as the lake keeps them, by partition."""
    rows: list[dict[str, Any]] = [
        {"country": "ZZ", "kind": "watermark", "seen_at": at, "epoch": epoch, "partition": partition, "offset": n}
        for n, (partition, at) in enumerate(given)
    ]
    return pa.Table.from_pylist(rows, schema=lake.schema(family))


def hours(n: int) -> datetime:
    return AT + timedelta(hours=n)


def test_a_family_is_complete_to_the_oldest_of_its_partitions_newest_marks() -> None:
    connection = duckdb.connect()
    connection.register("lake_orders", marks("orders", [(0, hours(1)), (1, hours(2)), (0, hours(4)), (1, hours(3))]))
    newest = Marked(2).watermark_us(connection, "orders", "ZZ", EMPTY)
    assert newest is not None and from_us(newest) == hours(3)
    assert Marked(3).watermark_us(connection, "orders", "ZZ", EMPTY) is None, "one partition has none"


@pytest.mark.parametrize(("before", "now"), [(4, 2), (2, 4), (3, 3)])
def test_a_family_stays_as_complete_as_it_was_when_the_number_of_partitions_changes(before: int, now: int) -> None:
    connection, kept = duckdb.connect(), Marked(before, now)
    first = marks("orders", [(n, hours(n + 1)) for n in range(before)])
    steps = []
    for count in range(now + 1):
        later = marks("orders", [(n, hours(9)) for n in range(count)], epoch=1)
        connection.register("lake_orders", pa.concat_tables([first, later]))
        steps.append(kept.watermark_us(connection, "orders", "ZZ", EMPTY))
    assert steps == [to_us(hours(1))] * now + [to_us(hours(9))], "all of the new ones say so, and none of the old"


def test_a_partition_that_never_was_marked_is_missed_in_an_earlier_epoch_too() -> None:
    connection = duckdb.connect()
    connection.register("lake_orders", marks("orders", [(0, hours(1)), (1, hours(2))]))
    assert Marked(3, 2).watermark_us(connection, "orders", "ZZ", EMPTY) is None


def test_a_lakes_front_is_what_was_seen_last_and_not_erased(tmp_path: Path) -> None:
    """The erasure itself was seen; what else it took away never was, wherever its time lies."""
    numbers = itertools.count()

    def event(offset: int, customer: str, kind: str, at: datetime) -> dict[str, Any]:
        place = {"epoch": 0, "partition": 0, "offset": offset}
        return {"country": "ZZ", "customer_id": customer, "kind": kind, "seen_at": at} | place

    def seen(*rows: dict[str, Any]) -> Lake:
        table = pa.Table.from_pylist(list(rows), schema=lake.schema("orders"))
        months = pa.array([f"{row['seen_at']:%Y-%m}" for row in rows])
        read = Lake(tmp_path / f"{next(numbers)}")
        write_deltalake(
            str(read.table_path("orders")),
            table.set_column(table.schema.get_field_index("month"), "month", months),
            partition_by=["country", "month"],
        )
        return read

    log = [event(0, "a", "placed", hours(9)), event(1, "b", "placed", hours(5)), event(2, "a", "placed", hours(4))]
    gone = event(3, "a", "erased", hours(6))
    connection = duckdb.connect()

    def said(*rows: dict[str, Any]) -> tuple[Any, ...]:
        read = seen(*rows, event(9, "", "watermark", hours(3)))
        version = read.version()
        front = read.front_us(connection, "ZZ", version)
        ahead = [read.customers_seen_from(connection, "ZZ", version, to_us(hours(n))) for n in (5, 6)]
        return front, *ahead

    assert said() == (to_us(hours(3)), [], [])
    assert said(*log) == (to_us(hours(9)) + 1, ["a", "b"], ["a"])
    assert said(*log, gone) == (to_us(hours(6)) + 1, ["a", "b"], ["a"])
    assert said(*log, gone, event(4, "a", "erased", hours(2))) == (to_us(hours(5)) + 1, ["b"], [])
    later = event(4, "c", "placed", hours(40 * 24))
    assert said(*log, later)[0] == to_us(hours(40 * 24)) + 1
    forgotten = event(5, "c", "erased", hours(2))
    assert said(*log, later, forgotten)[0] == to_us(hours(9)) + 1, "nothing is left of its month"
    assert seen().front_us(connection, "ZZ", seen().version()) is None


def test_labels_are_complete_to_the_oldest_of_the_families_that_they_read() -> None:
    both = target.get("reactivation")
    assert set(both.families) == {"orders", "subscription"}
    stands = {"orders": hours(5), "subscription": hours(2), "mail": hours(1)}
    assert whole_to(stands, both.families) == hours(2)
    assert whole_to({"orders": hours(5)}, both.families) is None
    assert whole_to(stands) is None, "of all families"


# -- partitions --------------------------------------------------------------------------------------------------

JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""From Kafka's own tests (clients, UtilsTest.testMurmur2): signed 32-bit numbers."""


@pytest.mark.parametrize("key", JAVA)
def test_a_key_lies_where_javas_clients_put_it(key: bytes) -> None:
    assert murmur2(key) == JAVA[key] % 2**32
    for partitions in (3, 7, 12):
        assert partition_of(key, partitions) == (JAVA[key] & 0x7FFFFFFF) % partitions, "the sign bit is dropped"
