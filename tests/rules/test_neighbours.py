"""Two deployments in one database of one store: each keeps its own keys, and none sees or touches the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from proof.naive import world
from proof.parity import standing
from scv.errors import BadSetting
from scv.events.country import Country
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.online import marker
from scv.online.facts import Built, Log, Move, RowWrite
from scv.online.rowstore import RowStore
from scv.settings import Settings, load
from store.flush import FlushRequests, request_flush
from store.heartbeat import Heartbeat, members, try_out
from store.lock import locked
from streams.alert import Alert, Risk, StandingAlerts
from tests.keys import client, kept, rows_of

MINE, THEIRS = "cerebro", "cerebro2"
"""The one begins as the other does."""
ZZ: Country = world.country("Europe/Berlin")
TOPIC = "cerebro.payments"
LOG = Log(family="payments", epoch=3, topic_id="0" * 32, partitions=2)
LAYOUT = layout_of(get("payments"))
RAISED = Alert(change="raised", risk=Risk(country="ZZ", customer_id="7", target="lapse", band="high"))


def built(generation: int) -> Built:
    marks = {LAYOUT.fetcher: marker.encode(marker.of_rows(ZZ, LAYOUT, LOG, generation))}
    return Built("ZZ", TOPIC, LOG, generation, (4, 4), (0, 0), marks)


def move(store: RowStore) -> None:
    (stands,) = store.positions([(TOPIC, 0)])
    assert store.advance([Move(TOPIC, 0, stands.offset, stands.turn, (stands.offset or 0) + 1, {"ZZ": 5})]) == [True]


def beat(store: RowStore) -> None:
    Heartbeat(store.client, "online").beat({"rows": 1})


def hold(store: RowStore) -> None:
    with locked(store.client, "epoch", patience_s=0):
        assert store.client.exists(store.keys.of("lock", "epoch"))


Deed = Callable[[RowStore], Any]
OF_THE_STORE: dict[str, Deed] = {
    "set_logs": lambda store: store.set_logs({TOPIC: LOG}),
    "write_rows": lambda store: store.write_rows({store.keys.row("ZZ", "7"): [RowWrite(LAYOUT.field, b"", b"row")]}),
    "fences": lambda store: store.fences([store.keys.row("ZZ", "7")], [LAYOUT.field]),
    "positions": lambda store: store.positions([(TOPIC, 0)]),
    "level": lambda store: store.level([(TOPIC, 0)]),
    "advance": move,
    "note_lost": lambda store: store.note_lost(TOPIC, 0, 3),
    "level_clock": lambda store: store.level_clock("ZZ"),
    "go_live": lambda store: store.go_live("ZZ"),
    "set_mode": lambda store: store.set_mode("ZZ", "replay"),
    "tick": lambda store: store.tick({"ZZ": 9}),
    "set_back": lambda store: store.set_back("ZZ", 1),
    "clock": lambda store: store.clock("ZZ"),
    "clocks": lambda store: store.clocks(["ZZ"]),
    "has_clock": lambda store: store.has_clock("ZZ"),
    "logs": RowStore.logs,
    "generation": RowStore.generation,
    "marks": lambda store: store.marks(["ZZ"]),
    "folded_by": lambda store: store.folded_by("ZZ", b"settings"),
    "mark_built": lambda store: store.mark_built(built(store.generation())),
    "drop_marks": lambda store: store.drop_marks({}),
    "next_generation": RowStore.next_generation,
    "forget_logs": RowStore.forget_logs,
    "incarnation": RowStore.incarnation,
    "refuse_eviction": RowStore.refuse_eviction,
}
OF_THE_EDGES: dict[str, Deed] = {
    "lock": hold,
    "heartbeat": beat,
    "heartbeat stopped": lambda store: Heartbeat(store.client, "online").stop(),
    "tried out": lambda store: try_out(store.client),
    "flush": lambda store: request_flush(store.client),
    "alert": lambda store: StandingAlerts(store.client).keep(RAISED),
    "alert cleared": lambda store: StandingAlerts(store.client).keep(Alert(change="cleared", risk=RAISED.risk)),
}
DEEDS = OF_THE_STORE | OF_THE_EDGES
GO = {"drop_marks", "next_generation", "forget_logs", "heartbeat stopped", "alert cleared", "tried out"}
"""Those that take something away, or leave something that goes by itself."""


def fill(store: RowStore) -> None:
    """Something of all that a deployment keeps."""
    for name, deed in DEEDS.items():
        if name not in GO:
            deed(store)


@pytest.fixture
def both(valkey_client: redis.Redis) -> Iterator[tuple[RowStore, RowStore]]:
    """Two deployments' stores; only the first holds anything."""
    valkey_client.flushall()
    port = valkey_client.connection_pool.connection_kwargs["port"]
    with client(f"redis://127.0.0.1:{port}/0", MINE) as mine, client(f"redis://127.0.0.1:{port}/0", THEIRS) as theirs:
        fill(RowStore(mine))
        yield RowStore(mine), RowStore(theirs)


def test_every_public_method_of_the_store_is_done_here() -> None:
    assert OF_THE_STORE.keys() == {name for name in vars(RowStore) if not name.startswith("_")} - {"shards"}


@pytest.mark.parametrize("name", DEEDS)
def test_nothing_that_one_does_touches_the_other(both: tuple[RowStore, RowStore], name: str) -> None:
    mine, theirs = both
    fill(theirs)
    before = kept(mine.client, MINE)
    DEEDS[name](theirs)
    assert kept(mine.client, MINE) == before
    assert kept(mine.client).keys() == before.keys() | kept(mine.client, THEIRS).keys(), "a key without a prefix"


def test_none_sees_what_the_other_has(both: tuple[RowStore, RowStore]) -> None:
    mine, theirs = both
    asked = FlushRequests(theirs.client)
    request_flush(mine.client)
    seen = [
        {
            "logs": store.logs(),
            "marks": store.marks(["ZZ"])["ZZ"],
            "clock": store.has_clock("ZZ"),
            "positions": store.positions([(TOPIC, 0)])[0].offset,
            "rows": rows_of(store.client, [store.keys.row("ZZ", "7")], [LAYOUT.field]),
            "customers": standing.stored(store.client, ZZ),
            "beat": members(store.client, "online"),
            "alerts": StandingAlerts(store.client).of("ZZ", ["7"]),
        }
        for store in (mine, theirs)
    ]
    assert not [name for name in seen[0] if seen[0][name] == seen[1][name]]
    assert (seen[0]["customers"], seen[1]["customers"]) == ({"7"}, set())
    assert not asked.pending()


def test_a_lock_bars_only_its_own(both: tuple[RowStore, RowStore]) -> None:
    mine, theirs = both
    with locked(mine.client, "epoch"), locked(theirs.client, "epoch", patience_s=0):
        held = {store.keys.of("lock", "epoch") for store in both}
        assert held <= kept(mine.client).keys()


def test_where_none_is_chosen_it_is_that_of_the_topics() -> None:
    assert Settings(topic_prefix="shop").key_prefix == "shop"
    assert Settings(topic_prefix="shop", store_prefix="staging").key_prefix == "staging"


@pytest.mark.parametrize("setting", ["store_prefix", "topic_prefix"])
@pytest.mark.parametrize("prefix", ["a:b", "a b", "a*", "ä", "a\n", "\n"])
def test_a_prefix_that_could_be_taken_for_more_is_refused(setting: str, prefix: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=setting):
        load({"CEREBRO_HOME": str(tmp_path), f"CEREBRO_{setting.upper()}": prefix})
