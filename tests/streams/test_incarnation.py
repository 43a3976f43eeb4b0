"""A store that restarted between two commands is noticed by the first command after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.exceptions import ConnectionError

from local.services.valkey import valkey
from scv.settings import Settings
from store.client import client


def test_the_first_command_after_a_restart_fails_and_the_next_goes_through(tmp_path: Path) -> None:
    store = valkey(tmp_path)
    store.start()
    try:
        connected = client(Settings(store=store.url))
        connected.set("written", b"1")
        store.stop(kill=True)
        store.start()
        with pytest.raises(ConnectionError, match="restarted"):
            connected.get("written")
        assert connected.get("written") is None
    finally:
        store.stop()
