"""One embedded store and one shop for the tests of this folder; `live` puts the store back to the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.services.store import Store
from local.services.valkey import valkey
from rpc.client import ScorerClient
from scorer.live.server import Server
from store.client import Patience
from tests.scorer import object_store, shop
from tests.scorer.shop import Shop


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = valkey(tmp_path_factory.mktemp("valkey"))
    found.start()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both cores of a test machine may be busy for longer than a store may be silent."""
    monkeypatch.setattr("scorer.live.server.BRISK", Patience(answer_s=1.0, connect_s=1.0))


@pytest.fixture(scope="session")
def made(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop.make(tmp_path_factory.mktemp("home"), store.url)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[None]:
    """An S3 over HTTP, and the environment of whoever uses it, processes included."""
    with object_store.served():
        yield


@pytest.fixture
def s3(s3_server: None) -> str:
    """A folder there of one's own."""
    return object_store.folder()


@pytest.fixture
def live(made: Shop) -> Shop:
    """The shop at the reference: its rows hold what was seen before, its clock stands there."""
    made.rewind()
    return made


@pytest.fixture
def server(live: Shop) -> Iterator[Server]:
    found = Server(live.settings, "127.0.0.1:0", insecure=True)
    found.start()
    try:
        yield found
    finally:
        found.stop(1)


@pytest.fixture
def client(server: Server) -> Iterator[ScorerClient]:
    with ScorerClient(server.address) as found:
        yield found
