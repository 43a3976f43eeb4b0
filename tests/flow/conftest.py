"""Services of a test's own: embedded, real, or what CEREBRO_TEST_BROKER and CEREBRO_TEST_STORE name."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands.services import Services
from scv.errors import UserError
from scv.settings import Settings

CHOSEN = (os.environ.get("CEREBRO_TEST_BROKER", "tansu"), os.environ.get("CEREBRO_TEST_STORE", "valkey"))
REAL = ("kafka", "redis")


@contextmanager
def standing(broker: str, store: str, folder: Path) -> Iterator[Settings]:
    """Settings of services that run inside the `with`, and an empty home; skips where a program is missing."""
    services = Services(broker, store, folder / "services")
    try:
        services.__enter__()
    except UserError as missing:
        pytest.skip(str(missing))
    try:
        where = {"broker": services.broker_address, "store": services.store_url, "home": str(folder / "home")}
        yield Settings(**where, partitions=3, session_ms=6000 if broker == "kafka" else 1000, wait_s=10)
    finally:
        gc.collect()  # a client that outlives its broker complains on stderr
        services.stop()


@pytest.fixture
def chosen(tmp_path: Path) -> Iterator[Settings]:
    """The embedded services, unless the environment names others."""
    with standing(*CHOSEN, tmp_path) as settings:
        yield settings


@pytest.fixture(params=[pytest.param(CHOSEN, id="chosen"), pytest.param(REAL, id="real", marks=pytest.mark.real)])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Those, and in `make test-real` Apache Kafka and redis-server."""
    with standing(*request.param, tmp_path) as settings:
        yield settings
