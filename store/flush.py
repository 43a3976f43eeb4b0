"""A request that the lake consumer commits what it has, at once: a counter in the store that whoever waits raises."""

from __future__ import annotations

from typing import Any

KEY = "flush"


def request_flush(client: Any) -> None:
    """Ask for a commit."""
    client.incr(KEY)


class FlushRequests:
    """What the lake consumer has seen of that counter."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._seen = int(client.get(KEY) or 0)

    def pending(self) -> bool:
        """Was there a request since the last look?"""
        asked = int(self._client.get(KEY) or 0)
        new, self._seen = asked != self._seen, asked
        return new
