"""The connection to the store, and what to say when it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis

from scv.errors import Unreachable
from scv.settings import Settings

CONNECT_S = 5
ANSWER_S = 30


def connect(settings: Settings) -> redis.Redis:
    """A client of the store; it connects when first used, and never waits without limit."""
    return redis.Redis.from_url(settings.store, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S)


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """Turns the client's connection errors into Unreachable."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        where = urlsplit(settings.store)
        address = f"{where.hostname}:{where.port}" if where.hostname else where.path
        raise Unreachable(
            f"The store at {address} does not answer ({type(error).__name__}). Start it with `cerebro up`, "
            "or set CEREBRO_STORE; `cerebro settings` shows what is used."
        ) from error
