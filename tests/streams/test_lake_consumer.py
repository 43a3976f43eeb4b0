"""The lake consumer: every arrival once, with its place in the log, whoever else writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from scv.errors import LakeConflict
from scv.events import event
from scv.events.arrival import Reached
from scv.events.calendar import to_us
from scv.offline.lake import Lake
from scv.online.facts import Log
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.log import Part, standing
from streams.lake.consumer import LakeConsumer
from streams.lake.writer import Buffer, LakeWriter
from streams.positions import position
from tests.streams import shop

LOG = Log(family="app", epoch=1, topic_id="0" * 32, partitions=2)
FIRST, SECOND = Part("x.app", 0), Part("x.app", 1)


def test_every_delivery_is_there_once_and_the_position_with_it(live: Settings, client: Any) -> None:
    sent = shop.send(live, shop.log(1, 1000))
    (counted,) = shop.consume(live, LakeConsumer)
    assert counted["delivered"] == sent and counted["refused"] == 0
    assert shop.lake_count(live) == (sent, sent)
    lake, stands = Lake(live.lake_path), positions(live, client)
    assert sum(stands.values()) == sent + len(event.FAMILIES) * live.partitions
    connection = duckdb.connect()
    (again,) = shop.consume(live, LakeConsumer)
    assert again["taken"] == 0 and positions(live, client) == stands, "a second run adds nothing"
    assert lake.watermark_us(connection, "app", "US", lake.version()) == to_us(shop.AT)
    columns = connection.execute(f"DESCRIBE {lake.query('orders', shop.US, lake.version())}").fetchall()
    assert {"occurred_us", "claimed_us", "day", "amount_cents", "offset"} <= {name for name, *_ in columns}


def test_of_many_watermarks_the_newest_is_kept(live: Settings, client: Any) -> None:
    for hour in range(5):
        shop.send(live, [], shop.AT + timedelta(hours=hour))
    (counted,) = shop.consume(live, LakeConsumer)
    partitions = len(event.FAMILIES) * live.partitions
    assert (counted["watermarks"], counted["rows"]) == (5 * partitions, partitions)


def buffer(part: Part, *offsets: int) -> Buffer:
    made = Buffer("app", 1)
    mark = Reached("US", to_us(shop.AT))
    for offset in offsets:
        made.mark(part, offset, mark)
    return made


def append(writer: LakeWriter, part: Part, start: int, *offsets: int) -> None:
    """Watermarks at these offsets, by a writer that thinks that the partition stands at `start`."""
    writer.append(buffer(part, *offsets).table(), {part: start}, {part: offsets[-1] + 1})


def test_a_zombie_cannot_commit(live: Settings) -> None:
    """Two writers read the same position; whoever is second is refused, by Delta or by the check before it."""
    lake = Lake(live.lake_path)
    one, zombie = LakeWriter(lake, LOG), LakeWriter(lake, LOG)
    one.reload()
    zombie.reload()
    append(one, FIRST, 0, 0, 1)
    with pytest.raises(LakeConflict, match="faster"):
        append(zombie, FIRST, 0, 0)
    zombie.reload()
    with pytest.raises(LakeConflict, match="to 2, not to 0"):
        append(zombie, FIRST, 0, 0)
    append(zombie, FIRST, 2, 2)
    one.reload()
    assert (one.position(FIRST), one.position(SECOND)) == (3, 0)


def test_members_with_other_partitions_do_not_hinder_each_other(live: Settings) -> None:
    lake = Lake(live.lake_path)
    one, two = LakeWriter(lake, LOG), LakeWriter(lake, LOG)
    one.reload()
    two.reload()
    append(one, FIRST, 0, 0)
    append(two, SECOND, 0, 0, 1)
    two.reload()
    assert (two.position(FIRST), two.position(SECOND)) == (1, 2)


def test_what_another_writer_took_is_not_taken_twice(live: Settings, client: Any) -> None:
    """Under a running consumer somebody else commits the next records: it is refused, and reads on behind them."""
    shop.send(live, shop.log(3, 100), None)
    with shop.Running(live, LakeConsumer) as running:
        shop.wait(lambda: running.consumers[0].counters.placed and (live.lake_path / "orders").exists())
        topic = topics.events(live, "orders")
        shop.wait(lambda: sum(p for part, p in positions(live, client).items() if part.topic == topic) > 0)
        other = LakeWriter(Lake(live.lake_path), standing(live, 1)[topic])
        other.reload()
        part = Part(topic, 0)
        stands = other.position(part)
        other.append(Buffer("orders", 1).table(), {part: stands}, {part: stands + 1})
        sent = shop.send(live, shop.log(4, 300))
        shop.wait(lambda: running.consumers[0].counters.refused > 0)
        assert sent
    total, places = shop.lake_count(live)
    assert total == places


def positions(settings: Settings, client: Any) -> Mapping[Part, int]:
    return position.positions(RowStore(client), Lake(settings.lake_path), standing(settings, 1)).lake
