"""Services of a test's own: the embedded ones, or what CEREBRO_TEST_BROKER and CEREBRO_TEST_STORE name."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.services import Services
from scv.settings import Settings

EMBEDDED = ("tansu", "valkey")
CHOSEN = (os.environ.get("CEREBRO_TEST_BROKER", EMBEDDED[0]), os.environ.get("CEREBRO_TEST_STORE", EMBEDDED[1]))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Settings]:
    """Settings of running services, and an empty home."""
    broker, store = CHOSEN
    with Services(broker, store, tmp_path / "services") as services:
        where = {"broker": services.broker_address, "store": services.store_url, "home": str(tmp_path / "home")}
        yield Settings(**where, partitions=3, session_ms=6000 if broker == "kafka" else 1000, wait_s=10)
        gc.collect()  # a client that outlives its broker complains on stderr
