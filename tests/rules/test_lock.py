"""The store's lock: one at a time, for as long as its holder lives and no longer."""

from __future__ import annotations

import time

import pytest

from scv.errors import StoreUnusable
from scv.online.rowstore import RowStore
from store import lock
from store.lock import locked


def test_a_second_waits_says_so_and_gives_up(store: RowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_SAY_AFTER_S", 0.2)
    said: list[str] = []
    mine, another = (locked(store.client, "epoch", said.append, patience_s=0.2) for _ in range(2))
    with mine, pytest.raises(StoreUnusable, match="lock:epoch is held"), another:
        raise AssertionError("both hold it")
    assert len(said) == 1 and "Waiting for" in said[0]
    with locked(store.client, "epoch", said.append, patience_s=0):
        pass
    assert len(said) == 1, "it is free again"


def test_who_holds_it_renews_it_and_who_lost_it_takes_nobody_elses(
    store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "TTL_S", 0.5)
    monkeypatch.setattr(lock, "_RENEW_S", 0.1)
    key = store.keys.of("lock", "epoch")
    with locked(store.client, "epoch"):
        time.sleep(1.0)
        assert store.client.exists(key), "by itself it would have ended"
        store.client.set(key, "another's")
    assert store.client.get(key) == b"another's"
