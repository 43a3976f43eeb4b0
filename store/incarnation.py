"""Noticing that the store restarted: a link that finds another run id than the last one fails once. On a cluster it is
a thread that does, by shard: another node may have taken over what this thread wrote to.

redis-py replaces a dead connection without a word, and a store that restarted may have lost rows that this process
wrote. The failure looks like any broken connection, so that whoever catches it drops what it holds and looks again.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from redis.exceptions import ConnectionError, RedisError

_RUN_ID = re.compile(rb"run_id:([0-9a-f]+)")


class Incarnation:
    """`redis_connect_func` of one client: remembers the run id, per link and for links that are new."""

    def __init__(self) -> None:
        self._last: bytes | None = None

    def __call__(self, link: Any) -> None:
        """Greet the server as redis-py would. Raises ConnectionError where it is not the one known so far."""
        known = getattr(link, "incarnation", self._last)
        greet(link)
        self._last = link.incarnation
        if known is not None and known != link.incarnation:
            raise ConnectionError("the store has restarted: what was written to it may be gone")


class Served(threading.local):
    """The run ids that a thread's commands met last, by shard."""

    def __init__(self) -> None:
        self._by = dict[str, bytes]()

    def check(self, met: Mapping[str, bytes]) -> None:
        """Raises ConnectionError where one is not the one known so far."""
        others = [shard for shard, run_id in met.items() if self._by.get(shard, run_id) != run_id]
        self._by.update(met)
        if others:
            raise ConnectionError("another node serves some slots: what was written to them may be gone")


def greet(link: Any) -> None:
    """Greet a server as redis-py would, and keep its run id as the link's `incarnation`."""
    link.on_connect()
    link.send_command("INFO", "server")
    reply = link.read_response()
    found = _RUN_ID.search(reply if isinstance(reply, bytes) else str(reply).encode())
    if found is None:
        raise RedisError("the store does not say its run id")
    link.incarnation = found[1]
