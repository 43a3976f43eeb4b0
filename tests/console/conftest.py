"""A home without data, and a console on it whose processes only say what real ones would; and a shop with everything:
lake, rows, snapshots, models, two Tuesdays, a scorer and a broker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from access import watched_file
from console import door
from local.services import Services
from scorer.live.server import Server
from scorer.tuesday.export import export
from scv.settings import Settings
from store.client import Patience
from tests.console.desk import NOWHERE, Desk, away, child, desk, well
from tests.hostile import TAKEN
from tests.scorer import shop
from tests.scorer.shop import AT, EARLIER, US, Shop

BROKER = os.environ.get("CEREBRO_TEST_BROKER", "tansu")
STORE = os.environ.get("CEREBRO_TEST_STORE", "valkey")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path / "home"), store=NOWHERE)


@pytest.fixture
def console(settings: Settings) -> Iterator[Desk]:
    with desk(settings, child(), lambda: {"version": "0"}) as opened:
        yield opened


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with Services(BROKER, STORE, tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture(scope="session")
def made(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose first customers have hostile ids; two of its Tuesdays are published."""
    found = shop.make(tmp_path_factory.mktemp("shop"), services.store_url, 170, named=TAKEN)
    found.settings = msgspec.structs.replace(
        found.settings, broker=services.broker_address, topic_prefix="desk", store_prefix="cerebro", partitions=3
    )
    for at in (EARLIER, AT):
        export(found.settings, US, at)
    return found


@pytest.fixture
def live(made: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop at the reference, with a scorer; whoever takes something away has the next test make it anew."""
    monkeypatch.setattr("scorer.live.server.BRISK", Patience(answer_s=1.0, connect_s=1.0))
    made.rewind()
    server = Server(made.settings, "127.0.0.1:0", insecure=True)
    server.start()
    before, made.settings = made.settings, msgspec.structs.replace(made.settings, scorer=server.address)
    try:
        yield made
    finally:
        made.settings = before
        server.stop(1)


@pytest.fixture
def open_shop(live: Shop) -> Iterator[Desk]:
    """A console on the shop."""
    with desk(live.settings, child(), lambda: {"version": "0"}) as opened:
        yield opened


@pytest.fixture
def closed(settings: Settings, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A console that is closed by keys, over nothing; nobody comes too often."""
    monkeypatch.setattr(door, "STRANGERS_PER_SECOND", 0.0)
    monkeypatch.setattr(watched_file, "EVERY_S", 0.0)
    with desk(settings, child(), well, starts=False, keys=keys, **away()) as opened:
        yield opened
