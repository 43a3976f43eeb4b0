"""A store of several nodes: the same values as from one, slots that move while somebody reads, a node that is empty."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from local.services.process import LOOPBACK
from scv.errors import BadSetting, StoreUnusable
from scv.features.fetcher import collect
from scv.offline.lake import Lake
from scv.online import marker
from scv.online.facts import Move
from scv.online.reader import Reader, View
from scv.online.rebuild import rebuild
from scv.online.request import command
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import UNWELL, Patience, client, shown
from store.heartbeat import Heartbeat, members
from store.lock import held, locked
from store.topology import name_of
from tests.feast import served
from tests.feast.served import ZZ, Served
from tests.keys import row_key
from tests.logs import LOGS, PARTITIONS, topic
from tests.nodes import ENDS, Node, Nodes
from tests.rules.store import valkey

ALL = list(collect().values())
PARTS = [(topic("orders"), partition) for partition in range(PARTITIONS)]
MANY = [f"key:{number}" for number in range(200)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with Nodes(tmp_path_factory.mktemp("nodes")) as found:
        yield found


@pytest.fixture
def made(nodes: Nodes) -> Iterator[Any]:
    with client(Settings(store=nodes.url)) as found:
        found.flushdb()
        yield found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A world of every family, in a lake, and a store alone."""
    with valkey(tmp_path_factory.mktemp("valkey")) as alone:
        made = served.make(Settings(home=str(tmp_path_factory.mktemp("home"))), alone)
        made.fill_lake()
        yield made


def build(connected: Any, shop: Served) -> RowStore:
    """Rows from the lake, in what is empty before."""
    store = RowStore(connected)
    connected.flushdb()
    store.set_logs(LOGS)
    store.set_mode("ZZ", "replay")
    rebuild(connected, Lake(shop.settings.lake_path), {"ZZ": ZZ}, ALL)
    return store


def read(connected: Any, shop: Served) -> list[View]:
    return Reader(connected).read(ZZ, shop.customers, ALL)


# -- the client -----------------------------------------------------------------------------------------------------
def test_every_command_finds_its_node(made: Any, nodes: Nodes) -> None:
    pipe = made.pipeline(transaction=False)
    for number, key in enumerate(MANY):
        pipe.hset(key, "n", number)
        pipe.hget(key, "n")
    assert pipe.execute() == [one for number in range(len(MANY)) for one in (1, b"%d" % number)]
    assert [made.hgetall(key) for key in MANY] == [{b"n": b"%d" % number} for number in range(len(MANY))]
    assert sorted(made.scan_iter(match="key:*")) == sorted(key.encode() for key in MANY)
    assert all(node.ask("DBSIZE") > 20 for node in nodes.primaries)
    assert made.ping() and made.delete(MANY[0]) == 1 and not made.exists(MANY[0])


def test_scripts_run_where_their_key_is_also_after_they_were_dropped(made: Any) -> None:
    script = made.register_script("return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}")
    for _ in range(2):
        pipe = made.pipeline(transaction=False)
        for key in MANY:
            script(keys=[key], args=[2], client=pipe)
        counted = [count for _, count in pipe.execute()]
    assert set(counted) == {4} and script(keys=["key:1"], args=[1]) == [b"key:1", 5]
    for shard in made._topology.table.shards:
        redis.Redis(connection_pool=shard.pool).script_flush()
    with pytest.raises(UNWELL):
        script(keys=["key:1"], args=[1], client=(pipe := made.pipeline(transaction=False)))
        pipe.execute()
    script(keys=["key:1"], args=[1], client=pipe)
    assert pipe.execute() == [[b"key:1", 6]]


def test_locks_and_heartbeats_are_kept(made: Any) -> None:
    with locked(made, "epoch"):
        assert held(made, "epoch")
    assert not held(made, "epoch")
    beats = [Heartbeat(made, "online") for _ in range(4)]
    for beat in beats:
        beat.beat()
    assert len(members(made, "online")) == 4
    beats[0].stop()
    assert len(members(made, "online")) == 3


def test_an_answer_that_is_an_error_is_raised_and_spoils_nothing(made: Any) -> None:
    made.set("text", "x")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        made.hgetall("text")
    pipe = made.pipeline(transaction=False)
    for key in [*MANY, "text", *MANY]:
        pipe.hgetall(key)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        pipe.execute()
    asked = [command("HGETALL", "text"), command("GET", "text")]
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        made.exchange_all(dict.fromkeys(made.shares({0: b"text"}), asked))
    assert made.get("text") == b"x" and made.hgetall("key:1") == {}


def test_keys_of_several_nodes_are_no_transaction(made: Any) -> None:
    names = [f"cerebro:{shard}:x" for shard in made.shards()]
    for name in names:
        pipe = made.pipeline(transaction=True)
        pipe.set(name, 1)
        pipe.incr(name)
        assert pipe.execute() == [True, 2]
    pipe = made.pipeline(transaction=True)
    for name in names:
        pipe.set(name, 1)
    with pytest.raises((redis.RedisError, *UNWELL)):
        pipe.execute()


def test_names_lie_where_their_slots_are(nodes: Nodes) -> None:
    for begins, ends in itertools.pairwise(ENDS):
        name = name_of(range(begins, ends))
        assert key_slot(f"cerebro:{name}:topics".encode()) == begins
    split = name_of([*range(7), *range(100, 200), *range(300, 9000, 3)])
    assert key_slot(split.encode()) == 0 and len(split) < 40 and split != name_of(range(7))


@pytest.mark.parametrize("url", ["cluster://", "cluster:///0", "cluster://a/1", "cluster://a:x", "cluster://a,b:y"])
def test_a_url_that_names_nothing_is_told(url: str) -> None:
    with pytest.raises(BadSetting, match="CEREBRO_STORE"):
        client(Settings(store=url))


def test_a_password_is_not_shown() -> None:
    url = "cluster://:secret@one:6379,two:6379?ssl=true"
    made = client(Settings(store=url))
    assert "secret" not in shown(Settings(store=url)) and "two:6379" in shown(Settings(store=url))
    assert made.connection_pool.connection_kwargs["password"] == "secret"
    assert made.connection_pool.connection_class is redis.SSLConnection


def test_a_store_alone_is_no_cluster(shop: Served) -> None:
    port = shop.client.connection_pool.connection_kwargs["port"]
    with client(Settings(store=f"cluster://{LOOPBACK}:{port}")) as made, pytest.raises(BadSetting, match="cluster"):
        made.ping()


def test_nodes_that_are_gone_are_unwell() -> None:
    brisk = Patience(answer_s=0.2, connect_s=0.2)
    with client(Settings(store=f"cluster://{LOOPBACK}:9,{LOOPBACK}:10"), brisk) as made:
        for _ in range(2):
            with pytest.raises(UNWELL):
                made.ping()
            with pytest.raises(UNWELL):
                made.shares({0: b"a"})


# -- rows -----------------------------------------------------------------------------------------------------------
def test_what_is_read_is_what_a_store_alone_says(made: Any, shop: Served) -> None:
    alone = build(shop.client, shop)
    store = build(made, shop)
    wanted, before = read(shop.client, shop), made.round_trips
    reader = Reader(made)
    assert reader.read(ZZ, shop.customers, ALL) == wanted
    assert any(view.known for view in wanted)
    before = made.round_trips
    assert reader.read(ZZ, shop.customers, ALL) == wanted
    assert made.round_trips - before <= 3, "one request to each node"
    for customer, view in zip(shop.customers, wanted, strict=True):
        before = made.round_trips
        assert reader.read(ZZ, [customer], ALL) == [view]
        assert made.round_trips - before == 1, "one customer is one node's"
    assert store.marks(["ZZ"]) == alone.marks(["ZZ"]) and store.positions(PARTS) == alone.positions(PARTS)
    assert store.clock("ZZ") == alone.clock("ZZ") and store.logs() == alone.logs()


def test_an_unknown_customer_is_unknown_and_nothing_is_known_of_an_unbuilt_one(made: Any, shop: Served) -> None:
    (view,) = Reader(made).read(ZZ, ["nobody"], ALL)
    assert view.known is None
    store = build(made, shop)
    assert [view.known for view in Reader(made).read(ZZ, ["nobody", shop.customers[0]], ALL)] == [False, True]
    store.next_generation()
    assert [view.known for view in Reader(made).read(ZZ, ["nobody", shop.customers[0]], ALL)] == [None, None]


def test_a_restart_point_moves_in_every_shard_or_it_has_not_moved(made: Any, shop: Served) -> None:
    store = build(made, shop)
    first, _ = store.positions(PARTS)
    assert store.advance([Move(*PARTS[0], first.offset, first.turn, 100, {"ZZ": 7})]) == [True]
    behind = store.shards[1].position(*PARTS[0])
    made.hset(behind, "offset", 50)  # as a replica that took over has it
    assert store.positions(PARTS)[0].offset == 50
    assert store.advance([Move(*PARTS[0], 100, first.turn, 120)]) == [False]
    (stands,) = store.level(PARTS[:1])
    assert (stands.offset, stands.turn) == (50, first.turn + 1) or stands.turn > first.turn
    assert store.advance([Move(*PARTS[0], 120, first.turn, 130)]) == [False], "whoever goes by what was is refused"
    assert store.advance([Move(*PARTS[0], 50, stands.turn, 60)]) == [True]
    assert store.level(PARTS[:1])[0].offset == 60
    made.delete(behind)
    assert store.level(PARTS[:1])[0].offset is None


def test_a_shard_that_lost_its_clock_takes_that_of_the_others(made: Any, shop: Served) -> None:
    store = build(made, shop)
    clock = store.clock("ZZ")
    made.delete(store.shards[1].clock("ZZ"))
    assert store.has_clock("ZZ") and store.clock("ZZ") == clock
    store.level_clock("ZZ")
    assert len({str(made.hgetall(keys.clock("ZZ"))) for keys in store.shards}) == 1
    assert {view.clock for view in read(made, shop)} == {clock.now}


def test_a_shard_that_lost_its_marker_makes_no_fetcher_whole(made: Any, shop: Served) -> None:
    store = build(made, shop)
    made.hdel(store.shards[2].built("ZZ"), "orders")
    marks = store.marks(["ZZ"])["ZZ"]
    assert marks.scattered == {"orders"} and "orders" not in marks.of
    layouts = [one.layout for one in read(made, shop)[0].fetchers.values() if one.layout.family == "orders"]
    assert "not all nodes" in marker.kept_otherwise(marks, ZZ, "orders", layouts)
    lost = {view.fetchers["orders"].unbuilt for view in read(made, shop)}
    assert lost == {"", "it was never built"}, "what the other nodes hold is whole"
    rebuild(made, Lake(shop.settings.lake_path), {"ZZ": ZZ}, ALL)
    assert not store.marks(["ZZ"])["ZZ"].scattered
    assert {view.fetchers["orders"].unbuilt for view in read(made, shop)} == {""}


def test_a_node_that_came_back_empty_is_not_believed(made: Any, nodes: Nodes, shop: Served) -> None:
    store = build(made, shop)
    wanted = read(made, shop)
    nodes.primaries[1].ask("FLUSHALL")
    views = read(made, shop)
    gone = [nodes.of(row_key("ZZ", one)) is nodes.primaries[1] for one in shop.customers]
    assert [view.known for view in views] == [None if is_gone else True for is_gone in gone] and any(gone)
    assert [view for view, is_gone in zip(views, gone, strict=True) if not is_gone] == [
        view for view, is_gone in zip(wanted, gone, strict=True) if not is_gone
    ]
    assert store.logs() == {} and store.level(PARTS)[0].offset is None


def test_whoever_wrote_to_a_node_that_restarted_is_told_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Nodes(tmp_path_factory.mktemp("restarted")) as nodes, client(Settings(store=nodes.url)) as made:
        node = nodes.of("row")
        made.set("row", 1)
        begun = RowStore(made).incarnation()
        node.child.stop(kill=True)
        node.child.start()
        seen = []

        def patient(act: Any) -> Any:
            while True:
                try:
                    return act()
                except UNWELL as error:
                    seen.append(str(error))
                    pause.wait(0.05)

        pause = threading.Event()
        patient(lambda: made.get("row"))
        assert any("another node serves" in one for one in seen), seen
        assert patient(RowStore(made).incarnation) != begun


# -- slots that move ------------------------------------------------------------------------------------------------
def move(slot: int, key: str, source: Node, target: Node) -> None:
    """The first half: the key has gone, and whoever asks for it is sent after it."""
    target.ask("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
    source.ask("CLUSTER SETSLOT", slot, "MIGRATING", target.id)
    source.ask("MIGRATE", LOOPBACK, target.port, key, 0, 5000)


def test_slots_that_move_are_followed(tmp_path_factory: pytest.TempPathFactory, shop: Served) -> None:
    with Nodes(tmp_path_factory.mktemp("moving")) as nodes, client(Settings(store=nodes.url)) as made:
        store, reader = build(made, shop), Reader(made)
        wanted = reader.read(ZZ, shop.customers, ALL)
        key = row_key("ZZ", shop.customers[0])
        source, target = nodes.of(key), next(one for one in nodes.primaries if one is not nodes.of(key))
        move(key_slot(key.encode()), key, source, target)
        assert reader.read(ZZ, shop.customers, ALL) == wanted, "the row is asked for where it is"
        with pytest.raises(UNWELL, match="moving"):
            made.hget(key, "x")
        for node in (target, source, *nodes.primaries):
            node.ask("CLUSTER SETSLOT", key_slot(key.encode()), "NODE", target.id)
        views = reader.read(ZZ, shop.customers, ALL)
        assert all(view == old or view.known is None for view, old in zip(views, wanted, strict=True))
        assert views[0].known is None, "a shard of other slots is another shard: nobody has proved its rows"
        assert made.hlen(key) > 0
        assert store.logs() == {}
        store.set_logs(LOGS)
        store.set_mode("ZZ", "replay")
        done = rebuild(made, Lake(shop.settings.lake_path), {"ZZ": ZZ}, ALL)
        assert done.written == 0 < done.kept, "the rows are there: only what is said of them was not"
        assert reader.read(ZZ, shop.customers, ALL) == wanted


def test_rows_of_a_later_rebuild_than_their_shard_speaks_of_are_not_served(made: Any, shop: Served) -> None:
    store = build(made, shop)
    store.next_generation()
    rebuild(made, Lake(shop.settings.lake_path), {"ZZ": ZZ}, ALL)
    for keys in store.shards:
        marks = made.hgetall(keys.built("ZZ"))
        made.set(keys.generation, 1)
        made.hset(
            keys.built("ZZ"),
            mapping={name: mark.replace(b'"generation":"2"', b'"generation":"1"') for name, mark in marks.items()},
        )
    with pytest.raises(StoreUnusable, match="rebuild"):
        read(made, shop)
