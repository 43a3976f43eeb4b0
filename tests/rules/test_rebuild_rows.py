"""Rows built from a lake: the fold of exactly what it holds, fenced there, written only where the store is behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proof.naive.sides import arrivals
from scv.events.partition import partition_of
from scv.features.fetcher import of_family
from scv.features.layout import layout_of
from scv.offline.lake import Lake
from scv.online.rebuild import Rebuilt, is_behind, rebuild
from scv.online.row import Fence, Place, unpack
from scv.online.rowstore import RowStore
from tests.feast.served import ZZ, Served
from tests.keys import row_key, rows_of
from tests.logs import EPOCH, PARTITIONS, log, topic

FETCHERS = of_family("orders")
HERE = Place(2, 3, bytes(16), 1)
OTHER_TOPIC = bytes(range(16))


@pytest.mark.parametrize(
    ("place", "upto", "behind"),
    [
        (HERE, 6, True),
        (HERE, 7, False),
        (HERE, 8, False),
        (Place(2, 2, bytes(16), 1), 99, True),
        (Place(1, 9, bytes(16), 1), 99, True),
        (Place(2, 3, OTHER_TOPIC, 1), 99, True),
        (Place(2, 3, bytes(16), 0), 99, True),
        (Place(2, 4, OTHER_TOPIC, 1), -1, False),
        (Place(3, 1, bytes(16), 1), -1, False),
    ],
)
def test_a_row_gives_way_to_a_later_prefix_or_log_only(place: Place, upto: int, behind: bool) -> None:
    """Generation, then epoch, then offset; the same epoch under another topic or partition is one that is gone."""
    assert is_behind(Fence(place, upto).pack(), HERE, 7) is behind


def test_what_is_absent_or_of_another_format_gives_way() -> None:
    fence = Fence(HERE, 99).pack()
    assert is_behind(b"", HERE, 7)
    assert is_behind(b"\x00" + fence[1:], HERE, 7)
    assert is_behind(fence[:5], HERE, 7)


@pytest.fixture
def empty(shop: Served) -> Iterator[Served]:
    """Topics are known to the store, and nothing else."""
    shop.client.flushall()
    shop.store.set_logs({topic("orders"): log("orders")})
    return shop


def build(shop: Served) -> Rebuilt:
    return rebuild(shop.client, Lake(shop.settings.lake_path), {"ZZ": ZZ}, FETCHERS)


def ends(shop: Served) -> dict[int, int]:
    """Partition → the offset after its last record."""
    found = dict.fromkeys(range(PARTITIONS), 0)
    for record in shop.records["orders"]:
        found[record.partition] = max(found[record.partition], record.offset + 1)
    return found


def stored(store: RowStore, shop: Served) -> dict[str, list[bytes | None]]:
    keys = [row_key("ZZ", customer) for customer in shop.customers]
    fields = [layout_of(one).field for one in FETCHERS]
    return dict(zip(shop.customers, rows_of(store.client, keys, fields), strict=True))


def test_a_built_row_is_the_fold_of_what_the_lake_holds_and_says_up_to_where(empty: Served) -> None:
    done = build(empty)
    assert done.rows == done.written > 0
    for customer, rows in stored(empty.store, empty).items():
        partition = partition_of(f"ZZ:{customer}".encode(), PARTITIONS)
        for one, data in zip(FETCHERS, rows, strict=True):
            if (one.name, customer) not in empty.rows:
                continue
            assert data is not None
            fence, row = unpack(data, layout_of(one), ZZ)
            expected = empty.rows[one.name, customer]
            _, expected = unpack(expected.pack(fence.place, fence.upto), layout_of(one), ZZ)
            assert row == expected
            assert (fence.place.epoch, fence.place.partition) == (EPOCH, partition)
            assert fence.upto == ends(empty)[partition] - 1, "the next record of the log is still to come"
    positions = empty.store.positions([(topic("orders"), partition) for partition in range(PARTITIONS)])
    assert [one.offset for one in positions] == list(ends(empty).values())


def test_again_writes_nothing_and_less_writes_what_is_missing(empty: Served) -> None:
    first = build(empty)
    again = build(empty)
    assert (again.written, again.kept) == (0, first.rows)
    empty.client.delete(row_key("ZZ", next(name for _, name in empty.rows if ("orders", name) in empty.rows)))
    assert build(empty).written == len(FETCHERS)


def test_a_clock_that_was_lost_stands_just_after_the_newest_event(empty: Served) -> None:
    build(empty)
    newest = max(arrival.seen_us for _, arrival in arrivals(empty.records["orders"], ZZ))
    assert empty.store.clock("ZZ").front_us == newest + 1
