"""A sign of life in the store: `heartbeat:NAME`, which vanishes when nobody renews it."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from scv.online.keys import Keys
from store.client import UNWELL

TTL_S = 15
EVERY_S = 1.0


def key(client: Any, name: str) -> str:
    return Keys(client.prefix).of("heartbeat", name)


class Heartbeat:
    """Beats for one long-running process. A store that is away is no reason to fail: then nobody sees the beat."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name
        self._due = 0.0

    def beat(self, **facts: Any) -> None:
        """Renew the sign (at most once a second), with what there is to say."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_S
        try:
            self._client.set(key(self._client, self._name), msgspec.json.encode(facts), ex=TTL_S)
        except UNWELL:
            self._due += EVERY_S

    def stop(self) -> None:
        """Take the sign away."""
        try:
            self._client.delete(key(self._client, self._name))
        except UNWELL:
            pass


def read(client: Any, name: str) -> dict[str, Any] | None:
    """What the newest beat said; None where there is none in the last quarter of a minute."""
    found = client.get(key(client, name))
    return None if found is None else msgspec.json.decode(found, type=dict[str, Any])


def try_out(client: Any) -> None:
    """Write a sign of nobody, for a second: where a store is full, raises what a beat runs into."""
    client.set(key(client, "nobody"), b"", ex=1)
