"""A request that the lake consumer commits what it has, at once: a counter in the store that whoever waits raises."""

from __future__ import annotations

from typing import Any

from scv.online.keys import Keys


def request_flush(client: Any) -> None:
    """Ask for a commit."""
    client.incr(_key(client))


class FlushRequests:
    """What the lake consumer has seen of that counter."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._seen = int(client.get(_key(client)) or 0)

    def pending(self) -> bool:
        """Was there a request since the last look?"""
        asked = int(self._client.get(_key(self._client)) or 0)
        new, self._seen = asked != self._seen, asked
        return new


def _key(client: Any) -> str:
    return Keys(client.prefix).of("flush")
