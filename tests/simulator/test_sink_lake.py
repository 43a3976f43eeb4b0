"""Worlds in the lake: what consumers would have made of the same arrivals, as history before every offset."""

# ruff: noqa: F811 - fixtures are imported, and asked for by their names

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest

from proof.world import sink_lake
from scv.errors import CerebroError, UserError
from scv.events import calendar, country, event
from scv.features import fetcher
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.offline.lake import Lake
from scv.online.reader import Reader
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.epoch import open_epoch, rebuild
from streams.replay.history import History
from streams.replay.sender import replay
from tests.simulator.making import DIRTY, Making
from tests.streams import shop
from tests.streams.conftest import client, live, services, store_url  # noqa: F401 - fixtures

TWO = ("ZZ", "ZX")
COUNTRIES = {code: country.load(code) for code in TWO}


def rows(settings: Settings, family: str, code: str) -> list[tuple[Any, ...]]:
    """A family's arrivals of a country in log order, customer by customer; without where in the log."""
    lake, connection = Lake(settings.lake_path), duckdb.connect()
    try:
        query = lake.query(family, COUNTRIES[code], lake.version())
        order = 'customer_id, epoch, "partition", "offset"'
        return connection.execute(f'SELECT * EXCLUDE (epoch, "offset") FROM ({query}) ORDER BY {order}').fetchall()
    finally:
        connection.close()


def snapshots(settings: Settings, code: str, *weeks: int) -> list[pa.Table]:
    """Every fetcher's table at the beginning of these weeks of the worlds below."""
    world = Making(Path(), "lake", codes=TWO).worlds[TWO.index(code)]
    references = [world.reference(week) for week in weeks]
    done = fetch(settings, {COUNTRIES[code]: references})
    assert not [one.error for one in done if one.error]
    return [snapshot.join(snapshot.Snapshots(settings, COUNTRIES[code]).read(at)) for at in references]


def elsewhere(settings: Settings, path: Path) -> Settings:
    return msgspec.structs.replace(settings, home=str(path))


def test_a_dirty_world_is_what_consumers_make_of_it(live: Settings, client: Any, tmp_path: Path) -> None:
    """The same arrivals through Kafka and the lake consumer: the same rows in the same order, the same refusals."""
    Making(tmp_path / "through", "kafka", live, TWO, dirt=DIRTY).make()
    (counted,) = shop.consume(live, LakeConsumer)
    settings = elsewhere(live, tmp_path / "home")
    straight = Making(tmp_path / "straight", "lake", settings, TWO, dirt=DIRTY).make()
    compared = 0
    for family in event.FAMILIES:
        for code in TWO:
            found, wanted = rows(settings, family, code), rows(live, family, code)
            assert found == wanted, (family, code)
            compared += len(found)
    assert compared > 2000
    assert straight["refused"] == {reason: count for reason, count in counted["dead"].items() if count}
    assert straight["refused"].keys() == {"not JSON", "wrong type", "unknown country", "occurred after seen"}


def test_a_clean_world_is_the_same_by_file_and_replay(live: Settings, client: Any, tmp_path: Path) -> None:
    Making(tmp_path / "files", "parquet", live).make()
    with History(tmp_path / "files") as history:
        replay(history, live)
    shop.consume(live, LakeConsumer)
    settings = elsewhere(live, tmp_path / "home")
    Making(tmp_path / "straight", "lake", settings).make()
    for one, other in zip(*(snapshots(home, "ZZ", 6, 10) for home in (settings, live)), strict=True):
        assert one.equals(other) and len(one) > 15
        filled = [name for name in one.column_names[3:] if one[name].null_count < len(one)]
        assert len(filled) > 60


def test_up_builds_rows_from_it_and_the_clock_stands_at_its_end(live: Settings, client: Any, tmp_path: Path) -> None:
    making = Making(tmp_path / "w", "lake", live, dirt=DIRTY)
    making.make()
    (world,), store, lake = making.worlds, RowStore(client), Lake(live.lake_path)
    assert lake.epoch() is not None and lake.epoch().epoch == 0  # type: ignore[union-attr]
    said: list[str] = []
    logs = open_epoch(live, store, lake, said.append, renew=True)
    assert {log.epoch for log in logs.values()} == {1}
    assert int(said[-1].removeprefix("Built ").partition(" rows")[0].replace(",", "")) > 100
    assert store.clock("ZZ").now_us() == world.end_us
    with duckdb.connect() as connection:
        marks = {lake.watermark_us(connection, family, "ZZ", lake.version()) for family in event.FAMILIES}
    assert marks == {world.end_us}
    (table,) = snapshots(live, "ZZ", making.weeks)
    asked, fetchers = table["customer_id"].to_pylist(), list(fetcher.collect().values())
    views = {view.customer_id: view for view in Reader(client).read(COUNTRIES["ZZ"], asked, fetchers)}
    compared = 0
    for row in table.to_pylist():
        for name, found in views[row["customer_id"]].fetchers.items():
            for feature, value in found.values.items():
                assert value == row[f"{name}__{feature}"], (row["customer_id"], name, feature)
                compared += value is not None
    assert compared > 1000
    at = calendar.from_us(world.end_us)
    more = event.Session(id="x", country="ZZ", customer_id="c0000001", occurred_at=at, seen_at=at, duration_s=60)
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        shop.send(live, [more], None)
        shop.settle(live, client)
    assert rows(live, "app", "ZZ")[-1] != rows(live, "app", "ZZ")[0]
    with duckdb.connect() as connection:
        query = lake.query("app", COUNTRIES["ZZ"], lake.version())
        assert connection.execute(f"SELECT epoch FROM ({query}) WHERE id = 'x'").fetchall() == [(1,)]


def test_each_customer_has_one_partition_and_every_place_one_delivery(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path), partitions=3)
    making = Making(tmp_path / "w", "lake", settings, TWO, dirt=DIRTY)
    counts = making.make()
    lake, total = Lake(settings.lake_path), 0
    with duckdb.connect() as connection:
        for family in event.FAMILIES:
            queries = {code: lake.query(family, COUNTRIES[code], lake.version()) for code in TWO}
            both = " UNION ALL ".join(f"SELECT *, '{code}' AS code FROM ({query})" for code, query in queries.items())
            places = f'SELECT count(*), count(DISTINCT ("partition", "offset")), max(epoch) FROM ({both})'
            count, different, epoch = connection.execute(places).fetchall()[0]
            assert count == different and epoch == 0
            spread = f'SELECT count(DISTINCT "partition") FROM ({both}) GROUP BY code, customer_id'
            assert set(connection.execute(spread).fetchall()) == {(1,)}
            total += count
    erasures = counts["dirt"]["erased"] * (len(event.FAMILIES) - 1)
    assert total == counts["events"] - sum(counts["refused"].values()) + erasures


def test_a_lake_that_knows_the_country_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path))
    Making(tmp_path / "w", "lake", settings).make()
    before = Lake(settings.lake_path).version()
    with pytest.raises(UserError, match="holds events of ZZ already"):
        Making(tmp_path / "w2", "lake", settings, ("ZX", "ZZ"), seed=8).make()
    assert Lake(settings.lake_path).version() == before
    Making(tmp_path / "w3", "lake", settings, ("ZX",)).make()
    assert len(rows(settings, "orders", "ZX")) > 100


def test_what_was_committed_once_is_never_committed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full between two families' commits of the second country."""
    settings = Settings(home=str(tmp_path))
    making = Making(tmp_path / "w", "lake", settings, TWO, customers=15, weeks=6, dirt=DIRTY)
    append, commits = sink_lake.LakeWriter.append, Counter[str]()

    def full(self: sink_lake.LakeWriter, *given: Any) -> None:
        name = self._log.family
        commits[name] += 1
        if name == "payments" and commits[name] == 3:  # its chunk, its watermarks, the next country's chunk
            raise OSError("Generic LocalFileSystem error: No space left on device (os error 28)")
        append(self, *given)

    monkeypatch.setattr(sink_lake.LakeWriter, "append", full)
    with pytest.raises(CerebroError, match=r"disk is full .*2 of 2 chunks"):
        making.make()
    counts, (repeated,) = making.make(resume=True), (commits["payments"] - 4,)
    assert repeated == 1, "what failed, and nothing else"
    assert commits["app"] == 4
    whole = Settings(home=str(tmp_path / "whole"))
    assert Making(tmp_path / "w2", "lake", whole, TWO, customers=15, weeks=6, dirt=DIRTY).make() == counts
    for name in event.FAMILIES:
        for code in TWO:
            assert rows(settings, name, code) == rows(whole, name, code)


def test_another_writer_of_the_history_is_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=str(tmp_path))
    making = Making(tmp_path / "w", "lake", settings, ("ZZ", "ZY"))

    def other(what: str, done: int, total: int) -> None:
        if done == 1:
            Making(tmp_path / "w2", "lake", settings, ("ZX",), customers=5).make()

    with pytest.raises(CerebroError, match="grew by another hand"):
        making.make(report=other)


def test_where_it_is_up_already_a_rebuild_takes_it_in(live: Settings, client: Any, tmp_path: Path) -> None:
    """The log is open, its rows are marked whole, and the lake is in its first epoch: history slips in before it."""
    store, lake = RowStore(client), Lake(live.lake_path)
    open_epoch(live, store, lake, lambda _: None)
    making = Making(tmp_path / "w", "lake", live, customers=15, weeks=6)
    making.make()
    epoch = lake.epoch()
    assert epoch is not None and epoch.epoch == 1
    done = rebuild(live, store, {"ZZ": COUNTRIES["ZZ"]})
    assert done.written == done.rows > 50
    assert store.clock("ZZ").now_us() == making.worlds[0].end_us
    assert {log.epoch for log in open_epoch(live, store, lake, lambda _: None).values()} == {1}
