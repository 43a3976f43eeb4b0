"""One real store for the tests of this folder, empty for each of them, and a small world behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from scv.online.rowstore import RowStore
from scv.settings import Settings
from tests.feast import served
from tests.feast.served import Served
from tests.rules.store import valkey


@pytest.fixture(scope="session")
def valkey_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    with valkey(tmp_path_factory.mktemp("valkey")) as client:
        yield client


@pytest.fixture
def store(valkey_client: redis.Redis) -> RowStore:
    valkey_client.flushall()
    return RowStore(valkey_client)


@pytest.fixture(scope="session")
def shop(valkey_client: redis.Redis, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A world of every family, in a lake; the store is whatever the last test left."""
    made = served.make(Settings(home=str(tmp_path_factory.mktemp("home"))), valkey_client)
    made.fill_lake()
    return made
