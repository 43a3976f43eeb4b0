"""One broker and one store for the tests of this folder; each test has topics of its own and an empty store.

CEREBRO_TEST_BROKER=kafka and CEREBRO_TEST_STORE=redis choose the real ones, CEREBRO_TEST_STORE=cluster several nodes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.services import Services
from scv.settings import PREFIX, Settings
from store.client import connect
from tests.nodes import Nodes
from tests.streams import shop

_numbers = itertools.count()
BROKER = os.environ.get("CEREBRO_TEST_BROKER", "tansu")
STORE = os.environ.get("CEREBRO_TEST_STORE", "valkey")
SESSION_MS = 6000 if BROKER == "kafka" else 1000
"""Kafka takes no shorter one; the embedded broker lets a group wait for half of it before it begins."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On the real broker and store only what uses them: the others have run once already."""
    if (BROKER, STORE) != ("tansu", "valkey"):
        folder = Path(__file__).parent
        once = {item for item in items if folder in item.path.parents and "services" not in _fixtures(item)}
        config.hook.pytest_deselected(items=list(once))
        items[:] = [item for item in items if item not in once]


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    alone = "valkey" if STORE == "cluster" else STORE
    with Services(BROKER, alone, tmp_path_factory.mktemp("services")) as running:
        yield running
        shop.producers.clear()


@pytest.fixture(scope="session")
def store_url(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if STORE != "cluster":
        yield services.store_url
        return
    with Nodes(tmp_path_factory.mktemp("nodes")) as nodes:
        yield nodes.url


@pytest.fixture(scope="session")
def broker_address(services: Services) -> str:
    return services.broker_address


@pytest.fixture
def live(services: Services, store_url: str, tmp_path: Path) -> Settings:
    """Settings of running services, an empty home and topics that nobody else uses."""
    return Settings(
        broker=services.broker_address,
        store=store_url,
        home=str(tmp_path),
        topic_prefix=f"t{next(_numbers)}",
        partitions=3,
        session_ms=SESSION_MS,
        wait_s=10,
        metrics="0",
    )


@pytest.fixture
def here(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the running services: commands find them."""
    for name in live.__struct_fields__:
        if value := getattr(live, name):
            monkeypatch.setenv(PREFIX + name.upper(), str(value))


@pytest.fixture
def client(live: Settings) -> Iterator[Any]:
    """A client of the store, which is empty. Whatever a test makes run there keeps to its deployment's keys."""
    with connect(live) as found:
        found.flushdb()
        yield found
        strange = [key for key in found.scan_iter() if not key.startswith(live.topic_prefix.encode())]
        assert not strange, "a key without the deployment's prefix"
