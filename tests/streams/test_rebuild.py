"""Rows made again from the lake: by whom, how often and beside whatever streams, they are the batch view's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import msgspec
import pytest

from local.services import Services
from scv.errors import LogChanged, StoreUnusable
from scv.events import country as countries
from scv.features.fetcher import collect, of_family
from scv.features.layout import layout_of
from scv.offline.lake import Lake
from scv.online import marker, rebuild
from scv.online.reader import Reader
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import connect
from streams.kafka.log import parts
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.epoch import rebuild as rebuild_all
from tests.marking import unmark
from tests.streams import shop
from tests.streams.conftest import SESSION_MS

KNOWN = countries.known()


@pytest.fixture(scope="module")
def full(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake and a store that hold a log, consumed; in another database than the other tests'."""
    home = tmp_path_factory.mktemp("full")
    settings = Settings(
        broker=services.broker_address,
        store=services.store_url.removesuffix("/0") + "/1",
        home=str(home),
        topic_prefix=home.name,
        partitions=3,
        session_ms=SESSION_MS,
    )
    with connect(settings) as client:
        client.flushdb()
    shop.send(settings, shop.log(2, 800))
    shop.consume(settings)
    return settings


@pytest.fixture
def store_of(full: Settings) -> Iterator[Any]:
    """A client of that store."""
    with connect(full) as client:
        yield client


def everything(settings: Settings, client: Any) -> rebuild.Rebuilt:
    return rebuild.rebuild(client, Lake(settings.lake_path), KNOWN, list(collect().values()))


def test_a_store_that_lost_everything_is_whole_after_a_start(full: Settings, store_of: Any) -> None:
    live, client = full, store_of
    before = {key: client.hlen(key) for key in client.scan_iter(match="*:row:*")}
    clock = RowStore(client).clock("US")
    client.flushdb()
    (online,) = shop.consume(live, OnlineConsumer)
    assert online["taken"] == 0, "nothing is left to read: the lake had it"
    shop.compare(live, client)
    assert {key: client.hlen(key) for key in client.scan_iter(match="*:row:*")} == before
    assert RowStore(client).clock("US") == clock, "watermark and mode come back too"


def test_it_writes_only_what_is_behind_and_can_be_run_again(full: Settings, store_of: Any) -> None:
    live, client = full, store_of
    client.delete(*client.scan_iter(match="*:row:*"))
    first, second = everything(live, client), everything(live, client)
    assert first.written > 0 and second.written == 0 and second.kept == second.rows == first.rows
    for key in list(client.scan_iter(match="*:row:*"))[:10]:
        client.delete(key)
    third = everything(live, client)
    assert 0 < third.written < third.rows and third.written + third.kept == third.rows
    shop.compare(live, client)


def test_an_interrupted_one_goes_on(full: Settings, store_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    live, client = full, store_of
    monkeypatch.setattr(rebuild, "CHUNK", 7)
    for key in client.scan_iter(match="*:row:*"):
        client.delete(key)

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild.rebuild(client, Lake(live.lake_path), KNOWN, list(collect().values()), interrupt)
    rest = everything(live, client)
    assert 0 < rest.written < rest.rows
    shop.compare(live, client)


def test_beside_live_streams(live: Settings, client: Any) -> None:
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        for seed in range(4):
            shop.send(live, shop.log(30 + seed, 400))
            shop.wait(lambda: RowStore(client).logs() and Lake(live.lake_path).epoch())
            everything(live, client)
        shop.settle(live, client)
    shop.compare(live, client)


def test_a_new_fetcher_is_built_and_then_followed(live: Settings, client: Any) -> None:
    """Its rows are not written before it is built, and the gap between the lake and the consumer is read again."""
    shop.send(live, shop.log(5, 300))
    shop.consume(live)
    layouts = [layout_of(one) for one in of_family("orders")]
    store = RowStore(client)
    for key in client.scan_iter(match="*:row:*"):
        client.hdel(key, layouts[0].field)
    unmark(store, "US", of_family("orders")[:1])
    shop.send(live, shop.log(6, 300))
    (online,) = shop.consume(live, OnlineConsumer)
    assert not any(marker.unbuilt(store.marks(["US"])["US"], shop.US, layouts))
    assert online["re_read"] == 0 < online["admitted"]
    shop.consume(live, LakeConsumer)
    shop.compare(live, client)


def test_unbuilt_rows_are_not_written(live: Settings, client: Any) -> None:
    sent, store = shop.send(live, shop.log(7, 100), None), RowStore(client)
    with shop.Running(live, OnlineConsumer) as running:
        shop.wait(lambda: sum(one.offset or 0 for one in store.positions(parts(store.logs()))) == sent)
        fields = [layout_of(one).field for one in of_family("orders")]
        unmark(store, "US", of_family("orders"))
        before = {field: shop.rows(store, field) for field in fields}
        shop.send(live, shop.log(8, 100))
        shop.wait(lambda: running.consumers[0].counters.unbuilt > 10)
        assert {field: shop.rows(store, field) for field in fields} == before


def test_afresh_everything_is_of_the_next_generation(live: Settings, client: Any) -> None:
    shop.send(live, shop.log(9, 300))
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        shop.settle(live, client)
        for key in client.scan_iter(match="*:row:*"):
            for field, data in client.hgetall(key).items():
                client.hset(key, field, data[:-1] + b"\x00")  # corrupt, with a fence that looks well
        done = rebuild_all(live, RowStore(client), KNOWN, afresh=True)
        assert done.written == done.rows > 0
        shop.send(live, shop.log(10, 200))
        shop.settle(live, client)
    assert RowStore(client).generation() == 2
    shop.compare(live, client)


Build = Callable[[Settings, Any, rebuild.Progress], object]


def by_a_command(settings: Settings, client: Any, progress: rebuild.Progress) -> object:
    return rebuild_all(settings, RowStore(client), KNOWN, progress=progress)


def without_the_lock(settings: Settings, client: Any, progress: rebuild.Progress) -> object:
    return rebuild.rebuild(client, Lake(settings.lake_path), KNOWN, list(collect().values()), progress)


@pytest.mark.parametrize("build", [by_a_command, without_the_lock])
def test_afresh_beside_another_build_loses_no_history(live: Settings, client: Any, build: Build) -> None:
    """The other began in the generation before, and ends while or after every row is built again."""
    shop.send(live, shop.log(1, 400))
    shop.consume(live)
    client.delete(*list(client.scan_iter(match="*:row:*"))[:5])
    inside, go, raised = threading.Event(), threading.Event(), list[BaseException]()

    def other() -> None:
        try:
            build(live, client, lambda *_: (inside.set(), go.wait(20)))
        except BaseException as error:
            raised.append(error)

    first = threading.Thread(target=other)
    second = threading.Thread(target=lambda: rebuild_all(live, RowStore(client), KNOWN, afresh=True))
    first.start()
    assert inside.wait(20)
    second.start()
    second.join(2)
    go.set()
    for thread in (first, second):
        thread.join(60)
    shop.send(live, shop.log(2, 200))
    shop.consume(live)
    shop.compare(live, client)
    assert RowStore(client).generation() == 2
    known = Reader(client).read(shop.US, [str(n) for n in range(60)], list(collect().values()))
    assert all(view.known and all(one.built for one in view.fetchers.values()) for view in known)
    assert [type(error) for error in raised] == ([StoreUnusable] if build is without_the_lock else [])


def other_zone(settings: Settings) -> None:
    """From now on the country's days are others."""
    settings.countries_path.mkdir(parents=True, exist_ok=True)
    shipped = (countries.BUILT_IN / "US.toml").read_text("utf-8")
    text = shipped.replace('time_zone = "America/New_York"', 'time_zone = "Asia/Tokyo"')
    assert text != shipped
    (settings.countries_path / "US.toml").write_text(text, "utf-8")


def test_rows_are_built_again_where_a_setting_of_their_country_changed(
    live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row's fence can tell: a day's tile of New York lies where Tokyo's is wanted."""
    shop.send(live, shop.log(3, 300))
    shop.consume(live)
    other_zone(live)
    monkeypatch.setattr(shop, "US", countries.load("US", live.countries_path))
    with pytest.raises(StoreUnusable, match=r"time_zone was America/New_York.*`cerebro rebuild`"):
        rebuild.rebuild(client, Lake(live.lake_path), countries.known(live.countries_path), list(collect().values()))
    shop.consume(live)
    shop.compare(live, client)


def test_two_consumers_do_not_keep_rows_by_other_settings(live: Settings, client: Any) -> None:
    """The older one would move the restart point past events that the rows of today never took."""
    shop.send(live, shop.log(4, 200))
    with (
        pytest.raises(StoreUnusable, match=r"time_zone was Asia/Tokyo and is America/New_York"),
        shop.Running(live, OnlineConsumer, LakeConsumer) as running,
    ):
        shop.settle(live, client)
        other_zone(live)
        rebuild_all(live, RowStore(client), countries.known(live.countries_path))
        shop.wait(lambda: running.errors)


def test_a_fetcher_that_was_away_is_built_again(live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release without it went by: nobody followed its topic for it, whatever its marker said before."""
    shop.send(live, shop.log(5, 300))
    shop.consume(live)
    every = collect()
    with monkeypatch.context() as patch:
        patch.setattr("scv.features.fetcher.collect", lambda: {name: every[name] for name in every if name != "rhythm"})
        shop.send(live, shop.log(6, 300))
        shop.consume(live)
    shop.consume(live)
    shop.compare(live, client)


def test_another_log_is_refused(full: Settings, store_of: Any) -> None:
    live, client = full, store_of
    store = RowStore(client)
    right = store.logs()
    logs = {topic: msgspec.structs.replace(log, topic_id="f" * 32) for topic, log in store.logs().items()}
    store.set_logs(logs)
    try:
        with pytest.raises(LogChanged, match="cerebro rebuild"):
            everything(live, client)
    finally:
        store.set_logs(right)


def test_a_rebuild_shows_its_progress(full: Settings, store_of: Any) -> None:
    live, client = full, store_of
    heard: list[tuple[int, int]] = []
    connection = duckdb.connect()
    done = rebuild.rebuild(
        client, Lake(live.lake_path), KNOWN, [collect()["orders"]], lambda *a: heard.append(a), connection
    )
    assert heard[-1] == (done.customers, done.customers)
    connection.close()
