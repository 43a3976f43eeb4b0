"""Noticing that the store restarted: a link that finds another run id than the last one fails once.

redis-py replaces a dead connection without a word, and a store that restarted may have lost rows that this process
wrote. The failure looks like any broken connection, so that whoever catches it drops what it holds and looks again.
"""

from __future__ import annotations

import re
from typing import Any

from redis.exceptions import ConnectionError, RedisError

_RUN_ID = re.compile(rb"run_id:([0-9a-f]+)")


class Incarnation:
    """`redis_connect_func` of one client: remembers the run id, per link and for links that are new."""

    def __init__(self) -> None:
        self._last: bytes | None = None

    def __call__(self, link: Any) -> None:
        """Greet the server as redis-py would. Raises ConnectionError where it is not the one known so far."""
        link.on_connect()
        link.send_command("INFO", "server")
        reply = link.read_response()
        found = _RUN_ID.search(reply if isinstance(reply, bytes) else str(reply).encode())
        if found is None:
            raise RedisError("the store does not say its run id")
        known = getattr(link, "incarnation", self._last)
        link.incarnation = self._last = found[1]
        if known is not None and known != found[1]:
            raise ConnectionError("the store has restarted: what was written to it may be gone")
